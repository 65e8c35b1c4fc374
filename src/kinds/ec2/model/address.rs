//! The operations on Elastic IP addresses.

use aws_sdk_ec2::{
    operation::{
        allocate_address::{AllocateAddressError, AllocateAddressInput, AllocateAddressOutput},
        describe_addresses::{DescribeAddressesError, DescribeAddressesInput, DescribeAddressesOutput},
        release_address::{ReleaseAddressError, ReleaseAddressInput, ReleaseAddressOutput},
    },
    types::{Address, NatGateway, NatGatewayAddress, ResourceType},
};

use super::state::{Ec2, find, passes, tags};
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(AllocateAddressError::generic, allocate);
    cloud.on(DescribeAddressesError::generic, describe);
    cloud.on(ReleaseAddressError::generic, release);
}

impl Ec2 {
    pub(super) fn address(&self, id: Option<&str>) -> Result<usize, Refusal> {
        find(&self.addresses, Address::allocation_id, id, "InvalidAllocationID.NotFound")
    }
}

fn allocate(ec2: &mut Ec2, input: &AllocateAddressInput) -> Result<AllocateAddressOutput, Refusal> {
    let id = ec2.id("eipalloc");
    let public_ip = format!("198.51.100.{}", ec2.made % 250);
    let tags = tags(input.tag_specifications(), &ResourceType::ElasticIp);
    ec2.addresses.push(Address::builder().allocation_id(&id).public_ip(&public_ip).set_tags(Some(tags)).build());
    Ok(AllocateAddressOutput::builder().allocation_id(id).public_ip(public_ip).build())
}

fn describe(ec2: &mut Ec2, input: &DescribeAddressesInput) -> Result<DescribeAddressesOutput, Refusal> {
    let shown = ec2.addresses.iter().filter(|address| {
        passes(input.filters(), address.tags(), &[("allocation-id", &[address.allocation_id().unwrap_or_default()])])
    });
    Ok(DescribeAddressesOutput::builder().set_addresses(Some(shown.cloned().collect())).build())
}

fn release(ec2: &mut Ec2, input: &ReleaseAddressInput) -> Result<ReleaseAddressOutput, Refusal> {
    let at = ec2.address(input.allocation_id())?;
    let gateways = ec2.nat_gateways.iter().filter(|gateway| super::nat_gateway::line(gateway).is_some());
    let mut held = gateways.flat_map(NatGateway::nat_gateway_addresses).map(NatGatewayAddress::allocation_id);
    if held.any(|address| address == input.allocation_id()) {
        return Err(Refusal::new("InvalidIPAddress.InUse", "the address is in use"));
    }
    ec2.holds_nothing(input.allocation_id(), "AuthFailure")?;
    ec2.addresses.remove(at);
    Ok(ReleaseAddressOutput::builder().build())
}
