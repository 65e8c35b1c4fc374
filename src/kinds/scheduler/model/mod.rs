//! An in-memory model of EventBridge Scheduler, and of the ECS tasks that its schedules start, with the operations that
//! the kinds call, as the API reference describes them.
//!
//! A schedule starts one task as soon as it is created. The task runs until somebody stops it.
//! <https://docs.aws.amazon.com/scheduler/latest/APIReference/Welcome.html>

#![expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and some operations are never refused")]

mod group;
mod schedule;
mod state;
mod tasks;

use aws_sdk_scheduler::types::ScheduleGroupState;

pub(super) use self::state::Scheduler;
use crate::aws::model::{Cloud, Service, line};

impl Service for Scheduler {
    fn present(&self) -> Vec<String> {
        let there = self.groups.iter().filter(|(group, _)| group.state() != Some(&ScheduleGroupState::Deleting));
        let mut present: Vec<String> = there.map(|(_, tags)| line("schedule group", tags)).collect();
        present.extend(self.schedules.iter().map(|schedule| format!("{schedule:?}")));
        present.extend(self.left_tasks().map(|task| format!("task of {}", task.group().unwrap_or_default())));
        present
    }
}

/// Returns an AWS with EventBridge Scheduler, and an ECS with a task that no schedule started.
pub(super) fn cloud() -> Cloud {
    let cloud = Cloud::new();
    group::serve(&cloud);
    schedule::serve(&cloud);
    tasks::serve(&cloud);
    cloud.with(|scheduler: &mut Scheduler| scheduler.start("family:somebody-else"));
    cloud
}

/// Returns the same AWS with a group that has the name of the stack's group.
pub(super) fn cloud_with_group() -> Cloud {
    let cloud = cloud();
    cloud.with(|scheduler: &mut Scheduler| scheduler.add_group("shop-test-main", Vec::new()));
    cloud
}
