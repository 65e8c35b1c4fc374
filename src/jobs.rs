//! The past and future runs of jobs. ECS lists the runs in progress and those that ended within about the last hour.

use std::collections::BTreeMap;

use aws_sdk_ecs::{primitives::DateTime, types::Task};
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    aws,
    kind::Context,
    kinds::{
        ecs::{task, task_end},
        scheduler::schedule::{self, Live},
    },
    model::Failure,
    times::Expression,
};

/// A run of a job.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Run {
    /// The id of the task.
    pub task: String,
    /// 0 for a scheduled or manual run, 1 for the first retry.
    pub retry: u32,
    /// When the run was requested.
    pub created: Option<Timestamp>,
    /// When its program started.
    pub started: Option<Timestamp>,
    /// When the task had stopped.
    pub ended: Option<Timestamp>,
    /// The exit code, or `None` if the run is in progress or its program never started.
    pub exit_code: Option<i32>,
    /// Why it ended, as text. Empty if the run is in progress.
    pub reason: String,
}

/// Returns the runs of `jobs` by name, newest first.
///
/// # Errors
/// If ECS cannot be read.
pub async fn runs(cx: &Context, jobs: &[Live]) -> Result<BTreeMap<String, Vec<Run>>, Failure> {
    let Some(first) = jobs.first() else { return Ok(BTreeMap::new()) };
    let tasks = task::known(cx, &first.cluster, |call| call).await?;
    let of_job = |job: &Live| {
        let container = job.command().map(|(container, _)| container).unwrap_or_default();
        let own = tasks.iter().filter_map(|task| Some((task, attempt(job, task)?)));
        let mut runs: Vec<Run> = own.map(|(task, retry)| run(task, &container, retry)).collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.created));
        (job.name.clone(), runs)
    };
    Ok(jobs.iter().map(of_job).collect())
}

/// Returns the number of the retry that `task` is, or `None` if it is not a run of the job.
fn attempt(job: &Live, task: &Task) -> Option<u32> {
    let group = task.group()?;
    if group == job.task_group { Some(0) } else { schedule::attempt_of(&job.name, group) }
}

fn run(task: &Task, container: &str, retry: u32) -> Run {
    let has_ended = task.last_status() == Some("STOPPED");
    Run {
        task: aws::last_part(task.task_arn().unwrap_or_default()).to_owned(),
        retry,
        created: time(task.created_at()),
        started: time(task.started_at()),
        ended: time(task.stopped_at()),
        exit_code: task_end::exit_code(task, container).filter(|_| has_ended),
        reason: if has_ended { task_end::end_of(task, container).to_string() } else { String::new() },
    }
}

fn time(time: Option<&DateTime>) -> Option<Timestamp> {
    time.and_then(|time| Timestamp::from_millisecond(time.to_millis().ok()?).ok())
}

/// Returns the next run of `job` after `now`, if it can be determined. A rate counts from the last run that was not a
/// retry, so without that run in `runs`, the next one is unknown.
pub fn next(job: &Live, runs: &[Run], now: Timestamp) -> Option<Timestamp> {
    if !job.enabled {
        return None;
    }
    let (expression, zone) = (Expression::parse(&job.schedule)?, TimeZone::get(&job.timezone).ok()?);
    let from =
        if let Expression::Rate(_) = expression { runs.iter().find(|run| run.retry == 0)?.created? } else { now };
    expression.next(from, &zone).filter(|next| *next > now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(schedule: &str) -> Live {
        Live {
            name: "report".into(),
            group: "demo-default-main".into(),
            schedule: schedule.into(),
            timezone: "Europe/Oslo".into(),
            enabled: true,
            window: 0,
            retries: (185, 900),
            overrides: String::new(),
            task_definition: "report:1".into(),
            cluster: "main".into(),
            role: "role".into(),
            task_group: "job:report".into(),
            subnets: Vec::new(),
            security_groups: Vec::new(),
            public_ip: false,
            over: false,
        }
    }

    #[test]
    fn a_rate_counts_from_the_last_run_and_a_cron_from_now() {
        let now: Timestamp = "2026-01-31T12:00:00Z".parse().expect("a time");
        let at = |time: &str| Some(time.parse::<Timestamp>().expect("a time"));
        let run = |created: &str| Run {
            task: "1".into(),
            retry: 0,
            created: at(created),
            started: None,
            ended: None,
            exit_code: None,
            reason: String::new(),
        };
        let daily = job("cron(0 3 * * ? *)");
        assert_eq!(next(&daily, &[], now), at("2026-02-01T02:00:00Z"));
        assert_eq!(next(&Live { enabled: false, ..daily }, &[], now), None);
        let hourly = job("rate(1 hour)");
        assert_eq!(next(&hourly, &[], now), None);
        assert_eq!(next(&hourly, &[run("2026-01-31T11:30:00Z")], now), at("2026-01-31T12:30:00Z"));
        let retry = Run { retry: 1, ..run("2026-01-31T11:40:00Z") };
        assert_eq!(next(&hourly, &[retry, run("2026-01-31T11:30:00Z")], now), at("2026-01-31T12:30:00Z"));
        assert_eq!(next(&job("at(2026-01-31T03:00:00)"), &[], now), None);
    }
}
