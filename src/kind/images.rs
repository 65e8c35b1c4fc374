//! Images: where they come from, and who builds and pushes them.

use std::{collections::BTreeMap, path::PathBuf};

use futures::future::BoxFuture;
use serde::Serialize;

use crate::model::Failure;

/// Where an image comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageSource {
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
    /// A packed dump, by its file: an artifact that nobody runs.
    Dump(PathBuf),
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
