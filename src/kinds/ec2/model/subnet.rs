//! The operations on subnets.

use aws_sdk_ec2::{
    operation::{
        create_subnet::{CreateSubnetError, CreateSubnetInput, CreateSubnetOutput},
        delete_subnet::{DeleteSubnetError, DeleteSubnetInput, DeleteSubnetOutput},
        describe_subnets::{DescribeSubnetsError, DescribeSubnetsInput, DescribeSubnetsOutput},
        modify_subnet_attribute::{
            ModifySubnetAttributeError, ModifySubnetAttributeInput, ModifySubnetAttributeOutput,
        },
    },
    types::{AttributeBooleanValue, ResourceType, Subnet, SubnetState},
};

use super::state::{Ec2, find, in_use, passes, tags};
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(CreateSubnetError::generic, create);
    cloud.on(DescribeSubnetsError::generic, describe);
    cloud.on(ModifySubnetAttributeError::generic, modify);
    cloud.on(DeleteSubnetError::generic, delete);
}

impl Ec2 {
    pub(super) fn subnet(&self, id: Option<&str>) -> Result<usize, Refusal> {
        find(&self.subnets, Subnet::subnet_id, id, "InvalidSubnetID.NotFound")
    }
}

fn create(ec2: &mut Ec2, input: &CreateSubnetInput) -> Result<CreateSubnetOutput, Refusal> {
    ec2.vpc(input.vpc_id())?;
    // The ranges in the samples are either equal or disjoint.
    let mut of_vpc = ec2.subnets.iter().filter(|subnet| subnet.vpc_id() == input.vpc_id());
    if of_vpc.any(|subnet| subnet.cidr_block() == input.cidr_block()) {
        return Err(Refusal::new("InvalidSubnet.Conflict", "the CIDR conflicts with another subnet"));
    }
    let subnet = Subnet::builder()
        .subnet_id(ec2.id("subnet"))
        .set_vpc_id(input.vpc_id.clone())
        .set_cidr_block(input.cidr_block.clone())
        .set_availability_zone(input.availability_zone.clone())
        .map_public_ip_on_launch(false)
        .state(SubnetState::Pending)
        .set_tags(Some(tags(input.tag_specifications(), &ResourceType::Subnet)))
        .build();
    ec2.subnets.push(subnet.clone());
    Ok(CreateSubnetOutput::builder().subnet(subnet).build())
}

fn describe(ec2: &mut Ec2, input: &DescribeSubnetsInput) -> Result<DescribeSubnetsOutput, Refusal> {
    let mut shown = Vec::new();
    for subnet in &mut ec2.subnets {
        let (id, vpc) = (subnet.subnet_id().unwrap_or_default(), subnet.vpc_id().unwrap_or_default());
        if passes(input.filters(), subnet.tags(), &[("subnet-id", &[id]), ("vpc-id", &[vpc])]) {
            shown.push(subnet.clone());
            subnet.state = Some(SubnetState::Available);
        }
    }
    Ok(DescribeSubnetsOutput::builder().set_subnets(Some(shown)).build())
}

fn modify(ec2: &mut Ec2, input: &ModifySubnetAttributeInput) -> Result<ModifySubnetAttributeOutput, Refusal> {
    let at = ec2.subnet(input.subnet_id())?;
    let public = input.map_public_ip_on_launch().and_then(AttributeBooleanValue::value);
    if public.is_some() {
        ec2.subnets[at].map_public_ip_on_launch = public;
    }
    Ok(ModifySubnetAttributeOutput::builder().build())
}

fn delete(ec2: &mut Ec2, input: &DeleteSubnetInput) -> Result<DeleteSubnetOutput, Refusal> {
    let at = ec2.subnet(input.subnet_id())?;
    let hosts = ec2.instances.iter().filter(|instance| super::instance::line(instance).is_some());
    let gateways = ec2.nat_gateways.iter().filter(|gateway| super::nat_gateway::line(gateway).is_some());
    let mut inside = hosts.map(|host| host.subnet_id()).chain(gateways.map(|gateway| gateway.subnet_id()));
    if inside.any(|subnet| subnet == input.subnet_id()) {
        return Err(in_use(input.subnet_id()));
    }
    if ec2.endpoints_in(input.subnet_id()) {
        return Err(in_use(input.subnet_id()));
    }
    ec2.holds_nothing(input.subnet_id(), "DependencyViolation")?;
    ec2.subnets.remove(at);
    Ok(DeleteSubnetOutput::builder().build())
}
