//! Reads an archive of `docker save` and checks the layers against the configuration.

use std::{
    collections::HashMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    image::{layer, layered::Layered},
    model::{Failure, Subject},
};

/// The label with the version.
/// <https://github.com/opencontainers/image-spec/blob/main/annotations.md>
const VERSION_LABEL: &str = "org.opencontainers.image.version";

/// The version of an image without a valid version label.
const NO_VERSION: &str = "0.0.0";

/// The list of images in an archive of `docker save`. All engine versions write it, some with other files.
const LIST: &str = "manifest.json";

/// One image of an archive.
/// <https://github.com/moby/docker-image-spec/blob/main/v1.2.md#combined-image-json--filesystem-changeset-format>
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    layers: Vec<String>,
}

/// The part of an image's configuration that is read here.
#[derive(Deserialize)]
struct Config {
    architecture: String,
    os: String,
    rootfs: RootFs,
    #[serde(default)]
    config: Runtime,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Runtime {
    labels: Option<HashMap<String, String>>,
}

/// Reads the only image in an archive of `docker save`. Its platform must be `wanted`.
pub(super) fn read(path: &Path, wanted: &str) -> Result<Layered, Failure> {
    let mut archive = Archive::open(path)?;
    let list: Vec<Saved> = archive.json(LIST)?;
    let [saved] = list.as_slice() else {
        return Err(unreadable(format!("expected 1 image, found {}", list.len())));
    };
    let bytes = archive.bytes(&saved.config)?;
    let config: Config = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
    let platform = format!("{}/{}", config.os, config.architecture);
    if platform != wanted {
        return Err(Failure::about(
            Subject::activity("build"),
            format!("the image is for {platform}, but the service runs on {wanted}"),
        )
        .hint("remove `--platform` from the Dockerfile's FROM lines, or set it to $TARGETPLATFORM"));
    }
    if config.rootfs.diff_ids.len() != saved.layers.len() {
        let (named, there) = (config.rootfs.diff_ids.len(), saved.layers.len());
        return Err(unreadable(format!("expected {named} layers, found {there}")));
    }
    let mut layers = Vec::with_capacity(saved.layers.len());
    for (name, diff_id) in saved.layers.iter().zip(&config.rootfs.diff_ids) {
        let layer = layer::packed(archive.reader(name)?).map_err(|error| unreadable(error.to_string()))?;
        if layer.diff_id != *diff_id {
            return Err(unreadable(format!("invalid digest of {name}: expected {diff_id}, found {}", layer.diff_id)));
        }
        layers.push(layer.into());
    }
    let label = config.config.labels.and_then(|mut labels| labels.remove(VERSION_LABEL));
    let version = label.filter(|version| is_version(version)).unwrap_or_else(|| NO_VERSION.to_owned());
    Ok(Layered { version, config: bytes, layers })
}

/// Whether `text` is valid in a tag, before a build number, once its `+` is replaced.
/// <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>
fn is_version(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-+".contains(c))
}

fn unreadable(why: impl Into<String>) -> Failure {
    Failure::about(Subject::program("docker save"), format!("cannot read the archive: {}", why.into()))
}

/// A tar archive whose files are read from disk when needed: an image can be too large to hold in memory twice.
struct Archive {
    file: File,
    entries: HashMap<PathBuf, Place>,
}

enum Place {
    File {
        start: u64,
        size: u64,
    },
    /// A link to another file. Older engines save a repeated layer as a link.
    Link(PathBuf),
}

impl Archive {
    fn open(path: &Path) -> Result<Self, Failure> {
        let broken = |error: std::io::Error| unreadable(error.to_string());
        let file = File::open(path).map_err(broken)?;
        let mut entries = HashMap::new();
        for entry in tar::Archive::new(&file).entries_with_seek().map_err(broken)? {
            let entry = entry.map_err(broken)?;
            let name = entry.path().map_err(broken)?.into_owned();
            let place = match entry.link_name().map_err(broken)? {
                Some(target) => {
                    let folder = name.parent().unwrap_or(Path::new(""));
                    Place::Link(folder.join(target))
                }
                None => Place::File { start: entry.raw_file_position(), size: entry.size() },
            };
            entries.insert(name, place);
        }
        Ok(Self { file, entries })
    }

    fn reader(&mut self, name: &str) -> Result<impl Read, Failure> {
        let mut wanted = PathBuf::from(name);
        if let Some(Place::Link(target)) = self.entries.get(&wanted) {
            wanted = flat(target);
        }
        let Some(Place::File { start, size }) = self.entries.get(&wanted) else {
            return Err(unreadable(format!("{name} not found")));
        };
        self.file.seek(SeekFrom::Start(*start)).map_err(|error| unreadable(error.to_string()))?;
        Ok((&self.file).take(*size))
    }

    fn bytes(&mut self, name: &str) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        self.reader(name)?.read_to_end(&mut bytes).map_err(|error| unreadable(error.to_string()))?;
        Ok(bytes)
    }

    fn json<T: for<'de> Deserialize<'de>>(&mut self, name: &str) -> Result<T, Failure> {
        serde_json::from_slice(&self.bytes(name)?).map_err(|error| unreadable(format!("{name}: {error}")))
    }
}

/// Resolves the `..` parts of `path`.
fn flat(path: &Path) -> PathBuf {
    let mut flat = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(flat.pop()),
            other => flat.push(other),
        }
    }
    flat
}
