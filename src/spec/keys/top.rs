//! The keys at the top of the file.

use super::{
    ALARMS, Absence, BASTION, BUCKET, CACHE, DATABASE, Foreign, JOB, Key, Kind, LOAD_BALANCER, NETWORK, SERVICE,
    Section, VOLUME, texts,
};

pub(in crate::spec) static TOP: Section = Section {
    name: "stack",
    doc: "Keys, types and ranges. `stackctl validate` also checks the relations between keys.",
    keys: &[
        Key {
            name: "name",
            kind: Kind::Text(&texts::STACK_NAME),
            absence: Absence::Error("my-app"),
            doc: "The name that identifies the stack: another name is another stack. 2 to 20 characters of a-z, 0-9 \
                  and `-`. It begins with a letter, does not end with `-` and contains no `--`. AWS reserves \
                  `internal`, `sg` and every name that begins with `internal-` or `sg-`.",
        },
        Key {
            name: "required_version",
            kind: Kind::Text(&texts::ANY),
            absence: Absence::Means("any"),
            doc: "The versions of stackctl that the file requires, such as `\">=0.1\"` or `\">=0.1, <0.3\"`. The \
                  syntax is that of [Cargo](https://doc.rust-lang.org/cargo/reference/specifying-dependencies.html). \
                  It is checked before everything else.",
        },
        Key {
            name: "region",
            kind: Kind::Text(&texts::REGION),
            absence: Absence::Error("eu-west-1"),
            doc: "The AWS Region, such as `eu-west-1`. stackctl checks its syntax, but not whether it exists. The \
                  regions of China and of governments are not supported yet. The region of an existing stack cannot \
                  change.",
        },
        Key {
            name: "network",
            kind: Kind::Map(&NETWORK),
            absence: Absence::Means("all defaults"),
            doc: "The VPC, its subnets and internet access. See [network](#network).",
        },
        Key {
            name: "database",
            kind: Kind::Map(&DATABASE),
            absence: Absence::Means("no database"),
            doc: "A PostgreSQL database on RDS. See [database](#database). `database: {}` is a database with all defaults.",
        },
        Key {
            name: "cache",
            kind: Kind::Map(&CACHE),
            absence: Absence::Means("no cache"),
            doc: "A Valkey cache on ElastiCache. See [cache](#cache). `cache: {}` is a cache with all defaults.",
        },
        Key {
            name: "buckets",
            kind: Kind::Named { names: &texts::BUCKET_NAME, of: &Kind::Map(&BUCKET) },
            absence: Absence::Means("none"),
            doc: "S3 buckets, by name. See [buckets](#buckets). `buckets: { uploads: {} }` is one with all defaults.",
        },
        Key {
            name: "volumes",
            kind: Kind::Named { names: &texts::VOLUME_NAME, of: &Kind::Map(&VOLUME) },
            absence: Absence::Means("none"),
            doc: "Storage for files that outlive a container, by name. See [volumes](#volumes). `volumes: { uploads: \
                  {} }` is one with all defaults.",
        },
        Key {
            name: "load_balancer",
            kind: Kind::Map(&LOAD_BALANCER),
            absence: Absence::Means("one with `tls: self-signed`, if a service has routes"),
            doc: "The load balancer of the services with routes. See [load_balancer](#load_balancer). It is an error \
                  if no service has routes.",
        },
        Key {
            name: "services",
            kind: Kind::Named { names: &texts::PART_NAME, of: &Kind::Map(&SERVICE) },
            absence: Absence::Error("{ web: { build: app, port: 3000 } }"),
            doc: "The services, by name; at least one. See [services](#services).",
        },
        Key {
            name: "jobs",
            kind: Kind::Named { names: &texts::PART_NAME, of: &Kind::Map(&JOB) },
            absence: Absence::Means("none"),
            doc: "Commands that run on a schedule, by name. See [jobs](#jobs).",
        },
        Key {
            name: "alarms",
            kind: Kind::Map(&ALARMS),
            absence: Absence::Means("none"),
            doc: "Email notifications for alarms. See [alarms](#alarms).",
        },
        Key {
            name: "bastion",
            kind: Kind::Map(&BASTION),
            absence: Absence::Means("none"),
            doc: "A small SSH host. See [bastion](#bastion).",
        },
        Key {
            name: "environments",
            kind: Kind::Environments { names: &texts::ENVIRONMENT_NAME },
            absence: Absence::Means("none"),
            doc: "What differs in each environment, by name, for `--env`. See [environments](#environments).",
        },
    ],
    foreign: &[
        Foreign { words: &["version"], help: "remove it; `required_version` sets the required version of stackctl" },
        Foreign { words: &["application", "app", "stack", "project"], help: "use `name` for the name of the stack" },
        Foreign { words: &["containers", "apps"], help: "use `services`" },
        Foreign {
            words: &["environment"],
            help: "use `environments` for what differs in each environment, and `env` in a service for its variables",
        },
        Foreign { words: &["env", "variables"], help: "write `env` in each service that gets the variables" },
        Foreign { words: &["secrets"], help: "write `secrets` in each service that gets them" },
        Foreign {
            words: &["configs"],
            help: "use `files` of a service for files of the project, such as `files: { /etc/app.conf: deploy/app.conf }`",
        },
        Foreign { words: &["networks"], help: "use `network`: all services of a stack share one" },
        Foreign { words: &["vpc"], help: "use `network`, with `vpc` for an existing network" },
        Foreign { words: &["db", "postgres", "postgresql", "rds"], help: "use `database`" },
        Foreign { words: &["redis", "valkey", "elasticache"], help: "use `cache`" },
        Foreign { words: &["s3", "bucket", "storage"], help: "use `buckets`, and list them in `buckets` of a service" },
        Foreign { words: &["alb", "lb", "http"], help: "use `load_balancer`, and `routes` in a service" },
        Foreign {
            words: &["domain", "alias", "hosted_zone"],
            help: "write the domain in `load_balancer`: { tls: acm, domain: app.example.com }",
        },
        Foreign {
            words: &["cron", "crons", "schedule", "schedules", "scheduled_jobs"],
            help: "use `jobs` for commands that run on a schedule",
        },
        Foreign { words: &["alerts", "notifications", "monitoring"], help: "use `alarms`" },
        Foreign { words: &["jumphost", "jump_host", "ssh"], help: "use `bastion`" },
        Foreign { words: &["tags", "labels"], help: "remove it; stackctl sets the tags that identify the stack" },
    ],
};

/// The keys that environments cannot have, each with the reason.
pub(in crate::spec) static ONLY_AT_THE_TOP: [(&str, &str); 3] = [
    ("name", OWN_RESOURCES),
    ("environments", OWN_RESOURCES),
    ("required_version", "write it at the top of the file; it applies to all environments"),
];

const OWN_RESOURCES: &str = "write it at the top of the file; every environment already has separate resources, with \
                             its name in theirs";
