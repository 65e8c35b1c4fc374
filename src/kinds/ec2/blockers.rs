//! Finds what blocks the deletion of EC2 resources: network interfaces and security group rules. Also describes such
//! resources.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{Filter, IpPermission, NetworkInterface, NetworkInterfaceType, SecurityGroup, Tag};

use crate::{
    aws::{self, Outcome},
    kind::{Blocker, Context, Owned},
    kinds::ec2::guard_duty,
    model::{Failure, On, Permission},
};

/// The permission to list network interfaces.
pub(super) const LOOKING: Permission = Permission::delete(&["ec2:DescribeNetworkInterfaces"], On::Any);

/// The maximum number of values in one filter.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html>
pub(super) const VALUES_A_FILTER: usize = 200;

pub(super) fn filter(name: &str, values: &[String]) -> Filter {
    Filter::builder().name(name).set_values(Some(values.to_vec())).build()
}

/// Returns the name and the owner of a resource, from its tags.
pub(super) fn about(tags: &[Tag]) -> Vec<String> {
    let tag = |key: &str| aws::tag_value(tags, key);
    let name = tag(aws::NAME).map(|name| format!("named {name}"));
    let stack =
        tag(aws::STACK).map(|stack| format!("of the stack {stack}/{}", tag(aws::ENVIRONMENT).unwrap_or_default()));
    let made_by = tag("aws:cloudformation:stack-name").map(|stack| format!("of the CloudFormation stack {stack}"));
    name.into_iter().chain(stack).chain(made_by).collect()
}

/// Returns the description of a resource in quotation marks.
pub(super) fn quoted(description: Option<&str>) -> Option<String> {
    description.filter(|text| !text.is_empty()).map(|text| format!("“{text}”"))
}

/// Returns the network or subnet that contains a resource: its address if this run deletes it, otherwise its id.
pub(super) fn place(owned: &Owned, id: &str) -> String {
    owned.going(id).map_or_else(|| format!("in {id}"), |address| format!("in {address}"))
}

/// Returns the network interfaces of others for which the filter `by` matches one of `ids`.
pub(super) async fn interfaces(cx: &Context, owned: &Owned, by: &str, ids: &[String]) -> Result<Vec<Blocker>, Failure> {
    let mut others: Vec<NetworkInterface> = Vec::new();
    for some in ids.chunks(VALUES_A_FILTER) {
        let call = cx.aws.ec2.describe_network_interfaces().filters(filter(by, some)).into_paginator().items().send();
        let all: Vec<NetworkInterface> = call.try_collect().await.during("DescribeNetworkInterfaces")?;
        others.extend(all.into_iter().filter(|one| !is_own(owned, one)));
    }
    let of_endpoints = others.iter().filter(|one| one.interface_type() == Some(&NetworkInterfaceType::VpcEndpoint));
    let vpcs: BTreeSet<String> = of_endpoints.filter_map(|one| one.vpc_id.clone()).collect();
    if !vpcs.is_empty() {
        let of_guard_duty = guard_duty::interfaces(cx, &vpcs.into_iter().collect::<Vec<_>>()).await?;
        others.retain(|one| !one.network_interface_id().is_some_and(|id| of_guard_duty.contains(id)));
    }
    Ok(others.iter().map(|one| interface(owned, one)).collect())
}

/// Whether the interface is deleted together with the stack's resources. It belongs to a host of the stack, EC2 reports
/// it as an interface of one of the stack's NAT gateways, or AWS created it for a load balancer, database, cache or
/// task of the stack, which its security groups show.
fn is_own(owned: &Owned, interface: &NetworkInterface) -> bool {
    let attached = interface.attachment().and_then(|to| to.instance_id());
    if let Some(instance) = attached {
        return owned.has(instance);
    }
    if interface.network_interface_id().is_some_and(|id| owned.has(id)) {
        return true;
    }
    let is_plain = interface.interface_type().is_none_or(|kind| *kind == NetworkInterfaceType::Interface);
    let mut groups = interface.groups().iter().filter_map(|group| group.group_id());
    let by_aws = interface.requester_managed() == Some(true);
    is_plain && by_aws && !interface.groups().is_empty() && groups.all(|group| owned.has(group))
}

