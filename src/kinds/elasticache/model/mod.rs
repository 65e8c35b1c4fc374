//! An in-memory model of ElastiCache with the operations that its kinds call, as the API reference describes them.
//!
//! An operation that is in progress at one read is complete at the next.
//! <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/Welcome.html>

#![expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and some operations are never refused")]

mod replication_groups;
mod state;
mod subnet_groups;

use aws_sdk_elasticache::types;

pub(super) use self::state::ElastiCache;
use crate::{
    aws::model::{Cloud, Service},
    kinds::secretsmanager,
};

impl Service for ElastiCache {
    fn present(&self) -> Vec<String> {
        let mut present: Vec<String> = self.subnet_groups.iter().map(subnet_groups::line).collect();
        present.extend(self.groups.iter().filter_map(|group| replication_groups::line(self, group)));
        present
    }
}

/// Returns an AWS with an ElastiCache that has the subnet groups `group-given` and `group-other`, and with a secret for
/// the password of a cache.
pub(super) fn cloud() -> Cloud {
    let cloud = secretsmanager::model::cloud();
    replication_groups::serve(&cloud);
    subnet_groups::serve(&cloud);
    cloud.with(|cache: &mut ElastiCache| {
        for name in ["group-given", "group-other"] {
            let group = types::CacheSubnetGroup::builder().cache_subnet_group_name(name);
            cache.subnet_groups.push(group.cache_subnet_group_description(name).build());
        }
    });
    cloud
}

/// Returns the same AWS with a subnet group that the stack `shop/test` created.
pub(super) fn cloud_with_own_group() -> Cloud {
    let cloud = cloud();
    cloud.with(|cache: &mut ElastiCache| {
        let description = "cache_subnet_group.main of shop/test, kept by stackctl";
        let group = types::CacheSubnetGroup::builder().cache_subnet_group_name("shop-test-main");
        cache.subnet_groups.push(group.cache_subnet_group_description(description).build());
    });
    cloud
}
