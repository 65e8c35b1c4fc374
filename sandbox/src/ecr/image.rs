//! An image, as a repository keeps it.

use std::collections::BTreeSet;

/// An image.
pub(super) struct Image {
    pub(super) manifest: Vec<u8>,
    pub(super) media_type: String,
    pub(super) tags: BTreeSet<String>,
    /// When it was pushed, in seconds since 1970.
    pub(super) pushed: f64,
    /// The size of its layers and its configuration, in bytes.
    pub(super) size: u64,
}
