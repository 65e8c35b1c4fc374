//! Plans the deletion of resources that AWS listed too late for `destroy`. Listings lag, so a `destroy` shortly after
//! an interrupted `up` may miss resources that the `up` created.

use std::collections::BTreeSet;

use super::{observe_again, plan};
use crate::{
    kind::{AnyKind, Context, Registry},
    model::{Address, Failure, Graph, Plan},
};

/// Returns a plan that deletes the resources that AWS lists only now, after `destroyed` was applied. Lists only the
/// kinds of which `destroyed` had fewer resources than stack.yaml asks for. If `destroyed` had all of them, it makes no
/// call.
///
/// # Errors
/// If a listing fails.
pub async fn late(
    kinds: &Registry,
    cx: &Context,
    asked_for: impl IntoIterator<Item = Address>,
    destroyed: &Plan,
) -> Result<Plan, Failure> {
    let seen: BTreeSet<&Address> = destroyed.steps.iter().map(|step| &step.address).collect();
    let lasts = |address: &Address| kinds.named(address.kind()).is_some_and(AnyKind::lasting);
    let missing: BTreeSet<Address> =
        asked_for.into_iter().filter(|address| lasts(address) && !seen.contains(address)).collect();
    let names: BTreeSet<&str> = missing.iter().map(Address::kind).collect();
    let mut live = if names.is_empty() { Vec::new() } else { observe_again(kinds, &cx.fresh(), &names, &[]).await? };
    // A listing may also still show deleted resources.
    let gone = destroyed.steps.iter().filter_map(|step| step.live.as_ref());
    let gone: BTreeSet<(&Address, &str)> = gone.map(|one| (&one.address, one.id.as_str())).collect();
    live.retain(|one| !gone.contains(&(&one.address, one.id.as_str())));
    plan(kinds, &cx.id, &Graph::new(), live)
}
