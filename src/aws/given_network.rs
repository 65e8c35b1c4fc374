//! Reads an existing network outside the stack: its subnets, their default routes and its security groups.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, Route, RouteState, RouteTable, RouteTableAssociation, SecurityGroup, Subnet};

use super::{Aws, Outcome};
use crate::model::{Failure, GivenNetwork, GivenSubnet, WayOut};

/// The destination of a default route.
const EVERYWHERE: &str = "0.0.0.0/0";

impl Aws {
    /// Returns the VPC `vpc`, these subnets and these security groups, without those that do not exist. Makes three
    /// calls and one for security groups, all at the same time.
    /// <https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html>
    ///
    /// # Errors
    /// If AWS fails.
    pub async fn given_network(
        &self,
        vpc: &str,
        subnets: &[String],
        groups: &[String],
    ) -> Result<GivenNetwork, Failure> {
        let by = |name: &str, values: &[String]| Filter::builder().name(name).set_values(Some(values.to_vec())).build();
        let id = [vpc.to_owned()];
        // Filters instead of ids, because one missing id makes the whole call fail.
        let vpcs = async { self.ec2.describe_vpcs().filters(by("vpc-id", &id)).send().await.during("DescribeVpcs") };
        let found = async {
            let call = self.ec2.describe_subnets().filters(by("subnet-id", subnets)).into_paginator().items().send();
            call.try_collect().await.during("DescribeSubnets")
        };
        let tables = async {
            let call = self.ec2.describe_route_tables().filters(by("vpc-id", &id)).into_paginator().items().send();
            call.try_collect().await.during("DescribeRouteTables")
        };
        let groups = async {
            if groups.is_empty() {
                return Ok(Vec::new());
            }
            let call = self.ec2.describe_security_groups().filters(by("group-id", groups)).into_paginator().items();
            call.send().try_collect().await.during("DescribeSecurityGroups")
        };
        let (vpcs, found, tables, groups): (_, Vec<Subnet>, Vec<RouteTable>, Vec<SecurityGroup>) =
            futures::try_join!(vpcs, found, tables, groups)?;
        let subnets: BTreeMap<String, GivenSubnet> = found
            .into_iter()
            .filter_map(|subnet| {
                let id = subnet.subnet_id?;
                let way_out = way_out(&tables, &id);
                let (vpc, zone) = (subnet.vpc_id.unwrap_or_default(), subnet.availability_zone.unwrap_or_default());
                Some((id, GivenSubnet { vpc, zone, way_out }))
            })
            .collect();
        let groups = groups.into_iter().filter_map(|group| Some((group.group_id?, group.vpc_id.unwrap_or_default())));
        Ok(GivenNetwork { vpc_exists: !vpcs.vpcs().is_empty(), subnets, groups: groups.collect() })
    }
}

/// Returns the default route of a subnet, from the route table associated with it or else from the main route table.
fn way_out(tables: &[RouteTable], subnet: &str) -> WayOut {
    let with = |wanted: &dyn Fn(&RouteTableAssociation) -> bool| {
        tables.iter().find(|table| table.associations().iter().any(wanted))
    };
    let own = with(&|association| association.subnet_id() == Some(subnet));
    let table = own.or_else(|| with(&|association| association.main() == Some(true)));
    let routes = table.into_iter().flat_map(RouteTable::routes);
    let mut default = routes.filter(|route| {
        route.destination_cidr_block() == Some(EVERYWHERE) && route.state() != Some(&RouteState::Blackhole)
    });
    default.next().map_or(WayOut::None, target)
}

fn target(route: &Route) -> WayOut {
    match route.gateway_id() {
        Some(gateway) if gateway.starts_with("igw-") => WayOut::InternetGateway,
        _ => WayOut::Through,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(subnets: &[&str], main: bool, gateway: &str, state: RouteState) -> RouteTable {
        let of = |subnet: Option<&str>| {
            let main = subnet.is_none();
            RouteTableAssociation::builder().set_subnet_id(subnet.map(str::to_owned)).main(main).build()
        };
        let associations = subnets.iter().map(|subnet| of(Some(subnet))).chain(main.then(|| of(None))).collect();
        let route = Route::builder().destination_cidr_block(EVERYWHERE).state(state);
        let route = if gateway.starts_with("nat-") { route.nat_gateway_id(gateway) } else { route.gateway_id(gateway) };
        RouteTable::builder().set_associations(Some(associations)).routes(route.build()).build()
    }

    #[test]
    fn a_subnet_uses_its_own_or_the_main_route_table() {
        let tables = [
            table(&["subnet-1"], false, "igw-1", RouteState::Active),
            table(&[], true, "nat-1", RouteState::Active),
            table(&["subnet-3"], false, "nat-2", RouteState::Blackhole),
        ];
        assert_eq!(way_out(&tables, "subnet-1"), WayOut::InternetGateway);
        assert_eq!(way_out(&tables, "subnet-2"), WayOut::Through);
        assert_eq!(way_out(&tables, "subnet-3"), WayOut::None, "its gateway is gone");
        assert_eq!(way_out(&[], "subnet-1"), WayOut::None);
    }
}
