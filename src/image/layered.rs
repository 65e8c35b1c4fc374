//! An image before its manifest is made: its configuration and its layers, over which more can be laid.

use serde_json::Value;

use super::{
    files::Files,
    layer::{self, Archive},
    manifest::{self, Assembled, Stored},
};
use crate::model::{Failure, Subject};

/// What the history of an image calls the layer of [`layer::authorities`].
pub(super) const AUTHORITIES: &str = "stackctl: Amazon's certificate authorities for RDS";

/// What it calls the layer of the service's `files`.
const FILES: &str = "stackctl: files of the service";

/// An image before its manifest is made.
#[derive(Debug)]
pub(super) struct Layered {
    /// Its version: any text.
    pub(super) version: String,
    /// Its configuration. <https://github.com/opencontainers/image-spec/blob/main/config.md>
    pub(super) config: Vec<u8>,
    pub(super) layers: Vec<Stored>,
}

impl Layered {
    /// With Amazon's authorities for RDS. An image that was made from one of ours has them already.
    pub(super) fn with_authorities(self) -> Result<Self, Failure> {
        let own = layer::authorities()?;
        if self.layers.iter().any(|layer| layer.diff_id == own.diff_id) {
            Ok(self)
        } else {
            self.over(&own, AUTHORITIES)
        }
    }

    /// With the files of a service.
    pub(super) fn with_files(self, files: &Files) -> Result<Self, Failure> {
        match files.layer()? {
            Some(layer) => self.over(&layer, FILES),
            None => Ok(self),
        }
    }

    /// With one more layer; `created_by` is what the history says of it.
    fn over(mut self, archive: &Archive, created_by: &str) -> Result<Self, Failure> {
        let own = archive.pack()?;
        let mut config: Value = serde_json::from_slice(&self.config).map_err(|error| unreadable(&error.to_string()))?;
        let diff_ids = config["rootfs"]["diff_ids"].as_array_mut();
        diff_ids.ok_or_else(|| unreadable("it lists no layers"))?.push(own.diff_id.as_str().into());
        // It may be left out, and otherwise has an entry for each layer.
        if let Some(history) = config.get_mut("history").and_then(Value::as_array_mut) {
            history.push(serde_json::json!({ "created_by": created_by }));
        }
        self.config = serde_json::to_vec(&config).map_err(|error| Failure::internal(error.to_string()))?;
        self.layers.push(own.into());
        Ok(self)
    }

    /// The finished image.
    pub(super) fn assemble(self) -> Result<Assembled, Failure> {
        manifest::manifest(&self.version, self.config, self.layers)
    }
}

fn unreadable(why: &str) -> Failure {
    Failure::about(Subject::activity("build"), format!("cannot read the configuration of the image: {why}"))
}
