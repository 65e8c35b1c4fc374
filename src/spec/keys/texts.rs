//! What texts in stack.yaml have to look like: each with a pattern for editors beside the decoder's own check. A pattern may
//! let pass what the check refuses, and never the other way round.

use super::{Check, Text};
use crate::spec::{check, paths};

/// Any text.
pub(super) static ANY: Text = PLAIN;

const PLAIN: Text = Text { one: "text", many: "texts", pattern: "", longest: 0, check: None };

/// The name of a stack.
pub(super) static STACK_NAME: Text = Text { pattern: NAME, longest: check::LONGEST_NAME, ..PLAIN };

/// The name of a service or a job.
pub(super) static PART_NAME: Text =
    Text { one: "name of a service", pattern: NAME, longest: check::LONGEST_NAME, ..PLAIN };

/// The name of an entry in the schedule of a service's `scale`.
pub(super) static SCALE_ENTRY_NAME: Text =
    Text { one: "name of an entry", pattern: NAME, longest: check::LONGEST_NAME, ..PLAIN };

/// The name of a container beside a service's own.
pub(super) static SIDECAR_NAME: Text =
    Text { one: "name of a sidecar", pattern: NAME, longest: check::LONGEST_NAME, ..PLAIN };

/// Who a container runs as.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>
pub(super) static USER: Text = Text {
    one: "user",
    pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$",
    longest: 64,
    check: Some(Check {
        holds: check::is_user,
        wrong: "is no user",
        help: "write a name or a number, with a group after a colon if it is another one, such as node or \"1000:1000\"",
    }),
    ..PLAIN
};

/// The name of a bucket.
pub(super) static BUCKET_NAME: Text =
    Text { one: "name of a bucket", many: "names of buckets", pattern: NAME, longest: check::LONGEST_NAME, ..PLAIN };

/// The name of a volume.
pub(super) static VOLUME_NAME: Text =
    Text { one: "name of a volume", many: "names of volumes", pattern: NAME, longest: check::LONGEST_NAME, ..PLAIN };

/// Whom the files of a volume belong to.
/// <https://docs.aws.amazon.com/efs/latest/ug/API_PosixUser.html>
pub(super) static OWNER: Text = Text {
    one: "numbers of a user and a group",
    pattern: "^[0-9]{1,10}:[0-9]{1,10}$",
    check: Some(Check {
        holds: check::is_owner,
        wrong: "does not name a user and a group by their numbers",
        help: "write both, in quotes, such as owner: \"1000:1000\"",
    }),
    ..PLAIN
};

/// The mode of a folder.
/// <https://docs.aws.amazon.com/efs/latest/ug/API_CreationInfo.html>
pub(super) static MODE: Text = Text {
    one: "octal digits",
    pattern: "^[0-7]{3,4}$",
    check: Some(Check {
        holds: check::is_mode,
        wrong: "is not the mode of a folder",
        help: "write three or four octal digits in quotes, such as mode: \"0750\"",
    }),
    ..PLAIN
};

/// A folder in a container.
pub(in crate::spec) static MOUNT_PATH: Text = Text {
    one: "path",
    pattern: "^/[^:\\s]+$",
    longest: 256,
    check: Some(Check {
        holds: check::is_mount_path,
        wrong: "is not a folder that a container can have a volume at",
        help: "write the whole path of a folder below the root, such as /data",
    }),
    ..PLAIN
};

/// The name of an environment.
pub(super) static ENVIRONMENT_NAME: Text = Text { pattern: NAME, longest: check::LONGEST_ENVIRONMENT, ..PLAIN };

const NAME: &str = "^[a-z](-?[a-z0-9])+$";

/// The name of an environment variable.
pub(super) static VARIABLE_NAME: Text = Text { pattern: "^[A-Za-z_][A-Za-z0-9_]*$", ..PLAIN };

/// The names of environment variables.
pub(super) static VARIABLE_NAMES: Text =
    Text { many: "names of variables", pattern: "^[A-Za-z_][A-Za-z0-9_]*$", ..PLAIN };

/// A text that refers to something that the stack makes.
pub(super) static WITH_REFERENCE: Text =
    Text { one: "text with a reference", pattern: "\\(\\([A-Za-z][A-Za-z0-9_-]*\\.[A-Za-z0-9_.-]+\\)\\)", ..PLAIN };

/// The name of a user of PostgreSQL.
pub(super) static ROLE_NAME: Text = Text { pattern: "^[a-z_][a-z0-9_]{0,62}$", ..PLAIN };

/// The name of a user of Linux.
pub(super) static USER_NAME: Text = Text { pattern: "^[a-z][a-z0-9_-]{0,31}$", ..PLAIN };

