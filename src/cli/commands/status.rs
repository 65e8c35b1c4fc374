//! `stackctl status`: shows every resource with its state, the services and the URL.

use std::{collections::BTreeMap, time::Duration};

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;

use crate::{
    blueprint::{self, RunningImage},
    cli::{error::Stop, global::Global, project::Project, signals::Signals, url, web_errors},
    engine::{self, Lock, Seen},
    exit,
    kind::Registry,
    kinds::ecs::service,
    model::{Failure, LiveResource, Subject},
    output::{Output, ResourceLine, ServiceLine, StatusView},
};

/// The pause between two looks of `--watch`.
const PAUSE: Duration = Duration::from_secs(5);

/// Arguments of `stackctl status`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    stackctl status\n  \
    stackctl status --watch            again every 5 s, until Ctrl-C\n  \
    stackctl status --details          with the ID of each resource\n  \
    stackctl status --env staging --output json | jq '.services'")]
pub(in crate::cli) struct Status {
    /// Show the status again every 5 s, until Ctrl-C.
    #[arg(short, long)]
    watch: bool,
}

impl Status {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        if !self.watch {
            return show(&project, output).await.map(|()| exit::DONE).map_err(Stop::from);
        }
        let mut signals = Signals::listen()?;
        let watch = async {
            loop {
                show(&project, output).await?;
                sleep(PAUSE).await;
                output.clear();
            }
        };
        tokio::select! {
            failure = watch => failure,
            by = signals.next() => Ok(by.code()),
        }
    }
}

/// Shows the status once.
async fn show(project: &Project, output: &Output) -> Result<(), Failure> {
    let (id, store) = (&project.cx.id, project.lock_store());
    // A failure to read the lock must not hide the rest.
    let lock = async { Ok(Lock::look(&store).await) };
    let cx = project.cx.fresh();
    let (live, lock) = futures::try_join!(engine::observe(&project.kinds, &cx), lock)?;
    let (locked_by, unreadable) = locked_by(lock);
    let hour_ago = Timestamp::now() - SignedDuration::from_hours(1);
    let view = StatusView {
        stack: id.stack.clone(),
        environment: id.environment.clone(),
        url: url::of(project, &live),
        locked_by,
        unreadable,
        services: services(&live, &blueprint::running(id, &live)?)?,
        errors: web_errors::since(project, &live, hour_ago, output).await,
        resources: live.iter().map(|resource| line(&project.kinds, resource)).collect::<Result<_, _>>()?,
    };
    output.stack(&view);
    Ok(())
}

/// Returns the holder of the lock as text, and what could not be read.
fn locked_by(lock: Result<Option<Seen>, Failure>) -> (Option<String>, Vec<Failure>) {
    match lock {
        Ok(lock) => (lock.filter(|lock| lock.stands).map(|lock| lock.holder.to_string()), Vec::new()),
        Err(failure) => (None, vec![failure.or_about(Subject::activity("the lock"))]),
    }
}

fn services(live: &[LiveResource], running: &BTreeMap<String, RunningImage>) -> Result<Vec<ServiceLine>, Failure> {
    let of_kind = |kind: &'static str| live.iter().filter(move |resource| resource.address.kind() == kind);
    let mut lines = Vec::new();
    for service in of_kind("service") {
        let name = service.address.name();
        let is_gone = running.get(name).is_some_and(|running| running.digest.is_none());
        lines.push(ServiceLine { image_gone: is_gone, ..of_service(name, service.decoded()?) });
    }
    Ok(lines)
}

/// Returns the line for a service. The number of running tasks from ECS covers all versions, so during a rollout or
/// after a failed one, the current version has fewer.
fn of_service(name: &str, live: service::Live) -> ServiceLine {
    let of = |rollout: &service::Rollout| u64::try_from(rollout.running).unwrap_or_default();
    let primary = live.rollouts.iter().find(|rollout| rollout.status == "PRIMARY");
    let running = primary.map_or(u64::from(live.running), of);
    ServiceLine {
        name: name.to_owned(),
        desired: live.replicas.into(),
        running,
        earlier: live.rollouts.iter().filter(|rollout| rollout.status != "PRIMARY").map(of).sum(),
        failed: primary.map_or(0, |rollout| u64::try_from(rollout.failed).unwrap_or_default()),
        version: live.version,
        image: live.image,
        image_gone: false,
    }
}

fn line(kinds: &Registry, resource: &LiveResource) -> Result<ResourceLine, Failure> {
    let kind = kinds.of(&resource.address)?;
    let phase = kind.phase(&resource.live, None)?;
    Ok(ResourceLine {
        address: resource.address.clone(),
        kind: resource.address.kind().to_owned(),
        id: resource.id.clone(),
        phase: phase.word(),
        detail: phase.detail().map(str::to_owned).or_else(|| kind.summary(&resource.live)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_lock_is_reported_with_the_rest() {
        let denied = || Failure::refused("GetParameter", "not authorized");
        assert_eq!(locked_by(Err(denied())), (None, vec![denied().or_about(Subject::activity("the lock"))]));
        assert_eq!(locked_by(Ok(None)), (None, Vec::new()));
    }

    #[test]
    fn a_failing_version_counts_only_its_own_tasks() {
        let rollout = |status: &str, running, failed| service::Rollout {
            id: status.to_owned(),
            changed: None,
            status: status.to_owned(),
            task_definition: "web:2".into(),
            state: "IN_PROGRESS".into(),
            reason: String::new(),
            desired: 2,
            running,
            failed,
        };
        let live = serde_json::json!({
            "name": "web", "arn": "arn", "cluster": "c", "status": "ACTIVE", "task_definition": "web:2", "image": null,
            "version": "1.0.0+2", "replicas": 2, "running": 2, "subnets": [], "security_groups": [], "public_ip": false,
            "target_groups": [], "grace_seconds": 0, "circuit_breaker": true, "rollouts": [], "events": [],
        });
        let live: service::Live = serde_json::from_value(live).expect("it can be read");
        let rollouts = vec![rollout("PRIMARY", 0, 3), rollout("ACTIVE", 2, 0)];
        let line = of_service("web", service::Live { rollouts, ..live.clone() });
        assert_eq!((line.running, line.desired, line.earlier, line.failed), (0, 2, 2, 3));
        let line = of_service("web", service::Live { rollouts: vec![rollout("PRIMARY", 2, 0)], ..live });
        assert_eq!((line.running, line.desired, line.earlier, line.failed), (2, 2, 0, 0));
    }
}
