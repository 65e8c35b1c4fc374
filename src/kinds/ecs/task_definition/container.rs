//! A container of a task: how it is written to ECS, compared and read back. The main container and the sidecars use the
//! same type.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>

use std::collections::{BTreeMap, HashMap};

use aws_sdk_ecs::types::{
    ContainerCondition, ContainerDefinition, ContainerDependency, HealthCheck, KeyValuePair, LinuxParameters,
    LogConfiguration, LogDriver, PortMapping, Secret, TransportProtocol, Ulimit, UlimitName,
};
use serde::{Deserialize, Serialize};

use super::{
    field::Field,
    volume::{self, Mount},
};
use crate::{
    aws,
    model::{Failure, Input, Name},
};

/// The prefix of the label that holds the version of a secret. The name of the environment variable follows it.
const VERSION_LABEL: &str = "stackctl.secret-version.";

/// The option of the log driver for the log group.
const LOG_GROUP: &str = "awslogs-group";

/// A secret that a container gets as an environment variable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecretRef {
    /// The ARN of the secret.
    pub secret: Input,
    /// The key in a secret that holds JSON.
    pub key: Option<String>,
    /// Identifies the value that new tasks get. Another value needs another revision, because a task reads its secrets
    /// when it starts. `None` for a value that never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Input>,
}

/// The state of another container that a container waits for before it starts. ECS stops the two in reverse order.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// The container has started.
    Start,
    /// The container has passed its health check.
    Healthy,
    /// The container has exited with any code.
    Complete,
    /// The container has exited with code 0.
    Success,
}

impl Condition {
    const ALL: [Self; 4] = [Self::Start, Self::Healthy, Self::Complete, Self::Success];

    /// Returns the value in stack.yaml and in plans.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Healthy => "healthy",
            Self::Complete => "complete",
            Self::Success => "success",
        }
    }

    fn on_aws(self) -> ContainerCondition {
        match self {
            Self::Start => ContainerCondition::Start,
            Self::Healthy => ContainerCondition::Healthy,
            Self::Complete => ContainerCondition::Complete,
            Self::Success => ContainerCondition::Success,
        }
    }
}

/// The health check of a container.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html>
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// The command in the form of ECS: `CMD` and its arguments, or `CMD-SHELL` and a line for the container's shell.
    pub command: Vec<String>,
    /// The time between two checks, in seconds.
    pub interval: u32,
    /// The maximum run time of the command, in seconds.
    pub timeout: u32,
    /// The number of consecutive failures after which the container is unhealthy.
    pub retries: u32,
    /// How long failures are ignored after the start, in seconds.
    pub start: u32,
}

impl Check {
    fn compared(&self) -> [(Field, String); 5] {
        [
            (Field::CheckCommand, line(&self.command)),
            (Field::CheckInterval, self.interval.to_string()),
            (Field::CheckTimeout, self.timeout.to_string()),
            (Field::CheckRetries, self.retries.to_string()),
            (Field::CheckStart, self.start.to_string()),
        ]
    }

    fn written(&self) -> Result<HealthCheck, Failure> {
        let check = HealthCheck::builder().set_command(Some(self.command.clone()));
        let check = check.interval(aws::signed(self.interval)).timeout(aws::signed(self.timeout));
        let check = check.retries(aws::signed(self.retries)).start_period(aws::signed(self.start));
        check.build().map_err(|error| Failure::internal(error.to_string()))
    }

    /// Reads a health check. Missing times get the ECS defaults.
    fn read(check: &HealthCheck) -> Self {
        let number =
            |number: Option<i32>, own: u32| number.and_then(|number| u32::try_from(number).ok()).unwrap_or(own);
        Self {
            command: check.command().to_vec(),
            interval: number(check.interval(), 30),
            timeout: number(check.timeout(), 5),
            retries: number(check.retries(), 3),
            start: number(check.start_period(), 0),
        }
    }
}

