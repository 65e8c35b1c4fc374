//! A NAT gateway, through which private subnets reach the internet.
//!
//! <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway.html>

use std::time::Duration;

use aws_sdk_ec2::types::{NatGatewayAddress, NatGatewayState, ResourceType};
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Context, Cost, Doc, Kind, Replacement},
    kinds::ec2,
    model::{Address, Changes, Diff, Failure, Found, Input, NoField, On, Outputs, Permission, Phase, Shown, fields},
};

/// A NAT gateway.
pub struct NatGateway;

/// The NAT gateway that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The public subnet of the gateway.
    pub subnet: Input,
    /// The allocation id of its Elastic IP address.
    pub address: Input,
}

/// The NAT gateway as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// `nat-…`.
    pub id: String,
    /// The subnet of the gateway.
    pub subnet: String,
    /// The allocation id of its address.
    pub address: String,
    /// The state that AWS reports: `pending`, `available`, `deleting` or `failed`.
    pub state: String,
    /// The reason for a failure.
    pub failure: Option<String>,
    /// Its network interfaces: `eni-…`.
    #[serde(default)]
    pub interfaces: Vec<String>,
}

fields! {
    /// The fields whose change replaces the gateway.
    pub enum Fixed {
        Subnet = "subnet",
        Address = "address",
        State = "state",
    }
}

impl Kind for NatGateway {
    type Desired = Desired;
    type Live = Live;
    type Field = NoField;
    type Fixed = Fixed;

    const NAME: &'static str = "nat_gateway";
    const DOC: Doc = Doc {
        summary: "Gives the private subnets outgoing access to the internet.",
        page: "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway.html",
    };
    const USES: &'static [&'static str] = &["subnet", "elastic_ip", "internet_gateway"];
    const ADOPTABLE: bool = true;
    const COST: Cost<Desired, Live> = Cost::Each { what: "a NAT gateway", price: "nat_gateway hour" };
    const NOT_YET: &'static [&'static str] = ec2::NOT_YET;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["ec2:DescribeNatGateways"]),
        Permission::make(&["ec2:CreateNatGateway"], On::Tagged),
        // IAM also checks the address and the subnet.
        Permission::make(&["ec2:CreateNatGateway"], On::Owned),
        ec2::TAGGING,
        Permission::delete(&["ec2:DeleteNatGateway"], On::Owned),
    ];
    const REPLACEMENT: Replacement = Replacement::DeleteFirst;
    const USUAL: Duration = Duration::from_secs(90);
    const DEADLINE: Duration = Duration::from_secs(600);

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let pages =
            cx.aws.ec2.describe_nat_gateways().set_filter(Some(ec2::wanted(cx, "nat-gateway-id"))).into_paginator();
        let gateways = pages.items().send().try_collect().await.during("DescribeNatGateways")?;
        Ok(gateways
            .into_iter()
            // AWS lists a deleted gateway for about an hour.
            .filter(|gateway| gateway.state() != Some(&NatGatewayState::Deleted))
            .filter_map(|gateway| {
                let address = cx.address_of(gateway.tags())?;
                let allocation = gateway.nat_gateway_addresses().first().and_then(|address| address.allocation_id());
                let live = Live {
                    interfaces: interfaces(gateway.nat_gateway_addresses()),
                    address: allocation.unwrap_or_default().to_owned(),
                    id: gateway.nat_gateway_id?,
                    subnet: gateway.subnet_id.unwrap_or_default(),
                    state: gateway.state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
                    failure: gateway.failure_message,
                };
                Some(Found { address, id: live.id.clone(), live })
            })
            .collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<NoField, Fixed> {
        let mut diff = Diff::new();
        diff.fixed_input(Fixed::Subnet, &live.subnet, &desired.subnet);
        // AWS shows no address while it creates the gateway. The gateway will get the requested address.
        if !live.address.is_empty() {
            diff.fixed_input(Fixed::Address, &live.address, &desired.address);
        }
        if live.state == "failed" {
            diff.push_fixed(Fixed::State, Shown::value("failed"), Shown::value("available"));
        }
        diff.finish()
    }

    fn phase(live: &Live, _desired: Option<&Desired>) -> Phase {
        match live.state.as_str() {
            "available" => Phase::Ready,
            "deleting" => Phase::Deleting("deleting".into()),
            "failed" => Phase::Failed(live.failure.clone().unwrap_or_else(|| "AWS gave no reason".into())),
            other => Phase::Pending(other.to_owned()),
        }
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("id", &live.id)
    }

    fn identifiers(live: &Live) -> Vec<String> {
        live.interfaces.clone()
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let (subnet, allocation) = (desired.subnet.get()?, desired.address.get()?);
        let call = cx
            .aws
            .ec2
            .create_nat_gateway()
            .subnet_id(subnet)
            .allocation_id(allocation)
            // Repeated calls of one run must create one gateway. A later run needs another token: otherwise AWS would
            // return the gateway of the earlier run, even if it is deleted.
            .client_token(aws::discriminated(&cx.id, address, &format!("{subnet} {allocation} {}", cx.run), 64))
            .tag_specifications(ec2::tagged(&cx.id, address, ResourceType::Natgateway));
        let answer = call.customize().once().send().await.during("CreateNatGateway")?;
        let gateway = given(answer.nat_gateway, "CreateNatGateway", "natGateway")?;
        Ok(Live {
            interfaces: interfaces(gateway.nat_gateway_addresses()),
            id: given(gateway.nat_gateway_id, "CreateNatGateway", "natGatewayId")?,
            subnet: subnet.to_owned(),
            address: allocation.to_owned(),
            state: gateway.state.map_or("pending".to_owned(), |state| state.as_str().to_owned()),
            failure: gateway.failure_message,
        })
    }

    async fn adopt(cx: &Context, address: &Address, live: &Live) -> Result<(), Failure> {
        ec2::adopt(cx, address, &live.id).await
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        if live.state == "deleting" {
            return Ok(());
        }
        let call = cx.aws.ec2.delete_nat_gateway().nat_gateway_id(&live.id).customize().once();
        call.send().await.or_absent("DeleteNatGateway", &["NatGatewayNotFound"]).map(drop)
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        let desired = |subnet: &str, address: &str| Desired { subnet: subnet.into(), address: address.into() };
        crate::kind::Sample::new(ec2::model::cloud, desired("subnet-given", "eipalloc-given"))
            .variant(&["subnet"], desired("subnet-other", "eipalloc-given"))
            .variant(&["address"], desired("subnet-given", "eipalloc-other"))
            .drift(&["state"], |cloud| cloud.with(ec2::model::Ec2::fail_nat_gateways))
    }
}

fn interfaces(addresses: &[NatGatewayAddress]) -> Vec<String> {
    addresses.iter().filter_map(|address| address.network_interface_id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(state: &str) -> Live {
        let (id, subnet, address) = ("nat-1".into(), "subnet-1".into(), "eipalloc-1".into());
        Live { id, subnet, address, state: state.into(), failure: None, interfaces: Vec::new() }
    }

    #[test]
    fn only_an_available_gateway_is_ready() {
        assert_eq!(NatGateway::phase(&live("available"), None), Phase::Ready);
        assert_eq!(NatGateway::phase(&live("pending"), None), Phase::Pending("pending".into()));
        assert_eq!(NatGateway::phase(&live("deleting"), None), Phase::Deleting("deleting".into()));
        assert!(matches!(NatGateway::phase(&live("failed"), None), Phase::Failed(_)));
    }
}
