//! Detects tasks that end soon after they started. Without a health check, ECS accepts a task as healthy once it runs:
//! it completes the rollout and restarts the task forever.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>,
//! <https://github.com/aws/containers-roadmap/issues/1206>

use std::time::Duration;

use aws_sdk_ecs::types::{Service as SdkService, Task, TaskStopCode};

use super::{explain, live::Rollout};
use crate::kind::Context;

/// How long a task must run before it counts as stable.
pub(super) const STAYS_UP: Duration = Duration::from_secs(20);

/// The run time in seconds below which a task that ends has crashed.
const SOON: i64 = 60;

/// The number of crashed tasks in one rollout from which it has failed.
pub(super) const SEVERAL: u32 = 3;

/// Returns how many tasks of the rollout `primary` of `service` crashed: they ended on their own soon after they
/// started. ECS is asked only if tasks are missing and no health check covers them.
pub(super) async fn count(cx: &Context, service: &SdkService, primary: &Rollout) -> u32 {
    let is_checked = !service.load_balancers().is_empty() && primary.state != "COMPLETED";
    if primary.running >= primary.desired || is_checked {
        return 0;
    }
    let (cluster, name) = (service.cluster_arn().unwrap_or_default(), service.service_name().unwrap_or_default());
    let stopped = explain::stopped(cx, cluster, name).await;
    u32::try_from(stopped.iter().filter(|task| crashed(task, &primary.id)).count()).unwrap_or(u32::MAX)
}

/// Whether `task` belongs to the rollout `id` and ended on its own soon after it started.
fn crashed(task: &Task, id: &str) -> bool {
    let by_itself = task.stop_code() == Some(&TaskStopCode::EssentialContainerExited);
    let ran = task.started_at().zip(task.stopped_at()).map(|(from, to)| to.secs() - from.secs());
    task.started_by() == Some(id) && by_itself && ran.is_some_and(|ran| ran < SOON)
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::DateTime;

    use super::*;

    #[test]
    fn task_that_ends_soon_after_its_start_has_crashed() {
        let table = [
            ("d", TaskStopCode::EssentialContainerExited, Some(2), true),
            ("d", TaskStopCode::EssentialContainerExited, Some(3600), false),
            // The task never started. ECS counts this failure itself.
            ("d", TaskStopCode::EssentialContainerExited, None, false),
            ("d", TaskStopCode::UserInitiated, Some(2), false),
            ("d", TaskStopCode::ServiceSchedulerInitiated, Some(2), false),
            ("another", TaskStopCode::EssentialContainerExited, Some(2), false),
        ];
        for (by, code, ran, expected) in table {
            let task = Task::builder()
                .started_by(by)
                .stop_code(code.clone())
                .set_started_at(ran.map(|_| DateTime::from_secs(100)))
                .stopped_at(DateTime::from_secs(100 + ran.unwrap_or_default()));
            assert_eq!(crashed(&task.build(), "d"), expected, "{by} {code:?} {ran:?}");
        }
    }
}
