//! What most stacks never have, such as a cache: the cluster keeps which kinds of that a stack has been without, so that a look need
//! not ask for them.

use std::collections::BTreeSet;

use super::{Facts, service};
use crate::{
    kind::AnyKind,
    kinds::{self, ecs::cluster},
    model::{Address, Graph},
    spec::Stack,
};

/// Lets the cluster say which rare kinds the stack is without: neither stack.yaml nor AWS has one. The first resource of such a
/// kind is made once the cluster does not say so any more: a run that is killed leaves nothing that the next one does not look for.
pub(super) fn record(graph: &mut Graph, stack: &Stack, facts: &Facts) {
    let cluster = Address::new("cluster", "main");
    if graph.get(&cluster).is_none() {
        return;
    }
    let kinds = kinds::registry();
    let rare: BTreeSet<&str> = kinds.iter().filter(|kind| kind.rare()).map(AnyKind::name).collect();
    let drawn: Vec<Address> =
        graph.nodes().map(|node| &node.address).filter(|address| rare.contains(address.kind())).cloned().collect();
    let has = |kind: &str| facts.there.contains(kind) || drawn.iter().any(|address| address.kind() == kind);
    let without = rare.iter().filter(|kind| !has(kind)).map(|kind| (*kind).to_owned()).collect();
    graph.amend(&cluster, &cluster::Desired { without, ..service::cluster(stack) });
    drawn.iter().for_each(|address| graph.need(address, &cluster));
}
