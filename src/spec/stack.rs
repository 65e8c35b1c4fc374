//! What stack.yaml says, once it is known to be right.

use std::{collections::BTreeMap, fmt, net::Ipv4Addr, path::PathBuf};

/// One stack in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// `name`: 2 to 20 of a-z, 0-9 and -.
    pub name: String,
    /// The environment.
    pub environment: String,
    /// `region`, such as `eu-west-1`.
    pub region: String,
    /// `network`.
    pub network: Network,
    /// `database`; none without one.
    pub database: Option<Database>,
    /// `load_balancer`; none where no service is served by one.
    pub load_balancer: Option<LoadBalancer>,
    /// `services`, by name.
    pub services: BTreeMap<String, Service>,
}

/// A range of IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// Its first address.
    pub address: Ipv4Addr,
    /// The length of its prefix, in bits.
    pub prefix: u8,
}

impl Cidr {
    /// Of the 2^`bits` equal parts of the range, the one with this `index`.
    ///
    /// # Panics
    /// If there are no such parts: the prefixes that stack.yaml may have leave room for what the blueprint cuts.
    #[must_use]
    pub fn subnet(self, bits: u8, index: u32) -> Self {
        let prefix = self.prefix + bits;
        assert!(prefix <= 32 && index < 1 << bits, "{self} has no part {index} of 2^{bits}");
        Self { address: Ipv4Addr::from(u32::from(self.address) + (index << (32 - prefix))), prefix }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// `network`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// `cidr`: a private range of a prefix from /16 to /20.
    pub cidr: Cidr,
    /// `zones`: how many availability zones (2 to 4).
    pub zones: u8,
    /// `nat`.
    pub nat: Nat,
}

/// The way out of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nat {
    /// Tasks get public addresses.
    None,
    /// One NAT gateway for all zones.
    Single,
    /// One NAT gateway in each zone.
    PerZone,
}

/// `database`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// `version` of PostgreSQL, such as `16` or `16.4`.
    pub version: String,
    /// `class`, such as `db.t4g.micro`.
    pub class: String,
    /// `storage` in GiB (20 to 65536).
    pub storage: u32,
    /// `multi_az`: whether a standby in another zone takes over.
    pub multi_az: bool,
    /// `backup_days` (0 to 35).
    pub backup_days: u32,
    /// `protect`: deletion protection, and a final snapshot when it does go.
    pub protect: bool,
}

/// `load_balancer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancer {
    /// `tls`.
    pub tls: Tls,
}

/// How the load balancer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// HTTP only.
    Off,
    /// HTTPS with a certificate of its own making; HTTP is redirected.
    SelfSigned,
}

/// One of `services`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// `build` or `image`.
    pub image: ImageFrom,
    /// `port`; none for a worker.
    pub port: Option<u16>,
    /// `cpu` units (1024 are one vCPU).
    pub cpu: u32,
    /// `memory` in MiB.
    pub memory: u32,
    /// `replicas`.
    pub replicas: u32,
    /// `health`: the path that answers 200 when a task can serve.
    pub health: String,
    /// `routes`: path patterns.
    pub routes: Vec<String>,
    /// `host`: the host name that the routes are for.
    pub host: Option<String>,
    /// `block`: path patterns that the load balancer answers 404.
    pub block: Vec<String>,
    /// `release`: the command that runs once before new tasks serve.
    pub release: Vec<String>,
    /// `stop_timeout` in seconds (2 to 120).
    pub stop_timeout: u32,
    /// `env`.
    pub env: BTreeMap<String, String>,
    /// `secrets`.
    pub secrets: BTreeMap<String, SecretFrom>,
}

/// Where a service's image comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageFrom {
    /// `build`: a Cargo package, by its folder from that of stack.yaml.
    Package(PathBuf),
    /// `image`: one of a registry.
    Named(String),
}

/// Where a secret's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretFrom {
    /// `generate`: made once, kept in Secrets Manager, never shown.
    Generate,
}
