//! `stackctl run`: a command once, in a task with a service's image, environment and secrets.

use clap::Args;

use super::{Global, Stop, project::Project};
use crate::{
    engine, exit,
    kinds::service,
    model::{Address, Failure},
    output::Output,
    task::{End, Event, Task},
};

/// Arguments of `stackctl run`.
#[derive(Debug, Args)]
#[command(after_help = "The command's exit code is that of stackctl; its output is streamed.\n\n\
    Example: stackctl run web -- migrate")]
pub(super) struct Run {
    /// The service, one of `services:` in stack.yaml.
    service: String,
    /// What the container runs in place of its usual command: arguments of the image's program.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Run {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        if !project.stack.services.contains_key(&self.service) {
            let known: Vec<&str> = project.stack.services.keys().map(String::as_str).collect();
            let message = format!("stack.yaml has no service `{}`", self.service);
            return Err(Stop::usage(message, format!("there are: {}", known.join(", "))));
        }
        let live = self.live(&project).await?;
        let task = Task::start(&project.cx, &self.service, &live, &self.command).await?;
        if output.is_json() {
            output.document(&serde_json::json!({ "event": "task", "id": task.id() }));
        }
        let end = self.follow(&project, &task, output).await?;
        if output.is_json() {
            output.document(&serde_json::json!({ "event": "ended", "exit_code": end.exit_code, "reason": end.reason }));
        }
        match end.exit_code {
            Some(code) => {
                if code != 0 {
                    output.status(&format!("task {}: {}", task.id(), end.reason));
                }
                Ok(u8::try_from(code).unwrap_or(exit::FAILED))
            }
            None => Err(Failure::refused("run", format!("task {} did not start: {}", task.id(), end.reason)).into()),
        }
    }

    /// The service as it runs: the task gets its task definition and its place.
    async fn live(&self, project: &Project) -> Result<service::Live, Stop> {
        let address = Address::new("service", &self.service);
        let found = engine::observe_kind(&project.cx, "service").await?;
        let found = found.into_iter().find(|resource| resource.address == address).ok_or_else(|| {
            let id = &project.cx.id;
            Failure::refused("run", format!("{id} has no {address} yet")).hint("bring it up first: stackctl up")
        })?;
        Ok(serde_json::from_value(found.live).map_err(|error| Failure::internal(error.to_string()))?)
    }

    /// Until the task has ended; Ctrl-C asks it to, and a second one leaves it to itself.
    async fn follow(&self, project: &Project, task: &Task, output: &Output) -> Result<End, Stop> {
        let say = |event: Event| match event {
            Event::State(state) => output.status(&format!("task {} is {}", task.id(), state.to_lowercase())),
            Event::Line(line) if output.is_json() => {
                output.document(&serde_json::json!({ "event": "log", "message": line }));
            }
            Event::Line(line) => output.data(&line),
        };
        let following = task.follow(&project.cx, say);
        tokio::pin!(following);
        tokio::select! {
            end = &mut following => return Ok(end?),
            _ = tokio::signal::ctrl_c() => {
                output.status(&format!("\nStopping task {}. Ctrl-C again leaves it to end by itself.", task.id()));
                task.stop(&project.cx).await?;
            }
        }
        tokio::select! {
            end = &mut following => Ok(end?),
            _ = tokio::signal::ctrl_c() => std::process::exit(i32::from(exit::INTERRUPTED)),
        }
    }
}
