//! What the ElastiCache kinds share: the description that says which stack owns a resource.

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

/// What ElastiCache does in the caller's name, to put a node into a subnet.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticache.html>
pub(super) const INTERFACES: Permission = Permission::make(
    &["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces"],
    On::Any,
);

/// The ARNs of the stack's replication groups, their nodes and subnet groups: one pattern, because a policy has to be short.
pub(super) const ARNS: &str = "elasticache:{region}:{account}:*:{name:40}*";

/// ElastiCache's code for a subnet that was just made and is not known everywhere yet.
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheSubnetGroup.html>
pub(super) const NOT_YET: &[&str] = &["InvalidSubnet"];

/// What a stack's one cache is called, and its subnet group. Each is asked for by its name: a list of all would grow with the
/// account.
pub const MAIN: &str = "main";

/// The longest name of a subnet group, in characters.
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheSubnetGroup.html>
const LONGEST_NAME: usize = 255;

/// The code by which ElastiCache says that there is no such subnet group.
pub(super) const NO_SUBNET_GROUP: &str = "CacheSubnetGroupNotFoundFault";

/// What a description of ours ends with.
const KEPT: &str = ", kept by stackctl";

// Descriptions of resources come without their tags, and the tags of a replication group can be neither read nor written
// while it is being made, changed or deleted. Its description always can be read, in the call that lists it.
// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ListTagsForResource.html>

/// The description of the resource at `address`: it says whose it is.
pub(super) fn description(id: &StackId, address: &Address) -> String {
    format!("{address} of {id}{KEPT}")
}

/// The address that a description gives its resource, if it is the stack's.
pub(super) fn address_of(id: &StackId, description: &str) -> Option<Address> {
    let (address, owner) = description.strip_suffix(KEPT)?.rsplit_once(" of ")?;
    if owner != id.to_string() {
        return None;
    }
    address.parse().ok()
}

/// What ElastiCache calls the subnet group at `address`.
fn subnet_group_name(cx: &Context, address: &Address) -> String {
    aws::derived(&cx.id, address, LONGEST_NAME)
}

/// The stack's cache subnet group with its address, read once a look at the cloud.
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

/// The region's nodes, read once a look at the cloud.
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
    fn a_description_leads_back_to_its_own_stack_only() {
        let address = Address::new("cache", "main");
        let description = description(&id("shop", "eu-test"), &address);
        assert_eq!(address_of(&id("shop", "eu-test"), &description), Some(address));
        // The two make the same names.
        assert_eq!(address_of(&id("shop-eu", "test"), &description), None);
    }

    #[test]
    fn what_somebody_else_describes_is_not_ours() {
        for description in ["", " ", "sessions", "cache.main of shop/test", "main of shop/test, kept by stackctl"] {
            assert_eq!(address_of(&id("shop", "test"), description), None, "{description:?}");
        }
    }
}
