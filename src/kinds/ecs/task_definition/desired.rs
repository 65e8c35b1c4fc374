//! A task definition: the task, its main container and its sidecars, and how they are written to ECS and read back.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html>

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{
    ContainerDefinition, CpuArchitecture, OsFamily, RuntimePlatform, TaskDefinition as SdkDefinition,
};
use serde::{Deserialize, Serialize};

use super::{
    container::{Container, is_there},
    field::Field,
    volume::{self, Volume},
};
use crate::{
    kind::Arch,
    kinds::ecs,
    model::{Failure, Input, Name},
};

/// The task definition that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The name of the main container.
    pub container: String,
    /// The CPU units, of which 1024 are one vCPU. All containers share them.
    pub cpu: u32,
    /// The memory in MiB. All containers share it.
    pub memory: u32,
    /// The CPU architecture.
    #[serde(default, skip_serializing_if = "Arch::is_usual")]
    pub arch: Arch,
    /// The execution role, with which ECS starts the task.
    pub execution_role: Input,
    /// The role of the application. `None` if the application needs no access to AWS.
    pub task_role: Option<Input>,
    /// The disk size in GiB. If `None`, the 20 GiB of Fargate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<u32>,
    /// The volumes that containers can mount, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<String, Volume>,
    /// The main container.
    #[serde(flatten)]
    pub main: Container,
    /// The sidecars, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sidecars: BTreeMap<String, Container>,
}

/// The roles of a task, by their ARNs.
#[derive(Clone, Debug)]
pub struct Roles {
    /// The execution role, with which ECS starts the task.
    pub execution: Input,
    /// The role of the application. `None` if the application needs no access to AWS.
    pub task: Option<Input>,
}

impl Desired {
    /// Returns the smallest task of Fargate, with `main` as its only container, called `container`.
    pub fn new(container: &str, main: Container, roles: Roles) -> Self {
        Self {
            container: container.to_owned(),
            cpu: 256,
            memory: 512,
            arch: Arch::default(),
            execution_role: roles.execution,
            task_role: roles.task,
            disk: None,
            volumes: BTreeMap::new(),
            main,
            sidecars: BTreeMap::new(),
        }
    }

    /// Returns all containers by name. The main container comes first.
    pub fn containers(&self) -> impl Iterator<Item = (&str, &Container)> {
        let sidecars = self.sidecars.iter().map(|(name, sidecar)| (name.as_str(), sidecar));
        std::iter::once((self.container.as_str(), &self.main)).chain(sidecars)
    }
}

/// Returns the values that `diff` compares, by field. `None` for a value that depends on a resource that does not exist
/// yet.
pub(super) fn compared(desired: &Desired) -> BTreeMap<Name<Field>, Option<String>> {
    let known = |input: &Input| input.known().map(str::to_owned);
    let mut fields = desired.main.compared();
    fields.extend([
        (Field::Container.into(), Some(desired.container.clone())),
        (Field::Cpu.into(), Some(desired.cpu.to_string())),
        (Field::Memory.into(), Some(desired.memory.to_string())),
        (Field::ExecutionRole.into(), known(&desired.execution_role)),
    ]);
    if !desired.arch.is_usual() {
        fields.insert(Field::Arch.into(), Some(desired.arch.name().to_owned()));
    }
    if let Some(role) = &desired.task_role {
        fields.insert(Field::TaskRole.into(), known(role));
    }
    if let Some(disk) = desired.disk {
        fields.insert(Field::Disk.into(), Some(disk.to_string()));
    }
    fields.extend(volume::compared(&desired.volumes));
    for (name, sidecar) in &desired.sidecars {
        let of_sidecar = |field: &Name<Field>| (Field::Sidecars, format!("{name}.{field}")).into();
        fields.extend(sidecar.compared().into_iter().map(|(field, value)| (of_sidecar(&field), value)));
    }
    fields
}

