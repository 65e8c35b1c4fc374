//! The stack as stack.yaml describes it, after validation.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::Ipv4Addr,
};

use super::{service::Service, template::Template, volumes::Volume};

/// The name of the environment that is used if none is given.
pub const DEFAULT_ENVIRONMENT: &str = "default";

/// A stack in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// `name`: 2 to 20 characters of a-z, 0-9 and -.
    pub name: String,
    /// The name of the environment.
    pub environment: String,
    /// `region`, such as `eu-west-1`.
    pub region: String,
    /// `network`.
    pub network: Network,
    /// `database`, if there is one.
    pub database: Option<Database>,
    /// `cache`, if there is one.
    pub cache: Option<Cache>,
    /// `buckets`, by name.
    pub buckets: BTreeMap<String, Bucket>,
    /// `volumes`, by name.
    pub volumes: BTreeMap<String, Volume>,
    /// `load_balancer`; none if no service uses one.
    pub load_balancer: Option<LoadBalancer>,
    /// `bastion`, if there is one.
    pub bastion: Option<Bastion>,
    /// `services`, by name.
    pub services: BTreeMap<String, Service>,
    /// `jobs`, by name.
    pub jobs: BTreeMap<String, Job>,
    /// `alarms`, if there are any.
    pub alarms: Option<Alarms>,
}

impl Stack {
    /// Whether the stack creates a public load balancer.
    #[must_use]
    pub fn makes_balancer(&self) -> bool {
        self.load_balancer.as_ref().is_some_and(|balancer| balancer.listener.is_none())
    }

    /// Whether the internal load balancer serves any service.
    #[must_use]
    pub fn has_internal(&self) -> bool {
        self.services.values().any(Service::is_served_inside)
    }

    /// Everything with an image, roles and a log group: the services, and the jobs with their own image, by name.
    pub fn programs(&self) -> impl Iterator<Item = (&String, &Service)> {
        let own = self.jobs.iter().filter_map(|(name, job)| match &job.runs {
            Runs::Own(own) => Some((name, own.as_ref())),
            Runs::Service { .. } => None,
        });
        self.services.iter().chain(own)
    }

    /// Returns the service called `name`, or the job of that name with its own image.
    #[must_use]
    pub fn program(&self, name: &str) -> Option<&Service> {
        self.programs().find(|(own, _)| *own == name).map(|(_, program)| program)
    }

    /// Whether a load balancer serves any service: the stack's, an existing one, or the internal one.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.load_balancer.is_some() || self.has_internal()
    }

    /// The existing security groups that services and jobs refer to, without duplicates.
    #[must_use]
    pub fn security_groups(&self) -> Vec<String> {
        let all: BTreeSet<&String> = self.programs().flat_map(|(_, program)| &program.security_groups).collect();
        all.into_iter().cloned().collect()
    }
}

/// A range of IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// The first address of the range.
    pub address: Ipv4Addr,
    /// The prefix length, in bits.
    pub prefix: u8,
}

impl Cidr {
    /// Returns part `index` of the 2^`bits` equal parts of the range.
    ///
    /// # Panics
    /// If there is no such part. The prefixes that stack.yaml allows leave room for every part that the blueprint uses.
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
    /// `cidr`: a private range with a prefix from /16 to /20.
    pub cidr: Cidr,
    /// `zones`: the number of availability zones (2 to 4).
    pub zones: u8,
    /// `nat`.
    pub nat: Nat,
    /// `vpc` and the subnets: an existing network; none if the stack creates its network.
    pub given: Option<Given>,
}

/// An existing network, which stackctl never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The id of the VPC.
    pub vpc: String,
    /// `public_subnets`: their ids.
    pub public_subnets: Vec<String>,
    /// `private_subnets`: their ids.
    pub private_subnets: Vec<String>,
}

/// How tasks reach the internet.
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
    /// `protect`: deletion protection, and a final snapshot when the database is deleted.
    pub protect: bool,
    /// `tls`: whether the database rejects clients without TLS.
    pub tls_required: bool,
    /// `users`: the users in addition to the master user, in the order of the file.
    pub users: Vec<DatabaseUser>,
}

impl Database {
    /// The user that the containers connect as; none if they connect as the master user.
    #[must_use]
    pub fn first_owner(&self) -> Option<&DatabaseUser> {
        self.users.iter().find(|user| user.role == DatabaseRole::Owner)
    }
}

/// One of `database.users`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseUser {
    /// The user's name, which Postgres accepts without quotes.
    pub name: String,
    /// The user's rights.
    pub role: DatabaseRole,
}

