//! Caches compressed layers next to Cargo's build output. Compressing a program takes longer than all other steps for
//! an image that the registry already has. A layer is compressed again if the cached file is missing, damaged or not
//! writable.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use super::layer::{self, Archive, Layer};
use crate::model::Failure;

/// The cache of one program's compressed layers.
#[derive(Debug)]
pub(super) struct Kept {
    folder: PathBuf,
}

impl Kept {
    /// Returns the cache in `folder`, which may be missing. Each version of stackctl has a separate cache: another
    /// version may compress differently, and everyone who builds the same source with the same stackctl must get the
    /// same image.
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.join(env!("CARGO_PKG_VERSION")) }
    }

    /// Returns the layers of `archives`, in the same order, and removes all other layers from the cache.
    pub(super) fn layers(&self, archives: &[Archive]) -> Result<Vec<Layer>, Failure> {
        let layers = archives.iter().map(|archive| match self.find(&archive.diff_id) {
            Some(layer) => Ok(layer),
            None => archive.pack().inspect(|layer| drop(self.keep(layer))),
        });
        let layers: Vec<Layer> = layers.collect::<Result<_, _>>()?;
        drop(self.forget_others(&layers));
        Ok(layers)
    }

    fn find(&self, diff_id: &str) -> Option<Layer> {
        let mut files = fs::read_dir(&self.folder).ok()?.flatten();
        let (file, digest) = files.find_map(|file| {
            let name = file.file_name().into_string().ok()?;
            let (of, digest) = name.split_once('-')?;
            (of == hex(diff_id)).then(|| (file.path(), format!("sha256:{digest}")))
        })?;
        let compressed = fs::read(file).ok()?;
        (layer::digest(&compressed) == digest).then(|| Layer { diff_id: diff_id.to_owned(), digest, compressed })
    }

    fn keep(&self, layer: &Layer) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        // Another stackctl may read the file at the same time: it must be complete, or missing.
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(&layer.compressed)?;
        file.persist(self.folder.join(name(layer)))?;
        Ok(())
    }

    fn forget_others(&self, layers: &[Layer]) -> std::io::Result<()> {
        for file in fs::read_dir(&self.folder)?.flatten() {
            if !layers.iter().any(|layer| file.file_name().to_str() == Some(&name(layer))) {
                fs::remove_file(file.path())?;
            }
        }
        Ok(())
    }
}

/// Returns the file name of a layer: the digests of the archive and of the compressed layer.
fn name(layer: &Layer) -> String {
    format!("{}-{}", hex(&layer.diff_id), hex(&layer.digest))
}

fn hex(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use super::{super::layer::Entry, *};

    fn archive(content: &[u8]) -> Archive {
        Archive::of(&[Entry::File { path: "app/x", mode: 0o755, content }]).expect("it is made")
    }

    fn files(kept: &Kept) -> Vec<PathBuf> {
        fs::read_dir(&kept.folder).expect("it is there").flatten().map(|file| file.path()).collect()
    }

    #[test]
    fn layer_is_cached_and_compressed_again_if_damaged() {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = Kept::new(folder.path());
        let one = [archive(b"one")];
        let packed = kept.layers(&one).expect("it is made").remove(0);
        let file = files(&kept).remove(0);

        // A file with the same name and other bytes shows that the layer is read, not compressed again.
        let other = b"other bytes".to_vec();
        let named = Layer { digest: layer::digest(&other), compressed: other, ..archive(b"one").pack().expect("made") };
        fs::remove_file(&file).expect("it is there");
        kept.keep(&named).expect("it can be written");
        assert_eq!(kept.layers(&one).expect("it is made").remove(0).digest, named.digest);

        for damaged in files(&kept) {
            fs::write(damaged, b"half of it").expect("it can be written");
        }
        assert_eq!(kept.layers(&one).expect("it is made").remove(0).digest, packed.digest);
        assert_eq!(files(&kept), [file], "the damaged one is gone");
    }

    #[test]
    fn layers_of_earlier_builds_are_removed_from_the_cache() {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = Kept::new(folder.path());
        for content in [&b"one"[..], b"another", b"the last"] {
            kept.layers(&[archive(b"base"), archive(content)]).expect("they are made");
            assert_eq!(files(&kept).len(), 2);
        }
    }

    #[test]
    fn layers_are_compressed_without_a_writable_cache() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, b"in the way").expect("it can be written");
        assert_eq!(Kept::new(&file).layers(&[archive(b"one")]).expect("it is made").len(), 1);
    }
}
