//! `network`.

use std::net::Ipv4Addr;

use crate::spec::{
    problem::Collector,
    read::{Field, Map},
    stack::{Cidr, Given, Nat, Network},
};

/// The network's range where none is given.
const DEFAULT_CIDR: Cidr = Cidr { address: Ipv4Addr::new(10, 20, 0, 0), prefix: 16 };

/// The network of a stack that says nothing about it.
pub(super) const DEFAULT: Network = Network { cidr: DEFAULT_CIDR, zones: 2, nat: Nat::Single, given: None };

pub(super) fn network(field: &Field, problems: &mut Collector) -> Option<Network> {
    let known = ["cidr", "zones", "nat", "vpc", "public_subnets", "private_subnets"];
    let map = Map::new(field.node, &field.path, &known, &[], problems)?;
    let cidr = map.get("cidr").map_or(Some(DEFAULT_CIDR), |field| cidr(&field, problems));
    let zones = map.get("zones").map_or(Some(2), |field| field.number(2, 4, problems));
    let words = [("none", Nat::None), ("single", Nat::Single), ("per-zone", Nat::PerZone)];
    let nat = map.get("nat").map_or(Some(Nat::Single), |field| field.word(&words, problems));
    let given = given(&map, nat, problems);
    Some(Network { cidr: cidr?, zones: u8::try_from(zones?).ok()?, nat: nat?, given })
}

/// A network that is there already: its id, and those of its subnets.
fn given(map: &Map, nat: Option<Nat>, problems: &mut Collector) -> Option<Given> {
    let ids = |key: &str, problems: &mut Collector| {
        let Some(field) = map.get(key) else { return Vec::new() };
        let items = field.texts(problems).unwrap_or_default();
        let mut ids: Vec<String> = Vec::with_capacity(items.len());
        for (field, id) in items {
            if !is_id(&id, "subnet-") {
                field.wrong(format!("`{id}` is no id of a subnet"), "such as subnet-0123456789abcdef0", problems);
            } else if ids.contains(&id) {
                field.wrong(format!("`{id}` stands here twice"), "name each subnet once", problems);
            }
            ids.push(id);
        }
        ids
    };
    let (public_subnets, private_subnets) = (ids("public_subnets", problems), ids("private_subnets", problems));
    let Some(field) = map.get("vpc") else {
        for key in ["public_subnets", "private_subnets"] {
            if let Some(field) = map.get(key) {
                field.wrong("subnets of which network?", "add `vpc: vpc-…`, the network that they are in", problems);
            }
        }
        return None;
    };
    let vpc = field.text(problems)?;
    if !is_id(&vpc, "vpc-") {
        field.wrong(format!("`{vpc}` is no id of a VPC"), "such as vpc-0123456789abcdef0", problems);
    }
    let laid_out = ["cidr", "zones"].into_iter().chain((nat != Some(Nat::None)).then_some("nat"));
    for field in laid_out.filter_map(|key| map.get(key)) {
        let hint = "leave it out with `vpc`; `nat: none` alone is possible, for tasks in the public subnets";
        field.wrong("the network is laid out already, and stackctl does not change it", hint, problems);
    }
    for field in
        map.get("private_subnets").into_iter().filter(|_| public_subnets.iter().any(|id| private_subnets.contains(id)))
    {
        field.wrong("a subnet is public or private, not both", "name each subnet once", problems);
    }
    Some(Given { vpc, public_subnets, private_subnets })
}

/// Whether `text` is `prefix` and 8 or 17 hexadecimal digits.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/resource-ids.html>
fn is_id(text: &str, prefix: &str) -> bool {
    let digits = text.strip_prefix(prefix).unwrap_or_default();
    matches!(digits.len(), 8 | 17) && digits.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

/// What the parts of a stack need of a network that is there already.
pub(super) fn carries(field: &Field, given: &Given, needs: Needs, problems: &mut Collector) {
    let hint = "name at least two, in two zones";
    let Given { public_subnets, private_subnets, .. } = given;
    if needs.load_balancer && public_subnets.len() < 2 {
        field.wrong("a load balancer stands in two public subnets", format!("`public_subnets`: {hint}"), problems);
    }
    if needs.bastion && !needs.load_balancer && public_subnets.is_empty() {
        field.wrong("a bastion stands in a public subnet", "add `public_subnets`", problems);
    }
    if needs.database && private_subnets.len() < 2 {
        field.wrong("a database stands in two private subnets", format!("`private_subnets`: {hint}"), problems);
    }
    if needs.cache && !needs.database && private_subnets.is_empty() {
        field.wrong("a cache stands in private subnets", "add `private_subnets`", problems);
    }
    if public_subnets.is_empty() && (private_subnets.is_empty() || needs.public_tasks) {
        field.wrong("tasks have no subnet to run in", "add `private_subnets`, or `public_subnets`", problems);
    }
}

/// Which parts a stack has.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a part of its own")]
pub(super) struct Needs {
    pub(super) load_balancer: bool,
    pub(super) database: bool,
    pub(super) cache: bool,
    pub(super) bastion: bool,
    pub(super) public_tasks: bool,
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
