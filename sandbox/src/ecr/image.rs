//! An image in a repository.

use std::collections::BTreeSet;

pub(super) struct Image {
    pub(super) manifest: Vec<u8>,
    pub(super) media_type: String,
    pub(super) tags: BTreeSet<String>,
    /// The time of the push, in seconds since 1970.
    pub(super) pushed: f64,
    /// The size of its layers and its configuration, in bytes.
    pub(super) size: u64,
}
