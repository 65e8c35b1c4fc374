//! A repository in another registry, whose blobs are downloaded on demand.

use oci_client::{Client, Reference};

use crate::model::{Failure, Subject};

/// An image in a registry, and the client to read it with.
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
    /// Downloads the blob `digest` and verifies that the bytes have this digest.
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
