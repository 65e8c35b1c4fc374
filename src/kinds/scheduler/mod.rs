//! Helpers for the EventBridge Scheduler kinds: the stack's schedule group, the retry policy, and client tokens.

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

/// The maximum length of a group name and of a client token, in characters.
/// <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateScheduleGroup.html>
const LONGEST: usize = 64;

/// How long EventBridge retries to start a run that ECS rejects, in seconds. This is long enough for throttling and for
/// a lack of capacity in a zone, but short enough that no run starts at an unexpected hour. The AWS default is a day.
/// The rules that repeat a failed run use the same limit.
/// <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html>
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RetryPolicy.html>
pub(super) const OLDEST: i32 = 900;

/// The number of retries within that time: the maximum of AWS, because the time is the limit.
pub(super) const ATTEMPTS: i32 = 185;

/// Returns attempts and seconds as a plan shows them.
pub(super) fn in_words((attempts, seconds): (i32, i32)) -> String {
    format!("{attempts} within {seconds} s")
}

/// The ARN pattern of the stack's group and schedules. One pattern keeps the policy short.
pub(super) const ARNS: &str = "scheduler:{region}:{account}:schedule*/{name:64}*";

/// Returns the name of the stack's group.
pub(super) fn group_name(id: &StackId) -> String {
    aws::derived(id, &Address::new("schedule_group", "main"), LONGEST)
}

/// Returns the stack's group, if it exists. It is read once per look at AWS. Uses a list instead of `GetScheduleGroup`,
/// because most stacks have no group, and the list then returns no error.
pub(super) async fn group(cx: &Context) -> Result<Arc<Option<ScheduleGroupSummary>>, Failure> {
    cx.shared("schedule group", async {
        let name = group_name(&cx.id);
        let pages = cx.aws.scheduler.list_schedule_groups().name_prefix(&name).into_paginator().items().send();
        let groups: Vec<ScheduleGroupSummary> = pages.try_collect().await.during("ListScheduleGroups")?;
        Ok(groups.into_iter().find(|group| group.name() == Some(&name)))
    })
    .await
}

/// Returns the client token for a write of this run. A repeated call has the same token, and another run has another
/// one.
pub(super) fn token(cx: &Context, address: &Address, what: &str) -> String {
    aws::discriminated(&cx.id, address, &format!("{address} {what} {}", cx.run), LONGEST)
}
