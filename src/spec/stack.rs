//! What stack.yaml says, once it is known to be right.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::Ipv4Addr,
};

use super::{service::Service, template::Template, volumes::Volume};

/// The environment without a name of its own.
pub const DEFAULT_ENVIRONMENT: &str = "default";

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
    /// `cache`; none without one.
    pub cache: Option<Cache>,
    /// `buckets`, by name.
    pub buckets: BTreeMap<String, Bucket>,
    /// `volumes`, by name.
    pub volumes: BTreeMap<String, Volume>,
    /// `load_balancer`; none where no service is served by one.
    pub load_balancer: Option<LoadBalancer>,
    /// `bastion`; none without one.
    pub bastion: Option<Bastion>,
    /// `services`, by name.
    pub services: BTreeMap<String, Service>,
    /// `jobs`, by name.
    pub jobs: BTreeMap<String, Job>,
    /// `alarms`; none without them.
    pub alarms: Option<Alarms>,
}

impl Stack {
    /// Whether it has a public load balancer of its own.
    #[must_use]
    pub fn makes_balancer(&self) -> bool {
        self.load_balancer.as_ref().is_some_and(|balancer| balancer.listener.is_none())
    }

    /// Whether a service is served by the internal load balancer.
    #[must_use]
    pub fn has_internal(&self) -> bool {
        self.services.values().any(Service::is_served_inside)
    }

    /// All that has an image, roles and a log group: the services, and the jobs with an image of their own, by name.
    pub fn programs(&self) -> impl Iterator<Item = (&String, &Service)> {
        let own = self.jobs.iter().filter_map(|(name, job)| match &job.runs {
            Runs::Own(own) => Some((name, own.as_ref())),
            Runs::Service { .. } => None,
        });
        self.services.iter().chain(own)
    }

    /// The service, or the job with an image of its own, called `name`.
    #[must_use]
    pub fn program(&self, name: &str) -> Option<&Service> {
        self.programs().find(|(own, _)| *own == name).map(|(_, program)| program)
    }

    /// Whether any load balancer serves it: its own, one of others, or the internal one.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.load_balancer.is_some() || self.has_internal()
    }

    /// The existing security groups that services and jobs name, each once.
    #[must_use]
    pub fn security_groups(&self) -> Vec<String> {
        let all: BTreeSet<&String> = self.programs().flat_map(|(_, program)| &program.security_groups).collect();
        all.into_iter().cloned().collect()
    }
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
    /// `vpc` and the subnets: a network that is there already; none where the stack has its own.
    pub given: Option<Given>,
}

/// A network that somebody else has laid out, and that stackctl never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// `vpc`: its id.
    pub vpc: String,
    /// `public_subnets`, by their ids.
    pub public_subnets: Vec<String>,
    /// `private_subnets`, by their ids.
    pub private_subnets: Vec<String>,
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
    /// `tls`: whether clients without TLS are refused.
    pub tls_required: bool,
    /// `users` beside the master user, in the order of the file.
    pub users: Vec<DatabaseUser>,
}

impl Database {
    /// The user that the containers connect as; none if that is the master user.
    #[must_use]
    pub fn first_owner(&self) -> Option<&DatabaseUser> {
        self.users.iter().find(|user| user.role == DatabaseRole::Owner)
    }
}

/// One of `database.users`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseUser {
    /// Its name, which Postgres takes without quotes.
    pub name: String,
    /// What it may do.
    pub role: DatabaseRole,
}

/// What a database user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseRole {
    /// `owner`: makes tables and whatever else, and owns what it makes.
    Owner,
    /// `read-only`: reads every table, and writes none.
    ReadOnly,
}

/// `cache`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// `version` of Valkey, such as `8.0`.
    pub version: String,
    /// `class`, such as `cache.t4g.micro`.
    pub class: String,
    /// `tls`: whether clients without TLS are refused.
    pub tls_required: bool,
    /// `password`: whether there is one.
    pub password: bool,
}

/// One of `buckets`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// `protect`: whether it is deleted with `--unprotect` only.
    pub protect: bool,
}

impl Bucket {
    /// The environment variable with the name of the bucket that stack.yaml calls `name`.
    #[must_use]
    pub fn variable(name: &str) -> String {
        format!("BUCKET_{}", name.to_ascii_uppercase().replace('-', "_"))
    }
}

