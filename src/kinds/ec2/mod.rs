//! What the EC2 kinds share: ownership filters, and tags as its create calls take them.

mod blockers;
pub mod elastic_ip;
mod guard_duty;
pub mod instance;
pub mod internet_gateway;
#[cfg(test)]
pub(crate) mod model;
pub mod nat_gateway;
pub mod route_table;
pub mod security_group;
pub mod subnet;
pub mod vpc;

use std::time::Duration;

use aws_sdk_ec2::types::{Filter, ResourceType, TagSpecification};

use crate::{
    aws::{self, Once, Outcome},
    kind::Context,
    model::{Address, Failure, On, Permission, StackId},
};

/// The tags that go on in a create call, which IAM judges as an action of its own.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html>
pub(super) const TAGGING: Permission = Permission::make(&["ec2:CreateTags"], On::Tagging("ec2"));

/// For how long a deletion waits for the network interfaces of what is gone. Those of load balancers and of tasks usually stay
/// for 5 to 20 minutes, and AWS promises no end.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/requester-managed-eni.html>
pub(super) const INTERFACES_LINGER: Duration = Duration::from_secs(1800);

/// EC2's code for what is not deleted because something else is in it or uses it.
pub(super) const IN_USE: &[&str] = &["DependencyViolation"];

/// EC2's codes for an identifier that it gave out a moment ago and does not know everywhere yet.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>
pub(super) const NOT_YET: &[&str] = &[
    "InvalidVpcID.NotFound",
    "InvalidSubnetID.NotFound",
    "InvalidSubnetId.NotFound",
    "InvalidInternetGatewayID.NotFound",
    "InvalidInternetGatewayId.NotFound",
    "InvalidGatewayID.NotFound",
    "InvalidRouteTableID.NotFound",
    "InvalidRouteTableId.NotFound",
    "InvalidNatGatewayID.NotFound",
    "NatGatewayNotFound",
    "InvalidAllocationID.NotFound",
    "InvalidGroup.NotFound",
    "InvalidSecurityGroupID.NotFound",
];

/// The filters by which a `Describe…` call answers only what the stack owns; or what is claimed, by the filter `id` of its
/// kind.
pub(super) fn wanted(cx: &Context, id: &str) -> Vec<Filter> {
    let pairs = match cx.claimed() {
        Some(claimed) => vec![(id.to_owned(), claimed.to_owned())],
        None => aws::ours(&cx.id).to_vec(),
    };
    pairs.into_iter().map(|(name, value)| Filter::builder().name(name).values(value).build()).collect()
}

/// The tags with which the resource at `address` is created.
pub(super) fn tagged(id: &StackId, address: &Address, resource: ResourceType) -> TagSpecification {
    TagSpecification::builder().resource_type(resource).set_tags(Some(aws::tags(id, address))).build()
}

/// Gives what exists the tags of `address`. `stackctl policy` allows it for nothing: tags make a thing the stack's own.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html>
pub(super) async fn adopt(cx: &Context, address: &Address, resource: &str) -> Result<(), Failure> {
    let call = cx.aws.ec2.create_tags().resources(resource).set_tags(Some(aws::tags(&cx.id, address)));
    call.customize().once().send().await.during("CreateTags").map(drop)
}
