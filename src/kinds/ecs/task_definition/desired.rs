//! What a task definition says, and how it is written to ECS and read back. All that is known of a field of it is here.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>

use std::collections::{BTreeMap, HashMap};

use aws_sdk_ecs::types::{
    ContainerDefinition, KeyValuePair, LinuxParameters, LogConfiguration, LogDriver, PortMapping, Secret,
    TaskDefinition as SdkDefinition, TransportProtocol,
};
use serde::{Deserialize, Serialize};

use crate::{
    aws,
    model::{Failure, Input, Name, fields},
};

/// What the label begins with that names the version of a secret; the rest is the environment variable's name.
const VERSION_LABEL: &str = "stackctl.secret-version.";

/// The option of the log driver that names the log group.
const LOG_GROUP: &str = "awslogs-group";

/// A secret that a container gets as an environment variable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecretRef {
    /// The secret's ARN.
    pub secret: Input,
    /// The key within it, for one that holds JSON.
    pub key: Option<String>,
    /// Names the value that new tasks get: another value takes another revision, because a task reads its secrets when it
    /// starts. None for a value that stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Input>,
}

/// What stack.yaml asks of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The name of its one container.
    pub container: String,
    /// CPU units; 1024 are one vCPU.
    pub cpu: u32,
    /// MiB of memory.
    pub memory: u32,
    /// The role with which ECS starts the task.
    pub execution_role: Input,
    /// The role that the application has; none, if it may do nothing on AWS.
    pub task_role: Option<Input>,
    /// The image.
    pub image: Input,
    /// The port that the container listens on.
    pub port: Option<u16>,
    /// Its plain environment; never a secret.
    pub environment: BTreeMap<String, Input>,
    /// Its secret environment.
    pub secrets: BTreeMap<String, SecretRef>,
    /// Where its output goes.
    pub log_group: Input,
    /// How long ECS waits between SIGTERM and SIGKILL, in seconds (2 to 120).
    pub stop_timeout: u32,
    /// The entry point; the image's own if empty. One that is given drops the image's own command as well.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entry_point: Vec<String>,
    /// The command; the image's own if empty.
    pub command: Vec<String>,
    /// Whether its root file system is read-only.
    pub read_only: bool,
    /// Whether its first process is one that buries the processes that others leave behind.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub init: bool,
}

fields! {
    /// What is changed in place: by a new revision.
    pub enum Field {
        Cpu = "cpu",
        Memory = "memory",
        ExecutionRole = "execution_role",
        TaskRole = "task_role",
        Container = "container",
        Image = "image",
        Port = "port",
        Environment = "env.*",
        Secrets = "secrets.*",
        SecretVersions = "secrets.*.version",
        LogGroup = "log_group",
        StopTimeout = "stop_timeout",
        EntryPoint = "entry_point",
        Command = "command",
        ReadOnly = "read_only",
        Init = "init",
    }
}

/// The roles of a task, by their ARNs.
#[derive(Clone, Debug)]
pub struct Roles {
    /// The role with which ECS starts it.
    pub execution: Input,
    /// The role that the application has; none, if it may do nothing on AWS.
    pub task: Option<Input>,
}

impl Desired {
    /// The smallest task that Fargate has, with what every task needs. Everything else is as the image has it.
    pub fn new(container: &str, image: Input, roles: Roles, log_group: Input) -> Self {
        Self {
            container: container.to_owned(),
            cpu: 256,
            memory: 512,
            execution_role: roles.execution,
            task_role: roles.task,
            image,
            port: None,
            environment: BTreeMap::new(),
            secrets: BTreeMap::new(),
            log_group,
            // As ECS itself has it.
            stop_timeout: 30,
            entry_point: Vec::new(),
            command: Vec::new(),
            read_only: false,
            init: false,
        }
    }
}

