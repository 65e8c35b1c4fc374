//! Images: where they come from, and who builds and pushes them.

use std::{collections::BTreeMap, path::PathBuf};

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::model::Failure;

/// What an image is made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ImageSource {
    /// What it begins with.
    #[serde(flatten)]
    pub base: Base,
    /// The processors that it is for.
    #[serde(default, skip_serializing_if = "Arch::is_usual")]
    pub arch: Arch,
    /// The files and folders that are laid over it, by the path in the image.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, Laid>,
}

impl ImageSource {
    /// `base` for the usual processors, with nothing laid over it.
    #[must_use]
    pub fn of(base: Base) -> Self {
        Self { base, arch: Arch::default(), files: BTreeMap::new() }
    }
}

/// What an image begins with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// A Cargo package, by its folder: compiled statically and laid into an image without Docker.
    Package(PathBuf),
    /// A Dockerfile, built by the `docker` command.
    Dockerfile {
        /// Its path.
        path: PathBuf,
        /// The folder that its COPY lines start from.
        context: PathBuf,
        /// The stage that is built; the last one, if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<String>,
        /// Its build arguments.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        args: BTreeMap<String, String>,
    },
    /// An image of a registry, by its name.
    Named(String),
    /// A packed dump, by its file: an artifact that nobody runs.
    Dump(PathBuf),
}

/// A file or folder that is laid over an image.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Laid {
    /// Its path from the folder of stack.yaml.
    pub from: PathBuf,
    /// The permissions that its files get; those of the file itself without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}

/// The permissions of a file: `0755`.
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

/// The processors that an image is for, and that tasks run on.
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
    /// Whether it is what ECS takes where nothing is said.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// As images call it. <https://github.com/opencontainers/image-spec/blob/main/image-index.md>
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

/// An image that was built and is not pushed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltImage {
    /// `sha256:…` of its manifest.
    pub digest: String,
    /// The version of the package, without a build number.
    pub version: String,
}

/// Builds images and sends them to a registry; implemented by `image/`, handed in by `cli/`.
pub trait Images: Send + Sync {
    /// The image of `source`; built once however often it is asked for.
    fn build<'a>(&'a self, source: &'a ImageSource) -> BoxFuture<'a, Result<BuiltImage, Failure>>;

    /// Sends the image of `source` to `repository` (`host/name`) under `tag`, layers that are there already excepted.
    fn push<'a>(
        &'a self,
        source: &'a ImageSource,
        repository: &'a str,
        tag: &'a str,
        login: &'a RegistryLogin,
    ) -> BoxFuture<'a, Result<(), Failure>>;
}

/// What a registry wants to be shown. Its `Debug` hides the password.
#[derive(Clone)]
pub struct RegistryLogin {
    /// The user, `AWS` for ECR.
    pub user: String,
    /// The password.
    pub password: String,
    /// Whether the registry is reached without TLS, as its proxy endpoint's scheme says.
    pub plain_http: bool,
}

impl std::fmt::Debug for RegistryLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryLogin").field("user", &self.user).finish_non_exhaustive()
    }
}

/// For tests: what builds no image.
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
