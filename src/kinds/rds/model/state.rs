//! The state of the RDS model.

use aws_sdk_rds::types::{DbInstance, DbParameterGroup, DbSubnetGroup, Parameter};

/// The RDS resources of the account in the region.
#[derive(Clone, Default)]
pub(in super::super) struct Rds {
    pub(super) subnet_groups: Vec<DbSubnetGroup>,
    pub(super) parameter_groups: Vec<ParameterGroup>,
    pub(super) instances: Vec<DbInstance>,
    /// Whether the account is on the AWS free plan.
    pub(in super::super) free_plan: bool,
}

/// A parameter group, and the parameters that somebody has set in it.
#[derive(Clone)]
pub(super) struct ParameterGroup {
    pub(super) group: DbParameterGroup,
    pub(super) parameters: Vec<Parameter>,
}
