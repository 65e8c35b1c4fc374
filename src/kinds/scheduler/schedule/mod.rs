//! A job: a task of a service's task definition that EventBridge Scheduler starts on time, with a command of its own.
//!
//! A schedule names an exact revision, the one that serves: one that named the family alone would start a new image before
//! its release command has run, and one that was rolled back.
//!
//! <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html>

mod live;
#[cfg(test)]
mod tests;

use aws_sdk_scheduler::types::{
    AssignPublicIp, AwsVpcConfiguration, EcsParameters, FlexibleTimeWindow, FlexibleTimeWindowMode, LaunchType,
    NetworkConfiguration, RetryPolicy, ScheduleState, ScheduleSummary, Target,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use live::Live;
use live::{as_desired, live};

use crate::{
    aws::{self, Once, Outcome},
    kind::{Context, Cost, Doc, InRelease, Kind},
    kinds::{ecs::task, scheduler},
    model::{Address, Change, Diff, Failure, Found, How, Input, On, Permission, Phase, Shown},
};

/// How long EventBridge goes on trying to start a run that ECS refuses, in seconds: long enough for throttling and a lack
/// of room in a zone, and too short for a run to begin at an hour that nobody meant. The default is a day.
/// <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html>
const OLDEST: i32 = 900;

/// How often it tries within that time; the most that AWS takes, because the time is the bound.
const ATTEMPTS: i32 = 185;

/// A schedule.
pub struct Schedule;

/// What stack.yaml asks of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// When it runs.
    pub schedule: String,
    /// Where those hours are meant.
    pub timezone: String,
    /// The container in which the command runs.
    pub container: String,
    /// The command.
    pub command: Vec<String>,
    /// The task definition's ARN, with its revision.
    pub task_definition: Input,
    /// The cluster's ARN.
    pub cluster: Input,
    /// The role with which EventBridge starts the task.
    pub role: Input,
    /// The group's name.
    pub group: Input,
    /// Where it runs.
    pub subnets: Vec<Input>,
    /// Whom it may call follows from this.
    pub security_group: Input,
    /// Whether it gets a public address.
    pub public_ip: bool,
}

impl Kind for Schedule {
    type Desired = Desired;
    type Live = Live;

    const NAME: &'static str = "schedule";
    const DOC: Doc = Doc {
        summary: "Runs a job at its times.",
        page: "https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html",
    };
    const USES: &'static [&'static str] = &[
        "schedule_group",
        "role",
        "task_definition",
        "cluster",
        "subnet",
        "route_table",
        "security_group",
        // A run that starts meanwhile reads its secrets and writes its log.
        "secret",
        "log_group",
    ];
    // It follows the revision that its service runs.
    const IN_RELEASE: InRelease = InRelease::Tasks;
    const COST: Cost<Self> = Cost::Free("AWS charges for its runs, which are not counted");
    const NOT_YET: &'static [&'static str] = &[];
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["scheduler:GetSchedule", "scheduler:ListScheduleGroups", "scheduler:ListSchedules"]),
        task::LOOKING,
        // A schedule follows the revision that its service serves.
        Permission::release(
            &["scheduler:CreateSchedule", "scheduler:UpdateSchedule"],
            On::Named(&["scheduler:{region}:{account}:schedule/{name:64}*"]),
        ),
        Permission::release(&["iam:PassRole"], On::PassedTo("scheduler.amazonaws.com")),
        Permission::delete(
            &["scheduler:DeleteSchedule"],
            On::Named(&["scheduler:{region}:{account}:schedule/{name:64}*"]),
        ),
        // Its tasks that still run.
        Permission::delete(&["ecs:StopTask"], On::Named(task::TASKS)),
    ];

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let Some(group) = &*scheduler::group(cx).await? else { return Ok(Vec::new()) };
        let group = group.name().unwrap_or_default();
        let pages = cx.aws.scheduler.list_schedules().group_name(group).into_paginator().items().send();
        let schedules: Result<Vec<ScheduleSummary>, _> = pages.try_collect().await;
        let schedules = schedules.or_absent("ListSchedules", &["ResourceNotFoundException"])?.unwrap_or_default();
        // The list says nothing of how a target is run, and there is no bulk read.
        let reads = schedules.iter().filter_map(ScheduleSummary::name).map(|name| async move {
            let call = cx.aws.scheduler.get_schedule().group_name(group).name(name).send().await;
            call.or_absent("GetSchedule", &["ResourceNotFoundException"])
        });
        let now = jiff::Timestamp::now();
        let found = try_join_all(reads).await?.into_iter().flatten().map(|schedule| {
            let live = live(&schedule, now);
            Found { address: Address::new(Self::NAME, &live.name), id: live.name.clone(), live }
        });
        Ok(found.collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Vec<Change> {
        // One for a time that has passed runs never again, and AWS takes no such time any more.
        if live.over && (&live.schedule, &live.timezone) == (&desired.schedule, &desired.timezone) {
            return Vec::new();
        }
        let mut diff = Diff::new();
        diff.field("schedule", &live.schedule, &desired.schedule);
        diff.field("timezone", &live.timezone, &desired.timezone);
        diff.field("enabled", &live.enabled, &true);
        diff.field("window", &live.window, &0);
        diff.field("retries", &in_words(live.retries), &in_words((ATTEMPTS, OLDEST)));
        let overrides = overrides(desired);
        if serde_json::from_str::<Value>(&live.overrides).ok().as_ref() != Some(&overrides) {
            diff.push("command", shown_command(&live.overrides), shown_command(&overrides.to_string()), How::InPlace);
        }
        match desired.task_definition.known() {
            Some(wanted) if wanted == live.task_definition => {}
            Some(wanted) => {
                let (from, to) = (aws::last_part(&live.task_definition), aws::last_part(wanted));
                diff.push("task_definition", Shown::value(from), Shown::value(to), How::InPlace);
            }
            None => {
                let from = Shown::value(aws::last_part(&live.task_definition));
                diff.push("task_definition", from, Shown::KnownAfterApply, How::InPlace);
            }
        }
        diff.input("cluster", &live.cluster, &desired.cluster);
        diff.input("role", &live.role, &desired.role);
        diff.field("task_group", &live.task_group, &task_group(&live.name));
        diff.inputs("subnets", &live.subnets, &desired.subnets, How::InPlace);
        let group = std::slice::from_ref(&desired.security_group);
        diff.inputs("security_group", &live.security_groups, group, How::InPlace);
        diff.field("public_ip", &live.public_ip, &desired.public_ip);
        diff.finish()
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let name = address.name();
        let call = cx
            .aws
            .scheduler
            .create_schedule()
            .name(name)
            .group_name(desired.group.get()?)
            .description(format!("{address} of {}", cx.id))
            .schedule_expression(&desired.schedule)
            .schedule_expression_timezone(&desired.timezone)
            .state(ScheduleState::Enabled)
            .flexible_time_window(on_time()?)
            .target(target(name, desired)?)
            .client_token(scheduler::token(cx, address, &format!("{desired:?}")));
        call.customize().once().send().await.during("CreateSchedule")?;
        as_desired(name, desired)
    }

    async fn update(
        cx: &Context,
        address: &Address,
        desired: &Desired,
        live: &Live,
        _changes: &[Change],
    ) -> Result<Live, Failure> {
        // What is left out is set back to its default, so all is said again.
        // https://docs.aws.amazon.com/scheduler/latest/APIReference/API_UpdateSchedule.html
        let call = cx
            .aws
            .scheduler
            .update_schedule()
            .name(&live.name)
            .group_name(&live.group)
            .description(format!("{address} of {}", cx.id))
            .schedule_expression(&desired.schedule)
            .schedule_expression_timezone(&desired.timezone)
            .state(ScheduleState::Enabled)
            .flexible_time_window(on_time()?)
            .target(target(&live.name, desired)?)
            .client_token(scheduler::token(cx, address, &format!("{desired:?}")));
        call.customize().once().send().await.during("UpdateSchedule")?;
        as_desired(&live.name, desired)
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.scheduler.delete_schedule().name(&live.name).group_name(&live.group);
        let answer = call.customize().once().send().await;
        answer.or_absent("DeleteSchedule", &["ResourceNotFoundException"])?;
        // A run that is under way goes with its job: hours of it would hold the cluster and the network.
        task::stop_group(cx, &live.cluster, &live.task_group).await
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        if failure.is(&["ConflictException"]) {
            return Some("another change of it to end");
        }
        // EventBridge says so of a role that was just made, and has no code of its own for it.
        failure.is(&["ValidationException"]).then_some("EventBridge Scheduler to accept its role")
    }

    fn summary(live: &Live) -> Option<String> {
        let when = if live.over { format!("{}, which has passed", live.schedule) } else { live.schedule.clone() };
        Some(format!("{when} {}, runs {}", live.timezone, aws::last_part(&live.task_definition)))
    }
}

