//! A repository of a registry elsewhere, whose layers are fetched when they are needed.

use oci_client::{Client, Reference};

use crate::model::{Failure, Subject};

/// A repository of a registry, and how it is asked.
pub(super) struct Registry {
    pub(super) client: Client,
    pub(super) image: Reference,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("image", &self.image).finish_non_exhaustive()
    }
}

impl Registry {
    /// The bytes of the blob `digest`, which have this digest.
    pub(super) async fn blob(&self, digest: &str) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let fetched = self.client.pull_blob(&self.image, digest, &mut bytes).await;
        fetched.map_err(|error| self.failed(&format!("cannot download a layer: {error}")))?;
        Ok(bytes)
    }

    pub(super) fn failed(&self, why: &str) -> Failure {
        Failure::about(Subject::activity("build"), format!("the image {}: {why}", self.image))
    }
}
