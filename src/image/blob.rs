//! A blob: bytes that a registry stores under their digest. The bytes are in memory, in a part of a file that is read
//! during the push, or in another registry.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{layer, remote::Registry};
use crate::model::{Failure, Subject};

/// One blob.
#[derive(Debug)]
pub(super) struct Blob {
    /// `sha256:…` of the bytes.
    pub(super) digest: String,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Held(Vec<u8>),
    Piece { file: PathBuf, from: u64, length: u64 },
    Elsewhere { registry: Arc<Registry>, length: u64 },
}

impl Blob {
    /// Returns a blob with these bytes in memory.
    pub(super) fn held(digest: String, bytes: Vec<u8>) -> Self {
        Self { digest, content: Content::Held(bytes) }
    }

    /// Returns the blob of `length` bytes of `file`, starting at `from`. The file must not change until the blob is
    /// pushed.
    pub(super) fn piece(file: &Path, from: u64, length: u64) -> io::Result<Self> {
        let bytes = read(file, from, length)?;
        let content = Content::Piece { file: file.to_owned(), from, length };
        Ok(Self { digest: layer::digest(&bytes), content })
    }

    /// Returns a blob that another registry stores; it is downloaded when it is pushed.
    pub(super) fn elsewhere(digest: String, length: u64, registry: Arc<Registry>) -> Self {
        Self { digest, content: Content::Elsewhere { registry, length } }
    }

    /// Returns the length in bytes.
    pub(super) fn length(&self) -> u64 {
        match &self.content {
            Content::Held(bytes) => bytes.len() as u64,
            Content::Piece { length, .. } | Content::Elsewhere { length, .. } => *length,
        }
    }

    /// Reads or downloads the bytes.
    pub(super) async fn bytes(&self) -> Result<Vec<u8>, Failure> {
        match &self.content {
            Content::Held(bytes) => Ok(bytes.clone()),
            Content::Piece { file, from, length } => read(file, *from, *length)
                .map_err(|error| Failure::about(Subject::activity("read a layer"), error.to_string())),
            Content::Elsewhere { registry, .. } => registry.blob(&self.digest).await,
        }
    }
}

fn read(file: &Path, from: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(file)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}
