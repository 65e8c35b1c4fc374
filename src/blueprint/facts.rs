//! What the blueprint has to know beside stack.yaml: what was read from AWS, and what this run releases or loads.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::running::RunningImage;
use crate::{
    kind::ImageSource,
    model::{GivenListener, GivenNetwork, HostedZone},
};

/// What the blueprint has to know beside stack.yaml.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The zones of the region that a new subnet can be in, in the order in which they are taken.
    pub zones: Vec<String>,
    /// The ranges of the subnets that the stack has, and the zone of each.
    pub subnets: BTreeMap<String, String>,
    /// For each of the load balancer's domains, the public hosted zones of the longest name that it is, or ends in.
    pub hosted_zones: BTreeMap<String, Vec<HostedZone>>,
    /// What AWS has of the network that stack.yaml names; none where the stack has its own.
    pub network: Option<GivenNetwork>,
    /// What AWS has of the listener that stack.yaml names; none where the load balancer is the stack's own.
    pub listener: Option<GivenListener>,
    /// The digests of the images that are to be released; without one, a service stays with what it runs.
    pub releases: BTreeMap<ImageSource, String>,
    /// What each service runs, as far as that is an image that stackctl built.
    pub running: BTreeMap<String, RunningImage>,
    /// The listener rules that the stack has, by name, and their priorities.
    pub priorities: BTreeMap<String, u16>,
    /// The kinds of which the stack has a resource, by their names.
    pub there: BTreeSet<String>,
    /// Whether the database has had users beside the master: those that stack.yaml no longer has lose their access.
    pub had_users: bool,
    /// The dump that is to be loaded into the database.
    pub load: Option<Load>,
}

/// A dump that is to be loaded.
#[derive(Clone, Debug)]
pub struct Load {
    /// The packed file.
    pub file: PathBuf,
    /// The digest of the artifact that is made of it.
    pub digest: String,
    /// SHA-256 of the packed file, in hexadecimal digits.
    pub sha256: String,
    /// Whether it takes the place of the whole database.
    pub replaces: bool,
    /// Tells this run from others.
    pub run: String,
}

impl Load {
    /// A dump that is not there, for a graph that nobody carries out.
    #[must_use]
    pub fn made_up() -> Self {
        let (digest, sha256, run) = (String::new(), String::new(), String::new());
        Self { file: PathBuf::new(), digest, sha256, replaces: false, run }
    }
}
