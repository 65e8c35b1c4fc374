//! Strangers in the network: whatever EC2 counts as a dependency of a VPC, a subnet or a security group.
//!
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html>

use aws_sdk_ec2::types::{
    Filter, IpPermission, NetworkInterface, NetworkInterfaceType, SecurityGroup, Tag, VpcPeeringConnection,
    VpcPeeringConnectionStateReasonCode,
};

use super::{Found, Going, Stranger};
use crate::{
    aws::{self, Outcome},
    kind::Context,
    model::Failure,
};

/// How many values one filter may have.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html>
const VALUES_A_FILTER: usize = 200;

pub(super) async fn strangers(cx: &Context, going: &Going) -> Found {
    let vpcs = going.ids("vpc");
    let (subnets, groups) = (going.ids("subnet"), going.ids("security_group"));
    let interfaces = async {
        let mut found = Vec::new();
        // All that stands in a subnet or a group stands in the network.
        let by: &[(&str, &[String])] =
            if vpcs.is_empty() { &[("subnet-id", &subnets), ("group-id", &groups)] } else { &[("vpc-id", &vpcs)] };
        for (filter_name, ids) in by {
            found.extend(interfaces(cx, going, filter_name, ids).await?);
        }
        Ok::<_, Failure>(found)
    };
    let within = async { if vpcs.is_empty() { Ok(Vec::new()) } else { in_vpcs(cx, going, &vpcs).await } };
    let (interfaces, incoming, outgoing, within) = futures::try_join!(
        Box::pin(interfaces),
        rules(cx, going, "ip-permission.group-id", &groups),
        rules(cx, going, "egress.ip-permission.group-id", &groups),
        Box::pin(within),
    )?;
    Ok([interfaces, incoming, outgoing, within].into_iter().flatten().collect())
}

/// What keeps a network from going; there is one at least.
async fn in_vpcs(cx: &Context, going: &Going, vpcs: &[String]) -> Found {
    let (subnets, groups, tables, lists, endpoints, asked, accepted, vpns) = futures::try_join!(
        foreign_subnets(cx, going, vpcs),
        foreign_groups(cx, going, vpcs),
        route_tables(cx, going, vpcs),
        access_lists(cx, going, vpcs),
        endpoints(cx, going, vpcs),
        peerings(cx, going, "requester-vpc-info.vpc-id", vpcs),
        peerings(cx, going, "accepter-vpc-info.vpc-id", vpcs),
        vpn_gateways(cx, going, vpcs),
    )?;
    Ok([subnets, groups, tables, lists, endpoints, asked, accepted, vpns].into_iter().flatten().collect())
}

fn filter(name: &str, values: &[String]) -> Filter {
    Filter::builder().name(name).set_values(Some(values.to_vec())).build()
}

/// What a resource's tags call it, and whose they say it is.
fn about(tags: &[Tag]) -> Vec<String> {
    let tag = |key: &str| aws::tag_value(tags, key);
    let name = tag(aws::NAME).map(|name| format!("called {name}"));
    let stack =
        tag(aws::STACK).map(|stack| format!("of the stack {stack}/{}", tag(aws::ENVIRONMENT).unwrap_or_default()));
    let made_by = tag("aws:cloudformation:stack-name").map(|stack| format!("of the CloudFormation stack {stack}"));
    name.into_iter().chain(stack).chain(made_by).collect()
}

/// What somebody has described it as.
fn quoted(description: Option<&str>) -> Option<String> {
    description.filter(|text| !text.is_empty()).map(|text| format!("“{text}”"))
}

fn in_network(going: &Going, vpc: &str) -> String {
    format!("in {}", going.address("vpc", vpc).unwrap_or(vpc))
}

async fn interfaces(cx: &Context, going: &Going, by: &str, ids: &[String]) -> Found {
    let mut found = Vec::new();
    for some in ids.chunks(VALUES_A_FILTER) {
        let call = cx.aws.ec2.describe_network_interfaces().filters(filter(by, some)).into_paginator().items().send();
        let all: Vec<NetworkInterface> = call.try_collect().await.during("DescribeNetworkInterfaces")?;
        found.extend(all.iter().filter(|one| !is_own(going, one)).map(|one| interface(going, one)));
    }
    Ok(found)
}

/// Whether it goes with what the stack owns: it belongs to one of its hosts or NAT gateways, or AWS made it for a load
/// balancer, a database, a cache or a task, which is known by the security groups that it has.
fn is_own(going: &Going, interface: &NetworkInterface) -> bool {
    let attached = interface.attachment().and_then(|to| to.instance_id());
    if let Some(instance) = attached {
        return going.is_own(instance);
    }
    let description = interface.description().unwrap_or_default();
    if description.rsplit(' ').next().is_some_and(|last| last.starts_with("nat-") && going.is_own(last)) {
        return true;
    }
    let is_plain = interface.interface_type().is_none_or(|kind| *kind == NetworkInterfaceType::Interface);
    let mut groups = interface.groups().iter().filter_map(|group| group.group_id());
    let by_aws = interface.requester_managed() == Some(true);
    is_plain && by_aws && !interface.groups().is_empty() && groups.all(|group| going.is_own(group))
}