/// The group of a job's tasks in ECS, by which they are known from those of the service.
fn task_group(name: &str) -> String {
    format!("job:{name}")
}

fn in_words((attempts, seconds): (i32, i32)) -> String {
    format!("{attempts} within {seconds} s")
}

fn overrides(desired: &Desired) -> Value {
    json!({ "containerOverrides": [{ "name": desired.container, "command": desired.command }] })
}

/// The command in the overrides, or the overrides themselves where somebody has written others.
fn shown_command(overrides: &str) -> Shown {
    let parsed: Value = serde_json::from_str(overrides).unwrap_or_default();
    let command = parsed["containerOverrides"][0]["command"].as_array();
    let words = command.and_then(|words| words.iter().map(Value::as_str).collect::<Option<Vec<&str>>>());
    Shown::value(words.map_or_else(|| overrides.to_owned(), |words| words.join(" ")))
}

/// Not some time later.
fn on_time() -> Result<FlexibleTimeWindow, Failure> {
    let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build();
    window.map_err(|error| Failure::internal(error.to_string()))
}

fn target(name: &str, desired: &Desired) -> Result<Target, Failure> {
    let incomplete = |error: aws_smithy_types::error::operation::BuildError| Failure::internal(error.to_string());
    let public = if desired.public_ip { AssignPublicIp::Enabled } else { AssignPublicIp::Disabled };
    let vpc = AwsVpcConfiguration::builder()
        .set_subnets(Some(Input::all(&desired.subnets)?))
        .security_groups(desired.security_group.get()?)
        .assign_public_ip(public)
        .build()
        .map_err(incomplete)?;
    let task = EcsParameters::builder()
        .task_definition_arn(desired.task_definition.get()?)
        .task_count(1)
        .launch_type(LaunchType::Fargate)
        .network_configuration(NetworkConfiguration::builder().awsvpc_configuration(vpc).build())
        .group(task_group(name))
        .build()
        .map_err(incomplete)?;
    let retries = RetryPolicy::builder().maximum_retry_attempts(ATTEMPTS).maximum_event_age_in_seconds(OLDEST).build();
    Target::builder()
        .arn(desired.cluster.get()?)
        .role_arn(desired.role.get()?)
        .ecs_parameters(task)
        .input(overrides(desired).to_string())
        .retry_policy(retries)
        .build()
        .map_err(incomplete)
}
