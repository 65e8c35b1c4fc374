//! The release command: a one-off task on the new image, run to its exit code before any new task serves.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/standalone-task-create.html>

use std::time::Duration;

use aws_sdk_ecs::types::{ContainerOverride, DesiredStatus, LaunchType, Task, TaskField, TaskOverride};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::ecs::{self, once};
use crate::{
    aws::{self, Outcome, given},
    kind::{Context, Kind},
    model::{Address, Change, Failure, Found, Input, Outputs, Phase},
};

/// Who started such a task, as ECS records it.
const STARTED_BY: &str = "stackctl-release";

/// How many tasks one `DescribeTasks` call takes.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html>
const DESCRIBED_AT_ONCE: usize = 100;

/// A release task.
pub struct Release;

/// What stack.yaml asks of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The cluster's ARN.
    pub cluster: Input,
    /// The new task definition's ARN.
    pub task_definition: Input,
    /// The container in which the command runs.
    pub container: String,
    /// The command.
    pub command: Vec<String>,
    /// Where it runs.
    pub subnets: Vec<Input>,
    /// Whom it may call follows from this.
    pub security_group: Input,
    /// Whether it gets a public address.
    pub public_ip: bool,
}

/// What AWS has: a task that runs or has run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// The task's ARN.
    pub task: String,
    /// The cluster's ARN.
    pub cluster: String,
    /// The service that it releases.
    pub service: String,
    /// AWS's word, such as `RUNNING`.
    pub status: String,
    /// The exit code, once there is one.
    pub exit_code: Option<i32>,
    /// Why it ended, in words.
    pub end: String,
    /// When it was created, in milliseconds since 1970; of two the newer one counts.
    pub created: i64,
}

impl Kind for Release {
    type Desired = Desired;
    type Live = Live;

    const NAME: &'static str = "release";
    const USES: &'static [&'static str] = &[];
    const LASTING: bool = false;
    const USUAL: Duration = Duration::from_secs(45);
    const DEADLINE: Duration = Duration::from_secs(3600);

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let cluster = ecs::cluster_name(&cx.id);
        let reads = [DesiredStatus::Running, DesiredStatus::Stopped].map(|status| {
            let call = cx.aws.ecs.list_tasks().cluster(&cluster).started_by(STARTED_BY).desired_status(status);
            async move {
                let pages = call.into_paginator().items().send();
                pages.try_collect().await.during("ListTasks")
            }
        });
        let arns: Vec<Vec<String>> = try_join_all(reads).await?;
        let arns: Vec<String> = arns.into_iter().flatten().collect();
        let mut newest: Vec<Found<Live>> = Vec::new();
        for some in arns.chunks(DESCRIBED_AT_ONCE) {
            let call = cx.aws.ecs.describe_tasks().cluster(&cluster).include(TaskField::Tags);
            let answer = call.set_tasks(Some(some.to_vec())).send().await.during("DescribeTasks")?;
            for task in answer.tasks() {
                let Some(address) = ecs::address_of(&cx.id, task.tags()) else { continue };
                let live = live(&address, task);
                let found = Found { address, id: live.task.clone(), live };
                match newest.iter_mut().find(|other| other.address == found.address) {
                    Some(other) if other.live.created < found.live.created => *other = found,
                    Some(_) => {}
                    None => newest.push(found),
                }
            }
        }
        Ok(newest)
    }

    fn diff(_desired: &Desired, _live: &Live) -> Vec<Change> {
        Vec::new()
    }

    fn phase(live: &Live, desired: Option<&Desired>) -> Phase {
        if live.status != "STOPPED" {
            return Phase::Pending(live.status.to_lowercase());
        }
        if live.exit_code == Some(0) {
            return Phase::Ready;
        }
        let command = desired.map(|desired| desired.command.join(" ")).unwrap_or_default();
        Phase::Failed(format!("the release command `{command}` failed and nothing was rolled out: {}", live.end))
    }

    fn outputs(_live: &Live) -> Outputs {
        Outputs::new()
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let container =
            ContainerOverride::builder().name(&desired.container).set_command(Some(desired.command.clone())).build();
        let definition = desired.task_definition.get()?;
        // A repeated call is the same task; another run of stackctl is another one.
        let token = aws::discriminated(&cx.id, address, &format!("{definition} {}", cx.run), 64);
        let call = cx
            .aws
            .ecs
            .run_task()
            .cluster(desired.cluster.get()?)
            .task_definition(definition)
            .launch_type(LaunchType::Fargate)
            .count(1)
            .started_by(STARTED_BY)
            .client_token(token)
            .network_configuration(ecs::network(&desired.subnets, &desired.security_group, desired.public_ip)?)
            .overrides(TaskOverride::builder().container_overrides(container).build())
            .set_tags(Some(ecs::tagged(&cx.id, address)));
        let answer = call.customize().config_override(once()).send().await.during("RunTask")?;
        if let Some(failure) = answer.failures().first() {
            let reason = failure.reason().unwrap_or_default();
            let detail = failure.detail().unwrap_or_default();
            return Err(Failure::refused("RunTask", format!("{reason} {detail}").trim().to_owned()));
        }
        Ok(live(address, &given(answer.tasks.and_then(|tasks| tasks.into_iter().next()), "RunTask", "tasks")?))
    }

    async fn update(
        _cx: &Context,
        _address: &Address,
        _desired: &Desired,
        live: &Live,
        _changes: &[Change],
    ) -> Result<Live, Failure> {
        Ok(live.clone())
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.ecs.stop_task().cluster(&live.cluster).task(&live.task);
        let answer = call.customize().config_override(once()).send().await;
        answer.or_absent("StopTask", &["InvalidParameterException"]).map(drop)
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        // ECS says so of a role that was just made, and has no code of its own for it.
        failure.is(&["ClientException", "InvalidParameterException"]).then_some("ECS to accept the new roles")
    }

    async fn explain(cx: &Context, live: &Live) -> Vec<String> {
        let call = cx.aws.ecs.describe_tasks().cluster(&live.cluster).tasks(&live.task).send().await;
        let Ok(answer) = call.during("DescribeTasks") else { return Vec::new() };
        let Some(task) = answer.tasks().first() else { return Vec::new() };
        ecs::last_lines(cx, &live.service, task).await
    }
}

fn live(address: &Address, task: &Task) -> Live {
    Live {
        task: task.task_arn().unwrap_or_default().to_owned(),
        cluster: task.cluster_arn().unwrap_or_default().to_owned(),
        service: address.name().to_owned(),
        status: task.last_status().unwrap_or("PROVISIONING").to_owned(),
        exit_code: ecs::exit_code(task),
        end: ecs::end_of(task),
        created: task.created_at().and_then(|at| at.to_millis().ok()).unwrap_or_default(),
    }
}
