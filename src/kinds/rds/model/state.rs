//! The state of the RDS model.

use aws_sdk_rds::types::{DbInstance, DbSubnetGroup};

/// The RDS resources of the account in the region.
#[derive(Clone, Default)]
pub(in super::super) struct Rds {
    pub(super) subnet_groups: Vec<DbSubnetGroup>,
    pub(super) instances: Vec<DbInstance>,
    /// Whether the account is on the AWS free plan.
    pub(in super::super) free_plan: bool,
}
