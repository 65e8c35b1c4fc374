//! The state of the ElastiCache model.

use aws_sdk_elasticache::types::{CacheCluster, CacheSubnetGroup, ReplicationGroup};

/// The ElastiCache resources of the account in the region.
#[derive(Clone, Default)]
pub(in super::super) struct ElastiCache {
    pub(super) subnet_groups: Vec<CacheSubnetGroup>,
    pub(super) groups: Vec<ReplicationGroup>,
    /// One for each replication group.
    pub(super) nodes: Vec<CacheCluster>,
}
