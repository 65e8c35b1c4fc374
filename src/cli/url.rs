//! The URL of a stack.

use crate::{
    blueprint,
    cli::{error::Stop, project::Project},
    model::{Address, LiveResource},
    output::Output,
    spec::LoadBalancer,
};

/// Returns the URL of the stack, if its load balancer exists. If there are two, the public one counts.
pub(super) fn of(project: &Project, live: &[LiveResource]) -> Option<String> {
    let Project { kinds, stack, .. } = project;
    let at = |balancer: &Address, scheme: &str| {
        let balancer = live.iter().find(|resource| resource.address == *balancer)?;
        let outputs = kinds.named("load_balancer")?.outputs(&balancer.live).ok()?;
        Some(format!("{scheme}://{}/", outputs.get("dns_name")?))
    };
    let Some(balancer) = &stack.load_balancer else {
        return at(&blueprint::internal_balancer(), "http");
    };
    if balancer.listener.is_some() {
        return project.listener().map(|listener| format!("{}/", listener.origin()));
    }
    let scheme = balancer.scheme();
    if let Some(domain) = balancer.domain() {
        let leads_there = |resource: &&LiveResource| resource.address == blueprint::record_of(domain);
        return live.iter().find(leads_there).map(|_| format!("{scheme}://{domain}/"));
    }
    at(&blueprint::balancer(), scheme)
}

/// Prints the URL on standard output at the end of a command. `seen` contains the resources that were observed and not
/// changed.
pub(super) async fn show(project: &Project, seen: &[LiveResource], output: &Output) -> Result<(), Stop> {
    if !project.stack.is_served() {
        return Ok(());
    }
    let url = if let Some(url) = of(project, seen) {
        Some(url)
    } else {
        let domain = project.stack.load_balancer.as_ref().and_then(LoadBalancer::domain);
        let kind = if domain.is_some() { "dns_record" } else { "load_balancer" };
        of(project, &project.observe_kind(kind).await?)
    };
    let Some(url) = url else { return Ok(()) };
    if output.is_json() {
        output.document(&serde_json::json!({ "event": "url", "url": url }));
    } else {
        output.data(&url);
    }
    Ok(())
}