/// The rights of a database user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseRole {
    /// `owner`: creates tables and other objects, and owns them.
    Owner,
    /// `read-only`: reads every table, and writes to none.
    ReadOnly,
}

/// `cache`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// `version` of Valkey, such as `8.0`.
    pub version: String,
    /// `class`, such as `cache.t4g.micro`.
    pub class: String,
    /// `tls`: whether the cache rejects clients without TLS.
    pub tls_required: bool,
    /// `password`: whether clients need a password.
    pub password: bool,
}

/// One of `buckets`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// `protect`: whether deleting it requires `--unprotect`.
    pub protect: bool,
}

impl Bucket {
    /// The name of the environment variable that contains the name of the bucket; stack.yaml calls the bucket `name`.
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
    /// The Route 53 names of the load balancer, without duplicates: those of `domain` or `domains`, of `redirects`, and
    /// of services. A name may begin with `*.`.
    pub domains: Vec<String>,
    /// `redirects`: names of `domains` that redirect, each with its target.
    pub redirects: BTreeMap<String, String>,
    /// `idle_timeout`: the idle timeout of a connection, in seconds (1 to 4000).
    pub idle_timeout: u32,
    /// `listener`: the ARN of an existing listener; none if the stack creates its load balancer.
    pub listener: Option<String>,
}

/// The default idle timeout of a connection to a load balancer, in seconds, which is AWS's default.
pub const IDLE_TIMEOUT: u32 = 60;

impl LoadBalancer {
    /// The scheme of its URL.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls == Tls::Off { "http" } else { "https" }
    }

    /// The domain name of the stack's URL.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        let serves = |name: &&String| !name.starts_with('*') && !self.redirects.contains_key(*name);
        self.domains.iter().find(serves).map(String::as_str)
    }
}

/// The TLS setting of a load balancer. With every setting but `off`, HTTP is redirected to HTTPS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// `off`: HTTP only.
    Off,
    /// `self-signed`: a certificate that stackctl generates.
    SelfSigned,
    /// `acm`: an ACM certificate for all domains.
    Acm,
    /// The ARN of an existing ACM certificate.
    Certificate {
        /// The certificate's ARN.
        arn: String,
    },
}

/// One of `jobs`: a command that runs in a separate task on a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What the job runs.
    pub runs: Runs,
    /// `command`: replaces the image's command; the image's command if empty.
    pub command: Vec<String>,
    /// `schedule`: a `cron(…)`, `rate(…)` or `at(…)` expression of EventBridge Scheduler.
    pub schedule: String,
    /// `timezone`: the time zone of the schedule, such as `Europe/Oslo`; `UTC` by default.
    pub timezone: String,
    /// `timeout`: the time limit of a run, in seconds; no limit if none.
    pub timeout: Option<u32>,
    /// `retries`: how often a failed run is repeated.
    pub retries: u32,
}

impl Job {
    /// The service whose image the job runs; none if the job has its own image.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        match &self.runs {
            Runs::Own(_) => None,
            Runs::Service { name, .. } => Some(name),
        }
    }

    /// Whether the job needs its own task definition: it has its own image, or differs from its service in more than
    /// the command.
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
        /// The service's name.
        name: String,
        /// `cpu` units and `memory` in MiB, if they differ from the service's.
        size: Option<(u32, u32)>,
        /// `env`: added to the variables of the service, or replacing them.
        env: BTreeMap<String, Template>,
    },
    /// `build` or `image`: the job's own image. It is represented as a service without requests.
    Own(Box<Service>),
}

impl Runs {
    /// The name of the container, of its roles, its security group and its log group: the service's name, or `job` for
    /// a job with its own image.
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
    /// `email`: the address that receives the alarms.
    pub email: String,
}

/// `bastion`: a small host in a public subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bastion {
    /// `class`: an instance type of AWS Graviton.
    pub class: String,
    /// `packages`: the Debian packages to install.
    pub packages: Vec<String>,
    /// `users`, by name.
    pub users: BTreeMap<String, BastionUser>,
    /// `allow`: the address ranges that can connect by SSH.
    pub allow: Vec<Cidr>,
}

/// One of `bastion.users`. The users have no passwords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BastionUser {
    /// `sudo`: whether the user can run any command as root, without a password.
    pub sudo: bool,
    /// `ssh_key` and `ssh_keys`: the user's public keys.
    pub ssh_keys: Vec<String>,
}
