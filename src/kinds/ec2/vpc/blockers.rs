//! Finds the resources that block the deletion of a network and do not belong to the stack.
//!
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html>

use aws_sdk_ec2::types::{SecurityGroup, VpcPeeringConnection, VpcPeeringConnectionStateReasonCode};

use crate::{
    aws::Outcome,
    kind::{Blocker, Context, Owned},
    kinds::ec2::{
        blockers::{about, filter, interfaces, place, quoted},
        guard_duty::is_its_own,
    },
    model::Failure,
};

/// The blockers that one search found.
type Blockers = Result<Vec<Blocker>, Failure>;

pub(super) async fn find(cx: &Context, owned: &Owned, vpcs: &[String]) -> Blockers {
    let found = futures::try_join!(
        // Boxed, because the futures together are too large for the stack.
        Box::pin(interfaces(cx, owned, "vpc-id", vpcs)),
        Box::pin(subnets(cx, owned, vpcs)),
        Box::pin(security_groups(cx, owned, vpcs)),
        Box::pin(route_tables(cx, owned, vpcs)),
        Box::pin(access_lists(cx, owned, vpcs)),
        Box::pin(endpoints(cx, owned, vpcs)),
        Box::pin(peerings(cx, owned, "requester-vpc-info.vpc-id", vpcs)),
        Box::pin(peerings(cx, owned, "accepter-vpc-info.vpc-id", vpcs)),
        Box::pin(vpn_gateways(cx, owned, vpcs)),
    )?;
    let (interfaces, subnets, groups, tables, lists, endpoints, asked, accepted, vpns) = found;
    Ok([interfaces, subnets, groups, tables, lists, endpoints, asked, accepted, vpns].into_iter().flatten().collect())
}

async fn subnets(cx: &Context, owned: &Owned, vpcs: &[String]) -> Blockers {
    let call = cx.aws.ec2.describe_subnets().filters(filter("vpc-id", vpcs)).into_paginator().items().send();
    let all: Vec<_> = call.try_collect().await.during("DescribeSubnets")?;
    let others = all.iter().filter(|subnet| !owned.has(subnet.subnet_id().unwrap_or_default()));
    let named = others.map(|subnet| {
        let place = place(owned, subnet.vpc_id().unwrap_or_default());
        let mut about = about(subnet.tags());
        about.extend(subnet.cidr_block().map(str::to_owned));
        Blocker::new("subnet", subnet.subnet_id().unwrap_or_default(), place, about, "delete it and its contents")
    });
    Ok(named.collect())
}

async fn security_groups(cx: &Context, owned: &Owned, vpcs: &[String]) -> Blockers {
    let call = cx.aws.ec2.describe_security_groups().filters(filter("vpc-id", vpcs)).into_paginator().items().send();
    let all: Vec<SecurityGroup> = call.try_collect().await.during("DescribeSecurityGroups")?;
    // AWS deletes the default group with its network.
    let others = all.iter().filter(|group| group.group_name() != Some("default") && !is_its_own(group.tags()));
    let named = others.filter(|group| !owned.has(group.group_id().unwrap_or_default())).map(|group| {
        let place = place(owned, group.vpc_id().unwrap_or_default());
        let mut about = about(group.tags());
        about.extend(quoted(group.description()));
        Blocker::new(
            "security group",
            group.group_id().unwrap_or_default(),
            place,
            about,
            "delete it and the resources that use it",
        )
    });
    Ok(named.collect())
}

async fn route_tables(cx: &Context, owned: &Owned, vpcs: &[String]) -> Blockers {
    let call = cx.aws.ec2.describe_route_tables().filters(filter("vpc-id", vpcs)).into_paginator().items().send();
    let all: Vec<_> = call.try_collect().await.during("DescribeRouteTables")?;
    let others = all.iter().filter(|table| !table.associations().iter().any(|one| one.main() == Some(true)));
    let named = others.filter(|table| !owned.has(table.route_table_id().unwrap_or_default())).map(|table| {
        let place = place(owned, table.vpc_id().unwrap_or_default());
        Blocker::new("route table", table.route_table_id().unwrap_or_default(), place, about(table.tags()), "delete it")
    });
    Ok(named.collect())
}

