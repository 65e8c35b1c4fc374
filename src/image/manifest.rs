//! The image: its layers, what is run in them, and the manifest that names them.
//!
//! <https://github.com/opencontainers/image-spec/blob/main/manifest.md>

use serde_json::json;

use super::{
    blob::Blob,
    kept::Kept,
    layer::{self, Archive, Entry, Layer, USER},
    package::Program,
};
use crate::model::Failure;

/// The media type of a manifest.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// How much of a version is in a tag, in characters: the build number comes after it, and a tag has 128 at most.
/// <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>
const LONGEST_VERSION: usize = 100;

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// What the history of an image calls the layer of [`layer::authorities`].
pub(super) const AUTHORITIES: &str = "stackctl: Amazon's certificate authorities for RDS";

/// An image, ready to be pushed.
#[derive(Debug)]
pub(super) struct Assembled {
    /// `sha256:…` of the manifest.
    pub(super) digest: String,
    /// The package's version, as a tag can have it.
    pub(super) version: String,
    pub(super) manifest: Vec<u8>,
    /// The layers and the configuration.
    pub(super) blobs: Vec<Blob>,
}

impl Assembled {
    /// The first characters of the digest, as people tell images apart.
    pub(super) fn short_digest(&self) -> &str {
        &self.digest[..self.digest.len().min(19)]
    }

    /// What a first push sends, in MB.
    pub(super) fn megabytes(&self) -> f64 {
        let bytes: u64 = self.blobs.iter().map(Blob::length).sum();
        f64::from(u32::try_from(bytes / 1000).unwrap_or(u32::MAX)) / 1000.0
    }
}

/// The image of a program, of layers that are packed only if they are not kept.
pub(super) fn assemble(program: &Program, kept: &Kept) -> Result<Assembled, Failure> {
    let (path, bill) = (format!("app/{}", program.name), format!("app/{}.cdx.json", program.name));
    let own = Archive::of(&[
        Entry::Folder { path: "app/", mode: 0o755 },
        Entry::File { path: &path, mode: 0o755, content: &program.bytes },
        Entry::File { path: &bill, mode: 0o644, content: &program.bill },
    ])?;
    let layers = kept.layers(&[layer::base()?, layer::authorities()?, own])?;
    let config = config(program, &layers);
    let config = serde_json::to_vec(&config).map_err(|error| Failure::internal(error.to_string()))?;
    manifest(&program.version, config, layers)
}

/// The image of a configuration and the layers that it names. The `version` is any text.
pub(super) fn manifest(version: &str, config: Vec<u8>, layers: Vec<Layer>) -> Result<Assembled, Failure> {
    let config_digest = layer::digest(&config);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": { "mediaType": CONFIG, "digest": config_digest, "size": config.len() },
        "layers": layers.iter().map(|layer| {
            json!({ "mediaType": LAYER, "digest": layer.digest, "size": layer.compressed.len() })
        }).collect::<Vec<_>>(),
    });
    let manifest = serde_json::to_vec(&manifest).map_err(|error| Failure::internal(error.to_string()))?;
    let layers = layers.into_iter().map(|layer| Blob::held(layer.digest, layer.compressed));
    let blobs = layers.chain([Blob::held(config_digest, config)]).collect();
    Ok(Assembled { digest: layer::digest(&manifest), version: in_tag(version), manifest, blobs })
}

/// `version` as a tag can have it: `1.2.0+g1a2b` is a version for Cargo, and `+` is in no tag. It becomes `_`, which no
/// version of Cargo has.
fn in_tag(version: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    version.chars().take(LONGEST_VERSION).map(|c| if allowed(c) { c } else { '_' }).collect()
}

/// <https://github.com/opencontainers/image-spec/blob/main/config.md>
fn config(program: &Program, layers: &[Layer]) -> serde_json::Value {
    json!({
        "architecture": "amd64",
        "os": "linux",
        // The time of the build would make another image of the same source.
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "User": format!("{USER}:{USER}"),
            "Entrypoint": [format!("/app/{}", program.name)],
            "Env": ["PATH=/app", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
            "WorkingDir": "/",
            "Labels": {
                "org.opencontainers.image.title": program.name,
                "org.opencontainers.image.version": program.version,
                "org.opencontainers.image.description": program.description,
            },
        },
        "rootfs": { "type": "layers", "diff_ids": layers.iter().map(|layer| &layer.diff_id).collect::<Vec<_>>() },
        "history": [
            { "created_by": "stackctl: certificates, user, hosts" },
            { "created_by": AUTHORITIES },
            { "created_by": format!("stackctl: {} {}", program.name, program.version) },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_with_a_plus_gives_a_valid_tag() {
        assert_eq!(in_tag("1.2.0"), "1.2.0");
        assert_eq!(in_tag("1.2.0-rc.1+g1a2b.5"), "1.2.0-rc.1_g1a2b.5");
        let longest = in_tag(&format!("1.0.0+{}", "a".repeat(200)));
        assert_eq!(format!("{longest}-{}", u64::MAX).len(), 121);
    }

    #[test]
    fn the_same_program_is_the_same_image_and_others_share_its_base() {
        let program = |bytes: &[u8]| Program {
            name: "app".into(),
            version: "1.0.0".into(),
            description: String::new(),
            bytes: bytes.to_vec(),
            bill: b"{}".to_vec(),
        };
        let folder = tempfile::tempdir().expect("a folder");
        let kept = Kept::new(folder.path());
        let [one, again, other] =
            [&b"one"[..], b"one", b"other"].map(|bytes| assemble(&program(bytes), &kept).expect("it is made"));
        assert_eq!(one.digest, again.digest);
        assert_ne!(one.digest, other.digest);
        assert_eq!(one.blobs[0].digest, other.blobs[0].digest);
    }
}
