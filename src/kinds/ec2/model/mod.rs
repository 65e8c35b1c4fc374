//! An in-memory model of EC2 with the operations that the EC2 kinds call, as the API reference describes them.
//!
//! A resource that is pending or being deleted at one read is available or gone at the next.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Welcome.html>

#![expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and some operations are never refused")]

mod address;
mod endpoint;
mod instance;
mod internet_gateway;
mod nat_gateway;
mod others;
mod route_table;
mod security_group;
mod state;
mod subnet;
mod vpc;

use aws_sdk_ec2::types;

pub(crate) use self::state::Ec2;
use self::state::line;
use crate::aws::model::{Cloud, Service};

impl Service for Ec2 {
    fn present(&self) -> Vec<String> {
        let mut present: Vec<String> = self.vpcs.iter().map(|vpc| line("vpc", vpc.tags())).collect();
        present.extend(self.subnets.iter().map(|subnet| line("subnet", subnet.tags())));
        present.extend(self.endpoints.iter().filter_map(endpoint::line));
        present.extend(self.internet_gateways.iter().map(internet_gateway::line));
        present.extend(self.addresses.iter().map(|address| line("address", address.tags())));
        present.extend(self.nat_gateways.iter().filter_map(nat_gateway::line));
        present.extend(self.route_tables.iter().map(route_table::line));
        present.extend(self.security_groups.iter().map(security_group::line));
        present.extend(self.instances.iter().filter_map(instance::line));
        present
    }
}

/// Returns an AWS with EC2 and these resources, which belong to no stack: the network `vpc-given` with the subnets
/// `subnet-given` and `subnet-other` and the security groups `sg-given` and `sg-other`; the network `vpc-other` with
/// `subnet-far`; and a route table, gateways and addresses that are not in use.
pub(crate) fn cloud() -> Cloud {
    let cloud = Cloud::new();
    address::serve(&cloud);
    endpoint::serve(&cloud);
    others::serve(&cloud);
    instance::serve(&cloud);
    internet_gateway::serve(&cloud);
    nat_gateway::serve(&cloud);
    route_table::serve(&cloud);
    security_group::serve(&cloud);
    subnet::serve(&cloud);
    vpc::serve(&cloud);
    cloud.with(give);
    cloud
}

fn give(ec2: &mut Ec2) {
    for (vpc, range) in [("vpc-given", "10.0.0.0/16"), ("vpc-other", "10.1.0.0/16")] {
        let available = types::VpcState::Available;
        ec2.vpcs.push(types::Vpc::builder().vpc_id(vpc).cidr_block(range).state(available).build());
    }
    for (subnet, vpc, range) in [
        ("subnet-given", "vpc-given", "10.0.0.0/24"),
        ("subnet-other", "vpc-given", "10.0.1.0/24"),
        ("subnet-far", "vpc-other", "10.1.0.0/24"),
    ] {
        let available = types::SubnetState::Available;
        let subnet = types::Subnet::builder().subnet_id(subnet).vpc_id(vpc).cidr_block(range).state(available).build();
        ec2.subnets.push(subnet);
    }
    for group in ["sg-given", "sg-other"] {
        let group = types::SecurityGroup::builder().group_id(group).vpc_id("vpc-given").group_name(group);
        ec2.security_groups.push(group.build());
    }
    for address in ["eipalloc-given", "eipalloc-other"] {
        ec2.addresses.push(types::Address::builder().allocation_id(address).build());
    }
    for gateway in ["igw-given", "igw-other"] {
        ec2.internet_gateways.push(types::InternetGateway::builder().internet_gateway_id(gateway).build());
    }
    let nat = types::NatGateway::builder().nat_gateway_id("nat-given").state(types::NatGatewayState::Available);
    ec2.nat_gateways.push(nat.build());
    let table = types::RouteTable::builder().route_table_id("rtb-given").vpc_id("vpc-given");
    ec2.route_tables.push(table.set_associations(Some(Vec::new())).build());
}
