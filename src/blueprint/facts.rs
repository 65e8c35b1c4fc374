//! The inputs of the blueprint other than stack.yaml: what was read from AWS, and what this run releases or loads.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::running::RunningImage;
use crate::{
    kind::ImageSource,
    model::{GivenListener, GivenNetwork, HostedZone},
};

/// The inputs of the blueprint other than stack.yaml.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The region's zones in which a new subnet can be created, in order of preference.
    pub zones: Vec<String>,
    /// The zones of the stack's existing subnets, by address range.
    pub subnets: BTreeMap<String, String>,
    /// For each domain of the load balancer, the public hosted zones with the longest name that is equal to it or a
    /// suffix of it.
    pub hosted_zones: BTreeMap<String, Vec<HostedZone>>,
    /// The existing network that stack.yaml refers to, as read from AWS; none if the stack creates its network.
    pub network: Option<GivenNetwork>,
    /// The existing listener that stack.yaml refers to, as read from AWS; none if the stack creates its load balancer.
    pub listener: Option<GivenListener>,
    /// The digests of the images to release. A service without one keeps its image.
    pub releases: BTreeMap<ImageSource, String>,
    /// The image that each service runs, if stackctl built it.
    pub running: BTreeMap<String, RunningImage>,
    /// The priorities of the stack's existing listener rules, by rule name.
    pub priorities: BTreeMap<String, u16>,
    /// The kinds of the stack's existing resources, by name.
    pub there: BTreeSet<String>,
    /// Whether the database has had additional users: users that stack.yaml no longer has lose their access.
    pub had_users: bool,
    /// The dump to load into the database.
    pub load: Option<Load>,
}

/// A dump to load into the database.
#[derive(Clone, Debug)]
pub struct Load {
    /// The compressed file.
    pub file: PathBuf,
    /// The digest of the artifact made from the file.
    pub digest: String,
    /// SHA-256 of the compressed file, in hexadecimal digits.
    pub sha256: String,
    /// Whether the dump replaces the whole database.
    pub replaces: bool,
    /// The id of this run.
    pub run: String,
}

impl Load {
    /// A dump that does not exist, for a graph that is never applied.
    #[must_use]
    pub fn made_up() -> Self {
        let (digest, sha256, run) = (String::new(), String::new(), String::new());
        Self { file: PathBuf::new(), digest, sha256, replaces: false, run }
    }
}
