//! What stack.yaml says of the containers of a task, once it is known to be right.

use std::collections::BTreeMap;

use super::{template::Template, volumes::Mount};

/// One of `sidecars`: a container beside the service's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sidecar {
    /// `image`; the service's own without it.
    pub image: Option<String>,
    /// `entrypoint`; the image's own if empty.
    pub entrypoint: Vec<String>,
    /// `command`; the image's own if empty.
    pub command: Vec<String>,
    /// `port`, if it listens on one.
    pub port: Option<u16>,
    /// `env`.
    pub env: BTreeMap<String, Template>,
    /// `secrets`.
    pub secrets: BTreeMap<String, SidecarSecret>,
    /// `volumes`: where it has which.
    pub volumes: BTreeMap<String, Mount>,
    /// `essential`: whether the task ends with it.
    pub essential: bool,
    /// `depends_on`: what it waits for.
    pub depends_on: BTreeMap<String, Condition>,
    /// `health`: its own check; none without one.
    pub check: Option<Check>,
    /// `stop_timeout` in seconds (2 to 120).
    pub stop_timeout: u32,
}

/// Where a sidecar's secret is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SidecarSecret {
    /// `shared`: it is the service's of the same name.
    Shared,
    /// `from`: it is kept in Secrets Manager.
    SecretsManager {
        /// Its ARN.
        arn: String,
        /// `key`: the field of it, for one that holds JSON.
        key: Option<String>,
    },
    /// `from`: it is kept in Systems Manager.
    Parameter {
        /// Its ARN or its name.
        id: String,
    },
}

/// What a container waits for in another one of its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It has started.
    Start,
    /// Its own health check has passed.
    Healthy,
    /// It has ended, however.
    Complete,
    /// It has ended with the exit code 0.
    Success,
}

/// A container's own health check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// `command`: its words.
    pub command: Vec<String>,
    /// `interval`: the time between two checks, in seconds (5 to 300).
    pub interval: u32,
    /// `timeout`: how long the command may take, in seconds (2 to 60).
    pub timeout: u32,
    /// `retries`: failed checks in a row that make the container unhealthy (1 to 10).
    pub retries: u32,
    /// `start`: how long failed checks do not count, in seconds (0 to 300).
    pub start: u32,
}