/// A container of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Container {
    /// The image.
    pub image: Input,
    /// The port that it listens on. The containers of a task share a network, so each needs a different port.
    pub port: Option<u16>,
    /// The environment variables without secrets.
    pub environment: BTreeMap<String, Input>,
    /// The secrets, by environment variable.
    pub secrets: BTreeMap<String, SecretRef>,
    /// The log group for its output.
    pub log_group: Input,
    /// How long ECS waits between SIGTERM and SIGKILL, in seconds (2 to 120).
    pub stop_timeout: u32,
    /// The entry point. If empty, the one of the image. A given entry point also removes the command of the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entry_point: Vec<String>,
    /// The command. If empty, the one of the image.
    pub command: Vec<String>,
    /// Whether its root file system is read-only.
    pub read_only: bool,
    /// Whether it runs an init process that reaps zombie processes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub init: bool,
    /// The user that it runs as. If `None`, the user of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The maximum number of open files. If `None`, the Fargate default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nofile: Option<u32>,
    /// The mounts of the task's volumes, by volume name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mounts: BTreeMap<String, Mount>,
    /// The tmpfs directories, with their sizes in MiB.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tmpfs: BTreeMap<String, u32>,
    /// Whether the task ends when this container ends. The main container is always essential.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub essential: bool,
    /// The containers of the same task that this one waits for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub depends_on: BTreeMap<String, Condition>,
    /// Its health check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_true(truth: &bool) -> bool {
    *truth
}

impl Container {
    /// Returns an essential container with the defaults of its image and of ECS.
    pub fn new(image: Input, log_group: Input) -> Self {
        Self {
            image,
            port: None,
            environment: BTreeMap::new(),
            secrets: BTreeMap::new(),
            log_group,
            // The ECS default.
            stop_timeout: 30,
            entry_point: Vec::new(),
            command: Vec::new(),
            read_only: false,
            init: false,
            user: None,
            nofile: None,
            mounts: BTreeMap::new(),
            tmpfs: BTreeMap::new(),
            essential: true,
            depends_on: BTreeMap::new(),
            check: None,
        }
    }

    /// Returns the values that `diff` compares, by field. `None` for a value that depends on a resource that does not
    /// exist yet.
    pub(super) fn compared(&self) -> BTreeMap<Name<Field>, Option<String>> {
        let known = |input: &Input| input.known().map(str::to_owned);
        let mut fields = BTreeMap::from([
            (Field::Image.into(), known(&self.image)),
            (Field::LogGroup.into(), known(&self.log_group)),
            (Field::StopTimeout.into(), Some(self.stop_timeout.to_string())),
            (Field::ReadOnly.into(), Some(self.read_only.to_string())),
        ]);
        if self.init {
            fields.insert(Field::Init.into(), Some(true.to_string()));
        }
        if !self.essential {
            fields.insert(Field::Essential.into(), Some(false.to_string()));
        }
        if let Some(user) = &self.user {
            fields.insert(Field::User.into(), Some(user.clone()));
        }
        if let Some(nofile) = self.nofile {
            fields.insert(Field::Nofile.into(), Some(nofile.to_string()));
        }
        if let Some(port) = self.port {
            fields.insert(Field::Port.into(), Some(port.to_string()));
        }
        for (field, words) in [(Field::EntryPoint, &self.entry_point), (Field::Command, &self.command)] {
            if !words.is_empty() {
                fields.insert(field.into(), Some(line(words)));
            }
        }
        for (name, value) in &self.environment {
            fields.insert((Field::Environment, name).into(), known(value));
        }
        for (name, reference) in &self.secrets {
            fields.insert((Field::Secrets, name).into(), value_from(reference));
            if let Some(version) = &reference.version {
                fields.insert((Field::SecretVersions, name).into(), known(version));
            }
        }
        fields.extend(volume::compared_mounts(&self.mounts, &self.tmpfs));
        for (field, value) in self.check.iter().flat_map(Check::compared) {
            fields.insert(field.into(), Some(value));
        }
        for (name, condition) in &self.depends_on {
            fields.insert((Field::DependsOn, name).into(), Some(condition.word().to_owned()));
        }
        fields
    }

