//! What stack.yaml says of a service, once it is known to be right. A job with an image of its own is one, too.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    containers::{Check, Condition, Sidecar},
    template::Template,
    volumes::Mount,
};

/// One of `services`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub struct Service {
    /// `build` or `image`.
    pub image: ImageFrom,
    /// `entrypoint`: the program and its first arguments; the image's own if empty.
    pub entrypoint: Vec<String>,
    /// `command`: the arguments of the entry point; the image's own if empty.
    pub command: Vec<String>,
    /// `port`; none for a worker.
    pub port: Option<u16>,
    /// `protocol`: how the load balancer speaks to its tasks.
    pub protocol: Protocol,
    /// `cpu` units (1024 are one vCPU).
    pub cpu: u32,
    /// `memory` in MiB.
    pub memory: u32,
    /// `arch`: the processors of its tasks.
    pub arch: Arch,
    /// `files`: what is laid over its image, by the path there.
    pub files: BTreeMap<String, FileFrom>,
    /// `replicas`, or the `min` of `scale`.
    pub replicas: u32,
    /// `scale`: autoscaling chooses how many tasks there are.
    pub scale: Option<Scale>,
    /// `health`: the check that a task passes when it can serve.
    pub health: Health,
    /// `health.command`: the container's own check; none without one.
    pub check: Option<Check>,
    /// `sidecars`: the containers beside its own one, by name.
    pub sidecars: BTreeMap<String, Sidecar>,
    /// `depends_on`: what its own container waits for.
    pub depends_on: BTreeMap<String, Condition>,
    /// `target_container`: the sidecar that the load balancer asks; its own container without one.
    pub target_container: Option<String>,
    /// `routes`: path patterns.
    pub routes: Vec<String>,
    /// `internal`: whether the routes are on the internal load balancer.
    pub internal: bool,
    /// `host` and `domains`: the host names that the routes are for; none for all.
    pub hosts: Vec<String>,
    /// `domains`: those of the host names that have records of their own.
    pub domains: Vec<String>,
    /// `sticky`: how long a client's requests go to the same task, in seconds (1 to 604800).
    pub sticky: Option<u32>,
    /// `block`: path patterns that the load balancer answers 404.
    pub block: Vec<String>,
    /// `allow`: the ranges of addresses whose requests come here, as AWS writes them; none for all.
    pub allow: Vec<String>,
    /// `calls`: the services that its tasks call, by their names.
    pub calls: Vec<String>,
    /// `expose`: the ports beside `port` at which other services call it.
    pub expose: Vec<u16>,
    /// `security_groups`: the ids of groups of others that its tasks have beside the service's own (4 at most).
    pub security_groups: Vec<String>,
    /// `release`: the command that runs once before new tasks serve.
    pub release: Vec<String>,
    /// `stop_timeout` in seconds (2 to 120).
    pub stop_timeout: u32,
    /// `logs.days`: how long the log is kept.
    pub log_days: u32,
    /// `exec`: whether commands can be run in its tasks, and ports forwarded through them.
    pub exec: bool,
    /// `user`: who its container runs as; the image's own without one.
    pub user: Option<String>,
    /// `ulimits.nofile`: how many files it can have open; Fargate's own number without one.
    pub nofile: Option<u32>,
    /// `init`: whether the first process of its container is an init.
    pub init: bool,
    /// `spot`: how many tasks run on demand before any runs on Spot; none where all do.
    pub spot: Option<u32>,
    /// `replace: stop-first`: whether old tasks stop before new ones start.
    pub stop_first: bool,
    /// `read_only`: whether its container cannot write to its root file system; if nothing is said, that follows from its image.
    pub read_only: Option<bool>,
    /// `disk`: the disk of a task in GiB (21 to 200); 20 without it.
    pub disk: Option<u32>,
    /// `tmpfs`: the folders of its container that are in memory, with their sizes in MiB.
    pub tmpfs: BTreeMap<String, u32>,
    /// `rollback_after`: how many tasks of a new version may fail before ECS goes back (1 to 1000); AWS's own number without it.
    pub rollback_after: Option<u32>,
    /// `env`.
    pub env: BTreeMap<String, Template>,
    /// `secrets`.
    pub secrets: BTreeMap<String, SecretFrom>,
    /// `without`: the variables that stackctl gives other containers and not its own.
    pub without: Vec<String>,
    /// `buckets`: the names of those that its tasks read and write.
    pub buckets: Vec<String>,
    /// `volumes`: where its container has which.
    pub volumes: BTreeMap<String, Mount>,
    /// `permissions`: what its tasks may do on AWS.
    pub permissions: Vec<Statement>,
}

