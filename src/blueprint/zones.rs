//! The zones that a stack stands in. A zone's place in the network's range is its own as long as the stack has subnets there,
//! whatever AWS says of the zone: an incident must not move a network, nor keep a plan from being made.

use std::collections::BTreeMap;

use super::facts::Facts;
use crate::{
    kinds::ec2::subnet,
    model::{Failure, LiveResource, Subject},
    spec::{Cidr, Stack},
};

/// How the range of the network is cut: `(bits, spread, offset)`. The zone in place `n` has part `n * spread + offset` of
/// `2^bits`.
pub(super) type Part = (u8, u32, u32);

/// The range is cut into four, one quarter a zone, whether it is used or not, so that another zone renumbers nothing. Of its
/// quarter a zone uses the first quarter for its public subnet and the second half for its private one.
pub(super) const PUBLIC: Part = (4, 4, 0);
/// See [`PUBLIC`].
pub(super) const PRIVATE: Part = (3, 2, 1);

/// The places that there are.
const PLACES: u32 = 4;

/// The subnets among `live`: the range and the zone of each.
pub(super) fn of(live: &[LiveResource]) -> Result<BTreeMap<String, String>, Failure> {
    let subnets = live.iter().filter(|resource| resource.address.kind() == "subnet");
    let ranges = subnets.map(|found| {
        let subnet::Live { cidr, zone, .. } = found.decoded()?;
        Ok((cidr, zone))
    });
    ranges.collect()
}

/// The range of a subnet in place `place`.
pub(super) fn range(network: Cidr, (bits, spread, offset): Part, place: u32) -> String {
    network.subnet(bits, place * spread + offset).to_string()
}

/// The zones of the stack, in the order of their places. Zones that the stack stands in keep their places. The others are taken
/// in their order.
///
/// # Errors
/// If there are fewer than stack.yaml wants.
pub(super) fn chosen(stack: &Stack, facts: &Facts) -> Result<Vec<String>, Failure> {
    let wanted = u32::from(stack.network.zones);
    let own = standing(stack, facts);
    // After a change of `network.cidr` no subnet has a place: all are made anew, in the same zones if need be. Where all others
    // are taken, a zone whose place goes gets another one.
    let known = facts.zones.iter().chain(facts.subnets.values());
    let others = known.filter(|zone| !own.values().any(|own| &own == zone));
    let mut free = others.chain(own.range(wanted..).map(|(_, zone)| zone));
    let mut chosen: Vec<String> = Vec::new();
    for place in 0..wanted {
        let zone = own.get(&place).or_else(|| free.find(|zone| !chosen.contains(zone)));
        chosen.extend(zone.cloned());
    }
    if chosen.len() < usize::from(stack.network.zones) {
        return Err(Failure::about(
            Subject::key("network.zones"),
            format!("expected {wanted} zones, and {} has {} for this account", stack.region, chosen.len()),
        )
        .hint("use a lower `network.zones`, or another `region`"));
    }
    Ok(chosen)
}

/// Whether the stack stands in all the zones that stack.yaml wants, so that none is chosen from those of the region.
pub fn stands(stack: &Stack, facts: &Facts) -> bool {
    let own = standing(stack, facts);
    stack.network.given.is_some() || (0..u32::from(stack.network.zones)).all(|place| own.contains_key(&place))
}

/// The zones of the subnets that have a place, by that.
fn standing(stack: &Stack, facts: &Facts) -> BTreeMap<u32, String> {
    let mut own: BTreeMap<u32, String> = BTreeMap::new();
    for place in 0..PLACES {
        let ranges = [PUBLIC, PRIVATE].map(|part| range(stack.network.cidr, part, place));
        let zone = ranges.iter().find_map(|range| facts.subnets.get(range));
        if let Some(zone) = zone.filter(|zone| !own.values().any(|other| &other == zone)) {
            own.insert(place, zone.clone());
        }
    }
    own
}
