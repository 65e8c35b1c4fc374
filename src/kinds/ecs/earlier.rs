//! Stops tasks of earlier runs of stackctl that still run because their command was killed or interrupted.

use aws_sdk_ecs::types::{Task, TaskOverride};

use super::task::{self, Repeats};
use crate::{
    aws,
    kind::Context,
    model::{Address, Cause, Failure},
};

/// The code of the error for an earlier task that still runs. ECS has no such code: it starts any number of tasks.
pub(super) const RUNS: &str = "EarlierTaskRuns";

/// Stops the tasks that other runs of stackctl started for `address` with a revision of the family of `definition`.
/// Returns the tasks that this run started.
///
/// # Errors
/// Returns an error with the code [`RUNS`] as long as one of them runs.
pub(super) async fn end(
    cx: &Context,
    address: &Address,
    cluster: &str,
    definition: &str,
) -> Result<Vec<Task>, Failure> {
    let family = aws::last_part(definition).split(':').next().unwrap_or_default();
    let mut tasks = task::known(cx, cluster, |call| call.family(family)).await?;
    tasks.retain(|task| {
        let kind = task.started_by().and_then(task::started_by).map(|(kind, _)| kind);
        // ECS removes the tags of a task that is stopped, but keeps the overrides, which name the container of the
        // command. A task without overrides is the only one in its family.
        let containers = task.overrides().map(TaskOverride::container_overrides).unwrap_or_default();
        let is_for = containers.is_empty() || containers.iter().any(|other| other.name() == Some(address.name()));
        kind == Some(address.kind()) && is_for
    });
    let this_run = cx.started_by(address.kind());
    let (own, mut tasks): (Vec<Task>, Vec<Task>) =
        tasks.into_iter().partition(|task| task.started_by() == Some(&this_run));
    tasks.retain(|task| task.last_status() != Some("STOPPED"));
    for task in tasks.iter().filter(|task| task.desired_status() != Some("STOPPED")) {
        let arn = task.task_arn().unwrap_or_default();
        task::stop(cx, cluster, arn, Some("replaced by another run of stackctl"), Repeats::Engine).await?;
    }
    match tasks.first() {
        None => Ok(own),
        Some(task) => {
            let id = aws::last_part(task.task_arn().unwrap_or_default());
            let message = format!("task {id} of an earlier run is still stopping");
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
        kinds::ecs::{self, model::Ecs, release::Release},
        model::StackId,
    };

    #[tokio::test(start_paused = true)]
    async fn release_starts_only_after_an_earlier_one_ended() {
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
        Release::create(&killed, &address, &desired).await.expect_err("ECS prepares it");
        let earlier = cloud.with(|ecs: &mut Ecs| ecs.tasks[0].task_arn.clone()).expect("it has one");
        let refused = Release::create(&next, &address, &desired).await.expect_err("the earlier one has not ended");
        assert_eq!(Release::passing(&refused), Some("the release task of an earlier run to stop"));
        assert!(refused.message.contains(aws::last_part(&earlier)), "{}", refused.message);
        let mut made = Release::create(&next, &address, &desired).await;
        for _ in 0..10 {
            if made.is_ok() {
                break;
            }
            made = Release::create(&next, &address, &desired).await;
        }
        let made = made.expect("the earlier one has ended");
        assert_ne!(made.task, earlier);
        // A task of the same run is not an earlier one.
        assert_eq!(Release::create(&next, &address, &desired).await.expect("it is the same").task, made.task);
    }
}
