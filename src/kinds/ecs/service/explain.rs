//! Why a rollout failed: what ECS said, how its tasks ended, and their last log lines.

use aws_sdk_ecs::types::{DesiredStatus, Task, TaskStopCode};

use super::{EVENTS, Live, primary};
use crate::{
    aws::{self, Outcome, TaskLog},
    kind::Context,
    kinds::ecs::task_end,
};

/// How many stopped tasks of a failed rollout are explained.
const EXPLAINED: usize = 2;

pub(super) async fn rollout(cx: &Context, live: &Live) -> Vec<String> {
    let mut lines: Vec<String> = live.events.iter().take(EVENTS).map(|event| format!("ECS: {event}")).collect();
    let call = cx.aws.ecs.list_tasks().cluster(&live.cluster).service_name(&live.name);
    let Ok(stopped) = call.desired_status(DesiredStatus::Stopped).send().await.during("ListTasks") else {
        return lines;
    };
    if stopped.task_arns().is_empty() {
        return lines;
    }
    let call = cx.aws.ecs.describe_tasks().cluster(&live.cluster).set_tasks(stopped.task_arns);
    let Ok(answer) = call.send().await.during("DescribeTasks") else { return lines };
    let service = live.name.strip_prefix(&aws::stack_prefix(&cx.id)).unwrap_or(&live.name).to_owned();
    let tasks = failed(live, answer.tasks());
    for task in tasks.iter().take(EXPLAINED) {
        let arn = task.task_arn().unwrap_or_default();
        lines.push(format!("task {}: {}", aws::last_part(arn), task_end::end_of(task)));
        // The container is called as the service.
        let log = TaskLog::new(&cx.id, &service, &service, arn);
        lines.extend(task_end::last_lines(cx, &log, arn).await);
    }
    if let Some(task) = tasks.first() {
        let check = match live.target_groups.first() {
            Some(group) => task_end::Check::of(cx, group).await,
            None => None,
        };
        lines.extend(task_end::advice(task, &service, check.as_ref()));
    }
    lines
}

/// The tasks that tell most of why the newest rollout failed: those that ended by themselves, newest first, then those
/// that failed their health check, oldest first. What the scheduler stopped only because the rollout had failed already
/// tells nothing, and is there only where nothing else is.
fn failed<'a>(live: &Live, stopped: &'a [Task]) -> Vec<&'a Task> {
    let serving = primary(live).map(|primary| primary.task_definition.as_str());
    let rolled_back = live.rollouts.len() == 1 && primary(live).is_some_and(|primary| primary.state == "COMPLETED");
    let mut tasks: Vec<&Task> = stopped.iter().collect();
    // After a rollback the tasks that failed are those of another task definition than the one that serves.
    tasks.retain(|task| !rolled_back || task.task_definition_arn() != serving);
    let seconds = |at: Option<&aws_smithy_types::DateTime>| at.map_or(0, aws_smithy_types::DateTime::secs);
    let newest = tasks.iter().max_by_key(|task| seconds(task.created_at())).and_then(|task| task.task_definition_arn());
    tasks.retain(|task| task.task_definition_arn() == newest);
    let by_itself = |task: &Task| task.stop_code() != Some(&TaskStopCode::ServiceSchedulerInitiated);
    if tasks.iter().any(|task| by_itself(task) || task_end::is_unhealthy(task)) {
        tasks.retain(|task| by_itself(task) || task_end::is_unhealthy(task));
    }
    tasks.sort_by_key(|task| {
        let at = seconds(task.stopped_at());
        (!by_itself(task), if by_itself(task) { -at } else { at })
    });
    tasks
}
