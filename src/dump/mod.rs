//! Prepares an SQL dump of `pg_dump` for a load that is applied completely or not at all. The file is read once,
//! checked and compressed; anything that would make the load fail is refused here with its line number, before anything
//! is sent.
//!
//! <https://www.postgresql.org/docs/current/app-pgdump.html>

mod format;
mod input;
mod meaning;
mod refusal;
mod scanner;
mod statement;
mod statements;

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

pub use refusal::Refusal;

use input::Input;
use statements::Statements;

/// The largest compressed dump in bytes. The task that loads it has 20 GiB of storage, which also holds its image.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-storage.html>
const LARGEST: u64 = 16 << 30;

/// The number of bytes to collect before they are compressed.
const COLLECTED: usize = 64 * 1024;

/// A checked and compressed dump. The compressed file is deleted when this is dropped.
#[derive(Debug)]
pub struct Dump {
    folder: TempDir,
    /// The SHA-256 of the compressed file, in hexadecimal digits.
    pub sha256: String,
    /// The length of the compressed file in bytes.
    pub packed: u64,
    /// The length of the SQL in bytes.
    pub unpacked: u64,
    /// The number of omitted statements that change an owner.
    pub owners: usize,
}

impl Dump {
    /// Reads and checks the dump at `path`, plain or compressed with gzip. A dump that replaces the whole database may
    /// end transactions: it is loaded into a new database that nobody uses until it is complete.
    ///
    /// # Errors
    /// If the file cannot be read, is not an SQL dump, is truncated, or contains statements that cannot be loaded in
    /// one transaction.
    pub fn prepare(path: &Path, replaces: bool) -> Result<Self, Refusal> {
        let unreadable =
            |error: io::Error| Refusal::new(None, format!("cannot be read: {error}"), "pass a file that pg_dump wrote");
        let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
        if file.get_ref().metadata().map_err(unreadable)?.is_dir() {
            return Err(Refusal::new(None, "is a folder", "pass the single file that pg_dump -Fp writes"));
        }
        if format::is_gzip(file.fill_buf().map_err(unreadable)?) {
            pack(Input::new(MultiGzDecoder::new(file)), replaces)
        } else {
            pack(Input::new(file), replaces)
        }
    }

    /// Returns the path of the compressed file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("dump.sql.gz")
    }
}

fn pack(mut sql: Input<impl Read>, replaces: bool) -> Result<Dump, Refusal> {
    let full = |error: io::Error| {
        let hint = "stackctl writes the compressed dump to the temporary folder: set TMPDIR to use another one";
        Refusal::new(None, format!("cannot be compressed: {error}"), hint)
    };
    let cut = |error: io::Error| {
        Refusal::new(
            None,
            format!("cannot be decompressed: {error}"),
            "the file is truncated or damaged: copy it again",
        )
    };
    format::check(sql.head(format::HEAD).map_err(cut)?)?;
    let folder = tempfile::Builder::new().prefix("stackctl-dump").tempdir().map_err(full)?;
    let file = File::create_new(folder.path().join("dump.sql.gz")).map_err(full)?;
    let mut packed = GzEncoder::new(Summed::new(BufWriter::new(file)), Compression::fast());
    let mut statements = Statements::new(replaces);
    let (mut loaded, mut unpacked) = (Vec::new(), 0);
    while let Some(piece) = sql.piece().map_err(cut)? {
        let length = statements.read(piece, &mut loaded)?;
        sql.take(length);
        unpacked += length as u64;
        if loaded.len() >= COLLECTED {
            packed.write_all(&loaded).map_err(full)?;
            loaded.clear();
        }
    }
    statements.end(&mut loaded)?;
    packed.write_all(&loaded).map_err(full)?;
    let (sha256, packed) = packed.finish().and_then(Summed::finish).map_err(full)?;
    if packed > LARGEST {
        let message = format!("is too large: {} GiB compressed (maximum {} GiB)", packed >> 30, LARGEST >> 30);
        let hint = "load it from a host that can reach the database; run `stackctl db connect` to connect";
        return Err(Refusal::new(None, message, hint));
    }
    Ok(Dump { folder, sha256, packed, unpacked, owners: statements.owners })
}

/// A writer that computes the SHA-256 and the length of the bytes written through it.
struct Summed<W> {
    to: W,
    digest: Sha256,
    length: u64,
}

impl<W: Write> Summed<W> {
    fn new(to: W) -> Self {
        Self { to, digest: Sha256::new(), length: 0 }
    }

    fn finish(mut self) -> io::Result<(String, u64)> {
        self.to.flush()?;
        Ok((self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect(), self.length))
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.digest.update(&bytes[..written]);
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests;