/// Returns the container definitions for ECS, with log groups in `region`.
pub(super) fn containers(region: &str, desired: &Desired) -> Result<Vec<ContainerDefinition>, Failure> {
    let main = desired.main.written(&desired.container, region);
    let sidecars = desired.sidecars.iter().map(|(name, sidecar)| {
        let mut written = sidecar.written(name, region)?;
        written.docker_labels.get_or_insert_default().insert(ecs::SIDECAR_LABEL.to_owned(), true.to_string());
        Ok(written)
    });
    std::iter::once(main).chain(sidecars).collect()
}

/// Reads a task definition. Missing fields stay empty.
pub(super) fn read(definition: &SdkDefinition) -> Desired {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let input = |text: Option<&str>| Input::from(text.unwrap_or_default());
    let number = |text: Option<&str>| text.and_then(|text| text.parse().ok()).unwrap_or_default();
    // A definition that stackctl did not register differs in every field.
    let nothing = ContainerDefinition::builder().build();
    let main = ecs::main_container(definition);
    let sidecars = definition.container_definitions().iter().filter(|_| main.is_some());
    let sidecars = sidecars.filter(|container| ecs::is_sidecar(container));
    let main = main.unwrap_or(&nothing);
    let disk = definition.ephemeral_storage();
    Desired {
        container: text(main.name()),
        cpu: number(definition.cpu()),
        memory: number(definition.memory()),
        arch: arch(definition),
        execution_role: input(definition.execution_role_arn()),
        task_role: definition.task_role_arn().map(Input::from),
        disk: disk.and_then(|disk| u32::try_from(disk.size_in_gib()).ok()),
        volumes: volume::read(definition),
        main: Container::read(main),
        sidecars: sidecars.map(|sidecar| (text(sidecar.name()), Container::read(sidecar))).collect(),
    }
}

/// Returns the CPU architecture of `definition`. An unknown one counts as the default.
fn arch(definition: &SdkDefinition) -> Arch {
    match definition.runtime_platform().and_then(RuntimePlatform::cpu_architecture) {
        Some(CpuArchitecture::Arm64) => Arch::Arm64,
        _ => Arch::Amd64,
    }
}

/// Returns the runtime platform for ECS. `None` for the default architecture.
pub(super) fn platform(arch: Arch) -> Option<RuntimePlatform> {
    let architecture = match arch {
        Arch::Amd64 => return None,
        Arch::Arm64 => CpuArchitecture::Arm64,
    };
    Some(RuntimePlatform::builder().cpu_architecture(architecture).operating_system_family(OsFamily::Linux).build())
}

