//! What a registry keeps: some bytes under their digest, held in memory, or a piece of a file that is read when it is sent.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::layer;

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

    /// How many bytes it has.
    pub(super) fn length(&self) -> u64 {
        match &self.content {
            Content::Held(bytes) => bytes.len() as u64,
            Content::Piece { length, .. } => *length,
        }
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> io::Result<Vec<u8>> {
        match &self.content {
            Content::Held(bytes) => Ok(bytes.clone()),
            Content::Piece { file, from, length } => read(file, *from, *length),
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
