//! An internet gateway, which connects the stack's network to the internet.
//!
//! <https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html>

use std::time::Duration;

use aws_sdk_ec2::types::ResourceType;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{Once, Outcome, given},
    kind::{Context, Cost, Doc, Kind},
    kinds::ec2,
    model::{Address, Changed, Changes, Diff, Failure, Found, Input, NoField, On, Outputs, Permission, Phase, fields},
};

/// An internet gateway.
pub struct InternetGateway;

/// The internet gateway that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The VPC that it is attached to.
    pub vpc: Input,
}

/// The internet gateway as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// `igw-…`.
    pub id: String,
    /// The VPC that it is attached to. Empty if it is not attached.
    pub vpc: String,
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        Vpc = "vpc",
    }
}

impl Kind for InternetGateway {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = NoField;

    const NAME: &'static str = "internet_gateway";
    const DOC: Doc = Doc {
        summary: "Connects the network to the internet.",
        page: "https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html",
    };
    const USES: &'static [&'static str] = &["vpc"];
    const ADOPTABLE: bool = true;
    const IN_TWO_STEPS: bool = true;
    const MANY: bool = true;
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges nothing for it; traffic is not included");
    const NOT_YET: &'static [&'static str] = ec2::NOT_YET;
    // An update may detach the gateway from one network and attach it to another.
    const PATIENCE: Duration = ec2::INTERFACES_LINGER;
    const DEADLINE: Duration = ec2::INTERFACES_LINGER;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["ec2:DescribeInternetGateways"]),
        Permission::make(&["ec2:CreateInternetGateway"], On::Tagged),
        Permission::make(&["ec2:AttachInternetGateway"], On::Owned),
        ec2::TAGGING,
        Permission::delete(&["ec2:DeleteInternetGateway", "ec2:DetachInternetGateway"], On::Owned),
    ];
    const GONE_AT_ONCE: bool = true;

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let pages = cx
            .aws
            .ec2
            .describe_internet_gateways()
            .set_filters(Some(ec2::wanted(cx, "internet-gateway-id")))
            .into_paginator();
        let gateways = pages.items().send().try_collect().await.during("DescribeInternetGateways")?;
        Ok(gateways
            .into_iter()
            .filter_map(|gateway| {
                let address = cx.address_of(gateway.tags())?;
                let vpc = gateway.attachments().first().and_then(|to| to.vpc_id()).unwrap_or_default().to_owned();
                let id = gateway.internet_gateway_id?;
                Some(Found { address, id: id.clone(), live: Live { id, vpc } })
            })
            .collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, NoField> {
        Diff::new().input(Field::Vpc, &live.vpc, &desired.vpc).finish()
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("id", &live.id)
    }

    async fn create(cx: &Context, address: &Address, _desired: &Desired) -> Result<Live, Failure> {
        let tags = ec2::tagged(&cx.id, address, ResourceType::InternetGateway);
        let call = cx.aws.ec2.create_internet_gateway().tag_specifications(tags);
        let answer = call.customize().once().send().await.during("CreateInternetGateway")?;
        let gateway = given(answer.internet_gateway, "CreateInternetGateway", "internetGateway")?;
        let id = given(gateway.internet_gateway_id, "CreateInternetGateway", "internetGatewayId")?;
        Ok(Live { id, vpc: String::new() })
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let mut live = live.clone();
        for field in changes {
            live = match field {
                Field::Vpc => {
                    detach(cx, &live).await?;
                    attach(cx, live.id, desired).await?
                }
            };
        }
        Ok(live)
    }

    async fn adopt(cx: &Context, address: &Address, live: &Live) -> Result<(), Failure> {
        ec2::adopt(cx, address, &live.id).await
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        detach(cx, live).await?;
        let call = cx.aws.ec2.delete_internet_gateway().internet_gateway_id(&live.id);
        let answer = call.customize().once().send().await;
        answer.or_absent("DeleteInternetGateway", &["InvalidInternetGatewayID.NotFound"]).map(drop)
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        // The public addresses of a load balancer or a task are released some minutes after its deletion.
        failure.is(ec2::IN_USE).then_some("the network's public addresses to be released")
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        let sample = crate::kind::Sample::new(ec2::model::cloud, Desired { vpc: "vpc-given".into() });
        let sample = sample.variant(&["vpc"], Desired { vpc: "vpc-other".into() });
        sample.delay("network interfaces linger", |cloud| cloud.with(ec2::model::Ec2::linger))
    }
}

async fn attach(cx: &Context, id: String, desired: &Desired) -> Result<Live, Failure> {
    let vpc = desired.vpc.get()?.to_owned();
    let call = cx.aws.ec2.attach_internet_gateway().internet_gateway_id(&id).vpc_id(&vpc);
    let answer = call.customize().once().send().await;
    answer.or_absent("AttachInternetGateway", &["Resource.AlreadyAssociated"])?;
    Ok(Live { id, vpc })
}

async fn detach(cx: &Context, live: &Live) -> Result<(), Failure> {
    if live.vpc.is_empty() {
        return Ok(());
    }
    let call = cx.aws.ec2.detach_internet_gateway().internet_gateway_id(&live.id).vpc_id(&live.vpc);
    let answer = call.customize().once().send().await;
    answer.or_absent("DetachInternetGateway", &["Gateway.NotAttached", "InvalidInternetGatewayID.NotFound"]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unattached_internet_gateway_is_a_change() {
        let live = Live { id: "igw-1".into(), vpc: String::new() };
        assert_eq!(InternetGateway::diff(&Desired { vpc: "vpc-1".into() }, &live).len(), 1);
    }
}
