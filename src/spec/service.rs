//! A service as stack.yaml describes it, after validation. A job with its own image is represented as a service too.

use std::collections::BTreeMap;

pub use super::image::{Arch, FileFrom, ImageFrom};
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
    /// `entrypoint`: the program and its first arguments; the image's entry point if empty.
    pub entrypoint: Vec<String>,
    /// `command`: the arguments of the entry point; the image's command if empty.
    pub command: Vec<String>,
    /// `port`; none for a worker.
    pub port: Option<u16>,
    /// `protocol`: the protocol between the load balancer and the tasks.
    pub protocol: Protocol,
    /// `cpu` units (1024 units are 1 vCPU).
    pub cpu: u32,
    /// `memory` in MiB.
    pub memory: u32,
    /// `arch`: the processor architecture of the tasks.
    pub arch: Arch,
    /// `files`: the files that are added to the image, by their path in the image.
    pub files: BTreeMap<String, FileFrom>,
    /// `replicas`, or the `min` of `scale`.
    pub replicas: u32,
    /// `scale`: autoscaling sets the number of tasks.
    pub scale: Option<Scale>,
    /// `health`: the load balancer's health check.
    pub health: Health,
    /// `health.command`: the container's health check, if it has one.
    pub check: Option<Check>,
    /// `sidecars`: the additional containers of a task, by name.
    pub sidecars: BTreeMap<String, Sidecar>,
    /// `depends_on`: the sidecars that the service's container waits for.
    pub depends_on: BTreeMap<String, Condition>,
    /// `target_container`: the sidecar that receives the load balancer's requests; the service's container if none.
    pub target_container: Option<String>,
    /// `routes`: path patterns.
    pub routes: Vec<String>,
    /// `internal`: whether the routes are on the internal load balancer.
    pub internal: bool,
    /// `host` and `domains`: the host names that the routes apply to; all host names if empty.
    pub hosts: Vec<String>,
    /// `domains`: the host names that also get DNS records.
    pub domains: Vec<String>,
    /// `sticky`: how long a client's requests go to the same task, in seconds (1 to 604800).
    pub sticky: Option<u32>,
    /// `block`: the path patterns that the load balancer answers with 404.
    pub block: Vec<String>,
    /// `allow`: the address ranges that can reach this service, in AWS's notation; all addresses if empty.
    pub allow: Vec<String>,
    /// `calls`: the names of the services that the tasks call.
    pub calls: Vec<String>,
    /// `expose`: the ports, in addition to `port`, on which other services call this one.
    pub expose: Vec<u16>,
    /// `security_groups`: the ids of existing security groups that the tasks also get (4 at most).
    pub security_groups: Vec<String>,
    /// `release`: the command that runs once before tasks of a new version start.
    pub release: Vec<String>,
    /// `stop_timeout` in seconds (2 to 120).
    pub stop_timeout: u32,
    /// `logs.days`: the retention of the log group.
    pub log_days: u32,
    /// `exec`: whether stackctl can run commands in the tasks and forward ports through them.
    pub exec: bool,
    /// `user`: the user that the container runs as; the image's user if none.
    pub user: Option<String>,
    /// `ulimits.nofile`: the maximum number of open files; Fargate's default if none.
    pub nofile: Option<u32>,
    /// `init`: whether an init process runs as the first process of the container.
    pub init: bool,
    /// `spot`: the number of tasks that run on demand before others run on Spot; none if all run on demand.
    pub spot: Option<u32>,
    /// `replace: stop-first`: whether old tasks stop before new ones start.
    pub stop_first: bool,
    /// `read_only`: whether the root file system of the container is read-only; if not set, the image decides.
    pub read_only: Option<bool>,
    /// `disk`: the ephemeral storage of a task in GiB (21 to 200); 20 GiB if none.
    pub disk: Option<u32>,
    /// `tmpfs`: the folders of the container that are in memory, with their sizes in MiB.
    pub tmpfs: BTreeMap<String, u32>,
    /// `rollback_after`: the number of failed tasks of a new version after which ECS rolls back (1 to 1000); ECS's
    /// default if none.
    pub rollback_after: Option<u32>,
    /// `env`.
    pub env: BTreeMap<String, Template>,
    /// `secrets`.
    pub secrets: BTreeMap<String, SecretFrom>,
    /// `without`: the variables that stackctl does not give to this service.
    pub without: Vec<String>,
    /// `buckets`: the names of the buckets that the tasks can read and write.
    pub buckets: Vec<String>,
    /// `volumes`: the mounts of the container, by volume name.
    pub volumes: BTreeMap<String, Mount>,
    /// `permissions`: the AWS actions that the tasks are allowed.
    pub permissions: Vec<Statement>,
}

impl Service {
    /// A service with `image` that receives no requests, with the defaults for everything else.
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