fn interface(going: &Going, interface: &NetworkInterface) -> Stranger {
    let id = interface.network_interface_id().unwrap_or_default();
    let subnet = interface.subnet_id().unwrap_or_default();
    let mut place = format!("in {}", going.address("subnet", subnet).unwrap_or(subnet));
    let held = interface.groups().iter().filter_map(|group| going.address("security_group", group.group_id()?));
    let held: Vec<&str> = held.collect();
    if !held.is_empty() {
        place = format!("{place}, with {}", held.join(" and "));
    }
    let mut about = about(interface.tag_set());
    about.extend(quoted(interface.description()));
    if let Some(kind) = interface.interface_type().filter(|kind| **kind != NetworkInterfaceType::Interface) {
        about.push(format!("of type {}", kind.as_str()));
    }
    about.extend(interface.requester_id().map(|who| format!("made by {who}")));
    let way_out = match interface.attachment() {
        Some(to) => match to.instance_id() {
            Some(instance) => format!("terminate the instance {instance}, or detach it from that"),
            None => "delete what it belongs to".to_owned(),
        },
        None if interface.requester_managed() == Some(true) => "delete what it belongs to".to_owned(),
        None => format!("aws ec2 delete-network-interface --network-interface-id {id}"),
    };
    Stranger::new("network interface", id, place, about, way_out)
}

/// Groups of others with a rule that names one of the stack's.
async fn rules(cx: &Context, going: &Going, by: &str, groups: &[String]) -> Found {
    let mut found = Vec::new();
    for some in groups.chunks(VALUES_A_FILTER) {
        let call = cx.aws.ec2.describe_security_groups().filters(filter(by, some)).into_paginator().items().send();
        let all: Vec<SecurityGroup> = call.try_collect().await.during("DescribeSecurityGroups")?;
        for group in &all {
            let Some(id) = group.group_id().filter(|id| !going.is_own(id)) else { continue };
            let incoming = !by.starts_with("egress");
            let permissions = if incoming { group.ip_permissions() } else { group.ip_permissions_egress() };
            let pairs = permissions.iter().flat_map(IpPermission::user_id_group_pairs);
            let named = pairs.filter_map(|pair| going.address("security_group", pair.group_id()?));
            let mut named: Vec<&str> = named.collect();
            named.sort_unstable();
            named.dedup();
            let mut about = about(group.tags());
            about.extend(quoted(group.description()));
            let side = if incoming { "incoming" } else { "outgoing" };
            let place = format!("has an {side} rule that names {}", named.join(" and "));
            found.push(Stranger::new("security group", id, place, about, "revoke that rule"));
        }
    }
    Ok(found)
}

async fn foreign_subnets(cx: &Context, going: &Going, vpcs: &[String]) -> Found {
    let call = cx.aws.ec2.describe_subnets().filters(filter("vpc-id", vpcs)).into_paginator().items().send();
    let all: Vec<_> = call.try_collect().await.during("DescribeSubnets")?;
    let others = all.iter().filter(|subnet| !going.is_own(subnet.subnet_id().unwrap_or_default()));
    let named = others.map(|subnet| {
        let place = in_network(going, subnet.vpc_id().unwrap_or_default());
        let mut about = about(subnet.tags());
        about.extend(subnet.cidr_block().map(str::to_owned));
        Stranger::new("subnet", subnet.subnet_id().unwrap_or_default(), place, about, "delete it, with what is in it")
    });
    Ok(named.collect())
}

async fn foreign_groups(cx: &Context, going: &Going, vpcs: &[String]) -> Found {
    let call = cx.aws.ec2.describe_security_groups().filters(filter("vpc-id", vpcs)).into_paginator().items().send();
    let all: Vec<SecurityGroup> = call.try_collect().await.during("DescribeSecurityGroups")?;
    // The default group goes with its network.
    let others = all.iter().filter(|group| group.group_name() != Some("default"));
    let named = others.filter(|group| !going.is_own(group.group_id().unwrap_or_default())).map(|group| {
        let place = in_network(going, group.vpc_id().unwrap_or_default());
        let mut about = about(group.tags());
        about.extend(quoted(group.description()));
        Stranger::new(
            "security group",
            group.group_id().unwrap_or_default(),
            place,
            about,
            "delete it, with what uses it",
        )
    });
    Ok(named.collect())
}

