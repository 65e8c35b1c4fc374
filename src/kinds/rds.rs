//! What the RDS kinds share: tags in RDS's own types, limits.

use aws_sdk_rds::{config, types::Tag};

use crate::{
    aws,
    model::{Address, StackId},
};

/// The longest identifier of a DB instance, in characters; subnet groups stay within it too.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html#RDS_Limits.Constraints>
pub(super) const LONGEST_NAME: usize = 63;

/// Whose the master password of a DB instance is: [`FOREIGN`] from its adoption on until `up` has set the stack's own.
pub(super) const PASSWORD: &str = "stackctl:password";

/// The value of [`PASSWORD`] for one that somebody else has set.
pub(super) const FOREIGN: &str = "foreign";

/// The value of [`PASSWORD`] for the stack's own.
pub(super) const OWN: &str = "own";

/// The tags with which the resource at `address` is created.
pub(super) fn tagged(id: &StackId, address: &Address) -> Vec<Tag> {
    aws::tags(id, address).map(|(key, value)| Tag::builder().key(key).value(value).build()).to_vec()
}

/// A write's configuration: the SDK sends it once, and the engine decides about another time.
pub(super) fn once() -> config::Builder {
    config::Config::builder().retry_config(aws::once())
}
