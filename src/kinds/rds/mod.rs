//! What the RDS kinds share: tags in RDS's own types, limits.

pub mod db_instance;
pub mod db_subnet_group;

use aws_sdk_rds::{config, types::Tag};

use crate::{
    aws,
    model::{Address, StackId},
};

/// The longest identifier of a DB instance, in characters; subnet groups stay within it too.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html#RDS_Limits.Constraints>
pub(super) const LONGEST_NAME: usize = 63;

/// The tags with which the resource at `address` is created.
pub(super) fn tagged(id: &StackId, address: &Address) -> Vec<Tag> {
    aws::tags(id, address).map(|(key, value)| Tag::builder().key(key).value(value).build()).to_vec()
}

/// A write's configuration: the SDK sends it once, and the engine decides about another time.
pub(super) fn once() -> config::Builder {
    config::Config::builder().retry_config(aws::once())
}
