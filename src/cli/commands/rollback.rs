//! `stackctl rollback`: releases an earlier release again, with the same engine and the same rollout as any other.

use std::collections::BTreeMap;

use clap::Args;

use crate::{
    blueprint,
    cli::{
        change::{About, Change, Consent},
        error::Stop,
        global::Global,
        project::{Project, View},
        provenance, rollback_offer, url,
    },
    engine, exit,
    kind::Origin,
    kinds::{
        ecr::image,
        ecs::{
            service,
            task_definition::{self, Revision},
        },
        eventbridge::event_rule,
        scheduler::schedule,
    },
    model::{Address, Failure, Graph, Input, LiveResource, Plan, Subject},
    output::Output,
    releases::{self, Outcome, Release},
    spec::{Job, Runs},
};

/// How many releases are searched for the one to restore.
const LOOKED_THROUGH: usize = 100;

/// Arguments of `stackctl rollback`.
#[derive(Debug, Args)]
#[command(
    after_help = "stackctl registers the earlier release (its image, environment and size) as a new revision and rolls it out. It does \
    not run the release command, so changes that migrations made to the database stay. Afterwards `stackctl up` keeps the \
    image; `stackctl deploy` releases the current source again. If a rollout is in progress, ECS stops it and returns to \
    the previous release, even if another run of stackctl started the rollout.\n\n\
    Examples:\n  \
    stackctl rollback            to the previous release\n  \
    stackctl rollback web --to 12"
)]
pub(in crate::cli) struct Rollback {
    /// Service to roll back; required if the stack has several services.
    service: Option<String>,
    /// Number of the release, as `stackctl releases` shows it [default: the previous release].
    #[arg(long, value_name = "RELEASE", value_parser = clap::value_parser!(u32).range(1..))]
    to: Option<u32>,
}

impl Rollback {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        let name = self.name(&project)?;
        let services = project.services("rollback", Some(name)).await?;
        let (_, live) = services.first().ok_or_else(|| Failure::internal("a service that is named is found"))?;
        if self.to.is_none()
            && let Some(code) = rollback_offer::from_rollout(&project, name, live, output).await?
        {
            return Ok(code);
        }
        let running = releases::number(&live.task_definition);
        let releases = releases::read(&project.cx, name, live, LOOKED_THROUGH, jiff::Timestamp::now()).await?;
        let number = self.target(name, running, &releases)?;
        if number == running {
            output.status(&format!("{name} already runs release {number}."));
            return Ok(exit::DONE);
        }
        let revision = revision(&project, name, number).await?;
        if let Some(release) = releases.iter().find(|release| release.release == number) {
            warn(release, output);
        }
        let jobs = jobs_of_their_own(&project, name).await?;
        let first = revision.rollback_to.unwrap_or(number);
        let by = provenance::of(&project.folder).await.by;
        let origin = Origin { commit: revision.commit.clone(), by, rollback_to: Some(first) };
        project.cx.origin.set(origin).map_err(|_| Failure::internal("the origin is set once"))?;
        let change = Change {
            command: "rollback",
            // No confirmation is needed, as in deploy: the command only affects the release.
            consent: Consent::Given,
            about: About::Stack,
            unprotect: false,
            plan: &|view| plan(&project, name, &revision, &jobs, view),
        };
        let ended = change.run(&project, global, output).await?;
        if ended.code == exit::DONE {
            output.status(&format!(
                "{name} now runs what was release {first}. `stackctl up` keeps this image; `stackctl deploy` \
                 releases the source again."
            ));
            url::show(&project, &ended.untouched, output).await?;
        }
        Ok(ended.code)
    }

    fn name<'a>(&'a self, project: &'a Project) -> Result<&'a str, Stop> {
        let names: Vec<&str> = project.stack.services.keys().map(String::as_str).collect();
        match (self.service.as_deref(), names.as_slice()) {
            (Some(name), _) | (None, &[name]) => Ok(name),
            (None, _) => Err(Stop::usage(
                "the stack has several services",
                format!("name the service to roll back: {}", names.join(", ")),
            )),
        }
    }

    fn target(&self, name: &str, running: u32, releases: &[Release]) -> Result<u32, Failure> {
        if let Some(number) = self.to {
            return Ok(number);
        }
        let good = releases::last_good(releases, running).map(|release| release.release);
        good.ok_or_else(|| {
            Failure::about(Subject::command("rollback"), format!("ECS has no earlier release of {name} that served"))
                .hint("run `stackctl releases` to list the releases, and choose one with --to")
        })
    }
}

