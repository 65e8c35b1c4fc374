//! The containers of a task as stack.yaml describes them, after validation.

use std::collections::BTreeMap;

use super::{
    image::{FileFrom, ImageFrom},
    template::Template,
    volumes::Mount,
};

/// One of `sidecars`: a container beside the service's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sidecar {
    /// `build` or `image`; the image of the service without them.
    pub image: Option<ImageFrom>,
    /// `files`: what is laid over its image, by the path there.
    pub files: BTreeMap<String, FileFrom>,
    /// `entrypoint`; the image's own if empty.
    pub entrypoint: Vec<String>,
    /// `command`; the image's command if empty.
    pub command: Vec<String>,
    /// `port`, if the container listens on one.
    pub port: Option<u16>,
    /// `env`.
    pub env: BTreeMap<String, Template>,
    /// `secrets`.
    pub secrets: BTreeMap<String, SidecarSecret>,
    /// `volumes`: the mounts, by volume name.
    pub volumes: BTreeMap<String, Mount>,
    /// `essential`: whether the task stops when this container stops.
    pub essential: bool,
    /// `depends_on`: the containers that this one waits for.
    pub depends_on: BTreeMap<String, Condition>,
    /// `health`: the container's health check, if it has one.
    pub check: Option<Check>,
    /// `stop_timeout` in seconds (2 to 120).
    pub stop_timeout: u32,
}

/// Where a sidecar's secret comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SidecarSecret {
    /// `shared`: the service's secret of the same name.
    Shared,
    /// `from`: a secret in Secrets Manager.
    SecretsManager {
        /// The secret's ARN.
        arn: String,
        /// `key`: the field to use, if the secret is JSON.
        key: Option<String>,
    },
    /// `from`: a parameter in Systems Manager.
    Parameter {
        /// The parameter's ARN or name.
        id: String,
    },
}

/// The state that one container waits for in another container of its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The container has started.
    Start,
    /// The container's health check has passed.
    Healthy,
    /// The container has ended, with any exit code.
    Complete,
    /// The container has ended with exit code 0.
    Success,
}

/// A container's health check, which runs inside the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// `command`: the program and its arguments.
    pub command: Vec<String>,
    /// `interval`: the time between two checks, in seconds (5 to 300).
    pub interval: u32,
    /// `timeout`: how long the command may take, in seconds (2 to 60).
    pub timeout: u32,
    /// `retries`: failed checks in a row that make the container unhealthy (1 to 10).
    pub retries: u32,
    /// `start`: how long failed checks are ignored after the start, in seconds (0 to 300).
    pub start: u32,
}
