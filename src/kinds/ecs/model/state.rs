//! What ECS has, and what its operations share: ARNs and numbers.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{Cluster, Service, Tag, Task, TaskDefinition, TaskDefinitionStatus as Status};

/// What the ARNs of what a sample's AWS has begin with.
pub(super) const ARN: &str = "arn:aws:ecs:eu-west-1:123456789012";

/// What the account has in the region.
#[derive(Clone, Default)]
pub(in super::super) struct Ecs {
    made: i64,
    pub(super) clusters: Vec<Cluster>,
    pub(super) revisions: Vec<Revision>,
    pub(super) services: Vec<Service>,
    /// The name of the service that was made with each client token.
    pub(super) tokens: BTreeMap<String, String>,
    pub(in super::super) tasks: Vec<Task>,
    /// What tasks have written, the oldest first: the stream, and the line.
    pub(in super::super) written: Vec<(String, String)>,
    /// The ARN of the task that was started with each client token.
    pub(super) task_tokens: BTreeMap<String, String>,
    /// How many of the next registrations are too many at once.
    pub(in super::super) too_fast: u32,
    /// How many of the next deregistrations are throttled.
    pub(in super::super) throttled: u32,
    /// How many of the next tasks ECS cannot prepare, because their roles are new.
    pub(in super::super) unprepared: u32,
}

impl Ecs {
    /// The next number: nothing that is made has the number of another thing.
    pub(super) fn next(&mut self) -> i64 {
        self.made += 1;
        self.made
    }
}

/// One revision of a family.
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
