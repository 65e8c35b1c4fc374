//! `stackctl deploy`: builds the services' images and releases them. The same engine as `up`, where only the release
//! part of the graph is planned.

use clap::Args;

use crate::{
    blueprint,
    cli::{
        change::{CarryOut, Consent},
        error::Stop,
        global::Global,
        project::Project,
        rollback_offer, url,
    },
    engine, exit,
    model::{Action, Failure, Plan, Step},
    output::Output,
};

/// The kinds that make up a release. A schedule follows the revision that its service serves.
const RELEASE: &[&str] = &["image", "task_definition", "release", "service", "schedule"];

/// Arguments of `stackctl deploy`.
#[derive(Debug, Args)]
#[command(
    after_help = "Ctrl-C leaves the rollout to ECS, and asks whether to go back. What ECS goes back from ends with exit code 5.\n\n\
    Examples:\n  \
    stackctl deploy\n  \
    stackctl deploy --env production --lock-timeout 10m\n  \
    stackctl deploy --output json      for programs: one event a line"
)]
pub(in crate::cli) struct Deploy {}

impl Deploy {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        let releases = project.reporting(engine::Forecast::default(), async |_| project.build().await).await?;
        let carry_out = CarryOut {
            command: "deploy",
            // Asking for a deployment is consent to it: it touches nothing but the release.
            consent: Consent::Given,
            unprotect: false,
            plan: &|view| release_part(&project.plan(view, &releases)?),
        };
        let ended = carry_out.run(&project, global, output).await?;
        match ended.code {
            exit::DONE => url::show(&project, ended.unchanged, output).await?,
            exit::INTERRUPTED => rollback_offer::offer(&project, global, output).await?,
            _ => {}
        }
        Ok(ended.code)
    }
}

/// The steps of `plan` that release, which must stand on what `up` has made already.
///
/// # Errors
/// If they stand on what `up` has yet to make or change.
pub fn release_part(plan: &Plan) -> Result<Plan, Failure> {
    // What makes the database's users is no part of a release, although it is a task definition.
    let in_release = |step: &Step| RELEASE.contains(&step.address.kind()) && step.address != blueprint::users_task();
    let part = engine::only(plan, |step| in_release(step) && !is_removal(step));
    let missing: Vec<String> =
        part.steps.iter().filter(|step| !in_release(step)).map(|step| step.address.to_string()).collect();
    if missing.is_empty() {
        return Ok(part);
    }
    Err(Failure::refused(
        "deploy",
        format!("the release stands on what is not there or has changed: {}", missing.join(", ")),
    )
    .hint("run `stackctl up` first: it makes these, and releases as well"))
}

fn is_removal(step: &Step) -> bool {
    matches!(step.action, Action::Delete | Action::DeleteReplaced)
}
