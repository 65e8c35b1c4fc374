//! What a registry keeps: some bytes under their digest. They are held in memory, are a
//! piece of a file that is read when it is sent, or are in another registry.

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
    /// `sha256:…` of its bytes.
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
    /// A blob of these bytes.
    pub(super) fn held(digest: String, bytes: Vec<u8>) -> Self {
        Self { digest, content: Content::Held(bytes) }
    }

    /// The blob of a piece of `file`, which stays as it is until it is sent.
    pub(super) fn piece(file: &Path, from: u64, length: u64) -> io::Result<Self> {
        let bytes = read(file, from, length)?;
        let content = Content::Piece { file: file.to_owned(), from, length };
        Ok(Self { digest: layer::digest(&bytes), content })
    }

    /// One that another registry keeps; it is fetched when it is sent.
    pub(super) fn elsewhere(digest: String, length: u64, registry: Arc<Registry>) -> Self {
        Self { digest, content: Content::Elsewhere { registry, length } }
    }

    /// How many bytes it has.
    pub(super) fn length(&self) -> u64 {
        match &self.content {
            Content::Held(bytes) => bytes.len() as u64,
            Content::Piece { length, .. } | Content::Elsewhere { length, .. } => *length,
        }
    }

    /// Its bytes.
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
