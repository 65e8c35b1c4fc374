//! Stores a compressed dump in a registry as an OCI artifact: an image that is never run, whose layers are the
//! consecutive pieces of the file. Anyone with the download URLs of the pieces can read the file.
//!
//! <https://github.com/opencontainers/image-spec/blob/main/manifest.md#guidelines-for-artifact-usage>

use std::{io, path::Path};

use serde_json::json;

use super::{
    blob::Blob,
    layer,
    manifest::{Assembled, MANIFEST},
};
use crate::model::{Failure, Subject};

/// The largest number of pieces. Their URLs, 2 kB each, must fit into one secret of 64 KiB. A piece is also held in
/// memory, sent again after a failure, and counted as a step of the progress.
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>
const PIECES: u64 = 20;

/// The smallest size of a piece in bytes; only the last piece may be smaller.
const PIECE: u64 = 1 << 20;

const ARTIFACT: &str = "application/vnd.stackctl.dump.v1";
const CONTENT: &str = "application/sql";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// Returns the artifact that contains `file`.
pub(super) fn assemble(file: &Path) -> Result<Assembled, Failure> {
    let pieces = pieces(file).map_err(|error| Failure::about(Subject::file(file), error.to_string()))?;
    let config = Blob::held(layer::digest(b"{}"), b"{}".to_vec());
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": ARTIFACT,
        "config": { "mediaType": EMPTY, "digest": config.digest, "size": config.length() },
        "layers": pieces.iter().map(|piece| {
            json!({ "mediaType": CONTENT, "digest": piece.digest, "size": piece.length() })
        }).collect::<Vec<_>>(),
    });
    let manifest = serde_json::to_vec(&manifest).map_err(|error| Failure::internal(error.to_string()))?;
    let (digest, version) = (layer::digest(&manifest), "dump".to_owned());
    Ok(Assembled { digest, version, manifest, blobs: pieces.into_iter().chain([config]).collect() })
}

fn pieces(file: &Path) -> io::Result<Vec<Blob>> {
    let length = std::fs::metadata(file)?.len();
    let size = length.div_ceil(PIECES).max(PIECE);
    (0..length.div_ceil(size)).map(|piece| Blob::piece(file, piece * size, size.min(length - piece * size))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_a_dump_join_to_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("dump");
        for (length, pieces) in [(1, 1), (1 << 20, 1), ((1 << 20) + 1, 2), (41 << 20, 20)] {
            let content: Vec<u8> = (0..=250).cycle().take(length).collect();
            std::fs::write(&file, &content).expect("it can be written");
            let artifact = assemble(&file).expect("it is there");
            let (config, layers) = artifact.blobs.split_last().expect("there is a configuration");
            assert_eq!((layers.len(), config.length()), (pieces, 2));
            let whole: Vec<u8> = layers
                .iter()
                .flat_map(|piece| futures::executor::block_on(piece.bytes()).expect("it is there"))
                .collect();
            assert!(whole == content, "the pieces of {length} bytes are not the file");
        }
    }
}
