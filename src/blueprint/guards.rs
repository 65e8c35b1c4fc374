//! Draws the security groups of a database or a cache, and splits their rules among as many groups as the limit of AWS
//! requires.

use super::network::Network;
use crate::{
    kinds::ec2::security_group,
    model::{Address, Graph, Input},
};

/// The default maximum of inbound rules in a security group.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups>
const MOST_RULES: usize = 60;

/// The number of rules in the first group that are reserved for temporary and optional clients: the users task, the
/// load task and the bastion.
const PASSING: usize = 3;

/// A resource whose clients are limited by security groups.
pub(super) struct Guarded<'a> {
    /// The name of the first group; further groups append a number.
    pub(super) name: &'a str,
    pub(super) description: &'a str,
    pub(super) port: u16,
}

/// Draws the groups that admit `clients` and `passing`, and returns their ids. Only the largest stacks need more than
/// one group.
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
        // A new service moves other clients into a later group. That group must admit them before this one stops.
        if let Some(later) = later.replace(group.clone()) {
            graph.need(&group, &later);
        }
        drawn.push(Input::output(&group, "id"));
    }
    drawn.reverse();
    drawn
}
