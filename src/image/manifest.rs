//! Creates the manifest of an image, which lists its configuration and layers.
//!
//! <https://github.com/opencontainers/image-spec/blob/main/manifest.md>

use serde_json::json;

use super::{
    blob::Blob,
    layer::{self, Layer},
};
use crate::model::Failure;

/// The media type of a manifest.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The largest number of characters of a version in a tag. The build number follows, and a tag has at most 128
/// characters.
/// <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>
const LONGEST_VERSION: usize = 100;

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// The media type of a layer that stackctl packs.
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A layer of an image, with its blob.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) diff_id: String,
    /// The media type of the bytes.
    pub(super) media: String,
    pub(super) blob: Blob,
}

impl From<Layer> for Stored {
    fn from(layer: Layer) -> Self {
        let blob = Blob::held(layer.digest, layer.compressed);
        Self { diff_id: layer.diff_id, media: LAYER.to_owned(), blob }
    }
}

/// An image, ready to be pushed.
#[derive(Debug)]
pub(super) struct Assembled {
    /// `sha256:…` of the manifest.
    pub(super) digest: String,
    /// The version of the package, with only the characters allowed in a tag.
    pub(super) version: String,
    pub(super) manifest: Vec<u8>,
    /// The layers and the configuration.
    pub(super) blobs: Vec<Blob>,
}

impl Assembled {
    /// Returns the first characters of the digest, for messages.
    pub(super) fn short_digest(&self) -> &str {
        &self.digest[..self.digest.len().min(19)]
    }

    /// Returns the size of all blobs in MB, which is what the first push sends.
    pub(super) fn megabytes(&self) -> f64 {
        let bytes: u64 = self.blobs.iter().map(Blob::length).sum();
        f64::from(u32::try_from(bytes / 1000).unwrap_or(u32::MAX)) / 1000.0
    }
}

/// Returns the image with this configuration and the layers that it names. `version` is any text.
pub(super) fn manifest(version: &str, config: Vec<u8>, layers: Vec<Stored>) -> Result<Assembled, Failure> {
    let config_digest = layer::digest(&config);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": { "mediaType": CONFIG, "digest": config_digest, "size": config.len() },
        "layers": layers.iter().map(|layer| {
            json!({ "mediaType": layer.media, "digest": layer.blob.digest, "size": layer.blob.length() })
        }).collect::<Vec<_>>(),
    });
    let manifest = serde_json::to_vec(&manifest).map_err(|error| Failure::internal(error.to_string()))?;
    let blobs = layers.into_iter().map(|layer| layer.blob).chain([Blob::held(config_digest, config)]).collect();
    Ok(Assembled { digest: layer::digest(&manifest), version: in_tag(version), manifest, blobs })
}

/// Replaces the characters of `version` that a tag does not allow. Cargo accepts `1.2.0+g1a2b`, but a tag has no `+`.
/// It becomes `_`, which no Cargo version contains.
fn in_tag(version: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    version.chars().take(LONGEST_VERSION).map(|c| if allowed(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_with_a_plus_gives_a_valid_tag() {
        assert_eq!(in_tag("1.2.0"), "1.2.0");
        assert_eq!(in_tag("1.2.0-rc.1+g1a2b.5"), "1.2.0-rc.1_g1a2b.5");
        let longest = in_tag(&format!("1.0.0+{}", "a".repeat(200)));
        assert_eq!(format!("{longest}-{}", u64::MAX).len(), 121);
    }
}
