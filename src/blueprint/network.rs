//! Draws the stack's network: a VPC with a public and a private subnet in each zone, and its gateways and routes.

use super::{
    facts::Facts,
    zones::{self, PRIVATE, PUBLIC, Part, range},
};
use crate::{
    kinds::{
        ec2::{elastic_ip, internet_gateway, nat_gateway, route_table, subnet, vpc},
        efs::letter,
    },
    model::{Address, Failure, Graph, Input},
    spec::{Nat, Stack, Volume},
};

/// The outputs of the network that the rest of the stack uses.
pub(super) struct Network {
    pub(super) vpc: Input,
    pub(super) public: Vec<Input>,
    pub(super) private: Vec<Input>,
    /// The subnets in which tasks run.
    pub(super) tasks: Vec<Input>,
    /// The subnets in which volumes have mount targets, each with its zone: the private subnets of the stack's network,
    /// or the tasks' subnets of an existing one.
    pub(super) files: Vec<(Input, String)>,
    /// Whether tasks get public addresses. Without a NAT gateway, they reach the internet only that way.
    pub(super) public_tasks: bool,
    /// The routes that must exist before a task can reach the internet.
    pub(super) routes: Vec<Address>,
}

pub(super) fn draw(graph: &mut Graph, stack: &Stack, facts: &Facts) -> Result<Network, Failure> {
    let zones = &zones::chosen(stack, facts)?;
    let vpc = graph.add(Address::new("vpc", "main"), &vpc::Desired { cidr: stack.network.cidr.to_string() });
    let vpc = Input::output(&vpc, "id");
    let gateway = graph.add(Address::new("internet_gateway", "main"), &internet_gateway::Desired { vpc: vpc.clone() });
    let public_tasks = stack.network.nat == Nat::None;
    let keeps_files = stack.volumes.values().any(|volume| matches!(volume, Volume::Stack(_)));
    let keeps_something = stack.database.is_some() || stack.cache.is_some() || keeps_files;
    let has_private = !public_tasks || keeps_something || stack.has_internal();

    let add_subnets = |graph: &mut Graph, side: &str, part: Part| -> Vec<Address> {
        let drawn = zones.iter().zip(0_u32..).map(|(zone, place)| {
            let desired = subnet::Desired {
                vpc: vpc.clone(),
                cidr: range(stack.network.cidr, part, place),
                zone: zone.clone(),
                public: side == "public",
            };
            graph.add(Address::new("subnet", format!("{side}-{}", letter(zone))), &desired)
        });
        drawn.collect()
    };
    let public = add_subnets(graph, "public", PUBLIC);
    let private = if has_private { add_subnets(graph, "private", PRIVATE) } else { Vec::new() };

    let to_internet = route_table::Desired {
        vpc: vpc.clone(),
        default_route: Some(route_table::Route::Internet(Input::output(&gateway, "id"))),
        subnets: ids(&public),
    };
    let mut routes = vec![graph.add(Address::new("route_table", "public"), &to_internet)];
    if has_private {
        let ways = ways_out(graph, stack.network.nat, zones, &public, &routes[0]);
        for (name, nat, subnets) in groups(&ways, zones, &private) {
            let desired = route_table::Desired {
                vpc: vpc.clone(),
                default_route: nat.map(|nat| route_table::Route::Nat(Input::output(nat, "id"))),
                subnets: ids(subnets),
            };
            routes.push(graph.add(Address::new("route_table", name), &desired));
        }
    }
    let (public, private) = (ids(&public), ids(&private));
    let tasks = if public_tasks { public.clone() } else { private.clone() };
    let files = private.iter().cloned().zip(zones.iter().cloned()).collect();
    Ok(Network { vpc, public, private, tasks, files, public_tasks, routes })
}

/// Draws the NAT gateways: none, one in the first zone, or one in each zone.
fn ways_out(graph: &mut Graph, nat: Nat, zones: &[String], public: &[Address], route: &Address) -> Vec<Address> {
    let count = match nat {
        Nat::None => 0,
        Nat::Single => 1,
        Nat::PerZone => zones.len(),
    };
    let mut gateways = Vec::with_capacity(count);
    for (zone, subnet) in zones.iter().zip(public).take(count) {
        let name = format!("nat-{}", letter(zone));
        let address = graph.add(Address::new("elastic_ip", &name), &elastic_ip::Desired {});
        let desired =
            nat_gateway::Desired { subnet: Input::output(subnet, "id"), address: Input::output(&address, "id") };
        let gateway = graph.add(Address::new("nat_gateway", name), &desired);
        // AWS creates a public NAT gateway only in a network with an internet gateway.
        graph.need(&gateway, route);
        gateways.push(gateway);
    }
    gateways
}

/// Returns the private route tables: one per zone if each zone has a NAT gateway, otherwise one for all zones.
fn groups<'a>(
    ways: &'a [Address],
    zones: &[String],
    private: &'a [Address],
) -> Vec<(String, Option<&'a Address>, &'a [Address])> {
    if ways.len() < 2 {
        return vec![("private".to_owned(), ways.first(), private)];
    }
    let each = zones.iter().zip(ways).zip(private.chunks(1));
    each.map(|((zone, nat), subnets)| (format!("private-{}", letter(zone)), Some(nat), subnets)).collect()
}

fn ids(addresses: &[Address]) -> Vec<Input> {
    addresses.iter().map(|address| Input::output(address, "id")).collect()
}
