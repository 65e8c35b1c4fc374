//! The registration of a revision: every field that is compared, in the call.

use std::collections::HashMap;

use aws_sdk_ecs::types::{
    Compatibility, ContainerDefinition, KeyValuePair, LinuxParameters, LogConfiguration, LogDriver, NetworkMode,
    PortMapping, Secret, TransportProtocol,
};

use super::{Desired, Field, Live, VERSION_LABEL, family, live, revision, value_from};
use crate::{
    aws::{self, Once, Outcome, given},
    kind::Context,
    model::{Address, Failure},
};

/// Registers the revision that `desired` describes.
pub(super) async fn register(
    cx: &Context,
    address: &Address,
    desired: &Desired,
    before: Option<&Live>,
) -> Result<Live, Failure> {
    let same_image =
        before.filter(|before| before.fields.get(Field::Image.name()).map(String::as_str) == desired.image.known());
    let commit = match same_image {
        // More memory, say, for an image that was built some commits ago.
        Some(before) => before.commit.clone(),
        None => cx.origin.get().and_then(|origin| origin.commit.clone()),
    };
    let mut tags = aws::tags(&cx.id, address);
    tags.extend(revision::provenance(cx.origin.get(), commit.as_deref()));
    let mut call = cx
        .aws
        .ecs
        .register_task_definition()
        .family(family(&cx.id, address))
        .requires_compatibilities(Compatibility::Fargate)
        .network_mode(NetworkMode::Awsvpc)
        .set_tags(Some(tags));
    let mut container = ContainerDefinition::builder().essential(true);
    for field in Field::ALL {
        match field {
            Field::Cpu => call = call.cpu(desired.cpu.to_string()),
            Field::Memory => call = call.memory(desired.memory.to_string()),
            Field::ExecutionRole => call = call.execution_role_arn(desired.execution_role.get()?),
            Field::TaskRole => call = call.task_role_arn(desired.task_role.get()?),
            Field::Container => container = container.name(&desired.container),
            Field::Image => container = container.image(desired.image.get()?),
            Field::Port => container = container.set_port_mappings(desired.port.map(|port| vec![mapping(port)])),
            Field::Environment => container = container.set_environment(Some(environment(desired)?)),
            Field::Secrets => container = container.set_secrets(Some(secrets(desired)?)),
            Field::SecretVersions => container = container.set_docker_labels(versions(desired)?),
            Field::LogGroup => container = container.log_configuration(logs(cx, desired)?),
            Field::StopTimeout => container = container.stop_timeout(aws::signed(desired.stop_timeout)),
            Field::Command => {
                container = container.set_command((!desired.command.is_empty()).then(|| desired.command.clone()));
            }
            Field::ReadOnly => container = container.readonly_root_filesystem(desired.read_only),
            Field::Init => container = container.set_linux_parameters(desired.init.then(with_init)),
        }
    }
    let call = call.container_definitions(container.build());
    let answer = call.customize().once().send().await.during("RegisterTaskDefinition")?;
    Ok(live(&given(answer.task_definition, "RegisterTaskDefinition", "taskDefinition")?, commit))
}

fn mapping(port: u16) -> PortMapping {
    let port = i32::from(port);
    PortMapping::builder().container_port(port).host_port(port).protocol(TransportProtocol::Tcp).build()
}

fn environment(desired: &Desired) -> Result<Vec<KeyValuePair>, Failure> {
    let variables = desired.environment.iter();
    variables.map(|(name, value)| Ok(KeyValuePair::builder().name(name).value(value.get()?).build())).collect()
}

fn secrets(desired: &Desired) -> Result<Vec<Secret>, Failure> {
    let secrets = desired.secrets.iter().map(|(name, reference)| {
        reference.secret.get()?;
        let from = value_from(reference).unwrap_or_default();
        Secret::builder().name(name).value_from(from).build().map_err(|error| Failure::internal(error.to_string()))
    });
    secrets.collect()
}

/// The versions of the secrets, as labels. Not in `valueFrom`: a revision that ECS rolls back to must not start its tasks with
/// a password of yesterday.
fn versions(desired: &Desired) -> Result<Option<HashMap<String, String>>, Failure> {
    let mut labels = HashMap::new();
    for (name, reference) in &desired.secrets {
        if let Some(version) = &reference.version {
            labels.insert(format!("{VERSION_LABEL}{name}"), version.get()?.to_owned());
        }
    }
    Ok(Some(labels).filter(|labels| !labels.is_empty()))
}

fn logs(cx: &Context, desired: &Desired) -> Result<LogConfiguration, Failure> {
    // Blocking delivery, ECS's default, would stop the application when CloudWatch does; what does not fit into the
    // buffer meanwhile is dropped instead.
    LogConfiguration::builder()
        .log_driver(LogDriver::Awslogs)
        .options("awslogs-group", desired.log_group.get()?)
        .options("awslogs-region", &cx.aws.region)
        .options("awslogs-stream-prefix", &desired.container)
        .options("mode", "non-blocking")
        .options("max-buffer-size", "4m")
        .build()
        .map_err(|error| Failure::internal(error.to_string()))
}

fn with_init() -> LinuxParameters {
    LinuxParameters::builder().init_process_enabled(true).build()
}
