//! Chooses the availability zones of a stack. A zone keeps its place in the network's range as long as the stack has
//! subnets there, whatever state AWS reports for the zone: an incident must not move subnets or prevent a plan.

use std::collections::BTreeMap;

use super::facts::Facts;
use crate::{
    kinds::ec2::subnet,
    model::{Failure, LiveResource, Subject},
    spec::{Cidr, Stack},
};

/// How the network's range is divided: `(bits, spread, offset)`. The zone in place `n` gets part `n * spread + offset`
/// of `2^bits`.
pub(super) type Part = (u8, u32, u32);

/// The range has four quarters, one per zone, whether used or not, so that adding a zone renumbers nothing. The public
/// subnet is the first quarter of the zone's quarter, and the private subnet is the second half.
pub(super) const PUBLIC: Part = (4, 4, 0);
/// See [`PUBLIC`].
pub(super) const PRIVATE: Part = (3, 2, 1);

/// The number of places.
const PLACES: u32 = 4;

/// Returns the zones of the subnets in `live`, by address range.
pub(super) fn of(live: &[LiveResource]) -> Result<BTreeMap<String, String>, Failure> {
    let subnets = live.iter().filter(|resource| resource.address.kind() == "subnet");
    let ranges = subnets.map(|found| {
        let subnet::Live { cidr, zone, .. } = found.decoded()?;
        Ok((cidr, zone))
    });
    ranges.collect()
}

/// Returns the range of a subnet in place `place`.
pub(super) fn range(network: Cidr, (bits, spread, offset): Part, place: u32) -> String {
    network.subnet(bits, place * spread + offset).to_string()
}

/// Returns the zones of the stack in the order of their places. Zones with subnets of the stack keep their places; the
/// other places are filled with available zones in order.
///
/// # Errors
/// If there are fewer zones than stack.yaml requires.
pub(super) fn chosen(stack: &Stack, facts: &Facts) -> Result<Vec<String>, Failure> {
    let wanted = u32::from(stack.network.zones);
    let own = standing(stack, facts);
    // After a change of `network.cidr`, no subnet has a place: all are replaced, in the same zones if necessary. If all
    // other zones are used, a zone whose place is removed can get another place.
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

/// Whether the stack has subnets in every zone that stack.yaml requires, so that no new zone must be chosen.
pub fn stands(stack: &Stack, facts: &Facts) -> bool {
    let own = standing(stack, facts);
    stack.network.given.is_some() || (0..u32::from(stack.network.zones)).all(|place| own.contains_key(&place))
}

/// Returns the zones of the existing subnets, by place.
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
