//! The operations on VPCs.

use aws_sdk_ec2::{
    operation::{
        create_vpc::{CreateVpcError, CreateVpcInput, CreateVpcOutput},
        delete_vpc::{DeleteVpcError, DeleteVpcInput, DeleteVpcOutput},
        describe_vpcs::{DescribeVpcsError, DescribeVpcsInput, DescribeVpcsOutput},
    },
    types::{InternetGateway, ResourceType, Vpc, VpcState},
};

use super::state::{Ec2, find, in_use, passes, tags};
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(CreateVpcError::generic, create);
    cloud.on(DescribeVpcsError::generic, describe);
    cloud.on(DeleteVpcError::generic, delete);
}

impl Ec2 {
    pub(super) fn vpc(&self, id: Option<&str>) -> Result<usize, Refusal> {
        find(&self.vpcs, Vpc::vpc_id, id, "InvalidVpcID.NotFound")
    }
}

fn create(ec2: &mut Ec2, input: &CreateVpcInput) -> Result<CreateVpcOutput, Refusal> {
    let vpc = Vpc::builder()
        .vpc_id(ec2.id("vpc"))
        .set_cidr_block(input.cidr_block.clone())
        .state(VpcState::Pending)
        .set_tags(Some(tags(input.tag_specifications(), &ResourceType::Vpc)))
        .build();
    ec2.vpcs.push(vpc.clone());
    Ok(CreateVpcOutput::builder().vpc(vpc).build())
}

fn describe(ec2: &mut Ec2, input: &DescribeVpcsInput) -> Result<DescribeVpcsOutput, Refusal> {
    let mut shown = Vec::new();
    for vpc in &mut ec2.vpcs {
        if passes(input.filters(), vpc.tags(), &[("vpc-id", &[vpc.vpc_id().unwrap_or_default()])]) {
            shown.push(vpc.clone());
            vpc.state = Some(VpcState::Available);
        }
    }
    Ok(DescribeVpcsOutput::builder().set_vpcs(Some(shown)).build())
}

fn delete(ec2: &mut Ec2, input: &DeleteVpcInput) -> Result<DeleteVpcOutput, Refusal> {
    let at = ec2.vpc(input.vpc_id())?;
    let attached = ec2.internet_gateways.iter().flat_map(InternetGateway::attachments).map(|to| to.vpc_id());
    let mut inside = (ec2.subnets.iter().map(|subnet| subnet.vpc_id()))
        .chain(ec2.security_groups.iter().map(|group| group.vpc_id()))
        .chain(ec2.route_tables.iter().map(|table| table.vpc_id()))
        .chain(attached);
    if inside.any(|vpc| vpc == input.vpc_id()) {
        return Err(in_use(input.vpc_id()));
    }
    ec2.holds_nothing(input.vpc_id(), "DependencyViolation")?;
    ec2.vpcs.remove(at);
    Ok(DeleteVpcOutput::builder().build())
}
