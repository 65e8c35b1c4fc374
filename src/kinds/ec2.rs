//! What the EC2 kinds share: ownership filters and tags in EC2's own types.

use aws_sdk_ec2::{
    config,
    types::{Filter, ResourceType, Tag, TagSpecification},
};

use crate::{
    aws,
    model::{Address, On, Permission, StackId},
};

/// The tags that go on in a create call, which IAM judges as an action of its own.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html>
pub(super) const TAGGING: Permission = Permission::make(&["ec2:CreateTags"], On::Tagging("ec2"));

/// The filters by which a `Describe…` call answers only what `id` owns.
pub(super) fn ours(id: &StackId) -> Vec<Filter> {
    aws::ours(id).into_iter().map(|(name, value)| Filter::builder().name(name).values(value).build()).collect()
}

/// The tags with which the resource at `address` is created.
pub(super) fn tagged(id: &StackId, address: &Address, resource: ResourceType) -> TagSpecification {
    let tags = aws::tags(id, address).map(|(key, value)| Tag::builder().key(key).value(value).build());
    TagSpecification::builder().resource_type(resource).set_tags(Some(tags.to_vec())).build()
}

/// The address that a resource's tags give it.
pub(super) fn address_of(id: &StackId, tags: &[Tag]) -> Option<Address> {
    aws::address_of(id, tags.iter().map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default())))
}

/// A write's configuration: the SDK sends it once, and the engine decides about another time.
pub(super) fn once() -> config::Builder {
    config::Config::builder().retry_config(aws::once())
}