impl Service {
    /// What runs `image` and gets no requests, with what holds where nothing is said.
    pub(super) fn without_requests(image: ImageFrom) -> Self {
        Self {
            image,
            entrypoint: Vec::new(),
            command: Vec::new(),
            port: None,
            protocol: Protocol::Http1,
            cpu: 256,
            memory: 512,
            replicas: 0,
            scale: None,
            health: Health {
                path: "/".to_owned(),
                codes: "200".to_owned(),
                grace: 0,
                interval: 5,
                timeout: 4,
                healthy: 2,
                unhealthy: 3,
                port: None,
            },
            check: None,
            sidecars: BTreeMap::new(),
            depends_on: BTreeMap::new(),
            target_container: None,
            routes: Vec::new(),
            hosts: Vec::new(),
            domains: Vec::new(),
            internal: false,
            sticky: None,
            block: Vec::new(),
            allow: Vec::new(),
            calls: Vec::new(),
            expose: Vec::new(),
            security_groups: Vec::new(),
            release: Vec::new(),
            arch: Arch::Amd64,
            files: BTreeMap::new(),
            stop_timeout: 30,
            log_days: 30,
            exec: false,
            user: None,
            nofile: None,
            init: false,
            read_only: None,
            disk: None,
            tmpfs: BTreeMap::new(),
            spot: None,
            stop_first: false,
            rollback_after: None,
            env: BTreeMap::new(),
            secrets: BTreeMap::new(),
            without: Vec::new(),
            buckets: Vec::new(),
            volumes: BTreeMap::new(),
            permissions: Vec::new(),
        }
    }

    /// The container that the load balancer asks, and its port; `name` is the service's. None for a worker.
    pub fn served<'a>(&'a self, name: &'a str) -> Option<(&'a str, u16)> {
        match &self.target_container {
            Some(sidecar) => Some((sidecar, self.sidecars.get(sidecar)?.port?)),
            None => Some((name, self.port?)),
        }
    }

    /// Whether the internal load balancer serves it.
    #[must_use]
    pub fn is_served_inside(&self) -> bool {
        self.internal && !self.routes.is_empty()
    }

    /// Whether its containers get `variable` from stackctl, in a stack that has what it is about: where their own `env` and `secrets`
    /// do not say it, nor `without` that they get none.
    #[must_use]
    pub fn is_given(&self, variable: &str) -> bool {
        let is_own = self.env.contains_key(variable) || self.secrets.contains_key(variable);
        !is_own && !self.without.iter().any(|name| name == variable)
    }

    /// Its values with references.
    pub fn values(&self) -> impl Iterator<Item = &Template> {
        let composed = self.secrets.values().filter_map(|from| match from {
            SecretFrom::Composed(value) => Some(value),
            _ => None,
        });
        self.env.values().chain(composed)
    }
}

