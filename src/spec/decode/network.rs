//! Decodes `network`: the network that the stack creates, or an existing one.

use std::net::Ipv4Addr;

use crate::spec::{
    keys::{NAT, NETWORK},
    problem::{Collector, Span},
    read::{Field, Map},
    stack::{Cidr, Given, Nat, Network},
    yaml::{Node, Value},
};

/// Decodes the network of the file `root`, with defaults for everything that the file does not set.
pub(super) fn network(root: &Map, problems: &mut Collector) -> Option<Network> {
    let nothing = Node { span: Span::default(), value: Value::Map(Vec::new()) };
    let written = root.get("network");
    let node = written.as_ref().map_or(&nothing, |field| field.node);
    let map = Map::new(node, "network", &NETWORK, problems)?;
    let cidr = map.text("cidr", problems).and_then(|text| cidr(&map, &text, problems));
    let zones = map.number("zones", problems);
    let nat = map.word("nat", &NAT, problems);
    let given = given(&map, nat, problems);
    Some(Network { cidr: cidr?, zones: u8::try_from(zones?).ok()?, nat: nat?, given })
}

/// Decodes an existing network: the id of the VPC, and the ids of its subnets.
fn given(map: &Map, nat: Option<Nat>, problems: &mut Collector) -> Option<Given> {
    let ids = |key: &str, problems: &mut Collector| {
        let items = map.texts(key, problems).unwrap_or_default();
        let mut ids: Vec<String> = Vec::with_capacity(items.len());
        for (field, id) in items {
            if ids.contains(&id) {
                field.wrong(format!("duplicate subnet `{id}`"), "name each subnet once", problems);
            }
            ids.push(id);
        }
        ids
    };
    let (public_subnets, private_subnets) = (ids("public_subnets", problems), ids("private_subnets", problems));
    if map.get("vpc").is_none() {
        for key in ["public_subnets", "private_subnets"] {
            map.wrong(key, "subnets need `vpc`", "add `vpc: vpc-…` with the VPC of these subnets", problems);
        }
        return None;
    }
    let vpc = map.text("vpc", problems)?;
    for key in ["cidr", "zones"].into_iter().chain((nat != Some(Nat::None)).then_some("nat")) {
        let hint = "remove it; with `vpc`, only `nat: none` is possible, for tasks in the public subnets";
        map.wrong(key, "stackctl does not change an existing network", hint, problems);
    }
    if public_subnets.iter().any(|id| private_subnets.contains(id)) {
        let message = "a subnet cannot be both public and private";
        map.wrong("private_subnets", message, "name each subnet once", problems);
    }
    Some(Given { vpc, public_subnets, private_subnets })
}

/// Checks that an existing network has the subnets that the parts of the stack need.
pub(super) fn carries(field: &Field, given: &Given, needs: Needs, problems: &mut Collector) {
    let hint = "name at least two, in different zones";
    let Given { public_subnets, private_subnets, .. } = given;
    if needs.load_balancer && public_subnets.len() < 2 {
        field.wrong("a load balancer needs two public subnets", format!("`public_subnets`: {hint}"), problems);
    }
    if needs.internal && private_subnets.len() < 2 {
        field.wrong(
            "an internal load balancer needs two private subnets",
            format!("`private_subnets`: {hint}"),
            problems,
        );
    }
    if needs.bastion && !needs.load_balancer && public_subnets.is_empty() {
        field.wrong("a bastion needs a public subnet", "add `public_subnets`", problems);
    }
    if needs.database && private_subnets.len() < 2 {
        field.wrong("a database needs two private subnets", format!("`private_subnets`: {hint}"), problems);
    }
    if needs.cache && !needs.database && private_subnets.is_empty() {
        field.wrong("a cache needs private subnets", "add `private_subnets`", problems);
    }
    if public_subnets.is_empty() && (private_subnets.is_empty() || needs.public_tasks) {
        field.wrong("tasks need subnets", "add `private_subnets`, or `public_subnets`", problems);
    }
}

/// The parts that a stack has.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a part of its own")]
pub(super) struct Needs {
    pub(super) load_balancer: bool,
    pub(super) internal: bool,
    pub(super) database: bool,
    pub(super) cache: bool,
    pub(super) bastion: bool,
    pub(super) public_tasks: bool,
}

fn cidr(map: &Map, text: &str, problems: &mut Collector) -> Option<Cidr> {
    let mut wrong = |message: String, hint: &str| map.wrong("cidr", message, hint, problems);
    let Some(cidr) = parse(text) else {
        wrong(format!("invalid address range `{text}`"), "use a range such as 10.20.0.0/16");
        return None;
    };
    let host_bits = host_bits(cidr);
    if !(16..=20).contains(&cidr.prefix) {
        let hint = "use a prefix length from 16 to 20; AWS allows at most /16, and four zones need at least /20";
        wrong(format!("invalid size of the range `{text}`, expected /16 to /20"), hint);
    } else if host_bits != 0 {
        let base = Ipv4Addr::from(u32::from(cidr.address) & !host_bits);
        let hint = format!("write {base}/{}", cidr.prefix);
        wrong(format!("invalid address range `{text}`: the address has bits after the prefix"), &hint);
    } else if !cidr.address.is_private() {
        let hint = "use a part of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16";
        wrong(format!("`{text}` is not a private range"), hint);
    }
    Some(cidr)
}

/// Parses an address range. The address must be the first one of the range.
pub(super) fn range(text: &str) -> Option<Cidr> {
    parse(text).filter(|cidr| host_bits(*cidr) == 0)
}

fn parse(text: &str) -> Option<Cidr> {
    let (address, prefix) = text.split_once('/')?;
    Some(Cidr { address: address.parse().ok()?, prefix: prefix.parse().ok().filter(|prefix| *prefix <= 32)? })
}

/// Returns the bits of the address after its prefix.
fn host_bits(cidr: Cidr) -> u32 {
    u32::from(cidr.address) & u32::MAX.checked_shr(u32::from(cidr.prefix)).unwrap_or(0)
}
