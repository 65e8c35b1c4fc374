//! Who may call a database or a cache: security groups, each of no more rules than AWS lets one have.

use super::network::Network;
use crate::{
    kinds::ec2::security_group,
    model::{Address, Graph, Input},
};

/// How many inbound rules a security group has, unless the account's quota is another one.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups>
const MOST_RULES: usize = 60;

/// How many of them, in the first group, are for callers that come and go: what makes users, what loads, a bastion.
const PASSING: usize = 3;

/// A guarded thing.
pub(super) struct Guarded<'a> {
    /// The name of the first group; the others have a number behind it.
    pub(super) name: &'a str,
    pub(super) description: &'a str,
    pub(super) port: u16,
}

/// The groups that admit `clients` and those that come and go, as inputs: one for all but the largest stacks.
pub(super) fn draw(
    graph: &mut Graph,
    network: &Network,
    guarded: &Guarded<'_>,
    clients: &[&Address],
    passing: &[&Address],
) -> Vec<Input> {
    let (first, rest) = clients.split_at(clients.len().min(MOST_RULES - PASSING));
    let first = first.iter().chain(passing).copied().collect();
    let groups: Vec<Vec<&Address>> =
        std::iter::once(first).chain(rest.chunks(MOST_RULES).map(<[&Address]>::to_vec)).collect();
    let mut later: Option<Address> = None;
    let mut drawn = Vec::new();
    for (number, callers) in groups.iter().enumerate().rev() {
        let name = if number == 0 { guarded.name.to_owned() } else { format!("{}-{}", guarded.name, number + 1) };
        let ingress = callers.iter().map(|group| security_group::Ingress {
            port: guarded.port,
            from: security_group::Source::Group(Input::output(group, "id")),
        });
        let desired = security_group::Desired {
            vpc: network.vpc.clone(),
            description: guarded.description.to_owned(),
            ingress: ingress.collect(),
        };
        let group = graph.add(Address::new("security_group", name), &desired);
        // One more service moves others into the next group: that one admits them before this one no longer does.
        if let Some(later) = later.replace(group.clone()) {
            graph.need(&group, &later);
        }
        drawn.push(Input::output(&group, "id"));
    }
    drawn.reverse();
    drawn
}
