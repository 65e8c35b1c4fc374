//! Tasks that earlier runs of stackctl have left: their command was killed or interrupted, and they run on.

use aws_sdk_ecs::types::TaskOverride;

use super::task::{self, Repeats};
use crate::{
    aws,
    kind::Context,
    model::{Address, Cause, Failure},
};

/// The code of the failure that says that one still runs. ECS has none: it starts as many tasks as it is asked for.
pub(super) const RUNS: &str = "EarlierTaskRuns";

/// Ends the tasks that other runs of stackctl have started for `address` with a revision of the family of `definition`.
///
/// # Errors
/// As long as one has not ended, with the code [`RUNS`].
pub(super) async fn end(cx: &Context, address: &Address, cluster: &str, definition: &str) -> Result<(), Failure> {
    let family = aws::last_part(definition).split(':').next().unwrap_or_default();
    let mut tasks = task::known(cx, cluster, |call| call.family(family)).await?;
    tasks.retain(|task| {
        let by = task.started_by().and_then(task::started_by);
        let is_earlier = by.is_some_and(|(kind, run)| kind == address.kind() && run != cx.run);
        // ECS takes the tags away from a task that is stopped. The container that the command is for stays.
        let containers = task.overrides().map(TaskOverride::container_overrides).unwrap_or_default();
        let is_for = containers.iter().any(|container| container.name() == Some(address.name()));
        is_earlier && is_for && task.last_status() != Some("STOPPED")
    });
    for task in tasks.iter().filter(|task| task.desired_status() != Some("STOPPED")) {
        let arn = task.task_arn().unwrap_or_default();
        task::stop(cx, cluster, arn, Some("another run of stackctl takes its place"), Repeats::Engine).await?;
    }
    match tasks.first() {
        None => Ok(()),
        Some(task) => {
            let id = aws::last_part(task.task_arn().unwrap_or_default());
            let message = format!("task {id} of an earlier run is stopped and has not ended yet");
            Err(Failure { cause: Cause::Refused, code: Some(RUNS.to_owned()), ..Failure::about(address, message) })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        aws::model,
        kind::{Kind, NoImages},
        kinds::ecs::{self, release::Release},
        model::StackId,
    };

    #[tokio::test(start_paused = true)]
    async fn a_release_begins_once_an_earlier_one_has_ended() {
        let cloud = ecs::model::cloud_with_cluster();
        let aws = Arc::new(model::session(&cloud));
        let cx = |run: &str| {
            let id = StackId { stack: "shop".into(), environment: "test".into() };
            let mut cx = Context::new(id, Arc::clone(&aws), Arc::new(NoImages));
            cx.run = run.to_owned();
            cx
        };
        let (killed, next) = (cx("killed"), cx("next"));
        let (address, desired) = (Address::new("release", "main"), Release::sample().base);
        let earlier = Release::create(&killed, &address, &desired).await.expect("it runs");
        let refused = Release::create(&next, &address, &desired).await.expect_err("the earlier one has not ended");
        assert_eq!(Release::passing(&refused), Some("the release task of an earlier run to end"));
        assert!(refused.message.contains(aws::last_part(&earlier.task)), "{}", refused.message);
        let mut made = Release::create(&next, &address, &desired).await;
        for _ in 0..5 {
            if made.is_ok() {
                break;
            }
            made = Release::create(&next, &address, &desired).await;
        }
        let made = made.expect("the earlier one has ended");
        assert_ne!(made.task, earlier.task);
        // Its own task is no earlier one.
        assert_eq!(Release::create(&next, &address, &desired).await.expect("it is the same").task, made.task);
    }
}
