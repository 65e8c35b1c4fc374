//! Explains why a rollout failed: ECS events, the end of its tasks, and their last log lines.

use aws_sdk_ecs::types::{DesiredStatus, Task, TaskStopCode};

use super::live::{EVENTS, Live};
use crate::{
    aws::{self, Outcome, TaskLog},
    kind::Context,
    kinds::ecs::{
        health,
        task_end::{self, StopReason},
    },
    model::{Evidence, Explanation, Phase},
};

/// The number of stopped tasks that are explained for a failed rollout.
const EXPLAINED: usize = 2;

pub(super) async fn rollout(cx: &Context, live: &Live, phase: &Phase) -> Explanation {
    let mut evidence = Vec::new();
    let events: Vec<String> = live.events.iter().take(EVENTS).cloned().collect();
    if !events.is_empty() {
        evidence.push(Evidence::ServiceEvents { lines: events });
    }
    let stopped = stopped(cx, &live.cluster, &live.name).await;
    let tasks = failed(live, &stopped, matches!(phase, Phase::RolledBack(_)));
    // The main container and the log group have the name of the service.
    let name = live.name.strip_prefix(&aws::stack_prefix(&cx.id)).unwrap_or(&live.name);
    let mut logs = Vec::new();
    for task in tasks.iter().take(EXPLAINED) {
        let arn = task.task_arn().unwrap_or_default();
        let container = task_end::ended_with(task, name);
        let log = task_end::log(cx, &TaskLog::new(&cx.id, name, container, arn), arn).await;
        evidence
            .push(Evidence::StoppedTask { task: aws::last_part(arn).to_owned(), end: task_end::end_of(task, name) });
        evidence.push(log.clone());
        logs.push(log);
    }
    // The first task is the most relevant.
    let (Some(task), Some(log)) = (tasks.first(), logs.first()) else {
        return Explanation { evidence, ..Explanation::default() };
    };
    let reason = StopReason::of(task, task_end::ended_with(task, name));
    let check = match live.target_groups.first() {
        Some(group) if reason == StopReason::Unhealthy => health::check(cx, group, live.port).await,
        _ => None,
    };
    // The end of the task comes before the events of the service.
    let end = task_end::end_of(task, name).to_string();
    let said: Vec<String> = std::iter::once(end).chain(live.events.iter().take(EVENTS).cloned()).collect();
    let advice = reason.advice(check.as_ref(), log, &said);
    evidence.extend(check.map(Evidence::HealthCheck));
    Explanation { evidence, ..Explanation::from(advice) }
}

/// Returns the service's stopped tasks, which ECS keeps for an hour. Empty if they cannot be read.
pub(super) async fn stopped(cx: &Context, cluster: &str, name: &str) -> Vec<Task> {
    tasks(cx, cluster, name, DesiredStatus::Stopped).await
}

/// Returns the service's tasks with this desired status. Empty if they cannot be read.
pub(super) async fn tasks(cx: &Context, cluster: &str, name: &str, status: DesiredStatus) -> Vec<Task> {
    let call = cx.aws.ecs.list_tasks().cluster(cluster).service_name(name);
    let Ok(listed) = call.desired_status(status).send().await.during("ListTasks") else {
        return Vec::new();
    };
    if listed.task_arns().is_empty() {
        return Vec::new();
    }
    let call = cx.aws.ecs.describe_tasks().cluster(cluster).set_tasks(listed.task_arns);
    call.send().await.during("DescribeTasks").ok().and_then(|answer| answer.tasks).unwrap_or_default()
}

/// Returns the tasks that best explain why the newest rollout failed: those that ended on their own, newest first, then
/// those that failed their health check, oldest first. Tasks that the scheduler stopped only because the rollout had
/// already failed explain nothing, and are returned only if there are no others.
fn failed<'a>(live: &Live, stopped: &'a [Task], rolled_back: bool) -> Vec<&'a Task> {
    let serving = live.primary().map(|primary| primary.task_definition.as_str());
    let mut tasks: Vec<&Task> = stopped.iter().collect();
    // After a rollback, the failed tasks have another task definition than the one that serves.
    tasks.retain(|task| !rolled_back || task.task_definition_arn() != serving);
    let seconds = |at: Option<&aws_smithy_types::DateTime>| at.map_or(0, aws_smithy_types::DateTime::secs);
    let newest = tasks.iter().max_by_key(|task| seconds(task.created_at())).and_then(|task| task.task_definition_arn());
    tasks.retain(|task| task.task_definition_arn() == newest);
    let by_itself = |task: &Task| task.stop_code() != Some(&TaskStopCode::ServiceSchedulerInitiated);
    let failed = |task: &Task| {
        by_itself(task) || matches!(StopReason::of(task, ""), StopReason::Unhealthy | StopReason::CheckFailed)
    };
    if tasks.iter().any(|task| failed(task)) {
        tasks.retain(|task| failed(task));
    }
    tasks.sort_by_key(|task| {
        let at = seconds(task.stopped_at());
        (!by_itself(task), if by_itself(task) { -at } else { at })
    });
    tasks
}
