//! The schedule as AWS reports it, in stackctl's types.

use aws_sdk_scheduler::{
    operation::get_schedule::GetScheduleOutput,
    types::{
        AssignPublicIp, AwsVpcConfiguration, EcsParameters, FlexibleTimeWindow, RetryPolicy, ScheduleState, Target,
    },
};
use serde::{Deserialize, Serialize};

use super::desired::{Desired, overrides, task_group};
use crate::{
    aws,
    kinds::scheduler::{ATTEMPTS, OLDEST},
    model::{Failure, Input},
};

/// The schedule as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its name, which is the name of the job.
    pub name: String,
    /// Its group.
    pub group: String,
    /// The schedule expression.
    pub schedule: String,
    /// The time zone of the expression.
    pub timezone: String,
    /// Whether the schedule is enabled.
    pub enabled: bool,
    /// The flexible time window in minutes.
    pub window: i32,
    /// The retry policy for rejected starts: the number of attempts and the time in seconds.
    pub retries: (i32, i32),
    /// The overrides of the task definition, as JSON.
    pub overrides: String,
    /// The ARN of the task definition.
    pub task_definition: String,
    /// The ARN of the cluster.
    pub cluster: String,
    /// The role that EventBridge uses to start the task.
    pub role: String,
    /// The ECS group of its tasks.
    pub task_group: String,
    /// The subnets of the task.
    pub subnets: Vec<String>,
    /// The task's security groups.
    pub security_groups: Vec<String>,
    /// Whether the task gets a public address.
    pub public_ip: bool,
    /// Whether it was a one-time schedule that is in the past.
    pub over: bool,
}

impl Live {
    /// Whether it runs a revision of `family`.
    pub fn runs(&self, family: &str) -> bool {
        let revision = aws::last_part(&self.task_definition);
        revision.rsplit_once(':').is_some_and(|(own, _)| own == family)
    }
}

impl Live {
    /// Returns the container and its command. The command is empty if the container runs the command of the image.
    /// `None` if stackctl did not write the overrides.
    pub fn command(&self) -> Option<(String, Vec<String>)> {
        let overrides: Overrides = serde_json::from_str(&self.overrides).ok()?;
        let [ContainerOverride { name, command }] = <[_; 1]>::try_from(overrides.container_overrides).ok()?;
        Some((name, command))
    }
}

impl Desired {
    /// Returns `live` with another revision. `None` if its command is not that of a job.
    pub fn as_it_runs(live: &Live, task_definition: Input) -> Option<Self> {
        let input = |text: &String| Input::from(text.as_str());
        let (name, command) = live.command()?;
        Some(Self {
            schedule: live.schedule.clone(),
            timezone: live.timezone.clone(),
            container: name,
            command,
            task_definition,
            cluster: input(&live.cluster),
            role: input(&live.role),
            group: input(&live.group),
            subnets: live.subnets.iter().map(input).collect(),
            security_group: live.security_groups.first().map(input)?,
            other_groups: live.security_groups.iter().skip(1).map(|group| group.as_str().into()).collect(),
            public_ip: live.public_ip,
        })
    }
}

/// The overrides of a job's task definition.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Overrides {
    container_overrides: Vec<ContainerOverride>,
}

#[derive(Deserialize)]
struct ContainerOverride {
    name: String,
    #[serde(default)]
    command: Vec<String>,
}

/// Returns the schedule as AWS reports it after a write, whose response contains only an ARN.
pub(super) fn as_desired(name: &str, desired: &Desired) -> Result<Live, Failure> {
    Ok(Live {
        name: name.to_owned(),
        group: desired.group.get()?.to_owned(),
        schedule: desired.schedule.clone(),
        timezone: desired.timezone.clone(),
        enabled: true,
        window: 0,
        retries: (ATTEMPTS, OLDEST),
        overrides: overrides(desired).to_string(),
        task_definition: desired.task_definition.get()?.to_owned(),
        cluster: desired.cluster.get()?.to_owned(),
        role: desired.role.get()?.to_owned(),
        task_group: task_group(name),
        subnets: Input::all(&desired.subnets)?,
        security_groups: Input::all(&desired.security_groups())?,
        public_ip: desired.public_ip,
        over: false,
    })
}

pub(super) fn live(schedule: &GetScheduleOutput, now: jiff::Timestamp) -> Live {
    let owned = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let target = schedule.target();
    let retries = target.and_then(Target::retry_policy);
    let task = target.and_then(Target::ecs_parameters);
    let vpc = task.and_then(|task| task.network_configuration()?.awsvpc_configuration());
    let (expression, timezone) =
        (owned(schedule.schedule_expression()), owned(schedule.schedule_expression_timezone()));
    Live {
        name: owned(schedule.name()),
        group: owned(schedule.group_name()),
        enabled: schedule.state() == Some(&ScheduleState::Enabled),
        window: schedule
            .flexible_time_window()
            .and_then(FlexibleTimeWindow::maximum_window_in_minutes)
            .unwrap_or_default(),
        retries: (
            retries.and_then(RetryPolicy::maximum_retry_attempts).unwrap_or_default(),
            retries.and_then(RetryPolicy::maximum_event_age_in_seconds).unwrap_or_default(),
        ),
        overrides: owned(target.and_then(Target::input)),
        task_definition: owned(task.map(EcsParameters::task_definition_arn)),
        cluster: owned(target.map(Target::arn)),
        role: owned(target.map(Target::role_arn)),
        task_group: owned(task.and_then(EcsParameters::group)),
        subnets: vpc.map(|vpc| vpc.subnets().to_vec()).unwrap_or_default(),
        security_groups: vpc.map(|vpc| vpc.security_groups().to_vec()).unwrap_or_default(),
        public_ip: vpc.and_then(AwsVpcConfiguration::assign_public_ip) == Some(&AssignPublicIp::Enabled),
        over: has_passed(&expression, &timezone, now),
        schedule: expression,
        timezone,
    }
}

/// Whether the time of an `at(…)` expression has passed in `timezone`. If this computer does not know the zone, the
/// time must have passed everywhere: no zone is more than 12 hours behind UTC.
pub(super) fn has_passed(expression: &str, timezone: &str, now: jiff::Timestamp) -> bool {
    let time = expression.strip_prefix("at(").and_then(|rest| rest.strip_suffix(')'));
    let Some(time) = time.and_then(|time| time.parse::<jiff::civil::DateTime>().ok()) else { return false };
    let zone = jiff::tz::TimeZone::get(timezone);
    let zone = zone.unwrap_or_else(|_| jiff::tz::TimeZone::fixed(jiff::tz::offset(-12)));
    zone.to_timestamp(time).is_ok_and(|time| time < now)
}