/// What `diff` compares, by name; a field without a value depends on what is yet to be made.
pub(super) fn compared(desired: &Desired) -> BTreeMap<Name<Field>, Option<String>> {
    let known = |input: &Input| input.known().map(str::to_owned);
    let mut fields = BTreeMap::from([
        (Field::Container.into(), Some(desired.container.clone())),
        (Field::Cpu.into(), Some(desired.cpu.to_string())),
        (Field::Memory.into(), Some(desired.memory.to_string())),
        (Field::ExecutionRole.into(), known(&desired.execution_role)),
        (Field::Image.into(), known(&desired.image)),
        (Field::LogGroup.into(), known(&desired.log_group)),
        (Field::StopTimeout.into(), Some(desired.stop_timeout.to_string())),
        (Field::ReadOnly.into(), Some(desired.read_only.to_string())),
    ]);
    if let Some(role) = &desired.task_role {
        fields.insert(Field::TaskRole.into(), known(role));
    }
    if desired.init {
        fields.insert(Field::Init.into(), Some(true.to_string()));
    }
    if let Some(port) = desired.port {
        fields.insert(Field::Port.into(), Some(port.to_string()));
    }
    for (field, words) in [(Field::EntryPoint, &desired.entry_point), (Field::Command, &desired.command)] {
        if !words.is_empty() {
            fields.insert(field.into(), Some(line(words)));
        }
    }
    for (name, value) in &desired.environment {
        fields.insert((Field::Environment, name).into(), known(value));
    }
    for (name, reference) in &desired.secrets {
        fields.insert((Field::Secrets, name).into(), value_from(reference));
        if let Some(version) = &reference.version {
            fields.insert((Field::SecretVersions, name).into(), known(version));
        }
    }
    fields
}

/// The words of a command in one line; two different lists never give the same line.
fn line(words: &[String]) -> String {
    let is_plain = |word: &&String| !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c == '"');
    let shown = |word: &String| if is_plain(&word) { word.clone() } else { format!("{word:?}") };
    words.iter().map(shown).collect::<Vec<_>>().join(" ")
}

/// The ARN by which ECS finds a secret, with the key within it.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html>
pub(super) fn value_from(reference: &SecretRef) -> Option<String> {
    let arn = reference.secret.known()?;
    Some(reference.key.as_ref().map_or_else(|| arn.to_owned(), |key| format!("{arn}:{key}::")))
}

