//! The operations on cache subnet groups.

use aws_sdk_elasticache::{
    operation::{
        create_cache_subnet_group::{
            CreateCacheSubnetGroupError, CreateCacheSubnetGroupInput, CreateCacheSubnetGroupOutput,
        },
        delete_cache_subnet_group::{
            DeleteCacheSubnetGroupError, DeleteCacheSubnetGroupInput, DeleteCacheSubnetGroupOutput,
        },
        describe_cache_subnet_groups::{
            DescribeCacheSubnetGroupsError, DescribeCacheSubnetGroupsInput, DescribeCacheSubnetGroupsOutput,
        },
        modify_cache_subnet_group::{
            ModifyCacheSubnetGroupError, ModifyCacheSubnetGroupInput, ModifyCacheSubnetGroupOutput,
        },
    },
    types::{CacheSubnetGroup, Subnet},
};

use super::state::ElastiCache;
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(CreateCacheSubnetGroupError::generic, create);
    cloud.on(DescribeCacheSubnetGroupsError::generic, describe);
    cloud.on(ModifyCacheSubnetGroupError::generic, modify);
    cloud.on(DeleteCacheSubnetGroupError::generic, delete);
}

pub(super) fn line(group: &CacheSubnetGroup) -> String {
    let subnets: Vec<Option<&str>> = group.subnets().iter().map(Subnet::subnet_identifier).collect();
    format!("subnet group {:?} with {subnets:?}", group.cache_subnet_group_description())
}

impl ElastiCache {
    pub(super) fn subnet_group(&mut self, name: Option<&str>) -> Result<&mut CacheSubnetGroup, Refusal> {
        let found = self.subnet_groups.iter_mut().find(|group| group.cache_subnet_group_name() == name);
        found.ok_or_else(|| Refusal::new("CacheSubnetGroupNotFoundFault", "the cache subnet group does not exist"))
    }
}

fn subnets(ids: &[String]) -> Option<Vec<Subnet>> {
    Some(ids.iter().map(|id| Subnet::builder().subnet_identifier(id).build()).collect())
}

fn create(
    cache: &mut ElastiCache,
    input: &CreateCacheSubnetGroupInput,
) -> Result<CreateCacheSubnetGroupOutput, Refusal> {
    if cache.subnet_group(input.cache_subnet_group_name()).is_ok() {
        return Err(Refusal::new("CacheSubnetGroupAlreadyExists", "the cache subnet group already exists"));
    }
    let group = CacheSubnetGroup::builder()
        .set_cache_subnet_group_name(input.cache_subnet_group_name.clone())
        .set_cache_subnet_group_description(input.cache_subnet_group_description.clone())
        .set_subnets(subnets(input.subnet_ids()))
        .build();
    cache.subnet_groups.push(group.clone());
    Ok(CreateCacheSubnetGroupOutput::builder().cache_subnet_group(group).build())
}

fn describe(
    cache: &mut ElastiCache,
    input: &DescribeCacheSubnetGroupsInput,
) -> Result<DescribeCacheSubnetGroupsOutput, Refusal> {
    let named = cache.subnet_group(input.cache_subnet_group_name())?.clone();
    Ok(DescribeCacheSubnetGroupsOutput::builder().cache_subnet_groups(named).build())
}

fn modify(
    cache: &mut ElastiCache,
    input: &ModifyCacheSubnetGroupInput,
) -> Result<ModifyCacheSubnetGroupOutput, Refusal> {
    let group = cache.subnet_group(input.cache_subnet_group_name())?;
    group.subnets = subnets(input.subnet_ids());
    Ok(ModifyCacheSubnetGroupOutput::builder().cache_subnet_group(group.clone()).build())
}

fn delete(
    cache: &mut ElastiCache,
    input: &DeleteCacheSubnetGroupInput,
) -> Result<DeleteCacheSubnetGroupOutput, Refusal> {
    cache.subnet_group(input.cache_subnet_group_name())?;
    if cache.nodes.iter().any(|node| node.cache_subnet_group_name() == input.cache_subnet_group_name()) {
        return Err(Refusal::new("CacheSubnetGroupInUse", "a cache cluster uses the cache subnet group"));
    }
    cache.subnet_groups.retain(|group| group.cache_subnet_group_name() != input.cache_subnet_group_name());
    Ok(DeleteCacheSubnetGroupOutput::builder().build())
}
