//! Creates the image of a Cargo package: the base layer, the certificate authorities, and the program with its bill of
//! materials.

use serde_json::json;

use super::{
    kept::Kept,
    layer::{self, Archive, Entry, USER},
    layered::{AUTHORITIES, Layered},
    package::Program,
};
use crate::model::Failure;

/// Returns the image of `program`. Layers are compressed only if they are not in the cache `kept`.
pub(super) fn image(program: &Program, kept: &Kept) -> Result<Layered, Failure> {
    let (path, bill) = (format!("app/{}", program.name), format!("app/{}.cdx.json", program.name));
    let own = Archive::of(&[
        Entry::Folder { path: "app/", mode: 0o755 },
        Entry::File { path: &path, mode: 0o755, content: &program.bytes },
        Entry::File { path: &bill, mode: 0o644, content: &program.bill },
    ])?;
    let layers = kept.layers(&[layer::base()?, layer::authorities()?, own])?;
    let config = config(program, &layers);
    let config = serde_json::to_vec(&config).map_err(|error| Failure::internal(error.to_string()))?;
    let layers = layers.into_iter().map(Into::into).collect();
    Ok(Layered { version: program.version.clone(), config, layers })
}

/// <https://github.com/opencontainers/image-spec/blob/main/config.md>
fn config(program: &Program, layers: &[layer::Layer]) -> serde_json::Value {
    json!({
        "architecture": program.arch.name(),
        "os": "linux",
        // The time of the build would give another image for the same source.
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
    fn same_program_gives_the_same_image_and_others_share_the_base() {
        let program = |bytes: &[u8]| Program {
            name: "app".into(),
            arch: crate::kind::Arch::Amd64,
            version: "1.0.0".into(),
            description: String::new(),
            bytes: bytes.to_vec(),
            bill: b"{}".to_vec(),
        };
        let folder = tempfile::tempdir().expect("a folder");
        let kept = Kept::new(folder.path());
        let [one, again, other] = [&b"one"[..], b"one", b"other"].map(|bytes| {
            let image = image(&program(bytes), &kept).and_then(Layered::assemble);
            image.expect("it is made")
        });
        assert_eq!(one.digest, again.digest);
        assert_ne!(one.digest, other.digest);
        assert_eq!(one.blobs[0].digest, other.blobs[0].digest);
    }
}
