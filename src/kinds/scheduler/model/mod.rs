//! EventBridge Scheduler in memory, and the tasks that its schedules start on ECS: what the kinds of the service call, as
//! its API reference describes it.
//!
//! A schedule starts one task as soon as it is made, which runs until somebody stops it.
//! <https://docs.aws.amazon.com/scheduler/latest/APIReference/Welcome.html>

#![expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and some operations are never refused")]

mod group;
mod schedule;
mod tasks;

use std::collections::BTreeSet;

use aws_sdk_ecs::types::Task;
use aws_sdk_scheduler::{
    operation::get_schedule::GetScheduleOutput,
    types::{ScheduleGroupState, ScheduleGroupSummary, Tag},
};

use crate::aws::model::{Cloud, Refusal, Service, line};

/// What the account has in the region.
#[derive(Clone, Default)]
pub(super) struct Scheduler {
    /// The client tokens of what was made.
    tokens: BTreeSet<String>,
    groups: Vec<(ScheduleGroupSummary, Vec<Tag>)>,
    schedules: Vec<GetScheduleOutput>,
    made: u32,
    tasks: Vec<Task>,
}

impl Service for Scheduler {
    fn present(&self) -> Vec<String> {
        let there = self.groups.iter().filter(|(group, _)| group.state() != Some(&ScheduleGroupState::Deleting));
        let mut present: Vec<String> = there.map(|(_, tags)| line("schedule group", tags)).collect();
        present.extend(self.schedules.iter().map(|schedule| format!("{schedule:?}")));
        present.extend(self.left_tasks().map(|task| format!("task of {}", task.group().unwrap_or_default())));
        present
    }
}

impl Scheduler {
    /// The tasks that no schedule accounts for. Those of a schedule come and go while it is there.
    fn left_tasks(&self) -> impl Iterator<Item = &Task> {
        let group = |schedule: &GetScheduleOutput| schedule.target()?.ecs_parameters()?.group().map(str::to_owned);
        let groups: Vec<String> = self.schedules.iter().filter_map(group).collect();
        self.tasks.iter().filter(move |task| groups.iter().all(|group| task.group() != Some(group)))
    }
}

/// An AWS with EventBridge Scheduler, and ECS with a task that no schedule has started.
pub(super) fn cloud() -> Cloud {
    let cloud = Cloud::new();
    group::serve(&cloud);
    schedule::serve(&cloud);
    tasks::serve(&cloud);
    cloud.with(|scheduler: &mut Scheduler| scheduler.start("family:somebody-else"));
    cloud
}

/// The same with a group that is called as the stack's.
pub(super) fn cloud_with_group() -> Cloud {
    let cloud = cloud();
    cloud.with(|scheduler: &mut Scheduler| scheduler.add_group("shop-test-main", Vec::new()));
    cloud
}

fn conflict(what: &str) -> Refusal {
    Refusal::new("ConflictException", format!("{what} already exists or is being changed"))
}

fn absent(what: &str) -> Refusal {
    Refusal::new("ResourceNotFoundException", format!("{what} does not exist"))
}