/// Whether [`read`] found everything that a task needs.
pub(super) fn is_whole(desired: &Desired) -> bool {
    is_there(&desired.execution_role)
        && !desired.container.is_empty()
        && [desired.cpu, desired.memory].iter().all(|number| *number > 0)
        && desired.containers().all(|(_, container)| container.is_whole())
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::EphemeralStorage;

    use super::{
        super::{
            container::{Check, Condition, SecretRef},
            volume::Mount,
        },
        *,
    };

    fn desired() -> Desired {
        let roles = Roles { execution: "execution".into(), task: Some("task".into()) };
        let secret = SecretRef { secret: "arn:url::".into(), key: None, version: Some("v1".into()) };
        let main = Container {
            port: Some(3000),
            environment: BTreeMap::from([("A".to_owned(), "1".into())]),
            secrets: BTreeMap::from([("S".to_owned(), secret)]),
            stop_timeout: 60,
            entry_point: vec!["/bin/start".into()],
            command: vec!["serve".into(), "--quiet".into()],
            read_only: true,
            init: true,
            tmpfs: BTreeMap::from([("/tmp".to_owned(), 64)]),
            user: Some("node".into()),
            nofile: Some(100_000),
            mounts: BTreeMap::from([
                ("uploads".to_owned(), Mount { path: "/data".into(), read_only: true }),
                ("scratch".to_owned(), Mount { path: "/scratch".into(), read_only: false }),
            ]),
            check: Some(Check {
                command: vec!["CMD".into(), "check".into()],
                interval: 10,
                timeout: 4,
                retries: 2,
                start: 60,
            }),
            depends_on: BTreeMap::from([("migrate".to_owned(), Condition::Success)]),
            ..Container::new("image".into(), "logs".into())
        };
        let uploads = Volume::Efs { file_system: "fs-1".into(), access_point: "fsap-1".into() };
        let volumes = [("uploads".to_owned(), uploads), ("scratch".to_owned(), Volume::Task)];
        Desired {
            arch: Arch::Arm64,
            disk: Some(30),
            volumes: BTreeMap::from(volumes),
            ..Desired::new("web", main, roles)
        }
    }

    /// Returns a task with two sidecars. The name of one sorts before the name of the main container.
    fn with_sidecars() -> Desired {
        let proxy = Container {
            port: Some(8080),
            secrets: desired().main.secrets,
            depends_on: BTreeMap::from([("web".to_owned(), Condition::Start)]),
            ..Container::new("proxy".into(), "logs".into())
        };
        let migrate =
            Container { essential: false, stop_timeout: 5, ..Container::new("migrate".into(), "logs".into()) };
        let sidecars = [("proxy".to_owned(), proxy), ("migrate".to_owned(), migrate)];
        Desired { sidecars: BTreeMap::from(sidecars), ..desired() }
    }

    fn written(desired: &Desired) -> Vec<ContainerDefinition> {
        containers("eu-west-1", desired).expect("all of it is known")
    }

    fn definition(containers: Vec<ContainerDefinition>) -> SdkDefinition {
        let volumes = volume::written(&desired().volumes).expect("all of it is known");
        let definition = SdkDefinition::builder().cpu("256").memory("512").execution_role_arn("execution");
        let definition = definition.set_runtime_platform(platform(Arch::Arm64));
        let definition = definition.ephemeral_storage(EphemeralStorage::builder().size_in_gib(30).build());
        definition.task_role_arn("task").set_volumes(volumes).set_container_definitions(Some(containers)).build()
    }

    #[test]
    fn definition_is_read_back_as_written() {
        for desired in [desired(), with_sidecars()] {
            let mut written = written(&desired);
            assert_eq!(read(&definition(written.clone())), desired);
            // ECS guarantees no order.
            written.reverse();
            assert_eq!(read(&definition(written)), desired);
            assert!(is_whole(&desired));
        }
    }

    #[test]
    fn log_stream_prefix_is_the_container_name() {
        let prefixes = written(&with_sidecars()).into_iter().map(|container| {
            let logs = container.log_configuration().and_then(|logs| logs.options()).expect("it logs");
            let option = |name: &str| logs[name].clone();
            (container.name().unwrap_or_default().to_owned(), option("awslogs-stream-prefix"), option("awslogs-group"))
        });
        let of = |name: &str| (name.to_owned(), name.to_owned(), "logs".to_owned());
        assert_eq!(prefixes.collect::<Vec<_>>(), [of("web"), of("migrate"), of("proxy")]);
    }

    #[test]
    fn sidecar_fields_contain_the_sidecar_name() {
        let fields = compared(&with_sidecars());
        let value = |name: &str| fields.get(name).cloned().flatten();
        assert_eq!(value("sidecars.proxy.image").as_deref(), Some("proxy"));
        assert_eq!(value("sidecars.proxy.depends_on.web").as_deref(), Some("start"));
        assert_eq!(value("sidecars.proxy.secrets.S.version").as_deref(), Some("v1"));
        assert_eq!(value("sidecars.migrate.essential").as_deref(), Some("false"));
        assert_eq!(value("depends_on.migrate").as_deref(), Some("success"));
        let parsed = Name::<Field>::parse("sidecars.proxy.secrets.S.version").map(|name| name.field());
        assert_eq!(parsed, Some(Field::Sidecars));
    }

    #[test]
    fn definition_without_labels_is_incomplete() {
        assert!(!is_whole(&read(&SdkDefinition::builder().build())));
        let mut unlabelled = written(&with_sidecars());
        unlabelled.iter_mut().for_each(|container| container.docker_labels = None);
        assert!(!is_whole(&read(&definition(unlabelled))));
    }
}
