//! What the kinds of EventBridge Scheduler share: the stack's group of schedules, how often a run is tried, and the tokens of writes.

#[cfg(test)]
mod model;
pub mod schedule;
pub mod schedule_group;

use std::sync::Arc;

use aws_sdk_scheduler::types::ScheduleGroupSummary;

use crate::{
    aws::{self, Outcome},
    kind::Context,
    model::{Address, Failure, StackId},
};

/// The longest name of a group, and the longest client token, in characters.
/// <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateScheduleGroup.html>
const LONGEST: usize = 64;

/// How long EventBridge keeps trying to start a run that ECS refuses, in seconds. This is long enough for throttling and for a
/// lack of capacity in a zone, and too short for a run at an unexpected hour. The default is a day. The rules that repeat a failed
/// run have the same limit.
/// <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html>
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RetryPolicy.html>
pub(super) const OLDEST: i32 = 900;

/// How often it tries within that time: AWS's maximum, because the time is the limit.
pub(super) const ATTEMPTS: i32 = 185;

/// Attempts and seconds, as a plan shows them.
pub(super) fn in_words((attempts, seconds): (i32, i32)) -> String {
    format!("{attempts} within {seconds} s")
}

/// The ARNs of the stack's group and of its schedules: one pattern, because a policy has to be short.
pub(super) const ARNS: &str = "scheduler:{region}:{account}:schedule*/{name:64}*";

/// The name of the stack's group.
pub(super) fn group_name(id: &StackId) -> String {
    aws::derived(id, &Address::new("schedule_group", "main"), LONGEST)
}

/// The stack's group, if there is one; read once a look at the cloud. Not `GetScheduleGroup`: where there is none, which is
/// so in most stacks, this is an answer and not an error.
pub(super) async fn group(cx: &Context) -> Result<Arc<Option<ScheduleGroupSummary>>, Failure> {
    cx.shared("schedule group", async {
        let name = group_name(&cx.id);
        let pages = cx.aws.scheduler.list_schedule_groups().name_prefix(&name).into_paginator().items().send();
        let groups: Vec<ScheduleGroupSummary> = pages.try_collect().await.during("ListScheduleGroups")?;
        Ok(groups.into_iter().find(|group| group.name() == Some(&name)))
    })
    .await
}

/// A token for one write of this run: a repeated call is the same call, and another run's is another one.
pub(super) fn token(cx: &Context, address: &Address, what: &str) -> String {
    aws::discriminated(&cx.id, address, &format!("{address} {what} {}", cx.run), LONGEST)
}
