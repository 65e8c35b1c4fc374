//! What RDS has.

use aws_sdk_rds::types::{DbInstance, DbSubnetGroup};

/// What the account has in the region.
#[derive(Clone, Default)]
pub(in super::super) struct Rds {
    pub(super) subnet_groups: Vec<DbSubnetGroup>,
    pub(super) instances: Vec<DbInstance>,
    /// Whether the account is on AWS's free plan.
    pub(in super::super) free_plan: bool,
}