    /// Returns the container definition for ECS, with a log group in `region`. The `match` has no default arm, so a new
    /// field must be handled here.
    pub(super) fn written(&self, name: &str, region: &str) -> Result<ContainerDefinition, Failure> {
        let words = |words: &[String]| Some(words.to_vec()).filter(|words| !words.is_empty());
        let mut written = ContainerDefinition::builder().name(name);
        for field in Field::ALL {
            written = match field {
                // Fields of the task, which `register` sets, the name, the other containers, and fields that are set
                // with the check's command.
                Field::Cpu
                | Field::Memory
                | Field::Arch
                | Field::ExecutionRole
                | Field::TaskRole
                | Field::Disk
                | Field::Volumes
                | Field::Tmpfs
                | Field::Container
                | Field::Sidecars
                | Field::CheckInterval
                | Field::CheckTimeout
                | Field::CheckRetries
                | Field::CheckStart => written,
                Field::Image => written.image(self.image.get()?),
                Field::Port => written.set_port_mappings(self.port.map(|port| vec![mapping(port)])),
                Field::Environment => written.set_environment(Some(environment(self)?)),
                Field::Secrets => written.set_secrets(Some(secrets(self)?)),
                Field::SecretVersions => written.set_docker_labels(versions(self)?),
                Field::LogGroup => written.log_configuration(logs(name, region, &self.log_group)?),
                Field::StopTimeout => written.stop_timeout(aws::signed(self.stop_timeout)),
                Field::EntryPoint => written.set_entry_point(words(&self.entry_point)),
                Field::Command => written.set_command(words(&self.command)),
                Field::ReadOnly => written.readonly_root_filesystem(self.read_only),
                Field::Init => written.set_linux_parameters(volume::linux(self.init, &self.tmpfs)?),
                Field::User => written.set_user(self.user.clone()),
                Field::Nofile => written.set_ulimits(self.nofile.map(limit).transpose()?.map(|limit| vec![limit])),
                Field::Mounts => written.set_mount_points(volume::written_mounts(&self.mounts)),
                Field::Essential => written.essential(self.essential),
                Field::CheckCommand => written.set_health_check(self.check.as_ref().map(Check::written).transpose()?),
                Field::DependsOn => written.set_depends_on(dependencies(self)?),
            };
        }
        Ok(written.build())
    }

    /// Reads a container definition. Missing fields stay empty.
    pub(super) fn read(container: &ContainerDefinition) -> Self {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let input = |text: Option<&str>| Input::from(text.unwrap_or_default());
        let logs = container.log_configuration().and_then(LogConfiguration::options);
        let labels = container.docker_labels();
        let version =
            |name: &str| labels?.get(&format!("{VERSION_LABEL}{name}")).map(|version| version.as_str().into());
        // The ARN and the key, which ECS stores as one value.
        let secret = |secret: &Secret| {
            let (name, from) = (secret.name(), secret.value_from());
            (name.to_owned(), SecretRef { secret: from.into(), key: None, version: version(name) })
        };
        let variable = |variable: &KeyValuePair| (text(variable.name()), input(variable.value()));
        let port = container.port_mappings().first().and_then(PortMapping::container_port);
        let dependency = |other: &ContainerDependency| {
            let condition = Condition::ALL.into_iter().find(|condition| condition.on_aws() == *other.condition());
            Some((other.container_name().to_owned(), condition?))
        };
        let nofile = container.ulimits().iter().find(|limit| *limit.name() == UlimitName::Nofile);
        Self {
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
            user: container.user().filter(|user| !user.is_empty()).map(str::to_owned),
            nofile: nofile.and_then(|limit| u32::try_from(limit.hard_limit()).ok()),
            mounts: volume::read_mounts(container),
            tmpfs: volume::read_tmpfs(container),
            // The ECS default is essential.
            essential: container.essential() != Some(false),
            check: container.health_check().map(Check::read),
            depends_on: container.depends_on().iter().filter_map(dependency).collect(),
        }
    }

    /// Whether [`Self::read`] found everything that a container needs.
    pub(super) fn is_whole(&self) -> bool {
        is_there(&self.image)
            && is_there(&self.log_group)
            && !self.environment.contains_key("")
            && self.stop_timeout > 0
    }
}

/// Whether a value that was read is not empty.
pub(super) fn is_there(input: &Input) -> bool {
    input.known().is_some_and(|text| !text.is_empty())
}