/// `health` of a service: how the load balancer checks its tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// `path`: what is requested.
    pub path: String,
    /// `codes`: the status codes that pass, such as `200` or `200-299,301`.
    pub codes: String,
    /// `grace`: how long ECS ignores failed checks of a new task, in seconds (0 to 3600).
    pub grace: u32,
    /// `interval`: the time between two checks, in seconds (5 to 300).
    pub interval: u32,
    /// `timeout`: how long an answer may take, in seconds (2 to 120, less than `interval`).
    pub timeout: u32,
    /// `healthy`: passed checks in a row that make an unhealthy task healthy (2 to 10).
    pub healthy: u32,
    /// `unhealthy`: failed checks in a row that make a task unhealthy (2 to 10).
    pub unhealthy: u32,
    /// `port`, if it is another one than the service's.
    pub port: Option<u16>,
}

/// One of `permissions`: some actions on some resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// `actions`, such as `s3:GetObject` or `s3:Get*`.
    pub actions: Vec<String>,
    /// `resources`: ARNs, with `*` and `?`; or `*` alone.
    pub resources: Vec<String>,
}

/// `scale` of a service. At least one of `cpu`, `memory`, `requests` and `response_time` is there; of several, the one that wants most tasks
/// decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// `min`: the fewest tasks (1 to 1000).
    pub min: u32,
    /// `max`: the most tasks (`min` to 1000).
    pub max: u32,
    /// `cpu`: the average use that is held, in percent.
    pub cpu: Option<u32>,
    /// `memory`: the average use that is held, in percent.
    pub memory: Option<u32>,
    /// `requests`: how many a minute each task gets.
    pub requests: Option<u32>,
    /// `response_time`: in how many milliseconds the tasks answer on average.
    pub response_time: Option<u32>,
    /// `cooldown.out`: how long it waits before it adds more tasks, in seconds.
    pub cooldown_out: u32,
    /// `cooldown.in`: how long it waits before it takes away more tasks, in seconds.
    pub cooldown_in: u32,
    /// `schedule`: other bounds from given times on, by name.
    pub schedule: BTreeMap<String, ScaleEntry>,
}

impl Scale {
    /// The most tasks at any time.
    pub fn most(&self) -> u32 {
        self.schedule.values().map(|entry| entry.max).fold(self.max, u32::max)
    }

    /// The fewest tasks at any time of the schedule; none without a schedule.
    pub fn least(&self) -> Option<u32> {
        self.schedule.values().map(|entry| entry.min).min().map(|least| least.min(self.min))
    }
}

/// One entry of a scale's `schedule`: bounds that hold from each of its times until the next time of another entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaleEntry {
    /// `at`: `cron(…)`, as EventBridge writes it.
    pub at: String,
    /// `timezone`: as the tz database names it.
    pub timezone: String,
    /// `min`: the fewest tasks (0 to 1000).
    pub min: u32,
    /// `max`: the most tasks (`min` to 1000).
    pub max: u32,
}

/// Where a service's image comes from.
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

/// How the load balancer speaks to a service's tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `http1`: HTTP/1.1.
    Http1,
    /// `http2`: HTTP/2 without TLS.
    Http2,
    /// `grpc`: the same, with gRPC's own health check.
    Grpc,
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

/// Where a secret's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretFrom {
    /// `generate`: made once, kept in Secrets Manager, never shown.
    Generate,
    /// `set`: given by hand with `stackctl secrets set`, kept in Secrets Manager, never shown.
    Set,
    /// A text with references: put together of what the stack makes, kept in Secrets Manager, never shown.
    Composed(Template),
    /// `from`: a secret of Secrets Manager that somebody else keeps.
    SecretsManager {
        /// Its ARN, with or without the six characters that AWS adds to its name.
        arn: String,
        /// `key`: the field of one that holds JSON; all of it without one.
        key: Option<String>,
    },
    /// `from`: a parameter of Systems Manager.
    Parameter {
        /// Its ARN, or its name in the region of the stack: ECS takes both.
        id: String,
    },
}

impl SecretFrom {
    /// The ARN of the parameter `id`, for a policy: a name says nothing of its account.
    #[must_use]
    pub fn parameter_arn(id: &str, region: &str) -> String {
        if id.starts_with('/') { format!("arn:aws:ssm:{region}:*:parameter{id}") } else { id.to_owned() }
    }
}
