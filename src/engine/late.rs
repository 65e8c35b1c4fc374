//! What AWS lists only once everything else is deleted. Lists lag: a `destroy` soon after an `up` that was stopped may not see all
//! that this one has made.

use std::collections::BTreeSet;

use super::{observe_again, plan};
use crate::{
    kind::{AnyKind, Context, Registry},
    model::{Address, Failure, Graph, Plan},
};

/// The plan that deletes what AWS lists only now, after `destroyed` was carried out. Only the kinds are listed of which it had not all
/// that stack.yaml asks for: for a stack that was whole that is none, and there is no call.
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
    // A list may also show what is gone.
    let gone = destroyed.steps.iter().filter_map(|step| step.live.as_ref());
    let gone: BTreeSet<(&Address, &str)> = gone.map(|one| (&one.address, one.id.as_str())).collect();
    live.retain(|one| !gone.contains(&(&one.address, one.id.as_str())));
    plan(kinds, &cx.id, &Graph::new(), live)
}
