//! The sources of images, and the interface that builds and pushes them.

use std::{collections::BTreeMap, path::PathBuf};

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::model::Failure;

/// The source of an image.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ImageSource {
    /// The base of the image.
    #[serde(flatten)]
    pub base: Base,
    /// The CPU architecture.
    #[serde(default, skip_serializing_if = "Arch::is_usual")]
    pub arch: Arch,
    /// The files and folders that are copied over the base, by their path in the image.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, Laid>,
}

impl ImageSource {
    /// Creates a source of `base` for the default architecture, without copied files.
    #[must_use]
    pub fn of(base: Base) -> Self {
        Self { base, arch: Arch::default(), files: BTreeMap::new() }
    }
}

/// The base of an image.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// The folder of a Cargo package, which is compiled statically and put into an image without Docker.
    Package(PathBuf),
    /// A Dockerfile, built by the `docker` command.
    Dockerfile {
        /// Its path.
        path: PathBuf,
        /// The build context, to which COPY paths are relative.
        context: PathBuf,
        /// The stage to build, or `None` for the last one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<String>,
        /// Its build arguments.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        args: BTreeMap<String, String>,
    },
    /// The name of an image in a registry.
    Named(String),
    /// The file of a packed dump: an artifact that is never run.
    Dump(PathBuf),
}

/// A file or folder that is copied into an image.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Laid {
    /// Its path, relative to the folder of stack.yaml.
    pub from: PathBuf,
    /// The permissions of its files, or `None` to keep those of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}

/// The permissions of a file, such as `0755`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Mode(pub u32);

impl From<Mode> for String {
    fn from(mode: Mode) -> Self {
        format!("{:04o}", mode.0)
    }
}

impl TryFrom<String> for Mode {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        u32::from_str_radix(&text, 8).map(Self)
    }
}

/// The CPU architecture of an image and of the tasks that run it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arch {
    /// x86-64.
    #[default]
    Amd64,
    /// 64-bit ARM: AWS Graviton.
    Arm64,
}

impl Arch {
    /// Returns whether it is the default of ECS.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// Returns its name in an image index. <https://github.com/opencontainers/image-spec/blob/main/image-index.md>
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

/// An image that is built but not pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltImage {
    /// The digest of its manifest: `sha256:…`.
    pub digest: String,
    /// The version of the package, without a build number.
    pub version: String,
}

/// Builds images and pushes them to a registry. Implemented by `image/` and passed in by `cli/`.
pub trait Images: Send + Sync {
    /// Returns the image of `source`, which is built only once for all calls.
    fn build<'a>(&'a self, source: &'a ImageSource) -> BoxFuture<'a, Result<BuiltImage, Failure>>;

    /// Pushes the image of `source` to `repository` (`host/name`) under `tag`, except for layers that exist there.
    fn push<'a>(
        &'a self,
        source: &'a ImageSource,
        repository: &'a str,
        tag: &'a str,
        login: &'a RegistryLogin,
    ) -> BoxFuture<'a, Result<(), Failure>>;
}

/// The login of a registry. Its `Debug` hides the password.
#[derive(Clone)]
pub struct RegistryLogin {
    /// The user, `AWS` for ECR.
    pub user: String,
    /// The password.
    pub password: String,
    /// Whether the registry uses HTTP without TLS, by the scheme of its proxy endpoint.
    pub plain_http: bool,
}

impl std::fmt::Debug for RegistryLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryLogin").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Images for tests that build none.
#[cfg(test)]
pub struct NoImages;

#[cfg(test)]
impl Images for NoImages {
    fn build<'a>(&'a self, _source: &'a ImageSource) -> BoxFuture<'a, Result<BuiltImage, Failure>> {
        Box::pin(async { Err(Failure::internal("no image is built")) })
    }

    fn push<'a>(
        &'a self,
        _source: &'a ImageSource,
        _repository: &'a str,
        _tag: &'a str,
        _login: &'a RegistryLogin,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { Err(Failure::internal("no image is pushed")) })
    }
}