fn interface(owned: &Owned, interface: &NetworkInterface) -> Blocker {
    let id = interface.network_interface_id().unwrap_or_default();
    let subnet = interface.subnet_id().unwrap_or_default();
    let mut place = place(owned, subnet);
    let held = interface.groups().iter().filter_map(|group| owned.going(group.group_id()?));
    let held: Vec<String> = held.map(ToString::to_string).collect();
    if !held.is_empty() {
        place = format!("{place}, with {}", held.join(" and "));
    }
    let mut about = about(interface.tag_set());
    about.extend(quoted(interface.description()));
    if let Some(kind) = interface.interface_type().filter(|kind| **kind != NetworkInterfaceType::Interface) {
        about.push(format!("of type {}", kind.as_str()));
    }
    about.extend(interface.requester_id().map(|who| format!("created by {who}")));
    let way_out = match interface.attachment() {
        Some(to) => match to.instance_id() {
            Some(instance) => format!("terminate the instance {instance}, or detach the interface from it"),
            None => "delete the resource that it belongs to".to_owned(),
        },
        None if interface.requester_managed() == Some(true) => "delete the resource that it belongs to".to_owned(),
        None => format!("aws ec2 delete-network-interface --network-interface-id {id}"),
    };
    Blocker::new("network interface", id, place, about, way_out)
}

/// Returns the security groups of others that have a rule which refers to one of `groups`. The filter `by` finds them.
pub(super) async fn rules(cx: &Context, owned: &Owned, by: &str, groups: &[String]) -> Result<Vec<Blocker>, Failure> {
    let mut found = Vec::new();
    for some in groups.chunks(VALUES_A_FILTER) {
        let call = cx.aws.ec2.describe_security_groups().filters(filter(by, some)).into_paginator().items().send();
        let all: Vec<SecurityGroup> = call.try_collect().await.during("DescribeSecurityGroups")?;
        let side = if by.starts_with("egress") { Side::Outgoing } else { Side::Incoming };
        found.extend(all.iter().filter_map(|group| rule(owned, group, side)));
    }
    Ok(found)
}

/// The direction of a security group rule.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Incoming,
    Outgoing,
}

/// Returns the blocking rule of a security group. `None` if the group belongs to the stack, or if none of its rules
/// refers to a group that is deleted: the filter also matches rules that do not block.
fn rule(owned: &Owned, group: &SecurityGroup, side: Side) -> Option<Blocker> {
    let id = group.group_id().filter(|id| !owned.has(id))?;
    let (permissions, side) = match side {
        Side::Incoming => (group.ip_permissions(), "incoming"),
        Side::Outgoing => (group.ip_permissions_egress(), "outgoing"),
    };
    let pairs = permissions.iter().flat_map(IpPermission::user_id_group_pairs);
    let named: BTreeSet<String> =
        pairs.filter_map(|pair| owned.going(pair.group_id()?)).map(ToString::to_string).collect();
    if named.is_empty() {
        return None;
    }
    let named: Vec<String> = named.into_iter().collect();
    let mut about = about(group.tags());
    about.extend(quoted(group.description()));
    let place = format!("has an {side} rule that names {}", named.join(" and "));
    Some(Blocker::new("security group", id, place, about, "revoke this rule"))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::UserIdGroupPair;

    use super::*;
    use crate::model::LiveResource;

    fn owned() -> Owned {
        let mut owned = Owned::default();
        for (id, goes) in [("sg-goes", true), ("sg-stays", false)] {
            let address = "security_group.web".parse().expect("it is one");
            let group = LiveResource { address, id: id.to_owned(), live: serde_json::json!({}) };
            owned.add(&group, Vec::new(), goes);
        }
        owned
    }

    fn blocks(id: &str, names: Option<&str>) -> bool {
        let pair = UserIdGroupPair::builder().set_group_id(names.map(str::to_owned)).build();
        let permission = IpPermission::builder().user_id_group_pairs(pair).build();
        let group = SecurityGroup::builder().group_id(id).ip_permissions(permission).build();
        rule(&owned(), &group, Side::Incoming).is_some()
    }

    #[test]
    fn rule_blocks_only_if_it_refers_to_a_deleted_group() {
        assert!(blocks("sg-others", Some("sg-goes")));
        assert!(!blocks("sg-stays", Some("sg-goes")), "it is the stack's own");
        for other in [Some("sg-stays"), Some("sg-unknown"), Some(""), None] {
            assert!(!blocks("sg-others", other), "{other:?}");
        }
    }
}
