//! What the RDS kinds share: the limit of their names.

pub mod db_instance;
pub mod db_subnet_group;

/// The longest identifier of a DB instance, in characters; subnet groups stay within it too.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html#RDS_Limits.Constraints>
pub(super) const LONGEST_NAME: usize = 63;
