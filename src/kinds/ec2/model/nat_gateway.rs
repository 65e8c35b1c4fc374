//! The operations on NAT gateways.

use aws_sdk_ec2::{
    operation::{
        create_nat_gateway::{CreateNatGatewayError, CreateNatGatewayInput, CreateNatGatewayOutput},
        delete_nat_gateway::{DeleteNatGatewayError, DeleteNatGatewayInput, DeleteNatGatewayOutput},
        describe_nat_gateways::{DescribeNatGatewaysError, DescribeNatGatewaysInput, DescribeNatGatewaysOutput},
    },
    types::{NatGateway, NatGatewayAddress, NatGatewayState, ResourceType},
};

use super::state::{self, Ec2, find, passes, tags};
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(CreateNatGatewayError::generic, create);
    cloud.on(DescribeNatGatewaysError::generic, describe);
    cloud.on(DeleteNatGatewayError::generic, delete);
}

/// Returns the line for a gateway, or `None` if it is deleted. EC2 lists a deleted gateway for about an hour.
pub(super) fn line(gateway: &NatGateway) -> Option<String> {
    let gone = gateway.state() == Some(&NatGatewayState::Deleted);
    (!gone).then(|| state::line("NAT gateway", gateway.tags()))
}

impl Ec2 {
    /// Makes the stack's gateways fail, as if their subnet had no free address.
    pub(in super::super) fn fail_nat_gateways(&mut self) {
        for gateway in self.nat_gateways.iter_mut().filter(|gateway| !gateway.tags().is_empty()) {
            gateway.state = Some(NatGatewayState::Failed);
            gateway.failure_message = Some("Subnet has insufficient free addresses to create this NAT gateway".into());
        }
    }
}

/// For a known client token, EC2 returns the gateway that it created for that token, even if it is deleted.
fn create(ec2: &mut Ec2, input: &CreateNatGatewayInput) -> Result<CreateNatGatewayOutput, Refusal> {
    let made = ec2.tokens.get(input.client_token().unwrap_or_default()).cloned();
    if let Some(made) =
        made.and_then(|id| ec2.nat_gateways.iter().find(|gateway| gateway.nat_gateway_id() == Some(&id)))
    {
        return Ok(CreateNatGatewayOutput::builder().nat_gateway(made.clone()).build());
    }
    ec2.subnet(input.subnet_id())?;
    ec2.address(input.allocation_id())?;
    let (id, interface) = (ec2.id("nat"), ec2.id("eni"));
    ec2.tokens.extend(input.client_token.clone().map(|token| (token, id.clone())));
    let gateway = NatGateway::builder()
        .nat_gateway_id(id)
        .set_subnet_id(input.subnet_id.clone())
        .nat_gateway_addresses(
            NatGatewayAddress::builder()
                .set_allocation_id(input.allocation_id.clone())
                .network_interface_id(interface)
                .build(),
        )
        .state(NatGatewayState::Pending)
        .set_tags(Some(tags(input.tag_specifications(), &ResourceType::Natgateway)))
        .build();
    ec2.nat_gateways.push(gateway.clone());
    Ok(CreateNatGatewayOutput::builder().nat_gateway(gateway).build())
}

fn describe(ec2: &mut Ec2, input: &DescribeNatGatewaysInput) -> Result<DescribeNatGatewaysOutput, Refusal> {
    let mut shown = Vec::new();
    for gateway in &mut ec2.nat_gateways {
        let id = gateway.nat_gateway_id().unwrap_or_default();
        if !passes(input.filter(), gateway.tags(), &[("nat-gateway-id", &[id])]) {
            continue;
        }
        shown.push(gateway.clone());
        match gateway.state() {
            Some(NatGatewayState::Pending) => gateway.state = Some(NatGatewayState::Available),
            Some(NatGatewayState::Deleting) => gateway.state = Some(NatGatewayState::Deleted),
            _ => {}
        }
    }
    Ok(DescribeNatGatewaysOutput::builder().set_nat_gateways(Some(shown)).build())
}

fn delete(ec2: &mut Ec2, input: &DeleteNatGatewayInput) -> Result<DeleteNatGatewayOutput, Refusal> {
    let at = find(&ec2.nat_gateways, NatGateway::nat_gateway_id, input.nat_gateway_id(), "NatGatewayNotFound")?;
    let gateway = &mut ec2.nat_gateways[at];
    if line(gateway).is_some() {
        gateway.state = Some(NatGatewayState::Deleting);
    }
    Ok(DeleteNatGatewayOutput::builder().set_nat_gateway_id(input.nat_gateway_id.clone()).build())
}