pub(super) static REGION: Text = Text {
    pattern: "^[a-z]{2,}(-[a-z]{2,}){1,2}-[0-9]{1,2}$",
    check: Some(Check { holds: check::is_region, wrong: "is no AWS region", help: "such as eu-west-1 or us-east-2" }),
    ..PLAIN
};

/// A private range of IPv4 addresses.
pub(super) static NETWORK_RANGE: Text =
    Text { one: "range of IPv4 addresses", pattern: "^(10|172|192)\\.[0-9.]+/(1[6-9]|20)$", ..PLAIN };

/// Any range of IPv4 addresses.
pub(super) static RANGE: Text =
    Text { many: "ranges of IPv4 addresses", pattern: "^[0-9]+(\\.[0-9]+){3}/[0-9]+$", ..PLAIN };

/// Any range of addresses that a load balancer takes.
pub(super) static SOURCE_RANGE: Text =
    Text { many: "ranges of addresses", pattern: "^[0-9A-Fa-f:.]+/[0-9]{1,3}$", ..PLAIN };

pub(super) static VPC_ID: Text = Text {
    one: "id of a VPC",
    pattern: "^vpc-([0-9a-f]{8}|[0-9a-f]{17})$",
    check: Some(Check {
        holds: |text| check::is_id(text, "vpc-"),
        wrong: "is no id of a VPC",
        help: "such as vpc-0123456789abcdef0",
    }),
    ..PLAIN
};

pub(super) static SUBNET_ID: Text = Text {
    many: "ids of subnets",
    pattern: "^subnet-([0-9a-f]{8}|[0-9a-f]{17})$",
    check: Some(Check {
        holds: |text| check::is_id(text, "subnet-"),
        wrong: "is no id of a subnet",
        help: "such as subnet-0123456789abcdef0",
    }),
    ..PLAIN
};

pub(super) static SECURITY_GROUP_ID: Text = Text {
    many: "ids of security groups",
    pattern: "^sg-([0-9a-f]{8}|[0-9a-f]{17})$",
    check: Some(Check {
        holds: |text| check::is_id(text, "sg-"),
        wrong: "is no id of a security group",
        help: "such as sg-0123456789abcdef0",
    }),
    ..PLAIN
};

pub(super) static POSTGRES_VERSION: Text = Text {
    pattern: "^1[3-8](\\.[0-9]+)?$",
    check: Some(Check {
        holds: check::is_postgres_version,
        wrong: "is no version of PostgreSQL that RDS has",
        help: "from \"13\" to \"18\", or in full such as \"16.4\"",
    }),
    ..PLAIN
};

pub(super) static DATABASE_CLASS: Text = Text {
    one: "instance class of RDS",
    pattern: "^db\\.[^.]+\\.[^.]+$",
    check: Some(Check {
        holds: |text| text.starts_with("db.") && check::has_words(text, 3),
        wrong: "is no DB instance class",
        help: "such as db.t4g.micro or db.m7g.large",
    }),
    ..PLAIN
};

pub(super) static CACHE_CLASS: Text = Text {
    one: "node type of ElastiCache",
    pattern: "^cache\\.[a-z0-9]+\\.[a-z0-9]+$",
    check: Some(Check {
        holds: check::is_cache_class,
        wrong: "is no node type of ElastiCache",
        help: "such as cache.t4g.micro or cache.m7g.large",
    }),
    ..PLAIN
};

pub(super) static HOST_CLASS: Text = Text {
    one: "instance type of AWS Graviton",
    pattern: "^[a-z]+[0-9]+g[a-z0-9-]*\\.[a-z0-9-]+$",
    check: Some(Check {
        holds: check::is_graviton,
        wrong: "is no instance type of ARM",
        help: "an instance type of AWS Graviton, such as t4g.nano or t4g.small",
    }),
    ..PLAIN
};

pub(super) static CERTIFICATE_ARN: Text = Text { one: "ARN of a certificate", pattern: "^arn:[^:]+:acm:.+$", ..PLAIN };

pub(super) static LISTENER_ARN: Text =
    Text { one: "ARN of a listener", pattern: "^arn:[^:]+:elasticloadbalancing:.+:listener/app/.+$", ..PLAIN };

pub(super) static DOMAIN: Text =
    Text { one: "host name", pattern: "^[a-z0-9-]+(\\.[a-z0-9-]+)+$", longest: check::LONGEST_DOMAIN, ..PLAIN };

pub(super) static DOMAINS: Text = Text {
    one: "host name",
    many: "host names",
    pattern: "^(\\*\\.)?[a-z0-9-]+(\\.[a-z0-9-]+)+$",
    longest: check::LONGEST_DOMAIN,
    ..PLAIN
};

pub(super) static HOST: Text = Text {
    one: "host name",
    many: "host names",
    pattern: "^[A-Za-z0-9*?-]*(\\.[A-Za-z0-9*?-]*)+$",
    longest: check::LONGEST_PATTERN,
    check: Some(Check { holds: check::is_host, wrong: "is no host name", help: "such as api.example.com" }),
};

