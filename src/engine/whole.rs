//! What a list leaves out of the resources that a plan changes.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use serde_json::Value;

use crate::{
    kind::{Context, Registry},
    model::{Action, Failure, LiveResource, Plan},
};

/// `live`, with all there is to know of what `plan` updates. Nothing, if it is known already.
///
/// # Errors
/// If a kind fails to read one.
pub async fn whole(
    kinds: &Registry,
    cx: &Context,
    plan: &Plan,
    live: &[LiveResource],
) -> Result<Option<Vec<LiveResource>>, Failure> {
    let updated = plan.steps.iter().filter(|step| matches!(step.action, Action::Update | Action::Narrow));
    let updated: BTreeMap<&str, &LiveResource> =
        updated.filter_map(|step| step.live.as_ref()).map(|found| (found.id.as_str(), found)).collect();
    let reads = updated.into_values().map(|found| async move {
        let whole = kinds.of(&found.address)?.whole(cx, &found.live).await?;
        Ok::<_, Failure>(whole.map(|whole| ((&found.address, found.id.as_str()), whole)))
    });
    let mut read: BTreeMap<_, Value> = try_join_all(reads).await?.into_iter().flatten().collect();
    if read.is_empty() {
        return Ok(None);
    }
    let all = live.iter().map(|found| match read.remove(&(&found.address, found.id.as_str())) {
        Some(live) => LiveResource { live, ..found.clone() },
        None => found.clone(),
    });
    Ok(Some(all.collect()))
}
