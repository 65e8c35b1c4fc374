//! `stackctl deploy`: builds the services' images and releases them. It uses the same engine as `up`, with a plan that
//! is limited to the release.

use clap::Args;
use jiff::Timestamp;

use crate::{
    cli::{
        change::{About, Change, Consent},
        error::Stop,
        global::Global,
        project::Project,
        rollback_offer, url, web_errors,
    },
    engine, exit,
    kind::{AnyKind, InRelease, Registry},
    model::{Action, Failure, Graph, Plan, Step, Subject},
    output::Output,
};

/// Arguments of `stackctl deploy`.
#[derive(Debug, Args)]
#[command(
    after_help = "If you press Ctrl-C, the rollout continues on ECS, and stackctl asks whether to roll it back. A rollout that is rolled \
    back ends with exit code 5.\n\n\
    Examples:\n  \
    stackctl deploy\n  \
    stackctl deploy --env production --lock-timeout 10m\n  \
    stackctl deploy --output json      for programs: one event per line"
)]
pub(in crate::cli) struct Deploy {}

impl Deploy {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        let releases = project.reporting(engine::Forecast::default(), async |_| project.build().await).await?;
        let change = Change {
            command: "deploy",
            // No confirmation is needed, because the command only affects the release.
            consent: Consent::Given,
            about: About::Stack,
            unprotect: false,
            plan: &|view| {
                let graph = project.graph(&view, &releases, None)?;
                release_part(&project.kinds, &graph, &engine::plan(&project.kinds, &project.cx.id, &graph, view.live)?)
            },
        };
        let began = Timestamp::now();
        let ended = change.run(&project, global, output).await?;
        if ended.is_change {
            let errors = web_errors::since(&project, &ended.untouched, began, output).await;
            output.errors(&errors, "in the minutes of this deployment");
        }
        match ended.code {
            exit::DONE => url::show(&project, &ended.untouched, output).await?,
            exit::INTERRUPTED => rollback_offer::offer(&project, global, output).await?,
            _ => {}
        }
        Ok(ended.code)
    }
}

/// Returns the steps of `plan`, which leads to `graph`, that belong to the release. All other resources that they need
/// must exist.
///
/// # Errors
/// If they need a resource that `up` must first create or change.
pub fn release_part(kinds: &Registry, graph: &Graph, plan: &Plan) -> Result<Plan, Failure> {
    let in_release = |step: &Step| {
        let kind = kinds.named(step.address.kind());
        let is_outside = graph.get(&step.address).is_some_and(|node| node.outside_release);
        !is_outside && kind.is_some_and(|kind| kind.in_release() != InRelease::No)
    };
    let part = engine::only(&unhindered(kinds, plan), |step| in_release(step) && !is_removal(step));
    let missing: Vec<String> =
        part.steps.iter().filter(|step| !in_release(step)).map(|step| step.address.to_string()).collect();
    if missing.is_empty() {
        return Ok(part);
    }
    Err(Failure::about(
        Subject::command("deploy"),
        format!("these resources are missing or out of date: {}", missing.join(", ")),
    )
    .hint("run `stackctl up` instead: it creates and updates them, and releases as well"))
}

/// Returns `plan` with only rare kinds waiting for the step that announces them. Otherwise, the first alarm in
/// stack.yaml would block a release.
fn unhindered(kinds: &Registry, plan: &Plan) -> Plan {
    let announces = |step: &Step| {
        let kind = kinds.named(step.address.kind());
        step.action == Action::Update && kind.is_some_and(|kind| kind.announces(&step.changes) == Ok(true))
    };
    let steps = plan.steps.iter().map(|step| {
        let is_rare = kinds.named(step.address.kind()).is_some_and(AnyKind::rare);
        let needs = step.needs.iter().copied().filter(|need| is_rare || !announces(&plan.steps[*need]));
        Step { needs: needs.collect(), ..step.clone() }
    });
    Plan { steps: steps.collect(), ..plan.clone() }
}

fn is_removal(step: &Step) -> bool {
    matches!(step.action, Action::Delete | Action::DeleteReplaced)
}
