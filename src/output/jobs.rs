//! Formats the jobs of a stack and their runs.

use jiff::Timestamp;
use serde::Serialize;

use super::{human::table, style::Style};
use crate::jobs::Run;

/// The output of `jobs`. Its JSON keys are stable.
#[derive(Clone, Debug, Serialize)]
pub struct JobsView {
    /// The stack.
    pub stack: String,
    /// The environment.
    pub environment: String,
    /// The jobs, by name.
    pub jobs: Vec<JobLine>,
}

/// A job.
#[derive(Clone, Debug, Serialize)]
pub struct JobLine {
    /// Its name.
    pub name: String,
    /// The schedule.
    pub schedule: String,
    /// The time zone of the schedule.
    pub timezone: String,
    /// The next run, or `None` if there is none or it is unknown.
    pub next: Option<Timestamp>,
    /// The runs that ECS still lists, newest first.
    pub runs: Vec<Run>,
}

pub(super) fn render(view: &JobsView, style: Style) -> String {
    if view.jobs.is_empty() {
        return format!("{}/{} has no jobs.", view.stack, view.environment);
    }
    let rows = view.jobs.iter().map(|job| {
        let last = job.runs.first();
        vec![
            job.name.clone(),
            format!("{} {}", job.schedule, job.timezone),
            shown(job.next),
            shown(last.and_then(|run| run.started.or(run.created))),
            last.map_or_else(|| "-".to_owned(), |run| result(run, style)),
        ]
    });
    table(&["JOB", "SCHEDULE", "NEXT RUN", "LAST RUN", "RESULT"], rows)
}

fn shown(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}

fn result(run: &Run, style: Style) -> String {
    let took =
        run.started.zip(run.ended).map(|(from, to)| format!(" in {} s", (to.as_second() - from.as_second()).max(0)));
    let took = took.unwrap_or_default();
    let ended = ended(run, &took, style);
    if run.retry == 0 { ended } else { format!("{ended} (retry {})", run.retry) }
}

fn ended(run: &Run, took: &str, style: Style) -> String {
    match (run.ended, run.exit_code) {
        (None, _) => style.changed("in progress"),
        (Some(_), Some(0)) => style.good(format!("succeeded{took}")),
        (Some(_), Some(code)) => style.bad(format!("failed{took}: exit code {code}")),
        (Some(_), None) => style.bad("did not start"),
    }
}