async fn access_lists(cx: &Context, owned: &Owned, vpcs: &[String]) -> Blockers {
    let call = cx.aws.ec2.describe_network_acls().filters(filter("vpc-id", vpcs)).into_paginator().items().send();
    let all: Vec<_> = call.try_collect().await.during("DescribeNetworkAcls")?;
    let named = all.iter().filter(|list| list.is_default() != Some(true)).map(|list| {
        let place = place(owned, list.vpc_id().unwrap_or_default());
        Blocker::new("network ACL", list.network_acl_id().unwrap_or_default(), place, about(list.tags()), "delete it")
    });
    Ok(named.collect())
}

async fn endpoints(cx: &Context, owned: &Owned, vpcs: &[String]) -> Blockers {
    let call = cx.aws.ec2.describe_vpc_endpoints().filters(filter("vpc-id", vpcs)).into_paginator().items().send();
    let all: Vec<_> = call.try_collect().await.during("DescribeVpcEndpoints")?;
    let there =
        all.iter().filter(|one| !one.state().is_some_and(|state| state.as_str().eq_ignore_ascii_case("deleted")));
    let others = there.filter(|one| !owned.has(one.vpc_endpoint_id().unwrap_or_default()) && !is_its_own(one.tags()));
    let named = others.map(|endpoint| {
        let place = place(owned, endpoint.vpc_id().unwrap_or_default());
        let mut about = about(endpoint.tags());
        about.extend(endpoint.service_name().map(|service| format!("to {service}")));
        Blocker::new("VPC endpoint", endpoint.vpc_endpoint_id().unwrap_or_default(), place, about, "delete it")
    });
    Ok(named.collect())
}

async fn peerings(cx: &Context, owned: &Owned, by: &str, vpcs: &[String]) -> Blockers {
    let call = cx.aws.ec2.describe_vpc_peering_connections().filters(filter(by, vpcs)).into_paginator().items().send();
    let all: Vec<VpcPeeringConnection> = call.try_collect().await.during("DescribeVpcPeeringConnections")?;
    let is_there = |one: &&VpcPeeringConnection| {
        use VpcPeeringConnectionStateReasonCode::{Active, InitiatingRequest, PendingAcceptance, Provisioning};
        let state = one.status().and_then(|status| status.code());
        state.is_some_and(|state| [Active, InitiatingRequest, PendingAcceptance, Provisioning].contains(state))
    };
    let named = all.iter().filter(is_there).map(|peering| {
        let sides = [peering.requester_vpc_info(), peering.accepter_vpc_info()];
        let sides: Vec<&str> = sides.into_iter().flatten().filter_map(|side| side.vpc_id()).collect();
        let own = sides.iter().find_map(|vpc| owned.going(vpc));
        let own = own.map_or_else(|| "the network".to_owned(), ToString::to_string);
        let mut about = about(peering.tags());
        let other = sides.iter().find(|vpc| owned.going(vpc).is_none());
        about.extend(other.map(|vpc| format!("with {vpc}")));
        let id = peering.vpc_peering_connection_id().unwrap_or_default();
        Blocker::new("peering connection", id, format!("of {own}"), about, "delete it")
    });
    Ok(named.collect())
}

async fn vpn_gateways(cx: &Context, owned: &Owned, vpcs: &[String]) -> Blockers {
    let by_vpc = filter("attachment.vpc-id", vpcs);
    let answer = cx.aws.ec2.describe_vpn_gateways().filters(by_vpc).send().await.during("DescribeVpnGateways")?;
    let mut found = Vec::new();
    for gateway in answer.vpn_gateways() {
        let attached = gateway.vpc_attachments().iter();
        let attached = attached.filter(|one| one.state().is_none_or(|state| state.as_str() != "detached"));
        for vpc in attached.filter_map(|one| owned.going(one.vpc_id()?)) {
            let id = gateway.vpn_gateway_id().unwrap_or_default();
            found.push(Blocker::new("VPN gateway", id, format!("at {vpc}"), about(gateway.tags()), "detach it"));
        }
    }
    Ok(found)
}
