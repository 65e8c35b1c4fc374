//! The state of the EventBridge Scheduler model with its tasks, and the errors that its operations share.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::Task;
use aws_sdk_scheduler::{
    operation::get_schedule::GetScheduleOutput,
    types::{ScheduleGroupSummary, Tag},
};

use crate::aws::model::Refusal;

/// The schedules and tasks of the account in the region.
#[derive(Clone, Default)]
pub(in super::super) struct Scheduler {
    /// The client tokens of successful creations.
    pub(super) tokens: BTreeSet<String>,
    pub(super) groups: Vec<(ScheduleGroupSummary, Vec<Tag>)>,
    pub(super) schedules: Vec<GetScheduleOutput>,
    pub(super) made: u32,
    pub(super) tasks: Vec<Task>,
}

pub(super) fn conflict(what: &str) -> Refusal {
    Refusal::new("ConflictException", format!("{what} already exists or is being changed"))
}

pub(super) fn absent(what: &str) -> Refusal {
    Refusal::new("ResourceNotFoundException", format!("{what} does not exist"))
}
