//! `stackctl jobs`: lists the jobs with their last and next runs, or runs one now.

use clap::{Args, Subcommand};
use jiff::Timestamp;

use crate::{
    cli::{commands::run, error::Stop, global::Global, project::Project},
    exit, jobs,
    kinds::scheduler::schedule,
    model::{Failure, LiveResource, Subject},
    output::{JobLine, JobsView, Output},
    task::Task,
};

/// Arguments of `stackctl jobs`.
#[derive(Debug, Args)]
#[command(
    after_help = "ECS shows a run for about an hour after it ends. `stackctl logs` shows the output of older runs.\n\n\
    Examples:\n  \
    stackctl jobs              list the jobs with their last and next runs\n  \
    stackctl jobs run report   run a job now; exit with its exit code"
)]
pub(in crate::cli) struct Jobs {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a job now, show its output, and exit with its exit code.
    #[command(after_help = "Example: stackctl jobs run report")]
    Run {
        /// Job to run: one of `jobs:` in stack.yaml.
        job: String,
    },
}

impl Jobs {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        let found = project.observe_kind("schedule").await?;
        let mut known = found.iter().map(LiveResource::decoded).collect::<Result<Vec<schedule::Live>, Failure>>()?;
        known.sort_by(|one, other| one.name.cmp(&other.name));
        match &self.command {
            None => list(&project, &known, output).await,
            Some(Command::Run { job }) => {
                let live = named(&project, &known, job)?;
                let task = Task::start_job(&project.cx, live).await?;
                run::until_its_end(&project, &task, "jobs run", output).await
            }
        }
    }
}

async fn list(project: &Project, known: &[schedule::Live], output: &Output) -> Result<u8, Stop> {
    let mut runs = jobs::runs(&project.cx, known).await?;
    let now = Timestamp::now();
    let lines = known.iter().map(|job| {
        let runs = runs.remove(&job.name).unwrap_or_default();
        JobLine {
            name: job.name.clone(),
            schedule: job.schedule.clone(),
            timezone: job.timezone.clone(),
            next: jobs::next(job, &runs, now),
            runs,
        }
    });
    let id = &project.cx.id;
    output.jobs(&JobsView { stack: id.stack.clone(), environment: id.environment.clone(), jobs: lines.collect() });
    Ok(exit::DONE)
}

fn named<'a>(project: &Project, jobs: &'a [schedule::Live], name: &str) -> Result<&'a schedule::Live, Stop> {
    let known: Vec<&str> = project.stack.jobs.keys().map(String::as_str).collect();
    if !known.contains(&name) {
        let hint =
            if known.is_empty() { "there are no jobs".to_owned() } else { format!("jobs: {}", known.join(", ")) };
        return Err(Stop::usage(format!("stack.yaml has no job `{name}`"), hint));
    }
    let found = jobs.iter().find(|job| job.name == name);
    found.ok_or_else(|| {
        let message = format!("{} has no job {name}", project.cx.id);
        Failure::about(Subject::command("jobs run"), message).hint("create it first: stackctl up").into()
    })
}
