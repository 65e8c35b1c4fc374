//! Where a stack answers.

use super::{Stop, project::Project};
use crate::{
    engine, kinds,
    model::LiveResource,
    output::Output,
    spec::{Stack, Tls},
};

/// The URL of `stack`, if it has a load balancer and AWS has made it.
pub(super) fn of(stack: &Stack, live: &[LiveResource]) -> Option<String> {
    let scheme = match stack.load_balancer.as_ref()?.tls {
        Tls::Off => "http",
        Tls::SelfSigned => "https",
    };
    let balancer = live.iter().find(|resource| resource.address.kind() == "load_balancer")?;
    let outputs = kinds::named("load_balancer")?.outputs(&balancer.live).ok()?;
    Some(format!("{scheme}://{}/", outputs.get("dns_name")?))
}

/// Ends a command with the URL, on standard output. `live` is what was seen already.
pub(super) async fn show(project: &Project, live: Option<Vec<LiveResource>>, output: &Output) -> Result<(), Stop> {
    if project.stack.load_balancer.is_none() {
        return Ok(());
    }
    let live = match live {
        Some(live) => live,
        None => engine::observe_kind(&project.cx, "load_balancer").await?,
    };
    let Some(url) = of(&project.stack, &live) else { return Ok(()) };
    if output.is_json() {
        output.document(&serde_json::json!({ "event": "url", "url": url }));
    } else {
        output.data(&url);
    }
    Ok(())
}
