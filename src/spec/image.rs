//! What the image of a container is made of.

use std::{collections::BTreeMap, path::PathBuf};

/// Where the image of a container comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageFrom {
    /// `build`: a Cargo package, by its folder from that of stack.yaml.
    Package(PathBuf),
    /// `build`: a Dockerfile.
    Dockerfile {
        /// `dockerfile`: its path from the folder of stack.yaml.
        path: PathBuf,
        /// `context`: the folder that its COPY lines start from; the Dockerfile's own by default.
        context: PathBuf,
        /// `target`: the stage that is built; the last one, if there is none.
        target: Option<String>,
        /// `args`: its build arguments.
        args: BTreeMap<String, String>,
    },
    /// `image`: one of a registry.
    Named(String),
}

/// The processors that a service's tasks run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// `amd64`: x86-64.
    Amd64,
    /// `arm64`: AWS Graviton.
    Arm64,
}

/// One of `files`: a file or folder of the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFrom {
    /// `from`: its path from the folder of stack.yaml.
    pub path: PathBuf,
    /// `mode`: the permissions in the image; those of the file itself without them.
    pub mode: Option<u32>,
}
