//! The stack's own network, in which everything else of it lives.
//!
//! <https://docs.aws.amazon.com/vpc/latest/userguide/configure-your-vpc.html>

use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, Vpc as SdkVpc, VpcAttributeName, VpcState};
use serde::{Deserialize, Serialize};

use super::ec2;
use crate::{
    aws::{Outcome, given},
    kind::{Context, Kind},
    model::{Address, Change, Diff, Failure, Found, Outputs, Phase},
};

/// The network of a stack.
pub struct Vpc;

/// What stack.yaml asks of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// `network.cidr`, such as `10.20.0.0/16`; between /16 and /28.
    pub cidr: String,
}

/// What AWS has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// `vpc-…`.
    pub id: String,
    /// Its range.
    pub cidr: String,
    /// Whether instances get DNS names, without which a database's endpoint does not resolve privately.
    pub dns_hostnames: bool,
    /// Whether AWS says `available`.
    pub available: bool,
}

impl Kind for Vpc {
    type Desired = Desired;
    type Live = Live;

    const NAME: &'static str = "vpc";
    const USES: &'static [&'static str] = &[];

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let pages = cx.aws.ec2.describe_vpcs().set_filters(Some(ec2::ours(&cx.id))).into_paginator().items().send();
        let vpcs: Vec<SdkVpc> = pages.try_collect().await.during("DescribeVpcs")?;
        let mut found = Vec::with_capacity(vpcs.len());
        for vpc in vpcs {
            let Some(address) = ec2::address_of(&cx.id, vpc.tags()) else { continue };
            let id = vpc.vpc_id.unwrap_or_default();
            let dns_hostnames = dns_hostnames(cx, &id).await?;
            let available = vpc.state == Some(VpcState::Available);
            let live = Live { id: id.clone(), cidr: vpc.cidr_block.unwrap_or_default(), dns_hostnames, available };
            found.push(Found { address, id, live });
        }
        Ok(found)
    }

    fn diff(desired: &Desired, live: &Live) -> Vec<Change> {
        Diff::new().fixed("cidr", &live.cidr, &desired.cidr).field("dns_hostnames", &live.dns_hostnames, &true).finish()
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
            .config_override(ec2::once())
            .send()
            .await
            .during("CreateVpc")?;
        let vpc = given(answer.vpc, "CreateVpc", "vpc")?;
        let live = Live {
            id: given(vpc.vpc_id, "CreateVpc", "vpcId")?,
            cidr: desired.cidr.clone(),
            dns_hostnames: false,
            available: vpc.state == Some(VpcState::Available),
        };
        set_dns_hostnames(cx, live).await
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        _desired: &Desired,
        live: &Live,
        _changes: &[Change],
    ) -> Result<Live, Failure> {
        set_dns_hostnames(cx, live.clone()).await
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.ec2.delete_vpc().vpc_id(&live.id).customize().config_override(ec2::once());
        call.send().await.or_absent("DeleteVpc", &["InvalidVpcID.NotFound"]).map(drop)
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcAttribute.html>
async fn dns_hostnames(cx: &Context, id: &str) -> Result<bool, Failure> {
    let call = cx.aws.ec2.describe_vpc_attribute().vpc_id(id).attribute(VpcAttributeName::EnableDnsHostnames);
    let answer = call.send().await.or_absent("DescribeVpcAttribute", &["InvalidVpcID.NotFound"])?;
    Ok(answer.and_then(|found| found.enable_dns_hostnames).and_then(|on| on.value).unwrap_or(false))
}

async fn set_dns_hostnames(cx: &Context, live: Live) -> Result<Live, Failure> {
    let on = AttributeBooleanValue::builder().value(true).build();
    let call = cx.aws.ec2.modify_vpc_attribute().vpc_id(&live.id).enable_dns_hostnames(on);
    call.customize().config_override(ec2::once()).send().await.during("ModifyVpcAttribute")?;
    Ok(Live { dns_hostnames: true, ..live })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::How;

    fn live() -> Live {
        Live { id: "vpc-1".into(), cidr: "10.20.0.0/16".into(), dns_hostnames: true, available: true }
    }

    #[test]
    fn a_vpc_as_desired_needs_no_change() {
        assert_eq!(Vpc::diff(&Desired { cidr: "10.20.0.0/16".into() }, &live()), []);
    }

    #[test]
    fn another_range_takes_another_vpc() {
        let changes = Vpc::diff(&Desired { cidr: "10.30.0.0/16".into() }, &live());
        assert_eq!(changes.iter().map(|change| change.how).collect::<Vec<_>>(), [How::Replace]);
    }
}