/// Returns the release `number`, which must be complete and still have its image.
async fn revision(project: &Project, name: &str, number: u32) -> Result<Revision, Stop> {
    let found = task_definition::find(&project.cx, &Address::new("task_definition", name), number).await?;
    let Some(revision) = found else {
        let message = format!("release {number} of {name} not found");
        return Err(Stop::usage(message, "run `stackctl releases` to list the releases"));
    };
    if revision.by_hand {
        let message = format!(
            "release {number} of {name} was registered by hand and may contain settings that stackctl does \
             not know"
        );
        return Err(Failure::about(Subject::command("rollback"), message)
            .hint("run `stackctl releases` and choose one of stackctl's releases with --to")
            .into());
    }
    let Some(desired) = &revision.desired else {
        let message = format!("release {number} of {name} was made by an incompatible version of stackctl");
        return Err(Failure::about(Subject::command("rollback"), message).into());
    };
    for image in desired.containers().filter_map(|(_, container)| container.image.known()) {
        if !image::is_kept(&project.cx, image).await? {
            let message = format!("the image of release {number}, {image}, no longer exists");
            return Err(Failure::about(Subject::command("rollback"), message)
                .hint("check out the commit of that release (see `stackctl releases`), then run `stackctl deploy`")
                .into());
        }
    }
    Ok(revision)
}

fn warn(release: &Release, output: &Output) {
    if matches!(release.result, Outcome::RolledBack | Outcome::RollingBack | Outcome::Failed) {
        output.status(&format!("Release {} never served: its rollout failed.", release.release));
    }
}

/// The desired task definitions of jobs that do not use their service's, by job.
type OfItsOwn = BTreeMap<String, task_definition::Desired>;

/// Returns the separate task definitions of the jobs of the service `name`. Those that were changed by hand or do not
/// exist are left to `up`.
async fn jobs_of_their_own(project: &Project, name: &str) -> Result<OfItsOwn, Failure> {
    let is_meant =
        |job: &Job| job.has_definition() && matches!(&job.runs, Runs::Service { name: of, .. } if of == name);
    let mut found = OfItsOwn::new();
    if !project.stack.jobs.values().any(is_meant) {
        return Ok(found);
    }
    for live in project.observe_kind("schedule").await? {
        let live: schedule::Live = live.decoded()?;
        if project.stack.jobs.get(&live.name).is_some_and(is_meant) {
            let address = Address::new("task_definition", &live.name);
            let running = releases::number(&live.task_definition);
            let revision = task_definition::find(&project.cx, &address, running).await?;
            let desired = revision.filter(|revision| !revision.by_hand).and_then(|revision| revision.desired);
            found.extend(desired.map(|desired| (live.name, desired)));
        }
    }
    Ok(found)
}

