//! Why a rollout failed: what ECS said, how its tasks ended, and their last log lines.

use aws_sdk_ecs::types::DesiredStatus;

use super::{EVENTS, Live, primary};
use crate::{
    aws::{self, Outcome},
    kind::Context,
    kinds::ecs,
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
    let serving = primary(live).map(|primary| primary.task_definition.clone()).unwrap_or_default();
    let rolled_back = live.rollouts.len() == 1 && primary(live).is_some_and(|primary| primary.state == "COMPLETED");
    let mut tasks: Vec<_> = answer
        .tasks()
        .iter()
        // After a rollback the tasks that failed are those of another task definition than the one that serves.
        .filter(|task| !rolled_back || task.task_definition_arn() != Some(serving.as_str()))
        .collect();
    tasks.sort_by_key(|task| std::cmp::Reverse(task.stopped_at().map(aws_smithy_types::DateTime::as_nanos)));
    let service = live.name.strip_prefix(&aws::stack_prefix(&cx.id)).unwrap_or(&live.name).to_owned();
    for task in tasks.into_iter().take(EXPLAINED) {
        let id = task.task_arn().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
        lines.push(format!("task {id}: {}", ecs::end_of(task)));
        lines.extend(ecs::last_lines(cx, &service, task).await);
    }
    lines
}
