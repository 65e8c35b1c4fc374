//! The network that contains all other resources of the stack.
//!
//! <https://docs.aws.amazon.com/vpc/latest/userguide/configure-your-vpc.html>

mod blockers;

use std::time::Duration;

use aws_sdk_ec2::types::{ResourceType, Vpc as SdkVpc, VpcState};
use serde::{Deserialize, Serialize};

use crate::{
    aws::{Once, Outcome, given},
    kind::{Blocker, Context, Cost, Doc, Kind, Owned},
    kinds::ec2,
    model::{Address, Changes, Diff, Failure, Found, NoField, On, Outputs, Permission, Phase, fields},
};

/// The VPC of a stack.
pub struct Vpc;

/// The VPC that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// `network.cidr`, such as `10.20.0.0/16`. Must be between /16 and /28.
    pub cidr: String,
}

/// The VPC as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// `vpc-…`.
    pub id: String,
    /// Its address range.
    pub cidr: String,
    /// Whether AWS reports the state `available`.
    pub available: bool,
}

fields! {
    /// The fields whose change replaces the VPC.
    pub enum Fixed {
        Cidr = "cidr",
    }
}

impl Kind for Vpc {
    type Desired = Desired;
    type Live = Live;
    type Field = NoField;
    type Fixed = Fixed;

    const NAME: &'static str = "vpc";
    const HEADLINE: &'static [&'static str] = &["cidr"];
    const DOC: Doc = Doc {
        summary: "The stack's own network, which contains its other resources.",
        page: "https://docs.aws.amazon.com/vpc/latest/userguide/configure-your-vpc.html",
    };
    const USES: &'static [&'static str] = &[];
    const ADOPTABLE: bool = true;
    const MANY: bool = true;
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges nothing for a network");
    const NOT_YET: &'static [&'static str] = ec2::NOT_YET;
    const DEADLINE: Duration = ec2::INTERFACES_LINGER;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["ec2:DescribeVpcs"]),
        Permission::make(&["ec2:CreateVpc"], On::Tagged),
        ec2::TAGGING,
        Permission::delete(&["ec2:DeleteVpc"], On::Owned),
        // Finds the resources that may block a deletion.
        Permission::delete(
            &["ec2:DescribeNetworkAcls", "ec2:DescribeVpcPeeringConnections", "ec2:DescribeVpnGateways"],
            On::Any,
        ),
        ec2::blockers::LOOKING,
        ec2::guard_duty::LOOKING,
        ec2::guard_duty::REMOVING,
        ec2::guard_duty::LEAVING,
    ];

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let pages =
            cx.aws.ec2.describe_vpcs().set_filters(Some(ec2::wanted(cx, "vpc-id"))).into_paginator().items().send();
        let vpcs: Vec<SdkVpc> = pages.try_collect().await.during("DescribeVpcs")?;
        let found = vpcs.into_iter().filter_map(|vpc| {
            let address = cx.address_of(vpc.tags())?;
            let id = vpc.vpc_id.unwrap_or_default();
            let available = vpc.state == Some(VpcState::Available);
            let live = Live { id: id.clone(), cidr: vpc.cidr_block.unwrap_or_default(), available };
            Some(Found { address, id, live })
        });
        Ok(found.collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<NoField, Fixed> {
        Diff::new().fixed(Fixed::Cidr, &live.cidr, &desired.cidr).finish()
    }

    fn phase(live: &Live, _desired: Option<&Desired>) -> Phase {
        if live.available { Phase::Ready } else { Phase::Pending("pending".into()) }
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("id", &live.id)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let answer = cx
            .aws
            .ec2
            .create_vpc()
            .cidr_block(&desired.cidr)
            .tag_specifications(ec2::tagged(&cx.id, address, ResourceType::Vpc))
            .customize()
            .once()
            .send()
            .await
            .during("CreateVpc")?;
        let vpc = given(answer.vpc, "CreateVpc", "vpc")?;
        Ok(Live {
            id: given(vpc.vpc_id, "CreateVpc", "vpcId")?,
            cidr: desired.cidr.clone(),
            available: vpc.state == Some(VpcState::Available),
        })
    }

    async fn adopt(cx: &Context, address: &Address, live: &Live) -> Result<(), Failure> {
        ec2::adopt(cx, address, &live.id).await
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.ec2.delete_vpc().vpc_id(&live.id).customize().once();
        let deleted = call.send().await.or_absent("DeleteVpc", &["InvalidVpcID.NotFound"]).map(drop);
        if deleted.as_ref().is_err_and(|failure| failure.is(ec2::IN_USE)) {
            ec2::guard_duty::leave_network(cx, &live.id).await?;
        }
        deleted
    }

    async fn blockers(cx: &Context, going: &[Found<Live>], owned: &Owned) -> Result<Vec<Blocker>, Failure> {
        let ids: Vec<String> = going.iter().map(|vpc| vpc.id.clone()).collect();
        blockers::find(cx, owned, &ids).await
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        let base = Desired { cidr: "10.20.0.0/16".into() };
        let other = Desired { cidr: "10.30.0.0/16".into() };
        crate::kind::Sample::new(ec2::model::cloud, base)
            .variant(&["cidr"], other)
            .delay("network interfaces linger", |cloud| cloud.with(ec2::model::Ec2::linger))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::How;

    fn live() -> Live {
        Live { id: "vpc-1".into(), cidr: "10.20.0.0/16".into(), available: true }
    }

    #[test]
    fn unchanged_vpc_has_no_changes() {
        assert_eq!(Vpc::diff(&Desired { cidr: "10.20.0.0/16".into() }, &live()), []);
    }

    #[test]
    fn changed_range_replaces_the_vpc() {
        let changes = Vpc::diff(&Desired { cidr: "10.30.0.0/16".into() }, &live());
        assert_eq!(changes.iter().map(|change| change.how).collect::<Vec<_>>(), [How::Replace]);
    }
}
