//! Rolls back a rollout that is in progress, for `rollback`, or as an offer after an interrupted `deploy`. ECS itself
//! does the rollback, so this takes no lock: a run that waits for the rollout sees it and ends as after any other
//! rollback.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{
    cli::{change, error::Stop, global::Global, project::Project, url},
    engine, exit,
    kinds::ecs::service::{self, Live},
    model::{Failure, Graph, Input, LiveResource, Subject},
    output::Output,
    releases,
};

/// How long ECS may take to start the rollback, and how often to check.
const BEGINS: (Duration, Duration) = (Duration::from_mins(2), Duration::from_millis(500));

/// The answer that starts the rollback.
const YES: &str = "yes";

/// A rollout in progress.
struct Rollout {
    name: String,
    service: Live,
    arn: String,
    release: u32,
}

impl Rollout {
    /// Returns the current rollout of `service`, if there is one and ECS can roll it back.
    async fn of(project: &Project, name: &str, service: &Live) -> Result<Option<Self>, Failure> {
        let served = |rollout: &service::Rollout| rollout.status == "ACTIVE" && rollout.state == "COMPLETED";
        if !service.rollouts.iter().any(served) {
            return Ok(None);
        }
        let arn = service::under_way(&project.cx, service).await?.into_iter().next();
        let release = releases::number(&service.task_definition);
        Ok(arn.map(|arn| Self { name: name.to_owned(), service: service.clone(), arn, release }))
    }

    /// Asks ECS to roll back and waits until it is done. Returns `None` if the rollout has ended in the meantime.
    async fn go_back(&self, project: &Project, output: &Output) -> Result<Option<u8>, Stop> {
        if !service::stop(&project.cx, &self.arn).await? {
            return Ok(None);
        }
        output.status(&format!("ECS is stopping the rollout of release {} of {}.", self.release, self.name));
        let Some(live) = self.turned(project).await? else { return Ok(None) };
        let serves: Live = live.decoded()?;
        let mut graph = Graph::new();
        let follows = Input::from(serves.task_definition.as_str());
        graph.add(live.address.clone(), &service::Desired::as_it_runs(&self.name, &serves, follows));
        // The desired state is the live one, so the plan only waits.
        let plan = engine::plan(&project.kinds, &project.cx.id, &graph, vec![live])?;
        let code = change::apply(&change::goes_on("rollback"), project, &plan, output).await?;
        if code == exit::DONE {
            let release = releases::number(&serves.task_definition);
            output.status(&format!(
                "{} runs release {release} again; release {} was abandoned.",
                self.name, self.release
            ));
        }
        Ok(Some(code))
    }

    /// Returns the service once ECS has started the rollback.
    async fn turned(&self, project: &Project) -> Result<Option<LiveResource>, Failure> {
        let deadline = Instant::now() + BEGINS.0;
        loop {
            let found = project.observe_kind("service").await?;
            let own = found.into_iter().find(|found| found.address.name() == self.name);
            let Some(own) = own else { return Ok(None) };
            let live: Live = own.decoded()?;
            if live.task_definition != self.service.task_definition {
                return Ok(Some(own));
            }
            if Instant::now() > deadline {
                return Err(Failure::about(Subject::command("rollback"), "ECS has not started the rollback")
                    .hint("check `stackctl status`, or run `stackctl rollback` to try again"));
            }
            sleep(BEGINS.1).await;
        }
    }
}

/// Rolls back the current rollout of the service `name`, if there is one that can be rolled back. Returns the exit code
/// in that case.
///
/// # Errors
/// If ECS fails, or does not start the rollback.
pub(super) async fn from_rollout(
    project: &Project,
    name: &str,
    live: &Live,
    output: &Output,
) -> Result<Option<u8>, Stop> {
    let Some(rollout) = Rollout::of(project, name, live).await? else { return Ok(None) };
    let code = rollout.go_back(project, output).await?;
    if code == Some(exit::DONE) {
        url::show(project, &[], output).await?;
    }
    Ok(code)
}

/// Names the rollouts that continue after an interrupted `deploy`, and offers to roll them back.
///
/// # Errors
/// As [`from_rollout`].
pub(super) async fn offer(project: &Project, global: &Global, output: &Output) -> Result<(), Stop> {
    for (name, live) in project.services("deploy", None).await? {
        let Some(rollout) = Rollout::of(project, &name, &live).await? else { continue };
        let release = rollout.release;
        output.status(&format!("ECS continues to roll out release {release} of {name}."));
        let question = format!("Stop the rollout and roll back to the previous release? Type \"{YES}\"");
        let answer = if global.yes { None } else { output.ask(&question) };
        if answer.is_some_and(|answer| answer.trim() == YES) {
            rollout.go_back(project, output).await?;
        } else {
            output.status(&format!("`stackctl status` shows its progress; `stackctl rollback {name}` rolls it back."));
        }
    }
    Ok(())
}
