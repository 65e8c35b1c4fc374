//! The remaining grace period of new tasks that the load balancer does not find healthy yet.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html>

use aws_sdk_ecs::types::{DesiredStatus, Service as SdkService, Task};

use super::{
    explain,
    live::{Live, Rollout},
};
use crate::kind::Context;

/// The step in seconds in which the remaining time is reported. Each step prints a line to a log.
const STEP: i64 = 20;

/// Returns the remaining grace period in seconds, rounded up, of the newest task of the rollout `primary`. `None` if no
/// new task is starting.
pub(super) async fn grace_left(cx: &Context, service: &SdkService, live: &Live, primary: &Rollout) -> Option<i64> {
    if !is_starting(live, primary) {
        return None;
    }
    let (cluster, name) = (service.cluster_arn()?, service.service_name()?);
    let tasks = explain::tasks(cx, cluster, name, DesiredStatus::Running).await;
    newest(&tasks, &primary.id, live.grace_seconds.into(), jiff::Timestamp::now().as_second())
}

/// Whether no new task is healthy yet. ECS does not report this directly, but as long as no new task is healthy, it
/// stops no old one, because the number of serving tasks must not drop below the desired number.
fn is_starting(live: &Live, primary: &Rollout) -> bool {
    let is_checked = !live.target_groups.is_empty() && live.grace_seconds > 0;
    let old: i32 = live.rollouts.iter().filter(|other| other.id != primary.id).map(|other| other.running).sum();
    is_checked && primary.state == "IN_PROGRESS" && primary.running > 0 && (old == 0 || old >= primary.desired)
}

/// Returns the rest of `grace` for the newest of `tasks` in the rollout `id`.
fn newest(tasks: &[Task], id: &str, grace: i64, now: i64) -> Option<i64> {
    let own = tasks.iter().filter(|task| task.started_by() == Some(id));
    let started = own.filter_map(|task| Some(task.started_at()?.secs())).max()?;
    let left = started + grace - now;
    (left > 0).then(|| (left + STEP - 1) / STEP * STEP)
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::DateTime;

    use super::*;

    fn rollout(id: &str, state: &str, running: i32) -> Rollout {
        Rollout {
            id: id.into(),
            changed: None,
            status: "ACTIVE".into(),
            task_definition: String::new(),
            state: state.into(),
            reason: String::new(),
            desired: 2,
            running,
            failed: 0,
        }
    }

    #[test]
    fn new_tasks_are_starting_until_the_first_old_one_stops() {
        let of = |state: &str, new, old, grace_seconds| {
            let (new, old) = (rollout("new", state, new), rollout("old", "COMPLETED", old));
            let live = Live {
                rollouts: vec![new.clone(), old],
                target_groups: vec!["arn".into()],
                grace_seconds,
                ..super::super::live::live(&SdkService::builder().build(), None)
            };
            is_starting(&live, &new)
        };
        assert!(of("IN_PROGRESS", 1, 2, 60) && of("IN_PROGRESS", 2, 0, 60));
        assert!(!of("IN_PROGRESS", 2, 1, 60), "an old one has stopped");
        assert!(!of("IN_PROGRESS", 0, 2, 60), "none runs");
        assert!(!of("COMPLETED", 2, 0, 60) && !of("IN_PROGRESS", 2, 0, 0));
    }

    #[test]
    fn remaining_grace_period_is_that_of_the_newest_task() {
        let task = |by: &str, at: i64| Task::builder().started_by(by).started_at(DateTime::from_secs(at)).build();
        let tasks =
            [task("new", 1000), task("new", 1010), task("old", 1050), Task::builder().started_by("new").build()];
        let table = [(1010, Some(60)), (1031, Some(40)), (1069, Some(20)), (1070, None), (2000, None)];
        for (now, left) in table {
            assert_eq!(newest(&tasks, "new", 60, now), left, "{now}");
        }
        assert_eq!(newest(&tasks, "another", 60, 1010), None);
    }
}
