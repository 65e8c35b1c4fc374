//! Why a rollout failed: what ECS said, how its tasks ended, and their last log lines.

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

/// How many stopped tasks of a failed rollout are explained.
const EXPLAINED: usize = 2;

pub(super) async fn rollout(cx: &Context, live: &Live, phase: &Phase) -> Explanation {
    let mut evidence = Vec::new();
    let events: Vec<String> = live.events.iter().take(EVENTS).cloned().collect();
    if !events.is_empty() {
        evidence.push(Evidence::ServiceEvents { lines: events });
    }
    let stopped = stopped(cx, &live.cluster, &live.name).await;
    let tasks = failed(live, &stopped, matches!(phase, Phase::RolledBack(_)));
    // Its own container and the log group are called as the service.
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
    // The first task tells most.
    let (Some(task), Some(log)) = (tasks.first(), logs.first()) else {
        return Explanation { evidence, ..Explanation::default() };
    };
    let reason = StopReason::of(task, task_end::ended_with(task, name));
    let check = match live.target_groups.first() {
        Some(group) if reason == StopReason::Unhealthy => health::check(cx, group, live.port).await,
        _ => None,
    };
    // What is said of the task itself comes first.
    let end = task_end::end_of(task, name).to_string();
    let said: Vec<String> = std::iter::once(end).chain(live.events.iter().take(EVENTS).cloned()).collect();
    let advice = reason.advice(check.as_ref(), log, &said);
    evidence.extend(check.map(Evidence::HealthCheck));
    Explanation { evidence, ..Explanation::from(advice) }
}

/// The service's tasks that have stopped and are still known: ECS keeps them for an hour. None, if they cannot be read.
pub(super) async fn stopped(cx: &Context, cluster: &str, name: &str) -> Vec<Task> {
    tasks(cx, cluster, name, DesiredStatus::Stopped).await
}

/// The service's tasks that are to be in this status. None, if they cannot be read.
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

/// The tasks that tell most of why the newest rollout failed: those that ended by themselves, newest first, then those
/// that failed their health check, oldest first. What the scheduler stopped only because the rollout had failed already
/// tells nothing, and is there only where nothing else is.
fn failed<'a>(live: &Live, stopped: &'a [Task], rolled_back: bool) -> Vec<&'a Task> {
    let serving = live.primary().map(|primary| primary.task_definition.as_str());
    let mut tasks: Vec<&Task> = stopped.iter().collect();
    // After a rollback the tasks that failed are those of another task definition than the one that serves.
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
