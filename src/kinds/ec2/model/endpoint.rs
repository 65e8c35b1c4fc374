//! The operations on VPC endpoints, such as those of GuardDuty.

use aws_sdk_ec2::{
    operation::{
        delete_vpc_endpoints::{DeleteVpcEndpointsError, DeleteVpcEndpointsInput, DeleteVpcEndpointsOutput},
        describe_vpc_endpoints::{DescribeVpcEndpointsError, DescribeVpcEndpointsInput, DescribeVpcEndpointsOutput},
        modify_vpc_endpoint::{ModifyVpcEndpointError, ModifyVpcEndpointInput, ModifyVpcEndpointOutput},
    },
    types::{
        GroupIdentifier, NetworkInterface, NetworkInterfaceType, SecurityGroup, SecurityGroupIdentifier, State, Tag,
        VpcEndpoint,
    },
};

use super::state::{self, Ec2, find, passes};
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(DescribeVpcEndpointsError::generic, describe);
    cloud.on(ModifyVpcEndpointError::generic, modify);
    cloud.on(DeleteVpcEndpointsError::generic, delete);
}

/// Returns the line for an endpoint, or `None` if it is deleted.
pub(super) fn line(endpoint: &VpcEndpoint) -> Option<String> {
    let subnets = endpoint.subnet_ids().len();
    is_there(endpoint).then(|| format!("{} in {subnets} subnets", state::line("endpoint", endpoint.tags())))
}

fn is_there(endpoint: &VpcEndpoint) -> bool {
    endpoint.state() != Some(&State::Deleted)
}

impl Ec2 {
    /// Creates an endpoint with a security group in `subnets`, as a user would. GuardDuty does the same with `tags`.
    pub(crate) fn add_endpoint(&mut self, vpc: &str, subnets: &[String], tags: &[Tag]) {
        let (endpoint, group) = (self.id("vpce"), self.id("sg"));
        let named = SecurityGroup::builder().group_id(&group).group_name(&group).vpc_id(vpc);
        self.security_groups.push(named.set_tags(Some(tags.to_vec())).build());
        let interfaces: Vec<String> = subnets.iter().map(|_| self.id("eni")).collect();
        for (interface, subnet) in interfaces.iter().zip(subnets) {
            let interface = NetworkInterface::builder()
                .network_interface_id(interface)
                .subnet_id(subnet)
                .vpc_id(vpc)
                .interface_type(NetworkInterfaceType::VpcEndpoint)
                .requester_managed(true)
                .groups(GroupIdentifier::builder().group_id(&group).build());
            self.interfaces.push(interface.build());
        }
        let endpoint = VpcEndpoint::builder()
            .vpc_endpoint_id(endpoint)
            .vpc_id(vpc)
            .service_name("com.amazonaws.eu-west-1.guardduty-data")
            .state(State::Available)
            .set_subnet_ids(Some(subnets.to_vec()))
            .set_network_interface_ids(Some(interfaces))
            .groups(SecurityGroupIdentifier::builder().group_id(group).build())
            .set_tags(Some(tags.to_vec()));
        self.endpoints.push(endpoint.build());
    }

    /// Whether an endpoint is in the subnet.
    pub(super) fn endpoints_in(&self, subnet: Option<&str>) -> bool {
        let mut there = self.endpoints.iter().filter(|endpoint| is_there(endpoint));
        there.any(|endpoint| endpoint.subnet_ids().iter().any(|one| Some(one.as_str()) == subnet))
    }

    /// Whether an endpoint has the security group.
    pub(super) fn endpoints_with(&self, group: Option<&str>) -> bool {
        let mut there = self.endpoints.iter().filter(|endpoint| is_there(endpoint));
        there.any(|endpoint| endpoint.groups().iter().any(|one| one.group_id() == group))
    }

    /// Removes the interfaces `ids` whose subnet matches `in_subnet`.
    fn forget_interfaces(&mut self, ids: &[String], in_subnet: impl Fn(&str) -> bool) {
        self.interfaces.retain(|interface| {
            let id = interface.network_interface_id().unwrap_or_default();
            !(ids.iter().any(|one| one == id) && in_subnet(interface.subnet_id().unwrap_or_default()))
        });
    }
}

fn describe(ec2: &mut Ec2, input: &DescribeVpcEndpointsInput) -> Result<DescribeVpcEndpointsOutput, Refusal> {
    let shown = ec2.endpoints.iter().filter(|endpoint| {
        passes(input.filters(), endpoint.tags(), &[("vpc-id", &[endpoint.vpc_id().unwrap_or_default()])])
    });
    Ok(DescribeVpcEndpointsOutput::builder().set_vpc_endpoints(Some(shown.cloned().collect())).build())
}

fn modify(ec2: &mut Ec2, input: &ModifyVpcEndpointInput) -> Result<ModifyVpcEndpointOutput, Refusal> {
    let id_of = VpcEndpoint::vpc_endpoint_id;
    let at = find(&ec2.endpoints, id_of, input.vpc_endpoint_id(), "InvalidVpcEndpointId.NotFound")?;
    let gone = input.remove_subnet_ids().to_vec();
    let endpoint = &mut ec2.endpoints[at];
    endpoint.subnet_ids.get_or_insert_default().retain(|subnet| !gone.contains(subnet));
    let interfaces = endpoint.network_interface_ids().to_vec();
    ec2.forget_interfaces(&interfaces, |subnet| gone.iter().any(|one| one == subnet));
    Ok(ModifyVpcEndpointOutput::builder().r#return(true).build())
}

fn delete(ec2: &mut Ec2, input: &DeleteVpcEndpointsInput) -> Result<DeleteVpcEndpointsOutput, Refusal> {
    for id in input.vpc_endpoint_ids() {
        let at = find(&ec2.endpoints, VpcEndpoint::vpc_endpoint_id, Some(id), "InvalidVpcEndpointId.NotFound")?;
        ec2.endpoints[at].state = Some(State::Deleted);
        let interfaces = ec2.endpoints[at].network_interface_ids().to_vec();
        ec2.forget_interfaces(&interfaces, |_| true);
    }
    Ok(DeleteVpcEndpointsOutput::builder().build())
}
