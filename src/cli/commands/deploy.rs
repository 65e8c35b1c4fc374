//! `stackctl deploy`: builds the services' images and releases them. It uses the same engine as `up`, with a plan that
//! is limited to the release.

use clap::Args;
use jiff::Timestamp;

use crate::{
    blueprint,
    cli::{
        change::{About, Change, Consent},
        error::Stop,
        global::Global,
        project::Project,
        rollback_offer, url, web_errors,
    },
    engine, exit,
    kind::{AnyKind, InRelease, Registry},
    model::{Action, Address, Failure, Graph, Plan, Step, Subject},
    output::Output,
    spec::Stack,
};

/// Arguments of `stackctl deploy`.
#[derive(Debug, Args)]
#[command(
    after_help = "If you press Ctrl-C, the rollout continues on ECS, and stackctl asks whether to roll it back. A rollout that is rolled \
    back ends with exit code 5.\n\n\
    Examples:\n  \
    stackctl deploy\n  \
    stackctl deploy web                only this service and its jobs\n  \
    stackctl deploy --env production --lock-timeout 10m\n  \
    stackctl deploy --output json      for programs: one event per line"
)]
pub(in crate::cli) struct Deploy {
    /// Services to release, with their jobs, or jobs with an image of their own [default: all].
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

impl Deploy {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        let wanted = self.wanted(&project.stack)?;
        self.refuse_before_up(&project).await?;
        let sources = blueprint::sources(&project.stack, |name| {
            wanted.is_empty() || self.services.iter().any(|service| service == name)
        });
        let building = project.reporting(engine::Forecast::default(), async |_| project.build(&sources).await);
        let releases = building.await?;
        let change = Change {
            command: "deploy",
            // No confirmation is needed, because the command only affects the release.
            consent: Consent::Given,
            about: About::Stack,
            unprotect: false,
            plan: &|view| {
                let graph = project.graph(&view, &releases, None)?;
                let plan = engine::plan(&project.kinds, &project.cx.id, &graph, view.live)?;
                let is_wanted = |step: &Step| wanted.contains(&step.address);
                let plan = if wanted.is_empty() { plan } else { engine::only(&plan, is_wanted) };
                release_part(&project.kinds, &graph, &plan)
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

impl Deploy {
    /// Refuses if a service does not exist yet: its image would be built in vain.
    async fn refuse_before_up(&self, project: &Project) -> Result<(), Failure> {
        let services = project.stack.services.keys();
        let wanted: Vec<&String> =
            services.filter(|name| self.services.is_empty() || self.services.contains(name)).collect();
        let found = project.observe_kind("service").await?;
        let missing = wanted.iter().filter(|name| !found.iter().any(|one| one.address.name() == name.as_str()));
        let missing: Vec<String> = missing.map(|name| Address::new("service", *name).to_string()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let message = format!("{} has no {} yet; nothing was built", project.cx.id, missing.join(", "));
        Err(Failure::about(Subject::command("deploy"), message)
            .hint("run `stackctl up` first: it creates the stack and releases the services"))
    }

    /// The addresses of what is released: none for all.
    fn wanted(&self, stack: &Stack) -> Result<Vec<Address>, Stop> {
        let mut wanted = Vec::new();
        for name in &self.services {
            let jobs = stack.jobs.iter().filter(|(job, runs)| *job == name || runs.service() == Some(name.as_str()));
            let jobs: Vec<Address> = jobs.map(|(job, _)| Address::new("schedule", job)).collect();
            let service = stack.services.contains_key(name).then(|| Address::new("service", name));
            if stack.program(name).is_none() {
                let known: Vec<&str> = stack.programs().map(|(name, _)| name.as_str()).collect();
                return Err(Stop::usage(
                    format!("service `{name}` not found"),
                    format!("services: {}; to choose an environment, use `--env {name}`", known.join(", ")),
                ));
            }
            wanted.extend(service.into_iter().chain(jobs));
        }
        Ok(wanted)
    }
}

/// The steps of `plan`, which leads to `graph`, that release. All else that they need must be there.
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
