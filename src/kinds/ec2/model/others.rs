//! The resources that only others create in a network of the stack. A deletion looks for all of them.

use aws_sdk_ec2::{
    operation::{
        describe_network_acls::{DescribeNetworkAclsError, DescribeNetworkAclsInput, DescribeNetworkAclsOutput},
        describe_network_interfaces::{
            DescribeNetworkInterfacesError, DescribeNetworkInterfacesInput, DescribeNetworkInterfacesOutput,
        },
        describe_vpc_peering_connections::{
            DescribeVpcPeeringConnectionsError, DescribeVpcPeeringConnectionsInput, DescribeVpcPeeringConnectionsOutput,
        },
        describe_vpn_gateways::{DescribeVpnGatewaysError, DescribeVpnGatewaysInput, DescribeVpnGatewaysOutput},
    },
    types::GroupIdentifier,
};

use super::state::{Ec2, passes};
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(DescribeNetworkInterfacesError::generic, interfaces);
    cloud.on(DescribeNetworkAclsError::generic, |_: &mut Ec2, _: &DescribeNetworkAclsInput| {
        Ok(DescribeNetworkAclsOutput::builder().build())
    });
    cloud.on(DescribeVpcPeeringConnectionsError::generic, |_: &mut Ec2, _: &DescribeVpcPeeringConnectionsInput| {
        Ok(DescribeVpcPeeringConnectionsOutput::builder().build())
    });
    cloud.on(DescribeVpnGatewaysError::generic, |_: &mut Ec2, _: &DescribeVpnGatewaysInput| {
        Ok(DescribeVpnGatewaysOutput::builder().build())
    });
}

fn interfaces(
    ec2: &mut Ec2,
    input: &DescribeNetworkInterfacesInput,
) -> Result<DescribeNetworkInterfacesOutput, Refusal> {
    let shown = ec2.interfaces.iter().filter(|interface| {
        let groups: Vec<&str> = interface.groups().iter().filter_map(GroupIdentifier::group_id).collect();
        let properties: [(&str, &[&str]); 3] = [
            ("vpc-id", &[interface.vpc_id().unwrap_or_default()]),
            ("subnet-id", &[interface.subnet_id().unwrap_or_default()]),
            ("group-id", &groups),
        ];
        passes(input.filters(), interface.tag_set(), &properties)
    });
    Ok(DescribeNetworkInterfacesOutput::builder().set_network_interfaces(Some(shown.cloned().collect())).build())
}
