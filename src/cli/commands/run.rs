//! `stackctl run`: runs a command in a new task with a service's image, environment and secrets.

use clap::Args;

use crate::{
    cli::{
        error::Stop,
        global::Global,
        project::Project,
        signals::{Asked, Signals},
    },
    exit,
    model::{Failure, Subject},
    output::Output,
    task::{End, Event, Task},
};

/// Arguments of `stackctl run`.
#[derive(Debug, Args)]
#[command(after_help = "stackctl shows the output of the command and exits with its exit code.\n\n\
    Example: stackctl run web -- migrate")]
pub(in crate::cli) struct Run {
    /// Service whose image, environment and secrets the task uses.
    service: String,
    /// Command that replaces the container's usual command: arguments for the image's entry point.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Run {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        // The task uses the current task definition and network of the service.
        let services = project.services("run", Some(&self.service)).await?;
        let (_, live) = services.first().ok_or_else(|| Failure::internal("a service that is named is found"))?;
        let task = Task::start(&project.cx, &self.service, live, &self.command).await?;
        until_its_end(&project, &task, "run", output).await
    }
}

/// Shows the output of `task` until it ends, and returns its exit code. `command` is the command that started it.
pub(super) async fn until_its_end(
    project: &Project,
    task: &Task,
    command: &'static str,
    output: &Output,
) -> Result<u8, Stop> {
    if output.is_json() {
        output.document(&serde_json::json!({ "event": "task", "id": task.id() }));
    }
    let end = follow(project, task, output).await?;
    if output.is_json() {
        let End { exit_code, reason, explanation } = &end;
        output.document(&serde_json::json!({
            "event": "ended", "exit_code": exit_code, "reason": reason, "explanation": explanation,
        }));
    }
    let Some(code) = end.exit_code else {
        let message = format!("task {} did not start: {}", task.id(), end.reason);
        let failure = Failure::about(Subject::command(command), message);
        return Err(Failure { explanation: Box::new(end.explanation), ..failure }.into());
    };
    if code != 0 {
        output.status(&format!("task {}: {}", task.id(), end.reason));
        end.explanation.lines().iter().for_each(|line| output.status(line));
    }
    Ok(u8::try_from(code).unwrap_or(exit::FAILED))
}

/// Follows the task until it ends. A signal stops the task; a second Ctrl-C returns without waiting.
async fn follow(project: &Project, task: &Task, output: &Output) -> Result<End, Stop> {
    let say = |event: Event| match event {
        Event::State(state) => output.status(&format!("task {} is {}", task.id(), state.to_lowercase())),
        Event::Line(line) if output.is_json() => {
            output.document(&serde_json::json!({ "event": "log", "message": line }));
        }
        Event::Line(line) => output.task_line(&line),
    };
    let mut signals = Signals::listen()?;
    let following = task.follow(&project.cx, say);
    tokio::pin!(following);
    tokio::select! {
        end = &mut following => return Ok(end?),
        by = signals.next() => {
            let again = if by == Asked::Interrupted { " Press Ctrl-C again to quit without waiting." } else { "" };
            output.status(&format!("\nStopping task {}.{again}", task.id()));
            task.stop(&project.cx).await?;
            // The sender of a signal other than Ctrl-C does not wait long.
            if by != Asked::Interrupted {
                return Err(Stop::Asked(by));
            }
        }
    }
    tokio::select! {
        end = &mut following => Ok(end?),
        by = signals.next() => Err(Stop::Asked(by)),
    }
}
