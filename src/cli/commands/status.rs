//! `stackctl status`: every resource with its state, the services and the URL.

use std::collections::BTreeMap;

use clap::Args;

use crate::{
    blueprint::{self, RunningImage},
    cli::{error::Stop, global::Global, project::Project, url},
    engine::{self, Lock},
    exit,
    kind::Registry,
    model::{Failure, LiveResource},
    output::{Output, ResourceLine, ServiceLine, StatusView},
};

/// Arguments of `stackctl status`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    stackctl status\n  \
    stackctl status --env staging --output json | jq '.services'")]
pub(in crate::cli) struct Status {}

impl Status {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        let (id, store) = (&project.cx.id, project.lock_store());
        let (live, lock, _caller) = futures::try_join!(
            engine::observe(&project.kinds, &project.cx),
            Lock::look(&store),
            project.cx.aws.caller(),
        )?;
        let view = StatusView {
            stack: id.stack.clone(),
            environment: id.environment.clone(),
            url: url::of(&project.kinds, &project.stack, &live),
            locked_by: lock.filter(|lock| lock.stands).map(|lock| lock.holder.to_string()),
            services: services(&project.kinds, &live, &blueprint::running(id, &live)?)?,
            resources: live.iter().map(|resource| line(&project.kinds, resource)).collect::<Result<_, _>>()?,
        };
        output.stack(&view);
        Ok(exit::DONE)
    }
}

fn services(
    kinds: &Registry,
    live: &[LiveResource],
    running: &BTreeMap<String, RunningImage>,
) -> Result<Vec<ServiceLine>, Failure> {
    let of_kind = |kind: &'static str| live.iter().filter(move |resource| resource.address.kind() == kind);
    let mut lines = Vec::new();
    for service in of_kind("service") {
        let state = kinds.of(&service.address)?.outputs(&service.live)?;
        let count = |name: &str| state.get(name).and_then(|count| count.parse().ok()).unwrap_or_default();
        lines.push(ServiceLine {
            name: service.address.name().to_owned(),
            desired: count("desired"),
            running: count("running"),
            version: state.get("version").map(str::to_owned),
            image: state.get("image").map(str::to_owned),
            image_gone: running.get(service.address.name()).is_some_and(|running| running.digest.is_none()),
        });
    }
    Ok(lines)
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
