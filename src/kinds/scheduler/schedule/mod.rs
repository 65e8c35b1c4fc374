//! A job: EventBridge Scheduler starts a task with the task definition of a service and another command.
//!
//! A schedule refers to an exact revision, the one that serves. If it referred only to the family, it would start a new
//! image before its release command has run, and a revision that was rolled back.
//!
//! <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html>

mod desired;
mod live;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

use aws_sdk_ecs::types::Task;
use aws_sdk_scheduler::types::{
    AssignPublicIp, AwsVpcConfiguration, EcsParameters, FlexibleTimeWindow, FlexibleTimeWindowMode, LaunchType,
    NetworkConfiguration, RetryPolicy, ScheduleState, ScheduleSummary, Target,
    builders::{AwsVpcConfigurationBuilder, EcsParametersBuilder, TargetBuilder},
};
use futures::future::try_join_all;
use serde_json::Value;

pub use desired::{Desired, attempt_of, by_hand_group, retry_group, task_group};
pub use live::Live;

use desired::overrides;
use live::{as_desired, live};

use crate::{
    aws::{self, About, Once, Outcome},
    kind::{Context, Cost, Doc, InRelease, Kind},
    kinds::{
        ecs::task,
        scheduler::{self, ATTEMPTS, OLDEST, in_words},
    },
    model::{Address, Changed, Changes, Diff, Failure, Found, Input, NoField, On, Permission, Phase, Shown, fields},
};

/// A schedule.
pub struct Schedule;

fields! {
    /// The fields that change in place.
    pub enum Field {
        Schedule = "schedule",
        Timezone = "timezone",
        Enabled = "enabled",
        Window = "window",
        Retries = "retries",
        Command = "command",
        TaskDefinition = "task_definition",
        Cluster = "cluster",
        Role = "role",
        TaskGroup = "task_group",
        Subnets = "subnets",
        SecurityGroup = "security_group",
        PublicIp = "public_ip",
    }
}

/// Sets all fields in the call that creates or updates a schedule.
macro_rules! with_fields {
    ($call:expr, $cx:expr, $address:expr, $name:expr, $desired:expr) => {{
        let (mut call, mut target) = ($call, Target::builder());
        let (mut task, mut network) = (EcsParameters::builder(), AwsVpcConfiguration::builder());
        for field in Field::ALL {
            match field {
                Field::Schedule => call = call.schedule_expression(&$desired.schedule),
                Field::Timezone => call = call.schedule_expression_timezone(&$desired.timezone),
                Field::Enabled => call = call.state(ScheduleState::Enabled),
                Field::Window => call = call.flexible_time_window(on_time()?),
                Field::Retries => target = target.retry_policy(retries()),
                Field::Command => target = target.input(overrides($desired).to_string()),
                Field::TaskDefinition => task = task.task_definition_arn($desired.task_definition.get()?),
                Field::Cluster => target = target.arn($desired.cluster.get()?),
                Field::Role => target = target.role_arn($desired.role.get()?),
                Field::TaskGroup => task = task.group(task_group($name)),
                Field::Subnets => network = network.set_subnets(Some(Input::all(&$desired.subnets)?)),
                Field::SecurityGroup => {
                    network = network.set_security_groups(Some(Input::all(&$desired.security_groups())?));
                }
                Field::PublicIp => network = network.assign_public_ip(public($desired.public_ip)),
            }
        }
        call.description(format!("{} of {}", $address, $cx.id))
            .target(assembled(target, task, network)?)
            .client_token(scheduler::token($cx, $address, &format!("{:?}", $desired)))
    }};
}

impl Kind for Schedule {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = NoField;

