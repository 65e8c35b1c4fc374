//! The operations on replication groups and their single nodes.

use aws_sdk_elasticache::{
    operation::{
        create_replication_group::{
            CreateReplicationGroupError, CreateReplicationGroupInput, CreateReplicationGroupOutput,
        },
        delete_replication_group::{
            DeleteReplicationGroupError, DeleteReplicationGroupInput, DeleteReplicationGroupOutput,
        },
        describe_cache_clusters::{
            DescribeCacheClustersError, DescribeCacheClustersInput, DescribeCacheClustersOutput,
        },
        describe_replication_groups::{
            DescribeReplicationGroupsError, DescribeReplicationGroupsInput, DescribeReplicationGroupsOutput,
        },
        modify_replication_group::{
            ModifyReplicationGroupError, ModifyReplicationGroupInput, ModifyReplicationGroupOutput,
        },
    },
    types::{
        CacheCluster, Endpoint, NodeGroup, PendingModifiedValues, ReplicationGroup, SecurityGroupMembership,
        TransitEncryptionMode,
    },
};

use super::state::ElastiCache;
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(CreateReplicationGroupError::generic, create);
    cloud.on(DescribeReplicationGroupsError::generic, describe);
    cloud.on(DescribeCacheClustersError::generic, describe_nodes);
    cloud.on(ModifyReplicationGroupError::generic, modify);
    cloud.on(DeleteReplicationGroupError::generic, delete);
}

/// Returns the line of [`super::Service::present`] for a replication group, or `None` if it is being deleted.
pub(super) fn line(cache: &ElastiCache, group: &ReplicationGroup) -> Option<String> {
    let node = cache.nodes.iter().find(|node| node.replication_group_id() == group.replication_group_id())?;
    let groups: Vec<Option<&str>> =
        node.security_groups().iter().map(SecurityGroupMembership::security_group_id).collect();
    let (description, class) = (group.description(), group.cache_node_type());
    let (version, subnets) = (node.engine_version(), node.cache_subnet_group_name());
    let there = group.status() != Some("deleting");
    let (tls, password) = (group.transit_encryption_mode(), group.auth_token_enabled());
    there.then(|| {
        format!(
            "replication group {description:?} of {class:?} {version:?} in {subnets:?}, {groups:?}, {tls:?} {password:?}"
        )
    })
}

impl ElastiCache {
    /// Returns a replication group and its node.
    fn group(&mut self, id: Option<&str>) -> Result<(&mut ReplicationGroup, &mut CacheCluster), Refusal> {
        let group = self.groups.iter_mut().find(|group| group.replication_group_id() == id);
        let node = self.nodes.iter_mut().find(|node| node.replication_group_id() == id);
        group
            .zip(node)
            .ok_or_else(|| Refusal::new("ReplicationGroupNotFoundFault", "the replication group does not exist"))
    }

    /// Returns a replication group that is idle. ElastiCache rejects a change while another is in progress; here that
    /// one is complete at the next try.
    fn free(&mut self, id: Option<&str>) -> Result<(&mut ReplicationGroup, &mut CacheCluster), Refusal> {
        let (group, _) = self.group(id)?;
        let status = group.status().unwrap_or_default().to_owned();
        if status != "available" {
            self.advance();
            let message =
                format!("the replication group has the status {status}, in which it cannot be changed or deleted");
            return Err(Refusal::new("InvalidReplicationGroupState", message));
        }
        self.group(id)
    }

    /// Changes every replication group and its node without a call to ElastiCache.
    pub(in super::super) fn change(&mut self, change: impl Fn(&mut ReplicationGroup, &mut CacheCluster)) {
        for group in &mut self.groups {
            let id = group.replication_group_id.clone();
            let own = self.nodes.iter_mut().filter(|node| node.replication_group_id == id);
            own.for_each(|node| change(group, node));
        }
    }

    /// Moves the replication groups on between two reads.
    fn advance(&mut self) {
        self.groups.retain(|group| group.status() != Some("deleting"));
        self.nodes.retain(|node| node.cache_cluster_status() != Some("deleting"));
        self.change(|group, node| {
            if !matches!(group.status(), Some("creating" | "modifying")) {
                return;
            }
            set_status(group, node, "available");
            let endpoint = Endpoint::builder().address("cache.example").port(6379).build();
            group.node_groups = Some(vec![NodeGroup::builder().primary_endpoint(endpoint).build()]);
            if let Some(pending) = node.pending_modified_values.take() {
                group.cache_node_type = pending.cache_node_type.or(group.cache_node_type.take());
                node.cache_node_type.clone_from(&group.cache_node_type);
                node.engine_version = pending.engine_version.or(node.engine_version.take());
            }
        });
    }
}

fn set_status(group: &mut ReplicationGroup, node: &mut CacheCluster, status: &str) {
    group.status = Some(status.to_owned());
    node.cache_cluster_status = Some(status.to_owned());
}