/// Returns the plan that registers `revision` again and rolls it out, with the jobs of the service. It covers no other
/// part of the stack.
fn plan(project: &Project, name: &str, revision: &Revision, own: &OfItsOwn, view: View) -> Result<Plan, Failure> {
    let (definition, service) = (Address::new("task_definition", name), Address::new("service", name));
    let is_own = |address: &Address| address.kind() == "task_definition" && own.contains_key(address.name());
    let (live, others): (Vec<LiveResource>, Vec<LiveResource>) = view
        .live
        .into_iter()
        .partition(|live| live.address == definition || live.address == service || is_own(&live.address));
    let running: service::Live = typed(&live, &service)?;
    let current: task_definition::Live = typed(&live, &definition)?;
    let mut desired = revision.desired.clone().ok_or_else(|| Failure::internal("a release to go back to is whole"))?;
    let serving = running.container.as_deref().unwrap_or(name);
    let earlier = desired.containers().find(|(container, _)| *container == serving);
    match (running.port, earlier.and_then(|(_, container)| container.port)) {
        (Some(port), Some(earlier)) if port != earlier => return Err(other_port(revision.number, earlier, port)),
        (Some(_), _) if earlier.is_none() => return Err(other_container(revision.number, serving)),
        _ => {}
    }
    let of_sidecars = desired.sidecars.iter_mut().map(|(name, sidecar)| (format!("sidecars.{name}."), sidecar));
    for (prefix, container) in std::iter::once((String::new(), &mut desired.main)).chain(of_sidecars) {
        for (variable, reference) in &mut container.secrets {
            // Tasks get the current value of a secret when they start, whatever its value was then.
            let now = current.fields.get(format!("{prefix}secrets.{variable}.version").as_str());
            reference.version = now.map(|version| version.as_str().into()).or(reference.version.take());
        }
    }
    // Use the current roles of the stack, because the earlier roles may not exist any more.
    let role = |field: task_definition::Field| current.fields.get(field.name()).map(|arn| arn.as_str().into());
    desired.execution_role = role(task_definition::Field::ExecutionRole).unwrap_or(desired.execution_role);
    desired.task_role = role(task_definition::Field::TaskRole);
    let mut graph = Graph::new();
    let definition = graph.add(definition, &desired);
    let follows = Input::output(&definition, "arn");
    graph.add(service.clone(), &service::Desired::as_it_runs(name, &running, follows.clone()));
    let mut families = vec![(current.family.clone(), follows)];
    for (job, now) in own {
        let address = Address::new("task_definition", job);
        let family = typed::<task_definition::Live>(&live, &address)?.family;
        let then = blueprint::job_rolled_back(&project.stack.jobs[job], &desired, now);
        let address = graph.add(address, &then);
        graph.need(&address, &definition);
        families.push((family, Input::output(&address, "arn")));
    }
    let mut live = live;
    for (family, follows) in families {
        live.extend(jobs(&mut graph, &others, &service, &family, &follows)?);
    }
    engine::plan(&project.kinds, &project.cx.id, &graph, live)
}

/// Refuses a release without the container that the load balancer uses.
fn other_container(number: u32, serving: &str) -> Failure {
    let message = format!("release {number} has no container {serving}, which the load balancer uses");
    Failure::about(Subject::command("rollback"), message)
        .hint("check out the commit of that release (see `stackctl releases`), then run `stackctl up`")
}

/// Refuses a release with a port other than the one that the load balancer and the security group use.
fn other_port(number: u32, earlier: u16, port: u16) -> Failure {
    let message = format!("release {number} listens on port {earlier}, but the load balancer uses port {port}");
    Failure::about(Subject::command("rollback"), message)
        .hint(format!("set `port: {earlier}` in stack.yaml and run `stackctl up` with the commit of that release"))
}

/// Adds the schedules among `others` that run revisions of `family`, and the rules that retry those runs. They follow
/// the service, as in a deployment.
fn jobs(
    graph: &mut Graph,
    others: &[LiveResource],
    service: &Address,
    family: &str,
    follows: &Input,
) -> Result<Vec<LiveResource>, Failure> {
    let mut found = Vec::new();
    for other in others {
        // One that was changed by hand is left to `up`.
        let added = match other.address.kind() {
            "schedule" => {
                let live: schedule::Live = other.decoded()?;
                let desired =
                    live.runs(family).then(|| schedule::Desired::as_it_runs(&live, follows.clone())).flatten();
                desired.map(|desired| graph.add(other.address.clone(), &desired))
            }
            "event_rule" => {
                let live: event_rule::Live = other.decoded()?;
                let desired =
                    live.runs(family).then(|| event_rule::Desired::as_it_runs(&live, follows.clone())).flatten();
                desired.map(|desired| graph.add(other.address.clone(), &desired))
            }
            _ => None,
        };
        if let Some(address) = added {
            graph.need(&address, service);
            found.push(other.clone());
        }
    }
    Ok(found)
}

fn typed<L: serde::de::DeserializeOwned>(live: &[LiveResource], address: &Address) -> Result<L, Failure> {
    let found = live.iter().find(|live| &live.address == address);
    found.ok_or_else(|| Failure::about(Subject::command("rollback"), format!("{address} no longer exists")))?.decoded()
}
