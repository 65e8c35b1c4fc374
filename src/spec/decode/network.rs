//! `network`.

use std::net::Ipv4Addr;

use crate::spec::{
    problem::Collector,
    read::{Field, Map},
    stack::{Cidr, Nat, Network},
};

/// The network's range where none is given.
const DEFAULT_CIDR: Cidr = Cidr { address: Ipv4Addr::new(10, 20, 0, 0), prefix: 16 };

/// The network of a stack that says nothing about it.
pub(super) const DEFAULT: Network = Network { cidr: DEFAULT_CIDR, zones: 2, nat: Nat::Single };

pub(super) fn network(field: &Field, problems: &mut Collector) -> Option<Network> {
    let map = Map::new(
        field.node,
        &field.path,
        &["cidr", "zones", "nat"],
        &["vpc", "public_subnets", "private_subnets"],
        problems,
    )?;
    let cidr = map.get("cidr").map_or(Some(DEFAULT_CIDR), |field| cidr(&field, problems));
    let zones = map.get("zones").map_or(Some(2), |field| field.number(2, 4, problems));
    let words = [("none", Nat::None), ("single", Nat::Single), ("per-zone", Nat::PerZone)];
    let nat = map.get("nat").map_or(Some(Nat::Single), |field| field.word(&words, problems));
    Some(Network { cidr: cidr?, zones: u8::try_from(zones?).ok()?, nat: nat? })
}

fn cidr(field: &Field, problems: &mut Collector) -> Option<Cidr> {
    let text = field.text(problems)?;
    let Some(cidr) = parse(&text) else {
        field.wrong(format!("`{text}` is no range of addresses"), "such as 10.20.0.0/16", problems);
        return None;
    };
    let host_bits = host_bits(cidr);
    if !(16..=20).contains(&cidr.prefix) {
        let hint = "AWS takes no larger network than /16, and four zones need at least /20";
        field.wrong(format!("`{text}` is not from /16 to /20"), hint, problems);
    } else if host_bits != 0 {
        let base = Ipv4Addr::from(u32::from(cidr.address) & !host_bits);
        field.wrong(
            format!("`{text}` does not begin where its prefix says"),
            format!("write {base}/{}", cidr.prefix),
            problems,
        );
    } else if !cidr.address.is_private() {
        let hint = "take a part of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16";
        field.wrong(format!("`{text}` is not private"), hint, problems);
    }
    Some(cidr)
}

/// A range of addresses that begins where its prefix says.
pub(super) fn range(text: &str) -> Option<Cidr> {
    parse(text).filter(|cidr| host_bits(*cidr) == 0)
}

fn parse(text: &str) -> Option<Cidr> {
    let (address, prefix) = text.split_once('/')?;
    Some(Cidr { address: address.parse().ok()?, prefix: prefix.parse().ok().filter(|prefix| *prefix <= 32)? })
}

/// The bits of the address beyond its prefix.
fn host_bits(cidr: Cidr) -> u32 {
    u32::from(cidr.address) & u32::MAX.checked_shr(u32::from(cidr.prefix)).unwrap_or(0)
}
