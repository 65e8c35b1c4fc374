//! An image without a manifest: a configuration and layers, to which more layers can be added.

use serde_json::Value;

use super::{
    files::Files,
    layer::{self, Archive},
    manifest::{self, Assembled, Stored},
};
use crate::model::{Failure, Subject};

/// The history entry of the layer from [`layer::authorities`].
pub(super) const AUTHORITIES: &str = "stackctl: Amazon's certificate authorities for RDS";

/// The history entry of the layer with the service's `files`.
const FILES: &str = "stackctl: files of the service";

/// An image without a manifest.
#[derive(Debug)]
pub(super) struct Layered {
    /// The version; any text.
    pub(super) version: String,
    /// The configuration. <https://github.com/opencontainers/image-spec/blob/main/config.md>
    pub(super) config: Vec<u8>,
    pub(super) layers: Vec<Stored>,
}

impl Layered {
    /// Adds Amazon's certificate authorities for RDS, unless the image is based on an image of stackctl and already has
    /// them.
    pub(super) fn with_authorities(self) -> Result<Self, Failure> {
        let own = layer::authorities()?;
        if self.layers.iter().any(|layer| layer.diff_id == own.diff_id) {
            Ok(self)
        } else {
            self.over(&own, AUTHORITIES)
        }
    }

    /// Adds the files of a service.
    pub(super) fn with_files(self, files: &Files) -> Result<Self, Failure> {
        match files.layer()? {
            Some(layer) => self.over(&layer, FILES),
            None => Ok(self),
        }
    }

    /// Adds a layer; `created_by` is its history entry.
    fn over(mut self, archive: &Archive, created_by: &str) -> Result<Self, Failure> {
        let own = archive.pack()?;
        let mut config: Value = serde_json::from_slice(&self.config).map_err(|error| unreadable(&error.to_string()))?;
        let diff_ids = config["rootfs"]["diff_ids"].as_array_mut();
        diff_ids.ok_or_else(|| unreadable("it lists no layers"))?.push(own.diff_id.as_str().into());
        // The history is optional. If there is one, it needs an entry for each layer.
        if let Some(history) = config.get_mut("history").and_then(Value::as_array_mut) {
            history.push(serde_json::json!({ "created_by": created_by }));
        }
        self.config = serde_json::to_vec(&config).map_err(|error| Failure::internal(error.to_string()))?;
        self.layers.push(own.into());
        Ok(self)
    }

    /// Creates the manifest.
    pub(super) fn assemble(self) -> Result<Assembled, Failure> {
        manifest::manifest(&self.version, self.config, self.layers)
    }
}

fn unreadable(why: &str) -> Failure {
    Failure::about(Subject::activity("build"), format!("cannot read the configuration of the image: {why}"))
}
