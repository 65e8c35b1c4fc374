//! Reads the parts of resources that lists leave out, for the resources that a plan changes.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use serde_json::Value;

use crate::{
    kind::{Context, Registry},
    model::{Action, Address, Failure, LiveResource, Plan},
};

/// Returns `live` with the full state of the resources that `plan` updates, or `None` if it is full already.
///
/// # Errors
/// If a read fails.
pub async fn whole(
    kinds: &Registry,
    cx: &Context,
    plan: &Plan,
    live: &[LiveResource],
) -> Result<Option<Vec<LiveResource>>, Failure> {
    let updated = plan.steps.iter().filter(|step| matches!(step.action, Action::Update | Action::Narrow));
    // A resource that is updated and narrowed has two steps. Resources of different kinds can have the same id.
    let updated: BTreeMap<(&Address, &str), &Value> =
        updated.filter_map(|step| step.live.as_ref()).map(|found| (key(found), &found.live)).collect();
    let reads = updated.into_iter().map(|(key, live)| async move {
        let whole = kinds.of(key.0)?.whole(cx, live).await?;
        Ok::<_, Failure>(whole.map(|whole| (key, whole)))
    });
    let mut read: BTreeMap<_, Value> = try_join_all(reads).await?.into_iter().flatten().collect();
    if read.is_empty() {
        return Ok(None);
    }
    let all = live.iter().map(|found| match read.remove(&key(found)) {
        Some(live) => LiveResource { live, ..found.clone() },
        None => found.clone(),
    });
    Ok(Some(all.collect()))
}

fn key(found: &LiveResource) -> (&Address, &str) {
    (&found.address, &found.id)
}
