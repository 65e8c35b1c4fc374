//! Tasks that earlier runs of stackctl have left: their command was killed or interrupted, and they run on.

use aws_sdk_ecs::types::{DesiredStatus, Task, TaskOverride};
use futures::future::try_join_all;

use super::task::{self, DESCRIBED_AT_ONCE, Repeats};
use crate::{
    aws::{self, Outcome},
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
    let own = cx.started_by(address.kind());
    let beginning = own.strip_suffix(&cx.run).unwrap_or(&own);
    let is_earlier = |task: &Task| {
        let by = task.started_by().unwrap_or_default();
        // ECS takes the tags away from a task that is stopped. The container that the command is for stays.
        let containers = task.overrides().map(TaskOverride::container_overrides).unwrap_or_default();
        let is_for = containers.iter().any(|container| container.name() == Some(address.name()));
        by != own && by.starts_with(beginning) && is_for && task.last_status() != Some("STOPPED")
    };
    let tasks: Vec<Task> = of_family(cx, cluster, definition).await?.into_iter().filter(is_earlier).collect();
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

/// The tasks that run revisions of the family of `definition`, or have run some not long ago.
async fn of_family(cx: &Context, cluster: &str, definition: &str) -> Result<Vec<Task>, Failure> {
    let family = aws::last_part(definition).split(':').next().unwrap_or_default();
    let reads = [DesiredStatus::Running, DesiredStatus::Stopped].map(|status| async move {
        let call = cx.aws.ecs.list_tasks().cluster(cluster).family(family).desired_status(status);
        let arns: Vec<String> = call.into_paginator().items().send().try_collect().await.during("ListTasks")?;
        let described = arns.chunks(DESCRIBED_AT_ONCE).map(|some| async {
            let call = cx.aws.ecs.describe_tasks().cluster(cluster).set_tasks(Some(some.to_vec()));
            Ok::<_, Failure>(call.send().await.during("DescribeTasks")?.tasks.unwrap_or_default())
        });
        Ok::<_, Failure>(try_join_all(described).await?.concat())
    });
    Ok(try_join_all(reads).await?.concat())
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
