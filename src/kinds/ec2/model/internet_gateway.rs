//! The operations on internet gateways.

use aws_sdk_ec2::{
    operation::{
        attach_internet_gateway::{
            AttachInternetGatewayError, AttachInternetGatewayInput, AttachInternetGatewayOutput,
        },
        create_internet_gateway::{
            CreateInternetGatewayError, CreateInternetGatewayInput, CreateInternetGatewayOutput,
        },
        delete_internet_gateway::{
            DeleteInternetGatewayError, DeleteInternetGatewayInput, DeleteInternetGatewayOutput,
        },
        describe_internet_gateways::{
            DescribeInternetGatewaysError, DescribeInternetGatewaysInput, DescribeInternetGatewaysOutput,
        },
        detach_internet_gateway::{
            DetachInternetGatewayError, DetachInternetGatewayInput, DetachInternetGatewayOutput,
        },
    },
    types::{AttachmentStatus, InternetGateway, InternetGatewayAttachment, ResourceType},
};

use super::state::{self, Ec2, find, in_use, passes, tags};
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(CreateInternetGatewayError::generic, create);
    cloud.on(DescribeInternetGatewaysError::generic, describe);
    cloud.on(AttachInternetGatewayError::generic, attach);
    cloud.on(DetachInternetGatewayError::generic, detach);
    cloud.on(DeleteInternetGatewayError::generic, delete);
}

pub(super) fn line(gateway: &InternetGateway) -> String {
    let attached = gateway.attachments().iter().filter_map(InternetGatewayAttachment::vpc_id).collect::<Vec<_>>();
    format!("{} at {attached:?}", state::line("internet gateway", gateway.tags()))
}

impl Ec2 {
    pub(super) fn internet_gateway(&self, id: Option<&str>) -> Result<usize, Refusal> {
        let id_of = InternetGateway::internet_gateway_id;
        find(&self.internet_gateways, id_of, id, "InvalidInternetGatewayID.NotFound")
    }
}

fn create(ec2: &mut Ec2, input: &CreateInternetGatewayInput) -> Result<CreateInternetGatewayOutput, Refusal> {
    let gateway = InternetGateway::builder()
        .internet_gateway_id(ec2.id("igw"))
        .set_tags(Some(tags(input.tag_specifications(), &ResourceType::InternetGateway)))
        .build();
    ec2.internet_gateways.push(gateway.clone());
    Ok(CreateInternetGatewayOutput::builder().internet_gateway(gateway).build())
}

fn describe(ec2: &mut Ec2, input: &DescribeInternetGatewaysInput) -> Result<DescribeInternetGatewaysOutput, Refusal> {
    let shown = ec2.internet_gateways.iter().filter(|gateway| {
        let id = gateway.internet_gateway_id().unwrap_or_default();
        passes(input.filters(), gateway.tags(), &[("internet-gateway-id", &[id])])
    });
    Ok(DescribeInternetGatewaysOutput::builder().set_internet_gateways(Some(shown.cloned().collect())).build())
}

/// A gateway can be attached to at most one VPC, and a VPC to at most one gateway.
fn attach(ec2: &mut Ec2, input: &AttachInternetGatewayInput) -> Result<AttachInternetGatewayOutput, Refusal> {
    let at = ec2.internet_gateway(input.internet_gateway_id())?;
    ec2.vpc(input.vpc_id())?;
    let mut of_others = ec2.internet_gateways.iter().flat_map(InternetGateway::attachments);
    if of_others.any(|to| to.vpc_id() == input.vpc_id()) || !ec2.internet_gateways[at].attachments().is_empty() {
        return Err(Refusal::new("Resource.AlreadyAssociated", "the gateway or the network is attached already"));
    }
    let to = InternetGatewayAttachment::builder()
        .set_vpc_id(input.vpc_id.clone())
        .state(AttachmentStatus::from("available"))
        .build();
    ec2.internet_gateways[at].attachments = Some(vec![to]);
    Ok(AttachInternetGatewayOutput::builder().build())
}

fn detach(ec2: &mut Ec2, input: &DetachInternetGatewayInput) -> Result<DetachInternetGatewayOutput, Refusal> {
    let at = ec2.internet_gateway(input.internet_gateway_id())?;
    if ec2.internet_gateways[at].attachments().iter().all(|to| to.vpc_id() != input.vpc_id()) {
        return Err(Refusal::new("Gateway.NotAttached", "the gateway is not attached to the network"));
    }
    // Public addresses in the network block the detachment.
    ec2.holds_nothing(input.vpc_id(), "DependencyViolation")?;
    ec2.internet_gateways[at].attachments = None;
    Ok(DetachInternetGatewayOutput::builder().build())
}

fn delete(ec2: &mut Ec2, input: &DeleteInternetGatewayInput) -> Result<DeleteInternetGatewayOutput, Refusal> {
    let at = ec2.internet_gateway(input.internet_gateway_id())?;
    if !ec2.internet_gateways[at].attachments().is_empty() {
        return Err(in_use(input.internet_gateway_id()));
    }
    ec2.internet_gateways.remove(at);
    Ok(DeleteInternetGatewayOutput::builder().build())
}
