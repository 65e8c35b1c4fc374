//! What stack.yaml asks of a schedule, and what is the same for all of them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{kinds::ecs::task, model::Input};

/// What stack.yaml asks of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// When it runs.
    pub schedule: String,
    /// Where those hours are meant.
    pub timezone: String,
    /// The container in which the command runs.
    pub container: String,
    /// The command; the image's own if empty.
    pub command: Vec<String>,
    /// The task definition's ARN, with its revision.
    pub task_definition: Input,
    /// The cluster's ARN.
    pub cluster: Input,
    /// The role with which EventBridge starts the task.
    pub role: Input,
    /// The group's name.
    pub group: Input,
    /// Where it runs.
    pub subnets: Vec<Input>,
    /// Whom it may call follows from this.
    pub security_group: Input,
    /// The security groups of others that its task has too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_groups: Vec<Input>,
    /// Whether it gets a public address.
    pub public_ip: bool,
}

impl Desired {
    /// All security groups of its task: the stack's own first.
    pub fn security_groups(&self) -> Vec<Input> {
        std::iter::once(&self.security_group).chain(&self.other_groups).cloned().collect()
    }
}

/// The group in ECS of a run of the job `name` that follows a failed one. 1 is the first retry.
pub fn retry_group(name: &str, attempt: u32) -> String {
    format!("retry-{attempt}:{name}")
}

/// The group in ECS of a run of the job `name` that somebody has asked for.
pub fn by_hand_group(name: &str) -> String {
    format!("by-hand:{name}")
}

/// The number of a run of the job `name` whose task is in `group`, if it is one: 0 is one that came on time or by hand.
pub fn attempt_of(name: &str, group: &str) -> Option<u32> {
    let (word, _) = group.split_once(':').filter(|(_, job)| *job == name)?;
    if matches!(word, "job" | "by-hand") { Some(0) } else { word.strip_prefix("retry-")?.parse().ok() }
}

/// The group of a job's tasks in ECS, by which they are known from those of the service.
pub fn task_group(name: &str) -> String {
    format!("job:{name}")
}

/// What the task gets in place of what its task definition says.
pub(super) fn overrides(desired: &Desired) -> Value {
    task::overrides(&desired.container, &desired.command)
}
