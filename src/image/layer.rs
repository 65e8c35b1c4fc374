//! Creates image layers. The same content gives the same archive and the same compressed layer on every machine, at any
//! time.

use std::io::{BufRead, BufReader, Read, Write};

use flate2::{Compression, GzBuilder, read::MultiGzDecoder, write::GzEncoder};
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

use crate::{kind::authorities, model::Failure};

/// The user that a container runs as.
pub(super) const USER: u32 = 10001;

/// The first bytes of a gzip file. <https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1>
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The uncompressed content of a layer.
pub(super) struct Archive {
    /// `sha256:…` of the archive.
    pub(super) diff_id: String,
    bytes: Vec<u8>,
}

/// A finished layer.
#[derive(Debug)]
pub(super) struct Layer {
    /// `sha256:…` of the archive.
    pub(super) diff_id: String,
    /// `sha256:…` of the compressed archive.
    pub(super) digest: String,
    pub(super) compressed: Vec<u8>,
}

/// One entry of a layer.
pub(super) enum Entry<'a> {
    Folder { path: &'a str, mode: u32 },
    File { path: &'a str, mode: u32, content: &'a [u8] },
}

/// Returns the lowest layer of every image of a Cargo package: the user, the address of localhost, root certificates
/// and a folder for temporary files. The certificates are Mozilla's, from a crate: those of the build machine would
/// give a different image on each machine.
pub(super) fn base() -> Result<Archive, Failure> {
    let certificates = root_certificates();
    let passwd = format!("root:x:0:0:root:/:/\napp:x:{USER}:{USER}:app:/:/\n");
    let group = format!("root:x:0:\napp:x:{USER}:\n");
    Archive::of(&[
        Entry::Folder { path: "etc/", mode: 0o755 },
        Entry::File { path: "etc/group", mode: 0o644, content: group.as_bytes() },
        Entry::File { path: "etc/hosts", mode: 0o644, content: b"127.0.0.1 localhost\n::1 localhost\n" },
        Entry::File { path: "etc/nsswitch.conf", mode: 0o644, content: b"hosts: files dns\n" },
        Entry::File { path: "etc/passwd", mode: 0o644, content: passwd.as_bytes() },
        Entry::Folder { path: "etc/ssl/", mode: 0o755 },
        Entry::Folder { path: "etc/ssl/certs/", mode: 0o755 },
        Entry::File { path: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, content: certificates.as_bytes() },
        Entry::Folder { path: "tmp/", mode: 0o1777 },
    ])
}

/// Returns the layer that every pushed image of a service contains: Amazon's certificate authorities for RDS, for
/// clients of the database.
pub(super) fn authorities() -> Result<Archive, Failure> {
    let path = authorities::PATH.trim_start_matches('/');
    let (folder, _) = path.rsplit_once('/').unwrap_or_default();
    Archive::of(&[
        Entry::Folder { path: &format!("{folder}/"), mode: 0o755 },
        Entry::File { path, mode: 0o644, content: authorities::CERTIFICATES.as_bytes() },
    ])
}

impl Archive {
    /// Returns the archive of these entries, in this order.
    pub(super) fn of(entries: &[Entry]) -> Result<Self, Failure> {
        let bytes = archive(entries).map_err(|error| Failure::internal(format!("cannot create a layer: {error}")))?;
        Ok(Self { diff_id: digest(&bytes), bytes })
    }

    /// Compresses the archive.
    pub(super) fn pack(&self) -> Result<Layer, Failure> {
        let compressed =
            compress(&self.bytes).map_err(|error| Failure::internal(format!("cannot compress a layer: {error}")))?;
        Ok(Layer { diff_id: self.diff_id.clone(), digest: digest(&compressed), compressed })
    }
}

/// Returns the layer of an archive that another program made, compressed or not. The archive is read once and is never
/// held in memory uncompressed.
pub(super) fn packed(archive: impl Read) -> std::io::Result<Layer> {
    let mut archive = BufReader::new(archive);
    let is_packed = archive.fill_buf()?.starts_with(&GZIP);
    let archive: Box<dyn Read> = if is_packed { Box::new(MultiGzDecoder::new(archive)) } else { Box::new(archive) };
    let mut hashed = Hashed { archive, digest: Sha256::new() };
    let mut encoder = encoder();
    std::io::copy(&mut hashed, &mut encoder)?;
    let compressed = encoder.finish()?;
    Ok(Layer { diff_id: hex(&hashed.digest.finalize()), digest: digest(&compressed), compressed })
}

/// A reader that computes the SHA-256 digest of the bytes read through it.
struct Hashed<R> {
    archive: R,
    digest: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.archive.read(buffer)?;
        self.digest.update(&buffer[..count]);
        Ok(count)
    }
}

/// `sha256:…` of some bytes.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

fn archive(entries: &[Entry]) -> std::io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = Header::new_ustar();
        // A time or an owner of this machine would give another layer for the same content.
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        let (path, content) = match entry {
            Entry::Folder { path, mode } => {
                header.set_entry_type(EntryType::Directory);
                header.set_mode(*mode);
                (path, [].as_slice())
            }
            Entry::File { path, mode, content } => {
                header.set_entry_type(EntryType::Regular);
                header.set_mode(*mode);
                (path, *content)
            }
        };
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, path, content)?;
    }
    builder.into_inner()
}

fn compress(archive: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = encoder();
    encoder.write_all(archive)?;
    encoder.finish()
}

/// Leaves out the time and the operating system, so that the same archive gives the same layer.
fn encoder() -> GzEncoder<Vec<u8>> {
    GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::new(6))
}

fn root_certificates() -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let mut pem = String::new();
    for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        let encoded = STANDARD.encode(certificate.as_ref());
        for line in encoded.as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(entries: &[Entry]) -> Layer {
        Archive::of(entries).and_then(|archive| archive.pack()).expect("it is made")
    }

    #[test]
    fn same_entries_give_the_same_layer() {
        let entries = [Entry::File { path: "app/x", mode: 0o755, content: b"x" }];
        let (one, other) = (layer(&entries), layer(&entries));
        assert_eq!(one.digest, other.digest);
        assert_ne!(one.diff_id, base().expect("it is made").diff_id);
    }

    #[test]
    fn archive_gives_the_same_layer_compressed_or_not() {
        let content = vec![7; 100_000];
        let own = layer(&[Entry::File { path: "app/x", mode: 0o755, content: &content }]);
        let mut archive = Vec::new();
        MultiGzDecoder::new(own.compressed.as_slice()).read_to_end(&mut archive).expect("it is packed");
        for given in [&archive, &own.compressed] {
            let layer = packed(given.as_slice()).expect("it can be read");
            assert_eq!((&layer.diff_id, &layer.digest), (&own.diff_id, &own.digest));
        }
    }

    #[test]
    fn base_layer_has_root_certificates_and_users() {
        let base = base().and_then(|base| base.pack()).expect("it is made");
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(base.compressed.as_slice()));
        let mut names = Vec::new();
        for entry in archive.entries().expect("it is an archive") {
            let entry = entry.expect("it is whole");
            assert_eq!(entry.header().mtime().expect("it has a time"), 0);
            names.push(entry.path().expect("it has a path").display().to_string());
        }
        assert!(names.contains(&"etc/passwd".to_owned()), "{names:?}");
        assert!(root_certificates().matches("BEGIN CERTIFICATE").count() > 100);
    }
}