    const NAME: &'static str = "schedule";
    const HEADLINE: &'static [&'static str] = &["schedule", "timezone"];
    const DOC: Doc = Doc {
        summary: "Runs a job at its scheduled times.",
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
        // A run that starts during a deletion reads its secrets and writes its log.
        "secret",
        "log_group",
    ];
    // The schedule uses the revision that its service runs.
    const IN_RELEASE: InRelease = InRelease::Tasks;
    const RARE: bool = true;
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges for its runs, which are not included");
    const NOT_YET: &'static [&'static str] = &[];
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["scheduler:GetSchedule", "scheduler:ListScheduleGroups", "scheduler:ListSchedules"]),
        task::LOOKING,
        // A schedule uses the revision that its service runs.
        Permission::release(&["scheduler:CreateSchedule", "scheduler:UpdateSchedule"], On::Named(&[scheduler::ARNS])),
        Permission::release(&["iam:PassRole"], On::PassedTo("scheduler.amazonaws.com")),
        Permission::delete(&["scheduler:DeleteSchedule"], On::Named(&[scheduler::ARNS])),
        // Stops its running tasks.
        Permission::delete(&["ecs:StopTask"], On::Named(task::ARNS)),
    ];
    const GONE_AT_ONCE: bool = true;

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let Some(group) = &*scheduler::group(cx).await? else { return Ok(Vec::new()) };
        let group = group.name().unwrap_or_default();
        let pages = cx.aws.scheduler.list_schedules().group_name(group).into_paginator().items().send();
        let schedules: Result<Vec<ScheduleSummary>, _> = pages.try_collect().await;
        let schedules = schedules.or_absent("ListSchedules", &["ResourceNotFoundException"])?.unwrap_or_default();
        // The list does not contain the targets, and there is no bulk read.
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

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, NoField> {
        // A one-time schedule in the past never runs again, and AWS rejects a time in the past.
        if live.over && (&live.schedule, &live.timezone) == (&desired.schedule, &desired.timezone) {
            return Diff::new().finish();
        }
        let mut diff = Diff::new();
        diff.field(Field::Schedule, &live.schedule, &desired.schedule);
        diff.field(Field::Timezone, &live.timezone, &desired.timezone);
        diff.field(Field::Enabled, &live.enabled, &true);
        diff.field(Field::Window, &live.window, &0);
        diff.field(Field::Retries, &in_words(live.retries), &in_words((ATTEMPTS, OLDEST)));
        let overrides = overrides(desired);
        if serde_json::from_str::<Value>(&live.overrides).ok().as_ref() != Some(&overrides) {
            diff.push(Field::Command, shown_command(&live.overrides), shown_command(&overrides.to_string()));
        }
        match desired.task_definition.known() {
            Some(wanted) if wanted == live.task_definition => {}
            Some(wanted) => {
                let (from, to) = (aws::last_part(&live.task_definition), aws::last_part(wanted));
                diff.push(Field::TaskDefinition, Shown::value(from), Shown::value(to));
            }
            None => {
                let from = Shown::value(aws::last_part(&live.task_definition));
                diff.push(Field::TaskDefinition, from, Shown::KnownAfterApply);
            }
        }
        diff.input(Field::Cluster, &live.cluster, &desired.cluster);
        diff.input(Field::Role, &live.role, &desired.role);
        diff.field(Field::TaskGroup, &live.task_group, &task_group(&live.name));
        diff.inputs(Field::Subnets, &live.subnets, &desired.subnets);
        diff.inputs(Field::SecurityGroup, &live.security_groups, &desired.security_groups());
        diff.field(Field::PublicIp, &live.public_ip, &desired.public_ip);
        diff.finish()
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let name = address.name();
        let call = cx.aws.scheduler.create_schedule().name(name).group_name(desired.group.get()?);
        let call = with_fields!(call, cx, address, name, desired);
        call.customize().once().send().await.during("CreateSchedule")?;
        as_desired(name, desired)
    }

    async fn update(
        cx: &Context,
        address: &Address,
        desired: &Desired,
        live: &Live,
        _changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        // AWS resets omitted fields to their defaults, so the call sends all fields.
        // https://docs.aws.amazon.com/scheduler/latest/APIReference/API_UpdateSchedule.html
        let call = cx.aws.scheduler.update_schedule().name(&live.name).group_name(&live.group);
        let call = with_fields!(call, cx, address, &live.name, desired);
        call.customize().once().send().await.during("UpdateSchedule")?;
        as_desired(&live.name, desired)
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        // A running task is stopped with its job, because it could block the cluster and the network for hours. It is
        // stopped first: without the schedule, a later run of stackctl would not find it.
        let of_job = |task: &Task| {
            let group = task.group().unwrap_or_default();
            group == live.task_group || attempt_of(&live.name, group).is_some()
        };
        task::stop_all(cx, &live.cluster, of_job, "its job was removed").await?;
        let call = cx.aws.scheduler.delete_schedule().name(&live.name).group_name(&live.group);
        let answer = call.customize().once().send().await;
        answer.or_absent("DeleteSchedule", &["ResourceNotFoundException"])?;
        // Tasks may have started in the meantime.
        task::stop_all(cx, &live.cluster, of_job, "its job was removed").await
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        if failure.is(&["ConflictException"]) {
            return Some("another change of it to finish");
        }
        // EventBridge rejects a new role in this way and has no specific code for it.
        let role = failure.is(&["ValidationException"]) && aws::about(failure) == About::Role;
        role.then_some("EventBridge Scheduler to accept its role")
    }

    fn summary(live: &Live) -> Option<String> {
        let when = if live.over { format!("{} (in the past)", live.schedule) } else { live.schedule.clone() };
        Some(format!("{when} {}, runs {}", live.timezone, aws::last_part(&live.task_definition)))
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        sample::sample()
    }
}

/// Returns the command in the overrides, or the overrides themselves if stackctl did not write them.
fn shown_command(overrides: &str) -> Shown {
    let parsed: Value = serde_json::from_str(overrides).unwrap_or_default();
    let command = parsed["containerOverrides"][0]["command"].as_array();
    let words = command.and_then(|words| words.iter().map(Value::as_str).collect::<Option<Vec<&str>>>());
    Shown::value(words.map_or_else(|| overrides.to_owned(), |words| words.join(" ")))
}

/// Returns a time window without flexibility.
fn on_time() -> Result<FlexibleTimeWindow, Failure> {
    let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build();
    window.map_err(|error| Failure::internal(error.to_string()))
}

fn retries() -> RetryPolicy {
    RetryPolicy::builder().maximum_retry_attempts(ATTEMPTS).maximum_event_age_in_seconds(OLDEST).build()
}

fn public(public_ip: bool) -> AssignPublicIp {
    if public_ip { AssignPublicIp::Enabled } else { AssignPublicIp::Disabled }
}

/// Returns the target: the task that a schedule starts, and its network.
fn assembled(
    target: TargetBuilder,
    task: EcsParametersBuilder,
    network: AwsVpcConfigurationBuilder,
) -> Result<Target, Failure> {
    let network =
        NetworkConfiguration::builder().awsvpc_configuration(network.build().map_err(aws::incomplete)?).build();
    let task = task.task_count(1).launch_type(LaunchType::Fargate).network_configuration(network).build();
    target.ecs_parameters(task.map_err(aws::incomplete)?).build().map_err(aws::incomplete)
}
