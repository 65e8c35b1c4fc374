//! The schedule that stack.yaml describes, and the values that all schedules share.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{kinds::ecs::task, model::Input};

/// The schedule that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The schedule expression.
    pub schedule: String,
    /// The time zone of the expression.
    pub timezone: String,
    /// The container in which the command runs.
    pub container: String,
    /// The command. If empty, the command of the image.
    pub command: Vec<String>,
    /// The ARN of the task definition, with its revision.
    pub task_definition: Input,
    /// The ARN of the cluster.
    pub cluster: Input,
    /// The role that EventBridge uses to start the task.
    pub role: Input,
    /// The name of the group.
    pub group: Input,
    /// The subnets of the task.
    pub subnets: Vec<Input>,
    /// The security group that determines which resources the task can reach.
    pub security_group: Input,
    /// Additional security groups of the task that belong to others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_groups: Vec<Input>,
    /// Whether it gets a public address.
    pub public_ip: bool,
}

impl Desired {
    /// Returns all security groups of the task. The stack's own group comes first.
    pub fn security_groups(&self) -> Vec<Input> {
        std::iter::once(&self.security_group).chain(&self.other_groups).cloned().collect()
    }
}

/// Returns the ECS group for a retry of the job `name` after a failed run. Attempt 1 is the first retry.
pub fn retry_group(name: &str, attempt: u32) -> String {
    format!("retry-{attempt}:{name}")
}

/// Returns the ECS group for a run of the job `name` that a user started.
pub fn by_hand_group(name: &str) -> String {
    format!("by-hand:{name}")
}

/// Returns the attempt number of a run of the job `name` from the group of its task. 0 is a run on schedule or by a
/// user. `None` for other groups.
pub fn attempt_of(name: &str, group: &str) -> Option<u32> {
    let (word, _) = group.split_once(':').filter(|(_, job)| *job == name)?;
    if matches!(word, "job" | "by-hand") { Some(0) } else { word.strip_prefix("retry-")?.parse().ok() }
}

/// Returns the ECS group for the tasks of a job, which distinguishes them from the tasks of the service.
pub fn task_group(name: &str) -> String {
    format!("job:{name}")
}

/// Returns the overrides of the task definition.
pub(super) fn overrides(desired: &Desired) -> Value {
    task::overrides(&desired.container, &desired.command)
}