    /// Returns the name and port of the container that receives the load balancer's requests; `name` is the service's.
    /// None for a worker.
    pub fn served<'a>(&'a self, name: &'a str) -> Option<(&'a str, u16)> {
        match &self.target_container {
            Some(sidecar) => Some((sidecar, self.sidecars.get(sidecar)?.port?)),
            None => Some((name, self.port?)),
        }
    }

    /// Whether the internal load balancer serves this service.
    #[must_use]
    pub fn is_served_inside(&self) -> bool {
        self.internal && !self.routes.is_empty()
    }

    /// Whether stackctl may give `variable` to the containers: the service's `env` and `secrets` do not set it, and
    /// `without` does not list it.
    #[must_use]
    pub fn is_given(&self, variable: &str) -> bool {
        let is_own = self.env.contains_key(variable) || self.secrets.contains_key(variable);
        !is_own && !self.without.iter().any(|name| name == variable)
    }

    /// The values that may contain references.
    pub fn values(&self) -> impl Iterator<Item = &Template> {
        let composed = self.secrets.values().filter_map(|from| match from {
            SecretFrom::Composed(value) => Some(value),
            _ => None,
        });
        self.env.values().chain(composed)
    }
}

/// `health` of a service: the load balancer's health check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// `path`: the path that the check requests.
    pub path: String,
    /// `codes`: the status codes that count as healthy, such as `200` or `200-299,301`.
    pub codes: String,
    /// `grace`: how long ECS ignores failed checks of a new task, in seconds (0 to 3600).
    pub grace: u32,
    /// `interval`: the time between two checks, in seconds (5 to 300).
    pub interval: u32,
    /// `timeout`: the time limit of a check, in seconds (2 to 120, less than `interval`).
    pub timeout: u32,
    /// `healthy`: passed checks in a row that make an unhealthy task healthy (2 to 10).
    pub healthy: u32,
    /// `unhealthy`: failed checks in a row that make a task unhealthy (2 to 10).
    pub unhealthy: u32,
    /// `port`, if the check uses another port than the service's.
    pub port: Option<u16>,
}

/// One of `permissions`: actions that are allowed on resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// `actions`, such as `s3:GetObject` or `s3:Get*`.
    pub actions: Vec<String>,
    /// `resources`: ARNs, which may contain `*` and `?`; or `*` alone.
    pub resources: Vec<String>,
}

/// `scale` of a service. At least one of `cpu`, `memory`, `requests` and `response_time` is set. With several, the one
/// that needs the most tasks decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// `min`: the fewest tasks (1 to 1000).
    pub min: u32,
    /// `max`: the most tasks (`min` to 1000).
    pub max: u32,
    /// `cpu`: the target of the average CPU use, in percent.
    pub cpu: Option<u32>,
    /// `memory`: the target of the average memory use, in percent.
    pub memory: Option<u32>,
    /// `requests`: the target number of requests per task and minute.
    pub requests: Option<u32>,
    /// `response_time`: the target of the average response time, in milliseconds.
    pub response_time: Option<u32>,
    /// `cooldown.out`: the pause between two scale-outs, in seconds.
    pub cooldown_out: u32,
    /// `cooldown.in`: the pause between two scale-ins, in seconds.
    pub cooldown_in: u32,
    /// `schedule`: entries that change the bounds at certain times, by name.
    pub schedule: BTreeMap<String, ScaleEntry>,
}

impl Scale {
    /// The highest `max`, with the schedule's entries.
    pub fn most(&self) -> u32 {
        self.schedule.values().map(|entry| entry.max).fold(self.max, u32::max)
    }

    /// The lowest `min`, with the schedule's entries; none without a schedule.
    pub fn least(&self) -> Option<u32> {
        self.schedule.values().map(|entry| entry.min).min().map(|least| least.min(self.min))
    }
}

/// One entry of a scale's `schedule`: its bounds apply from each of its times until another entry's time comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaleEntry {
    /// `at`: a `cron(…)` expression of EventBridge.
    pub at: String,
    /// `timezone`: a name of the tz database.
    pub timezone: String,
    /// `min`: the fewest tasks (0 to 1000).
    pub min: u32,
    /// `max`: the most tasks (`min` to 1000).
    pub max: u32,
}

/// How the load balancer speaks to a service's tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `http1`: HTTP/1.1.
    Http1,
    /// `http2`: HTTP/2 without TLS.
    Http2,
    /// `grpc`: HTTP/2 without TLS, with gRPC health checks.
    Grpc,
}

/// Where a secret's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretFrom {
    /// `generate`: generated once, stored in Secrets Manager, never shown.
    Generate,
    /// `set`: set with `stackctl secrets set`, stored in Secrets Manager, never shown.
    Set,
    /// A text with references: composed from values of the stack, stored in Secrets Manager, never shown.
    Composed(Template),
    /// `from`: an existing secret in Secrets Manager.
    SecretsManager {
        /// The secret's ARN, with or without the six characters that AWS appends to the name.
        arn: String,
        /// `key`: the field to use, if the secret is JSON; the whole secret if none.
        key: Option<String>,
    },
    /// `from`: an existing parameter in Systems Manager.
    Parameter {
        /// The parameter's ARN, or its name in the stack's region: ECS accepts both.
        id: String,
    },
}

impl SecretFrom {
    /// Returns the parameter's ARN for an IAM policy. A name does not contain the account, so the account is `*`.
    #[must_use]
    pub fn parameter_arn(id: &str, region: &str) -> String {
        if id.starts_with('/') { format!("arn:aws:ssm:{region}:*:parameter{id}") } else { id.to_owned() }
    }
}
