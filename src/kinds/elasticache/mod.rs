//! Helpers for the ElastiCache kinds: the description that records which stack owns a resource.

pub mod cache;
pub mod cache_subnet_group;
#[cfg(test)]
mod model;

use std::sync::Arc;

use aws_sdk_elasticache::types::{CacheCluster, CacheSubnetGroup};

use crate::{
    aws::{self, Outcome},
    kind::Context,
    model::{Address, Failure, On, Permission, StackId},
};

/// The actions that ElastiCache performs with the permissions of the caller to place a node in a subnet.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticache.html>
pub(super) const INTERFACES: Permission = Permission::make(
    &["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces"],
    On::Any,
);

/// The ARN pattern of the stack's replication groups, nodes and subnet groups. One pattern keeps the policy short.
pub(super) const ARNS: &str = "elasticache:{region}:{account}:*:{name:40}*";

/// The ElastiCache error code for a new subnet that is not visible everywhere yet.
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheSubnetGroup.html>
pub(super) const NOT_YET: &[&str] = &["InvalidSubnet"];

/// The name of a stack's only cache and of its subnet group. Both are read by name, because a list of all would grow
/// with the account.
pub const MAIN: &str = "main";

/// The maximum length of a subnet group name, in characters.
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheSubnetGroup.html>
const LONGEST_NAME: usize = 255;

/// The error code for a subnet group that does not exist.
pub(super) const NO_SUBNET_GROUP: &str = "CacheSubnetGroupNotFoundFault";

/// The suffix of every description that stackctl writes.
const KEPT: &str = ", kept by stackctl";

// ElastiCache lists resources without their tags, and the tags of a replication group can be neither read nor written
// while it is being created, modified or deleted. The description can always be read, and the list call returns it.
// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ListTagsForResource.html>

/// Returns the description of the resource at `address`, which names its owner.
pub(super) fn description(id: &StackId, address: &Address) -> String {
    format!("{address} of {id}{KEPT}")
}

/// Returns the address in a description, if the resource belongs to the stack.
pub(super) fn address_of(id: &StackId, description: &str) -> Option<Address> {
    let (address, owner) = description.strip_suffix(KEPT)?.rsplit_once(" of ")?;
    if owner != id.to_string() {
        return None;
    }
    address.parse().ok()
}

/// Returns the name of the subnet group at `address`.
fn subnet_group_name(cx: &Context, address: &Address) -> String {
    aws::derived(&cx.id, address, LONGEST_NAME)
}

/// Returns the stack's cache subnet group with its address. It is read once per look at AWS.
async fn subnet_group(cx: &Context) -> Result<Arc<Option<(Address, CacheSubnetGroup)>>, Failure> {
    let read = async {
        let name = subnet_group_name(cx, &Address::new("cache_subnet_group", MAIN));
        let call = cx.aws.cache.describe_cache_subnet_groups().cache_subnet_group_name(name).send().await;
        let answer = call.or_absent("DescribeCacheSubnetGroups", &[NO_SUBNET_GROUP])?;
        let group = answer.and_then(|answer| answer.cache_subnet_groups?.into_iter().next());
        Ok(group.and_then(|group| Some((address_of(&cx.id, group.cache_subnet_group_description()?)?, group))))
    };
    cx.shared("elasticache subnet group", Box::pin(read)).await
}

/// Returns the region's nodes, which are listed once per look at AWS.
async fn nodes(cx: &Context) -> Result<Arc<Vec<CacheCluster>>, Failure> {
    cx.shared("elasticache nodes", async {
        let pages = cx.aws.cache.describe_cache_clusters().into_paginator().items().send();
        pages.try_collect().await.during("DescribeCacheClusters")
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(stack: &str, environment: &str) -> StackId {
        StackId { stack: stack.into(), environment: environment.into() }
    }

    #[test]
    fn description_is_recognized_only_by_its_own_stack() {
        let address = Address::new("cache", "main");
        let description = description(&id("shop", "eu-test"), &address);
        assert_eq!(address_of(&id("shop", "eu-test"), &description), Some(address));
        // Both stacks have the same resource names.
        assert_eq!(address_of(&id("shop-eu", "test"), &description), None);
    }

    #[test]
    fn other_descriptions_belong_to_no_stack() {
        for description in ["", " ", "sessions", "cache.main of shop/test", "main of shop/test, kept by stackctl"] {
            assert_eq!(address_of(&id("shop", "test"), description), None, "{description:?}");
        }
    }
}
