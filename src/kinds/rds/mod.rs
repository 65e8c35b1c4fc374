//! Helpers for the RDS kinds: name limits, error codes, and the region's DB instances.

pub mod db_instance;
pub mod db_parameter_group;
pub mod db_subnet_group;
#[cfg(test)]
mod model;

use std::sync::Arc;

use aws_sdk_rds::types::DbInstance;

use crate::{aws::Outcome, kind::Context, model::Failure};

/// The longest identifier of a DB instance, in characters; subnet groups and parameter groups stay within it too.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html#RDS_Limits.Constraints>
pub(super) const LONGEST_NAME: usize = 63;

/// The ARNs of the stack's databases, subnet groups, parameter groups and snapshots: one pattern, because a policy has to be short.
pub(super) const ARNS: &str = "rds:{region}:{account}:*:{name:63}*";

/// The RDS error code for a new subnet that is not visible everywhere yet.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html>
pub(super) const NOT_YET: &[&str] = &["InvalidSubnet"];

/// The code by which RDS says that there is no such DB parameter group.
pub(super) const NO_PARAMETER_GROUP: &[&str] = &["DBParameterGroupNotFound"];

/// The code by which RDS says that there is no such DB instance.
pub(super) const NOT_FOUND: &[&str] = &["DBInstanceNotFound"];

/// Returns the region's DB instances, or only the claimed one. They are read once per look at AWS.
async fn instances(cx: &Context) -> Result<Arc<Vec<DbInstance>>, Failure> {
    cx.shared("rds instances", async {
        let claimed = cx.claimed().map(str::to_owned);
        let call = cx.aws.rds.describe_db_instances().set_db_instance_identifier(claimed);
        let instances: Result<Vec<DbInstance>, _> = call.into_paginator().items().send().try_collect().await;
        Ok(instances.or_absent("DescribeDBInstances", NOT_FOUND)?.unwrap_or_default())
    })
    .await
}