pub(super) static IMAGE: Text = Text {
    one: "name of an image",
    check: Some(Check {
        holds: check::is_image,
        wrong: "is no image",
        help: "such as nginx:1.27; a tag has at most 128 letters, digits and `_`, `.`, `-`",
    }),
    ..PLAIN
};

/// A stage of a Dockerfile: its name, or its number.
pub(super) static BUILD_STAGE: Text = Text {
    one: "name of a stage",
    pattern: "^[A-Za-z0-9][A-Za-z0-9_.-]*$",
    check: Some(Check {
        holds: check::is_build_stage,
        wrong: "is no stage of a Dockerfile",
        help: "name it as its line `FROM … AS NAME` does, such as runtime",
    }),
    ..PLAIN
};

/// A folder, from that of stack.yaml.
pub(super) static FOLDER: Text = Text { one: "folder", ..PLAIN };

/// A file or folder, from that of stack.yaml.
pub(super) static FILE: Text = Text { one: "path", ..PLAIN };

/// The path of a file or folder in an image.
pub(super) static IMAGE_PATH: Text =
    Text { one: "path in the image", pattern: "^/[^/]+(/[^/]+)*$", longest: paths::LONGEST_IMAGE_PATH, ..PLAIN };

pub(super) static URL_PATH: Text = Text {
    one: "path",
    pattern: "^/\\S*$",
    longest: check::LONGEST_HEALTH_PATH,
    check: Some(Check { holds: check::is_url_path, wrong: "is no path", help: "such as /status" }),
    ..PLAIN
};

/// The codes that pass a health check: statuses of HTTP, or codes of gRPC.
pub(in crate::spec) static CODES: Text = Text {
    one: "codes and ranges of codes",
    pattern: "^[0-9]{1,3}(-[0-9]{1,3})?(,[0-9]{1,3}(-[0-9]{1,3})?)*$",
    check: Some(Check {
        holds: |text| check::are_codes(text, 200..=499),
        wrong: "is no list of status codes",
        help: "codes from 200 to 499: `200`, `200-299` or `\"200,301\"`",
    }),
    ..PLAIN
};

/// Those of gRPC.
pub(in crate::spec) static GRPC_CODES: Text = Text {
    check: Some(Check {
        holds: |text| check::are_codes(text, 0..=99),
        wrong: "is no list of gRPC's codes",
        help: "codes from 0 to 99: `0`, `0-12` or `\"0,12\"`",
    }),
    ..CODES
};

pub(super) static PATH_PATTERN: Text = Text {
    many: "path patterns",
    pattern: "^[/*][A-Za-z0-9_.$/~\"'@:+&*?-]*$",
    longest: check::LONGEST_PATTERN,
    ..PLAIN
};

pub(super) static ACTION: Text = Text { many: "IAM actions", pattern: "^[a-z0-9-]+:[A-Za-z0-9*?]+$", ..PLAIN };

pub(super) static RESOURCE: Text = Text { many: "ARNs", pattern: "^(\\*|arn:aws:[a-z0-9-]+:[^:]*:[^:]*:.+)$", ..PLAIN };

pub(super) static SECRET_PLACE: Text = Text { one: "ARN, or name of a parameter", ..PLAIN };

pub(super) static SCHEDULE: Text = Text { one: "schedule", pattern: "^(cron|rate|at)\\(.+\\)$", ..PLAIN };

/// A time that comes again and again.
pub(super) static CRON: Text = Text { one: "cron expression", pattern: "^cron\\(.+\\)$", ..PLAIN };

pub(super) static TIME_ZONE: Text = Text {
    one: "name in the tz database",
    longest: check::LONGEST_ZONE,
    check: Some(Check {
        holds: check::is_zone,
        wrong: "cannot name a time zone",
        help: "a name of the tz database, such as Europe/Oslo; UTC without one",
    }),
    ..PLAIN
};

pub(super) static EMAIL: Text = Text {
    one: "e-mail address",
    pattern: "^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$",
    longest: check::LONGEST_EMAIL,
    check: Some(Check {
        holds: check::is_email,
        wrong: "is no e-mail address",
        help: "one address, such as ops@example.com",
    }),
    ..PLAIN
};

pub(super) static PACKAGE: Text = Text {
    many: "names of Debian packages",
    pattern: "^[a-z0-9][a-z0-9+.-]+$",
    check: Some(Check {
        holds: check::is_package,
        wrong: "is no name of a Debian package",
        help: "such as curl or vim",
    }),
    ..PLAIN
};

pub(super) static SSH_KEY: Text = Text {
    one: "public key",
    many: "public keys",
    pattern: "^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\\.com) +\\S+",
    ..PLAIN
};