async fn route_tables(cx: &Context, going: &Going, vpcs: &[String]) -> Found {
    let call = cx.aws.ec2.describe_route_tables().filters(filter("vpc-id", vpcs)).into_paginator().items().send();
    let all: Vec<_> = call.try_collect().await.during("DescribeRouteTables")?;
    let others = all.iter().filter(|table| !table.associations().iter().any(|one| one.main() == Some(true)));
    let named = others.filter(|table| !going.is_own(table.route_table_id().unwrap_or_default())).map(|table| {
        let place = in_network(going, table.vpc_id().unwrap_or_default());
        Stranger::new(
            "route table",
            table.route_table_id().unwrap_or_default(),
            place,
            about(table.tags()),
            "delete it",
        )
    });
    Ok(named.collect())
}

async fn access_lists(cx: &Context, going: &Going, vpcs: &[String]) -> Found {
    let call = cx.aws.ec2.describe_network_acls().filters(filter("vpc-id", vpcs)).into_paginator().items().send();
    let all: Vec<_> = call.try_collect().await.during("DescribeNetworkAcls")?;
    let named = all.iter().filter(|list| list.is_default() != Some(true)).map(|list| {
        let place = in_network(going, list.vpc_id().unwrap_or_default());
        Stranger::new("network ACL", list.network_acl_id().unwrap_or_default(), place, about(list.tags()), "delete it")
    });
    Ok(named.collect())
}

async fn endpoints(cx: &Context, going: &Going, vpcs: &[String]) -> Found {
    let call = cx.aws.ec2.describe_vpc_endpoints().filters(filter("vpc-id", vpcs)).into_paginator().items().send();
    let all: Vec<_> = call.try_collect().await.during("DescribeVpcEndpoints")?;
    let there =
        all.iter().filter(|one| !one.state().is_some_and(|state| state.as_str().eq_ignore_ascii_case("deleted")));
    let named = there.filter(|one| !going.is_own(one.vpc_endpoint_id().unwrap_or_default())).map(|endpoint| {
        let place = in_network(going, endpoint.vpc_id().unwrap_or_default());
        let mut about = about(endpoint.tags());
        about.extend(endpoint.service_name().map(|service| format!("to {service}")));
        Stranger::new("VPC endpoint", endpoint.vpc_endpoint_id().unwrap_or_default(), place, about, "delete it")
    });
    Ok(named.collect())
}

async fn peerings(cx: &Context, going: &Going, by: &str, vpcs: &[String]) -> Found {
    let call = cx.aws.ec2.describe_vpc_peering_connections().filters(filter(by, vpcs)).into_paginator().items().send();
    let all: Vec<VpcPeeringConnection> = call.try_collect().await.during("DescribeVpcPeeringConnections")?;
    let stands = |one: &&VpcPeeringConnection| {
        use VpcPeeringConnectionStateReasonCode::{Active, InitiatingRequest, PendingAcceptance, Provisioning};
        let state = one.status().and_then(|status| status.code());
        state.is_some_and(|state| [Active, InitiatingRequest, PendingAcceptance, Provisioning].contains(state))
    };
    let named = all.iter().filter(stands).map(|peering| {
        let sides = [peering.requester_vpc_info(), peering.accepter_vpc_info()];
        let sides: Vec<&str> = sides.into_iter().flatten().filter_map(|side| side.vpc_id()).collect();
        let own = sides.iter().find_map(|vpc| going.address("vpc", vpc)).unwrap_or("the network");
        let mut about = about(peering.tags());
        let other = sides.iter().find(|vpc| going.address("vpc", vpc).is_none());
        about.extend(other.map(|vpc| format!("with {vpc}")));
        let id = peering.vpc_peering_connection_id().unwrap_or_default();
        Stranger::new("peering connection", id, format!("of {own}"), about, "delete it")
    });
    Ok(named.collect())
}

async fn vpn_gateways(cx: &Context, going: &Going, vpcs: &[String]) -> Found {
    let by_vpc = filter("attachment.vpc-id", vpcs);
    let answer = cx.aws.ec2.describe_vpn_gateways().filters(by_vpc).send().await.during("DescribeVpnGateways")?;
    let mut found = Vec::new();
    for gateway in answer.vpn_gateways() {
        let attached = gateway.vpc_attachments().iter();
        let attached = attached.filter(|one| one.state().is_none_or(|state| state.as_str() != "detached"));
        for vpc in attached.filter_map(|one| going.address("vpc", one.vpc_id()?)) {
            let id = gateway.vpn_gateway_id().unwrap_or_default();
            found.push(Stranger::new("VPN gateway", id, format!("at {vpc}"), about(gateway.tags()), "detach it"));
        }
    }
    Ok(found)
}
