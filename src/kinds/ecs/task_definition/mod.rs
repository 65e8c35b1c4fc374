//! What a task of a service is: image, size, environment, secrets, roles. Never changed, only followed by a new revision.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definitions.html>

mod register;
mod revision;

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{
    LinuxParameters, LogConfiguration, PortMapping, SortOrder, TaskDefinition as SdkDefinition, TaskDefinitionStatus,
};
use serde::{Deserialize, Serialize};

use register::register;
pub use revision::{Revision, active, find};

use crate::{
    aws::{self, Once, Outcome},
    kind::{Context, Cost, Doc, Figures, InRelease, Kind, State},
    kinds::ecs,
    model::{
        Address, Changed, Changes, Diff, Failure, Found, Input, Name, NoField, On, Outputs, Permission, Phase, Shown,
        StackId, fields,
    },
};

/// How many revisions are kept to go back to.
const KEPT: usize = 10;

/// How many revisions one `DeleteTaskDefinitions` call takes.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskDefinitions.html>
const DELETED_AT_ONCE: usize = 10;

/// What the label begins with that names the version of a secret; the rest is the environment variable's name.
const VERSION_LABEL: &str = "stackctl.secret-version.";

/// A task definition.
pub struct TaskDefinition;

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
    /// The role that the application has.
    pub task_role: Input,
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
    /// The command; the image's own if empty.
    pub command: Vec<String>,
    /// Whether its root file system is read-only.
    pub read_only: bool,
    /// Whether its first process is one that buries the processes that others leave behind.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub init: bool,
}

/// What AWS has: the revision that the service runs, or the newest where there is no service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its ARN, with the revision.
    pub arn: String,
    /// Its family.
    pub family: String,
    /// All that `diff` compares, by field.
    pub fields: BTreeMap<Name<Field>, String>,
    /// The commit that its image was built from, where that is known; not compared.
    #[serde(default)]
    pub commit: Option<String>,
}

/// The ARN of any revision of the task definition at `address`, as a policy of the account's own may name it: whatever the
/// region and the account.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html>
pub fn revisions_arn(id: &StackId, address: &Address) -> String {
    format!("arn:aws:ecs:*:*:task-definition/{}:*", family(id, address))
}

fn family(id: &StackId, address: &Address) -> String {
    aws::derived(id, address, ecs::LONGEST_NAME)
}

fields! {
    /// What is changed in place.
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
        Command = "command",
        ReadOnly = "read_only",
        Init = "init",
    }
}

impl Kind for TaskDefinition {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = NoField;

