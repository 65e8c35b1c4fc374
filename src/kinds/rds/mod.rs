//! What the RDS kinds share: the limit of their names.

pub mod db_instance;
pub mod db_subnet_group;
#[cfg(test)]
mod model;

/// The longest identifier of a DB instance, in characters; subnet groups stay within it too.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html#RDS_Limits.Constraints>
pub(super) const LONGEST_NAME: usize = 63;

/// The ARNs of the stack's databases, subnet groups and snapshots: one pattern, because a policy has to be short.
pub(super) const ARNS: &str = "rds:{region}:{account}:*:{name:63}*";

/// RDS' code for a subnet that was just made and is not known everywhere yet.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html>
pub(super) const NOT_YET: &[&str] = &["InvalidSubnet"];