/// The container that ECS is asked for; its output goes to a log group in `region`. A field that is not handled here does not
/// compile.
pub(super) fn container(region: &str, desired: &Desired) -> Result<ContainerDefinition, Failure> {
    let words = |words: &[String]| Some(words.to_vec()).filter(|words| !words.is_empty());
    let mut container = ContainerDefinition::builder().essential(true);
    for field in Field::ALL {
        container = match field {
            // The task's own, which `register` sets.
            Field::Cpu | Field::Memory | Field::ExecutionRole | Field::TaskRole => container,
            Field::Container => container.name(&desired.container),
            Field::Image => container.image(desired.image.get()?),
            Field::Port => container.set_port_mappings(desired.port.map(|port| vec![mapping(port)])),
            Field::Environment => container.set_environment(Some(environment(desired)?)),
            Field::Secrets => container.set_secrets(Some(secrets(desired)?)),
            Field::SecretVersions => container.set_docker_labels(versions(desired)?),
            Field::LogGroup => container.log_configuration(logs(region, desired)?),
            Field::StopTimeout => container.stop_timeout(aws::signed(desired.stop_timeout)),
            Field::EntryPoint => container.set_entry_point(words(&desired.entry_point)),
            Field::Command => container.set_command(words(&desired.command)),
            Field::ReadOnly => container.readonly_root_filesystem(desired.read_only),
            Field::Init => container.set_linux_parameters(desired.init.then(with_init)),
        };
    }
    Ok(container.build())
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

fn logs(region: &str, desired: &Desired) -> Result<LogConfiguration, Failure> {
    // Blocking delivery, ECS's default, would stop the application when CloudWatch does; what does not fit into the
    // buffer meanwhile is dropped instead.
    LogConfiguration::builder()
        .log_driver(LogDriver::Awslogs)
        .options(LOG_GROUP, desired.log_group.get()?)
        .options("awslogs-region", region)
        .options("awslogs-stream-prefix", &desired.container)
        .options("mode", "non-blocking")
        .options("max-buffer-size", "4m")
        .build()
        .map_err(|error| Failure::internal(error.to_string()))
}

fn with_init() -> LinuxParameters {
    LinuxParameters::builder().init_process_enabled(true).build()
}

/// What would register `definition` again, as far as it says: what it leaves out is empty.
pub(super) fn read(definition: &SdkDefinition) -> Desired {
    let container = match definition.container_definitions() {
        [container] => container,
        // Not one of stackctl's: nothing of it is as desired.
        _ => &ContainerDefinition::builder().build(),
    };
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let input = |text: Option<&str>| Input::from(text.unwrap_or_default());
    let number = |text: Option<&str>| text.and_then(|text| text.parse().ok()).unwrap_or_default();
    let logs = container.log_configuration().and_then(LogConfiguration::options);
    let labels = container.docker_labels();
    let version = |name: &str| labels?.get(&format!("{VERSION_LABEL}{name}")).map(|version| version.as_str().into());
    // The ARN and the key within it, which ECS reads as one.
    let secret = |secret: &Secret| {
        let (name, from) = (secret.name(), secret.value_from());
        (name.to_owned(), SecretRef { secret: from.into(), key: None, version: version(name) })
    };
    let variable = |variable: &KeyValuePair| (text(variable.name()), input(variable.value()));
    let port = container.port_mappings().first().and_then(PortMapping::container_port);
    Desired {
        container: text(container.name()),
        cpu: number(definition.cpu()),
        memory: number(definition.memory()),
        execution_role: input(definition.execution_role_arn()),
        task_role: definition.task_role_arn().map(Input::from),
        image: input(container.image()),
        port: port.and_then(|port| u16::try_from(port).ok()),
        environment: container.environment().iter().map(variable).collect(),
        secrets: container.secrets().iter().map(secret).collect(),
        log_group: input(logs.and_then(|logs| logs.get(LOG_GROUP)).map(String::as_str)),
        stop_timeout: container.stop_timeout().and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or_default(),
        entry_point: container.entry_point().to_vec(),
        command: container.command().to_vec(),
        read_only: container.readonly_root_filesystem().unwrap_or(false),
        init: container.linux_parameters().and_then(LinuxParameters::init_process_enabled) == Some(true),
    }
}

/// Whether [`read`] has found all that a task needs.
pub(super) fn is_whole(desired: &Desired) -> bool {
    let needed = [&desired.execution_role, &desired.image, &desired.log_group];
    let is_there = |input: &&Input| input.known().is_some_and(|text| !text.is_empty());
    needed.iter().all(is_there)
        && !desired.container.is_empty()
        && !desired.environment.contains_key("")
        && [desired.cpu, desired.memory, desired.stop_timeout].iter().all(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_named_by_its_arn_and_key() {
        let reference = SecretRef { secret: "arn".into(), key: Some("url".into()), version: None };
        assert_eq!(value_from(&reference).as_deref(), Some("arn:url::"));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let roles = Roles { execution: "execution".into(), task: Some("task".into()) };
        let mut desired = Desired::new("web", "image".into(), roles, "logs".into());
        desired.port = Some(3000);
        desired.environment.insert("A".into(), "1".into());
        let secret = SecretRef { secret: "arn:url::".into(), key: None, version: Some("v1".into()) };
        desired.secrets.insert("S".into(), secret);
        desired.stop_timeout = 60;
        desired.entry_point = vec!["/bin/start".into()];
        desired.command = vec!["serve".into(), "--quiet".into()];
        desired.read_only = true;
        desired.init = true;
        let written = container("eu-west-1", &desired).expect("all of it is known");
        let definition = SdkDefinition::builder()
            .cpu("256")
            .memory("512")
            .execution_role_arn("execution")
            .task_role_arn("task")
            .container_definitions(written)
            .build();
        assert_eq!(read(&definition), desired);
        assert!(is_whole(&desired));
    }

    #[test]
    fn other_words_of_a_command_are_a_difference() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(line(&words(&["sh", "-c", "exec work"])), "sh -c \"exec work\"");
        let lists: [&[&str]; 5] = [&["a", "b"], &["a b"], &["a", "", "b"], &["a", "\"b\""], &["\"a", "b\""]];
        let lines: std::collections::BTreeSet<String> = lists.iter().map(|list| line(&words(list))).collect();
        assert_eq!(lines.len(), lists.len(), "{lines:?}");
    }

    #[test]
    fn a_definition_of_somebody_else_is_not_whole() {
        assert!(!is_whole(&read(&SdkDefinition::builder().build())));
    }
}