    const NAME: &'static str = "task_definition";
    const DOC: Doc = Doc {
        summary: "What a task runs: image, size, environment, secrets and roles. A change is a new revision.",
        page: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definitions.html",
    };
    const USES: &'static [&'static str] = &["role", "image", "secret", "log_group"];
    const IN_RELEASE: InRelease = InRelease::Tasks;
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges for the tasks of its service");
    const NOT_YET: &'static [&'static str] = ecs::NOT_YET;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitionFamilies", "ecs:ListTaskDefinitions"]),
        Permission::release(&["ecs:RegisterTaskDefinition"], On::Tagged),
        // IAM takes no narrower resource for this one.
        Permission::release(&["ecs:DeregisterTaskDefinition"], On::Any),
        Permission::release(&["iam:PassRole"], On::PassedTo("ecs-tasks.amazonaws.com")),
        ecs::TAGGING,
        Permission::delete(&["ecs:DeregisterTaskDefinition"], On::Any),
        Permission::delete(
            &["ecs:DeleteTaskDefinitions"],
            On::Named(&["ecs:{region}:{account}:task-definition/{name:255}*"]),
        ),
    ];
    const UPDATE_RENEWS_OUTPUTS: bool = true;

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let definitions = ecs::definitions(cx).await?;
        Ok(definitions
            .iter()
            .map(|known| {
                let live = live(&known.definition, known.commit.clone());
                Found { address: known.address.clone(), id: aws::last_part(&live.arn).to_owned(), live }
            })
            .collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, NoField> {
        let mut diff = Diff::new();
        let wanted = compared(desired);
        let mut names: Vec<&Name<Field>> = wanted.keys().chain(live.fields.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let has = live.fields.get(name).map_or(Shown::Absent, Shown::value);
            let wants = match wanted.get(name) {
                Some(Some(value)) => Shown::value(value),
                Some(None) => Shown::KnownAfterApply,
                None => Shown::Absent,
            };
            if has != wants {
                diff.push(name.clone(), has, wants);
            }
        }
        diff.finish()
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("arn", &live.arn).with("family", &live.family)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        register(cx, address, desired, None).await
    }

    async fn update(
        cx: &Context,
        address: &Address,
        desired: &Desired,
        live: &Live,
        _changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let registered = register(cx, address, desired, Some(live)).await?;
        let newest_first = revisions(cx, &live.family, TaskDefinitionStatus::Active).await?;
        // The one that runs is the one to go back to, however many have failed since.
        for old in newest_first.iter().skip(KEPT).filter(|old| **old != live.arn) {
            deregister(cx, old).await?;
        }
        Ok(registered)
    }

    fn identifiers(live: &Live) -> Vec<String> {
        vec![live.arn.clone()]
    }

    fn figures(state: &State<Desired, Live>) -> Figures {
        let (cpu, memory) = match state {
            State::Desired(desired) => (Some(desired.cpu), Some(desired.memory)),
            State::Live(live) => {
                let field = |name: &str| live.fields.get(name)?.parse().ok();
                (field("cpu"), field("memory"))
            }
        };
        [("cpu", cpu), ("memory", memory)].into_iter().filter_map(|(name, number)| Some((name, number?))).collect()
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        for active in revisions(cx, &live.family, TaskDefinitionStatus::Active).await? {
            deregister(cx, &active).await?;
        }
        let inactive = revisions(cx, &live.family, TaskDefinitionStatus::Inactive).await?;
        for some in inactive.chunks(DELETED_AT_ONCE) {
            let call = cx.aws.ecs.delete_task_definitions().set_task_definitions(Some(some.to_vec()));
            call.customize().once().send().await.during("DeleteTaskDefinitions")?;
        }
        Ok(())
    }
}