fn groups(ids: &[String]) -> Option<Vec<SecurityGroupMembership>> {
    let membership = |id| SecurityGroupMembership::builder().security_group_id(id).status("active").build();
    Some(ids.iter().map(membership).collect())
}

/// Returns the newest patch version of the requested version. ElastiCache chooses the patch version and rejects a
/// request for one.
fn full(version: Option<&str>) -> Result<Option<String>, Refusal> {
    match version {
        Some(version) if version.split('.').count() > 2 => {
            let message = format!("Specific version selection is not allowed for '{version}'");
            Err(Refusal::new("InvalidParameterValue", message))
        }
        version => Ok(version.map(|version| format!("{version}.1"))),
    }
}

fn create(
    cache: &mut ElastiCache,
    input: &CreateReplicationGroupInput,
) -> Result<CreateReplicationGroupOutput, Refusal> {
    let id = input.replication_group_id().unwrap_or_default();
    if cache.group(Some(id)).is_ok() {
        return Err(Refusal::new("ReplicationGroupAlreadyExists", "the replication group already exists"));
    }
    cache.subnet_group(input.cache_subnet_group_name())?;
    let is_required = input.transit_encryption_enabled() == Some(true)
        && input.transit_encryption_mode() != Some(&TransitEncryptionMode::Preferred);
    if input.auth_token().is_some() && !is_required {
        let message = "an AUTH token needs encryption in transit, for all clients";
        return Err(Refusal::new("InvalidParameterCombination", message));
    }
    let group = ReplicationGroup::builder()
        .replication_group_id(id)
        .set_description(input.replication_group_description.clone())
        .arn(format!("arn:aws:elasticache:eu-west-1:123456789012:replicationgroup:{id}"))
        .status("creating")
        .set_transit_encryption_enabled(input.transit_encryption_enabled)
        .set_transit_encryption_mode(input.transit_encryption_mode.clone())
        .auth_token_enabled(input.auth_token().is_some())
        .member_clusters(format!("{id}-001"))
        .set_cache_node_type(input.cache_node_type.clone())
        .build();
    let node = CacheCluster::builder()
        .cache_cluster_id(format!("{id}-001"))
        .replication_group_id(id)
        .cache_cluster_status("creating")
        .set_cache_node_type(input.cache_node_type.clone())
        .set_engine_version(full(input.engine_version())?)
        .set_cache_subnet_group_name(input.cache_subnet_group_name.clone())
        .set_security_groups(groups(input.security_group_ids()))
        .build();
    cache.groups.push(group.clone());
    cache.nodes.push(node);
    Ok(CreateReplicationGroupOutput::builder().replication_group(group).build())
}

fn describe(
    cache: &mut ElastiCache,
    input: &DescribeReplicationGroupsInput,
) -> Result<DescribeReplicationGroupsOutput, Refusal> {
    let (named, _) = cache.group(input.replication_group_id())?;
    Ok(DescribeReplicationGroupsOutput::builder().replication_groups(named.clone()).build())
}

/// Lists the nodes. This is the second half of reading a cache, and belongs to the groups that the first half returned.
fn describe_nodes(
    cache: &mut ElastiCache,
    _: &DescribeCacheClustersInput,
) -> Result<DescribeCacheClustersOutput, Refusal> {
    let shown = cache.nodes.clone();
    cache.advance();
    Ok(DescribeCacheClustersOutput::builder().set_cache_clusters(Some(shown)).build())
}

/// Changes the node type or the version. The change takes effect later, and versions cannot be downgraded.
fn modify(
    cache: &mut ElastiCache,
    input: &ModifyReplicationGroupInput,
) -> Result<ModifyReplicationGroupOutput, Refusal> {
    let version = full(input.engine_version())?;
    let (group, node) = cache.free(input.replication_group_id())?;
    let parts = |version: Option<&str>| -> Vec<u32> {
        version.unwrap_or_default().split('.').filter_map(|part| part.parse().ok()).collect()
    };
    if version.is_some() && parts(version.as_deref()) < parts(node.engine_version()) {
        return Err(Refusal::new("InvalidParameterCombination", "an engine version cannot be downgraded"));
    }
    if input.security_group_ids.is_some() {
        node.security_groups = groups(input.security_group_ids());
    }
    let pending = PendingModifiedValues::builder().set_engine_version(version);
    node.pending_modified_values = Some(pending.set_cache_node_type(input.cache_node_type.clone()).build());
    // Otherwise the change waits for the maintenance window, which never comes in this model.
    if input.apply_immediately() == Some(true) {
        set_status(group, node, "modifying");
    }
    Ok(ModifyReplicationGroupOutput::builder().replication_group(group.clone()).build())
}

fn delete(
    cache: &mut ElastiCache,
    input: &DeleteReplicationGroupInput,
) -> Result<DeleteReplicationGroupOutput, Refusal> {
    let (group, node) = cache.free(input.replication_group_id())?;
    set_status(group, node, "deleting");
    Ok(DeleteReplicationGroupOutput::builder().replication_group(group.clone()).build())
}
