//! Helpers for the EC2 kinds: filters for the stack's resources, and tags in the form that the create calls take.

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

/// The permission to set tags in a create call. IAM checks this as a separate action.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html>
pub(super) const TAGGING: Permission = Permission::make(&["ec2:CreateTags"], On::Tagging("ec2"));

/// How long a deletion waits for network interfaces of deleted resources. AWS usually removes those of load balancers
/// and tasks within 5 to 20 minutes, but guarantees no time.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/requester-managed-eni.html>
pub(super) const INTERFACES_LINGER: Duration = Duration::from_secs(1800);

/// The EC2 error code for deleting a resource that contains another resource or is used by one.
pub(super) const IN_USE: &[&str] = &["DependencyViolation"];

/// The EC2 error codes for a new id that is not visible everywhere yet.
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

/// Returns the filters with which a `Describe…` call returns only the stack's resources, or only the claimed resource.
/// `id` is the name of the kind's filter by id.
pub(super) fn wanted(cx: &Context, id: &str) -> Vec<Filter> {
    let pairs = match cx.claimed() {
        Some(claimed) => vec![(id.to_owned(), claimed.to_owned())],
        None => aws::ours(&cx.id).to_vec(),
    };
    pairs.into_iter().map(|(name, value)| Filter::builder().name(name).values(value).build()).collect()
}

/// Returns the tags for creating the resource at `address`.
pub(super) fn tagged(id: &StackId, address: &Address, resource: ResourceType) -> TagSpecification {
    TagSpecification::builder().resource_type(resource).set_tags(Some(aws::tags(id, address))).build()
}

/// Sets the tags of `address` on an existing resource. `stackctl policy` does not allow this on any resource, because
/// the tags make a resource part of the stack.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html>
pub(super) async fn adopt(cx: &Context, address: &Address, resource: &str) -> Result<(), Failure> {
    let call = cx.aws.ec2.create_tags().resources(resource).set_tags(Some(aws::tags(&cx.id, address)));
    call.customize().once().send().await.during("CreateTags").map(drop)
}