/// What `diff` compares; a field without a value depends on what is yet to be made.
fn compared(desired: &Desired) -> BTreeMap<Name<Field>, Option<String>> {
    let known = |input: &Input| input.known().map(str::to_owned);
    let mut fields = BTreeMap::from([
        (Field::Container.into(), Some(desired.container.clone())),
        (Field::Cpu.into(), Some(desired.cpu.to_string())),
        (Field::Memory.into(), Some(desired.memory.to_string())),
        (Field::ExecutionRole.into(), known(&desired.execution_role)),
        (Field::TaskRole.into(), known(&desired.task_role)),
        (Field::Image.into(), known(&desired.image)),
        (Field::LogGroup.into(), known(&desired.log_group)),
        (Field::StopTimeout.into(), Some(desired.stop_timeout.to_string())),
        (Field::ReadOnly.into(), Some(desired.read_only.to_string())),
    ]);
    if desired.init {
        fields.insert(Field::Init.into(), Some(true.to_string()));
    }
    if let Some(port) = desired.port {
        fields.insert(Field::Port.into(), Some(port.to_string()));
    }
    if !desired.command.is_empty() {
        fields.insert(Field::Command.into(), Some(desired.command.join(" ")));
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

/// The ARN by which ECS finds a secret, with the key within it.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html>
fn value_from(reference: &SecretRef) -> Option<String> {
    let arn = reference.secret.known()?;
    Some(reference.key.as_ref().map_or_else(|| arn.to_owned(), |key| format!("{arn}:{key}::")))
}

fn live(definition: &SdkDefinition, commit: Option<String>) -> Live {
    let owned = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let mut fields = BTreeMap::from([
        (Field::Cpu.into(), owned(definition.cpu())),
        (Field::Memory.into(), owned(definition.memory())),
        (Field::ExecutionRole.into(), owned(definition.execution_role_arn())),
        (Field::TaskRole.into(), owned(definition.task_role_arn())),
    ]);
    if let [container] = definition.container_definitions() {
        fields.insert(Field::Container.into(), owned(container.name()));
        fields.insert(Field::Image.into(), owned(container.image()));
        fields.insert(Field::StopTimeout.into(), container.stop_timeout().unwrap_or_default().to_string());
        let read_only = container.readonly_root_filesystem().unwrap_or(false);
        fields.insert(Field::ReadOnly.into(), read_only.to_string());
        let logs = container.log_configuration().and_then(LogConfiguration::options);
        fields.insert(
            Field::LogGroup.into(),
            logs.and_then(|logs| logs.get("awslogs-group").cloned()).unwrap_or_default(),
        );
        if container.linux_parameters().and_then(LinuxParameters::init_process_enabled) == Some(true) {
            fields.insert(Field::Init.into(), true.to_string());
        }
        if let Some(port) = container.port_mappings().first().and_then(PortMapping::container_port) {
            fields.insert(Field::Port.into(), port.to_string());
        }
        if !container.command().is_empty() {
            fields.insert(Field::Command.into(), container.command().join(" "));
        }
        for variable in container.environment() {
            fields.insert((Field::Environment, variable.name().unwrap_or_default()).into(), owned(variable.value()));
        }
        for secret in container.secrets() {
            fields.insert((Field::Secrets, secret.name()).into(), secret.value_from().to_owned());
        }
        for (label, version) in container.docker_labels().into_iter().flatten() {
            if let Some(name) = label.strip_prefix(VERSION_LABEL) {
                fields.insert((Field::SecretVersions, name).into(), version.clone());
            }
        }
    }
    Live { arn: owned(definition.task_definition_arn()), family: owned(definition.family()), fields, commit }
}

/// The ARNs of a family's revisions, the newest first.
async fn revisions(cx: &Context, family: &str, status: TaskDefinitionStatus) -> Result<Vec<String>, Failure> {
    let call = cx.aws.ecs.list_task_definitions().family_prefix(family).status(status).sort(SortOrder::Desc);
    call.into_paginator().items().send().try_collect().await.during("ListTaskDefinitions")
}

async fn deregister(cx: &Context, arn: &str) -> Result<(), Failure> {
    let call = cx.aws.ecs.deregister_task_definition().task_definition(arn).customize().once();
    call.send().await.during("DeregisterTaskDefinition").map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desired() -> Desired {
        Desired {
            container: "web".into(),
            cpu: 256,
            memory: 512,
            execution_role: "execution".into(),
            task_role: "task".into(),
            image: "repository:1".into(),
            port: Some(3000),
            environment: BTreeMap::from([("A".into(), "1".into())]),
            secrets: BTreeMap::from([("S".into(), reference())]),
            log_group: "logs".into(),
            stop_timeout: 30,
            command: Vec::new(),
            read_only: true,
            init: false,
        }
    }

    fn reference() -> SecretRef {
        SecretRef { secret: "arn".into(), key: Some("url".into()), version: None }
    }

    fn live() -> Live {
        let fields = compared(&desired()).into_iter().map(|(name, value)| (name, value.expect("all is known")));
        Live { arn: "arn".into(), family: "web".into(), fields: fields.collect(), commit: None }
    }

    #[test]
    fn a_definition_as_desired_needs_no_revision() {
        assert_eq!(TaskDefinition::diff(&desired(), &live()), []);
    }

    #[test]
    fn more_cpu_shows_as_exactly_that() {
        let changes = TaskDefinition::diff(&Desired { cpu: 512, ..desired() }, &live());
        assert_eq!(changes.len(), 1);
        assert_eq!((changes[0].field.as_str(), &changes[0].to), ("cpu", &Shown::value(512)));
    }

    #[test]
    fn another_value_of_a_secret_takes_another_revision_and_is_not_pinned() {
        let version = |version: &str| {
            let reference = SecretRef { version: Some(version.into()), ..reference() };
            Desired { secrets: BTreeMap::from([("S".to_owned(), reference)]), ..desired() }
        };
        let fields = compared(&version("v1")).into_iter().map(|(name, value)| (name, value.expect("all is known")));
        let live = Live { fields: fields.collect(), ..live() };
        assert_eq!(TaskDefinition::diff(&version("v1"), &live), []);
        let changes = TaskDefinition::diff(&version("v2"), &live);
        assert_eq!(changes.len(), 1, "{changes:?}");
        assert_eq!((changes[0].field.as_str(), &changes[0].to), ("secrets.S.version", &Shown::value("v2")));
        assert!(!live.fields["secrets.S"].contains("v1"));
    }

    #[test]
    fn a_secret_is_named_by_its_arn_and_key() {
        assert_eq!(value_from(&reference()).as_deref(), Some("arn:url::"));
    }
}