/// Returns the words of a command as one line. Different lists never give the same line.
fn line(words: &[String]) -> String {
    let is_plain = |word: &&String| !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c == '"');
    let shown = |word: &String| if is_plain(&word) { word.clone() } else { format!("{word:?}") };
    words.iter().map(shown).collect::<Vec<_>>().join(" ")
}

/// Returns the ARN of a secret with its key, as ECS expects it.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html>
fn value_from(reference: &SecretRef) -> Option<String> {
    let arn = reference.secret.known()?;
    Some(reference.key.as_ref().map_or_else(|| arn.to_owned(), |key| format!("{arn}:{key}::")))
}

fn mapping(port: u16) -> PortMapping {
    let port = i32::from(port);
    PortMapping::builder().container_port(port).host_port(port).protocol(TransportProtocol::Tcp).build()
}

fn environment(container: &Container) -> Result<Vec<KeyValuePair>, Failure> {
    let variables = container.environment.iter();
    variables.map(|(name, value)| Ok(KeyValuePair::builder().name(name).value(value.get()?).build())).collect()
}

fn secrets(container: &Container) -> Result<Vec<Secret>, Failure> {
    let secrets = container.secrets.iter().map(|(name, reference)| {
        reference.secret.get()?;
        let from = value_from(reference).unwrap_or_default();
        Secret::builder().name(name).value_from(from).build().map_err(|error| Failure::internal(error.to_string()))
    });
    secrets.collect()
}

/// Returns the versions of the secrets as labels. They are not in `valueFrom`, because a revision that ECS rolls back
/// to must not start its tasks with an old password.
fn versions(container: &Container) -> Result<Option<HashMap<String, String>>, Failure> {
    let mut labels = HashMap::new();
    for (name, reference) in &container.secrets {
        if let Some(version) = &reference.version {
            labels.insert(format!("{VERSION_LABEL}{name}"), version.get()?.to_owned());
        }
    }
    Ok(Some(labels).filter(|labels| !labels.is_empty()))
}

fn logs(name: &str, region: &str, log_group: &Input) -> Result<LogConfiguration, Failure> {
    // With blocking delivery, the ECS default, the application would stop if CloudWatch did. In non-blocking mode,
    // output that exceeds the buffer is dropped instead.
    LogConfiguration::builder()
        .log_driver(LogDriver::Awslogs)
        .options(LOG_GROUP, log_group.get()?)
        .options("awslogs-region", region)
        .options("awslogs-stream-prefix", name)
        .options("mode", "non-blocking")
        .options("max-buffer-size", "4m")
        .build()
        .map_err(|error| Failure::internal(error.to_string()))
}

fn limit(nofile: u32) -> Result<Ulimit, Failure> {
    let (limit, nofile) = (Ulimit::builder().name(UlimitName::Nofile), aws::signed(nofile));
    limit.soft_limit(nofile).hard_limit(nofile).build().map_err(|error| Failure::internal(error.to_string()))
}

fn dependencies(container: &Container) -> Result<Option<Vec<ContainerDependency>>, Failure> {
    let dependencies = container.depends_on.iter().map(|(name, condition)| {
        let other = ContainerDependency::builder().container_name(name).condition(condition.on_aws());
        other.build().map_err(|error| Failure::internal(error.to_string()))
    });
    let dependencies = dependencies.collect::<Result<Vec<_>, _>>()?;
    Ok(Some(dependencies).filter(|dependencies| !dependencies.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_reference_contains_arn_and_key() {
        let reference = SecretRef { secret: "arn".into(), key: Some("url".into()), version: None };
        assert_eq!(value_from(&reference).as_deref(), Some("arn:url::"));
    }

    #[test]
    fn different_command_words_give_different_lines() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(line(&words(&["sh", "-c", "exec work"])), "sh -c \"exec work\"");
        let lists: [&[&str]; 5] = [&["a", "b"], &["a b"], &["a", "", "b"], &["a", "\"b\""], &["\"a", "b\""]];
        let lines: std::collections::BTreeSet<String> = lists.iter().map(|list| line(&words(list))).collect();
        assert_eq!(lines.len(), lists.len(), "{lines:?}");
    }
}
