//! Records on the cluster which rare kinds, such as a cache, a stack does not have, so that reading the stack's state
//! can skip them.

use std::collections::BTreeSet;

use super::{Facts, service};
use crate::{
    kind::AnyKind,
    kinds::{self, ecs::cluster},
    model::{Address, Graph},
    spec::Stack,
};

/// Records on the cluster the rare kinds that are neither in stack.yaml nor on AWS. A resource of such a kind is
/// created only after the cluster's record is updated: otherwise a run that is killed could leave a resource that the
/// next run does not look for.
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
