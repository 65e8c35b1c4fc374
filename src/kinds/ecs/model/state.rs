//! The state of the ECS model, and helpers for its operations: ARNs and numbers.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{Cluster, Service, Tag, Task, TaskDefinition, TaskDefinitionStatus as Status};

/// The prefix of the ARNs in a sample's AWS.
pub(super) const ARN: &str = "arn:aws:ecs:eu-west-1:123456789012";

/// The ECS resources of the account in the region.
#[derive(Clone, Default)]
pub(in super::super) struct Ecs {
    made: i64,
    pub(super) clusters: Vec<Cluster>,
    pub(super) revisions: Vec<Revision>,
    pub(super) services: Vec<Service>,
    /// The name of the service that was created for each client token.
    pub(super) tokens: BTreeMap<String, String>,
    pub(in super::super) tasks: Vec<Task>,
    /// The log lines of tasks, oldest first: stream name and line.
    pub(in super::super) written: Vec<(String, String)>,
    /// The ARN of the task that was started for each client token.
    pub(super) task_tokens: BTreeMap<String, String>,
    /// The number of upcoming registrations that ECS rejects as too fast.
    pub(in super::super) too_fast: u32,
    /// The number of upcoming deregistrations that ECS throttles.
    pub(in super::super) throttled: u32,
    /// The number of upcoming tasks that ECS cannot prepare because their roles are new.
    pub(in super::super) unprepared: u32,
}

impl Ecs {
    /// Returns the next number. Each number is used once.
    pub(super) fn next(&mut self) -> i64 {
        self.made += 1;
        self.made
    }
}

/// A revision of a family.
#[derive(Clone)]
pub(super) struct Revision {
    pub(super) definition: TaskDefinition,
    pub(super) tags: Vec<Tag>,
}

impl Revision {
    pub(super) fn arn(&self) -> &str {
        self.definition.task_definition_arn().unwrap_or_default()
    }

    pub(super) fn family(&self) -> &str {
        self.definition.family().unwrap_or_default()
    }

    pub(super) fn is(&self, status: &Status) -> bool {
        self.definition.status() == Some(status)
    }
}
