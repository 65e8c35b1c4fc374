//! An Elastic IP address, for example the public address of a NAT gateway.
//!
//! <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-eips.html>

use std::time::Duration;

use aws_sdk_ec2::types::{DomainType, ResourceType};
use serde::{Deserialize, Serialize};

use crate::{
    aws::{Once, Outcome, given},
    kind::{Context, Cost, Doc, Kind, PUBLIC_ADDRESS},
    kinds::ec2,
    model::{Address, Failure, Found, NoField, On, Outputs, Permission, Phase},
};

/// An Elastic IP address.
pub struct ElasticIp;

/// The address that stack.yaml describes. It has no settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {}

/// The address as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// `eipalloc-…`.
    pub id: String,
    /// The IP address.
    pub public_ip: String,
}

impl Kind for ElasticIp {
    type Desired = Desired;
    type Live = Live;
    type Field = NoField;
    type Fixed = NoField;

    const NAME: &'static str = "elastic_ip";
    const DOC: Doc = Doc {
        summary: "The public address of a NAT gateway.",
        page: "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-eips.html",
    };
    const USES: &'static [&'static str] = &[];
    const ADOPTABLE: bool = true;
    const MANY: bool = true;
    const COST: Cost<Desired, Live> = Cost::Each { what: "a public address", price: PUBLIC_ADDRESS };
    const NOT_YET: &'static [&'static str] = ec2::NOT_YET;
    const DEADLINE: Duration = ec2::INTERFACES_LINGER;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["ec2:DescribeAddresses"]),
        Permission::make(&["ec2:AllocateAddress"], On::Tagged),
        ec2::TAGGING,
        Permission::delete(&["ec2:ReleaseAddress"], On::Owned),
    ];
    const GONE_AT_ONCE: bool = true;

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let call = cx.aws.ec2.describe_addresses().set_filters(Some(ec2::wanted(cx, "allocation-id")));
        let answer = call.send().await.during("DescribeAddresses")?;
        Ok(answer
            .addresses
            .unwrap_or_default()
            .into_iter()
            .filter_map(|found| {
                let address = cx.address_of(found.tags())?;
                let id = found.allocation_id?;
                let live = Live { id: id.clone(), public_ip: found.public_ip.unwrap_or_default() };
                Some(Found { address, id, live })
            })
            .collect())
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("id", &live.id).with("public_ip", &live.public_ip)
    }

    async fn create(cx: &Context, address: &Address, _desired: &Desired) -> Result<Live, Failure> {
        let tags = ec2::tagged(&cx.id, address, ResourceType::ElasticIp);
        let call = cx.aws.ec2.allocate_address().domain(DomainType::Vpc).tag_specifications(tags);
        let answer = call.customize().once().send().await.during("AllocateAddress")?;
        let id = given(answer.allocation_id, "AllocateAddress", "allocationId")?;
        Ok(Live { id, public_ip: answer.public_ip.unwrap_or_default() })
    }

    async fn adopt(cx: &Context, address: &Address, live: &Live) -> Result<(), Failure> {
        ec2::adopt(cx, address, &live.id).await
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.ec2.release_address().allocation_id(&live.id).customize().once();
        call.send().await.or_absent("ReleaseAddress", &["InvalidAllocationID.NotFound"]).map(drop)
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        // The network interface of a deleted NAT gateway holds the address for a while. Until then, `ReleaseAddress`
        // fails with AuthFailure or InvalidIPAddress.InUse.
        let held = failure.is_of("ReleaseAddress")
            && failure.is(&["InvalidIPAddress.InUse", "DependencyViolation", "AuthFailure"]);
        held.then_some("the NAT gateway to release it")
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        crate::kind::Sample::new(ec2::model::cloud, Desired {})
            .delay("network interfaces linger", |cloud| cloud.with(ec2::model::Ec2::linger))
    }
}
