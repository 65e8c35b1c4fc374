//! A subnet: a part of the network's address range in one availability zone.
//!
//! <https://docs.aws.amazon.com/vpc/latest/userguide/configure-subnets.html>

use std::time::Duration;

use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, SubnetState};
use serde::{Deserialize, Serialize};

use crate::{
    aws::{Once, Outcome, given},
    kind::{Blocker, Context, Cost, Doc, Kind, Owned},
    kinds::ec2,
    model::{Address, Changed, Changes, Diff, Failure, Found, Input, On, Outputs, Permission, Phase, fields},
};

/// A subnet.
pub struct Subnet;

/// The subnet that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The VPC of the subnet.
    pub vpc: Input,
    /// Its address range, within the range of the VPC.
    pub cidr: String,
    /// The availability zone, such as `eu-west-1a`.
    pub zone: String,
    /// Whether resources that start in the subnet get a public address.
    pub public: bool,
}

/// The subnet as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// `subnet-…`.
    pub id: String,
    /// The VPC of the subnet.
    pub vpc: String,
    /// Its address range.
    pub cidr: String,
    /// Its availability zone.
    pub zone: String,
    /// Whether resources that start in the subnet get a public address.
    pub public: bool,
    /// Whether AWS reports the state `available`.
    pub available: bool,
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        Public = "public",
    }

    /// The fields whose change replaces the subnet.
    pub enum Fixed {
        Vpc = "vpc",
        Cidr = "cidr",
        Zone = "zone",
    }
}

impl Kind for Subnet {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = Fixed;

    const NAME: &'static str = "subnet";
    const HEADLINE: &'static [&'static str] = &["cidr", "zone"];
    const DOC: Doc = Doc {
        summary: "A public or private subnet in one availability zone.",
        page: "https://docs.aws.amazon.com/vpc/latest/userguide/configure-subnets.html",
    };
    const USES: &'static [&'static str] = &["vpc"];
    const ADOPTABLE: bool = true;
    const IN_TWO_STEPS: bool = true;
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges nothing for a subnet");
    const NOT_YET: &'static [&'static str] = ec2::NOT_YET;
    const DEADLINE: Duration = ec2::INTERFACES_LINGER;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["ec2:DescribeSubnets"]),
        Permission::make(&["ec2:CreateSubnet"], On::Tagged),
        // IAM also checks the network, which already exists.
        Permission::make(&["ec2:CreateSubnet", "ec2:ModifySubnetAttribute"], On::Owned),
        ec2::TAGGING,
        Permission::delete(&["ec2:DeleteSubnet"], On::Owned),
        ec2::blockers::LOOKING,
    ];
    const GONE_AT_ONCE: bool = true;

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let pages = cx.aws.ec2.describe_subnets().set_filters(Some(ec2::wanted(cx, "subnet-id"))).into_paginator();
        let subnets = pages.items().send().try_collect().await.during("DescribeSubnets")?;
        Ok(subnets
            .into_iter()
            .filter_map(|subnet| {
                let address = cx.address_of(subnet.tags())?;
                let available = subnet.state() == Some(&SubnetState::Available);
                let id = subnet.subnet_id?;
                let live = Live {
                    id: id.clone(),
                    vpc: subnet.vpc_id.unwrap_or_default(),
                    cidr: subnet.cidr_block.unwrap_or_default(),
                    zone: subnet.availability_zone.unwrap_or_default(),
                    public: subnet.map_public_ip_on_launch.unwrap_or(false),
                    available,
                };
                Some(Found { address, id, live })
            })
            .collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, Fixed> {
        Diff::new()
            .fixed_input(Fixed::Vpc, &live.vpc, &desired.vpc)
            .fixed(Fixed::Cidr, &live.cidr, &desired.cidr)
            .fixed(Fixed::Zone, &live.zone, &desired.zone)
            .field(Field::Public, &live.public, &desired.public)
            .finish()
    }

    fn phase(live: &Live, _desired: Option<&Desired>) -> Phase {
        if live.available { Phase::Ready } else { Phase::Pending("pending".into()) }
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("id", &live.id).with("zone", &live.zone)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let call = cx
            .aws
            .ec2
            .create_subnet()
            .vpc_id(desired.vpc.get()?)
            .cidr_block(&desired.cidr)
            .availability_zone(&desired.zone)
            .tag_specifications(ec2::tagged(&cx.id, address, ResourceType::Subnet));
        let answer = call.customize().once().send().await.during("CreateSubnet")?;
        let subnet = given(answer.subnet, "CreateSubnet", "subnet")?;
        Ok(Live {
            available: subnet.state() == Some(&SubnetState::Available),
            id: given(subnet.subnet_id, "CreateSubnet", "subnetId")?,
            vpc: desired.vpc.get()?.to_owned(),
            cidr: desired.cidr.clone(),
            zone: desired.zone.clone(),
            public: false,
        })
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
                Field::Public => set_public(cx, live, desired.public).await?,
            };
        }
        Ok(live)
    }

    async fn adopt(cx: &Context, address: &Address, live: &Live) -> Result<(), Failure> {
        ec2::adopt(cx, address, &live.id).await
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.ec2.delete_subnet().subnet_id(&live.id).customize().once();
        let deleted = call.send().await.or_absent("DeleteSubnet", &["InvalidSubnetID.NotFound"]).map(drop);
        if deleted.as_ref().is_err_and(|failure| failure.is(ec2::IN_USE)) {
            ec2::guard_duty::leave_subnets(cx, &live.vpc).await?;
        }
        deleted
    }

    async fn blockers(cx: &Context, going: &[Found<Live>], owned: &Owned) -> Result<Vec<Blocker>, Failure> {
        // If the network is deleted too, it reports everything inside it.
        let alone = going.iter().filter(|subnet| owned.going(&subnet.live.vpc).is_none());
        let ids: Vec<String> = alone.map(|subnet| subnet.id.clone()).collect();
        ec2::blockers::interfaces(cx, owned, "subnet-id", &ids).await
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        failure.is(ec2::IN_USE).then_some("its network interfaces to be deleted")
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        let base = || Desired {
            vpc: "vpc-given".into(),
            cidr: "10.0.16.0/20".into(),
            zone: "eu-west-1a".into(),
            public: true,
        };
        crate::kind::Sample::new(ec2::model::cloud, base())
            .variant(&["vpc"], Desired { vpc: "vpc-other".into(), ..base() })
            .variant(&["cidr"], Desired { cidr: "10.0.32.0/20".into(), ..base() })
            .variant(&["zone"], Desired { zone: "eu-west-1b".into(), ..base() })
            .variant(&["public"], Desired { public: false, ..base() })
            .delay("network interfaces linger", |cloud| cloud.with(ec2::model::Ec2::linger))
    }
}

/// Sets whether resources that start in the subnet get a public address.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySubnetAttribute.html>
async fn set_public(cx: &Context, live: Live, public: bool) -> Result<Live, Failure> {
    let value = AttributeBooleanValue::builder().value(public).build();
    let call = cx.aws.ec2.modify_subnet_attribute().subnet_id(&live.id).map_public_ip_on_launch(value);
    call.customize().once().send().await.during("ModifySubnetAttribute")?;
    Ok(Live { public, ..live })
}