/// `load_balancer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancer {
    /// `tls`.
    pub tls: Tls,
    /// The names in Route 53 that lead to the load balancer, each once: those of `domain` or `domains`, those that redirect, and
    /// those of services. One may begin with `*.`.
    pub domains: Vec<String>,
    /// `redirects`: names among them, and where each of them leads.
    pub redirects: BTreeMap<String, String>,
    /// `idle_timeout`: how long a connection may be idle, in seconds (1 to 4000).
    pub idle_timeout: u32,
    /// `listener`: the ARN of a listener that is there already; none where the load balancer is the stack's own.
    pub listener: Option<String>,
}

/// How long a connection to a load balancer may be idle if nothing is said, in seconds, as AWS has it.
pub const IDLE_TIMEOUT: u32 = 60;

impl LoadBalancer {
    /// How its URL begins.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls == Tls::Off { "http" } else { "https" }
    }

    /// The name of the stack's URL.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        let serves = |name: &&String| !name.starts_with('*') && !self.redirects.contains_key(*name);
        self.domains.iter().find(serves).map(String::as_str)
    }
}

/// How the load balancer speaks. With all but `off`, HTTP is redirected to HTTPS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// `off`: HTTP only.
    Off,
    /// `self-signed`: a certificate of its own making.
    SelfSigned,
    /// `acm`: a certificate that AWS issues for all domains.
    Acm,
    /// The ARN of a certificate that is in ACM already.
    Certificate {
        /// Its ARN.
        arn: String,
    },
}

/// One of `jobs`: a command that a task of its own runs on time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What it runs.
    pub runs: Runs,
    /// `command`: what runs in place of the image's own command; that one if empty.
    pub command: Vec<String>,
    /// `schedule`: a `cron(…)`, `rate(…)` or `at(…)` of EventBridge Scheduler.
    pub schedule: String,
    /// `timezone`: where the schedule's hours are meant, such as `Europe/Oslo`; `UTC` by default.
    pub timezone: String,
    /// `timeout`: how long a run may take, in seconds; as long as it likes without one.
    pub timeout: Option<u32>,
    /// `retries`: how often a run that has failed is run again.
    pub retries: u32,
}

impl Job {
    /// The service whose image it runs; none if it has an image of its own.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        match &self.runs {
            Runs::Own(_) => None,
            Runs::Service { name, .. } => Some(name),
        }
    }

    /// Whether it has a task definition of its own: it has an image of its own, or differs from its service in more than the
    /// command.
    #[must_use]
    pub fn has_definition(&self) -> bool {
        match &self.runs {
            Runs::Own(_) => true,
            Runs::Service { size, env, .. } => self.timeout.is_some() || size.is_some() || !env.is_empty(),
        }
    }
}

/// What a job runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Runs {
    /// `service`: the image of a service, with its environment, secrets, permissions and network.
    Service {
        /// The service.
        name: String,
        /// `cpu` units and `memory` in MiB, if it has not the size of the service.
        size: Option<(u32, u32)>,
        /// `env`: beside the variables of the service, or in their place.
        env: BTreeMap<String, Template>,
    },
    /// `build` or `image`: an image of its own. It is like a service that nobody calls.
    Own(Box<Service>),
}

impl Runs {
    /// The name of the container that runs, and of its roles, security group and log group: the service's, or that of the job
    /// itself, `job`.
    #[must_use]
    pub fn container<'a>(&'a self, job: &'a str) -> &'a str {
        match self {
            Self::Service { name, .. } => name,
            Self::Own(_) => job,
        }
    }
}

/// `alarms`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarms {
    /// `email`: who gets a mail.
    pub email: String,
}

/// `bastion`: a small host in a public subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bastion {
    /// `class`: an instance type of AWS Graviton.
    pub class: String,
    /// `packages` of Debian.
    pub packages: Vec<String>,
    /// `users`, by name.
    pub users: BTreeMap<String, BastionUser>,
    /// `allow`: from where it can be reached by SSH.
    pub allow: Vec<Cidr>,
}

/// One of `bastion.users`. None has a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BastionUser {
    /// `sudo`: whether the user may do everything, without a password.
    pub sudo: bool,
    /// `ssh_key` and `ssh_keys`: the public keys.
    pub ssh_keys: Vec<String>,
}
