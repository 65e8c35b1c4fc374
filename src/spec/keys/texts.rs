//! The formats of texts in stack.yaml. Each has a pattern for editors, and may have a check in the decoder. A pattern
//! may accept texts that the check rejects, but never the reverse.

use super::{Check, Text};
use crate::spec::{check, paths};

/// Any text.
pub(super) static ANY: Text = PLAIN;

const PLAIN: Text = Text { one: "text", many: "texts", pattern: "", longest: 0, check: None };

/// The name of a stack.
pub(super) static STACK_NAME: Text = Text { pattern: NAME, longest: check::LONGEST_NAME, ..PLAIN };

/// The name of a service or a job.
pub(super) static PART_NAME: Text = Text { one: "service name", pattern: NAME, longest: check::LONGEST_NAME, ..PLAIN };

/// The name of an entry in the schedule of a service's `scale`.
pub(super) static SCALE_ENTRY_NAME: Text =
    Text { one: "entry name", pattern: NAME, longest: check::LONGEST_NAME, ..PLAIN };

/// The name of a sidecar.
pub(super) static SIDECAR_NAME: Text =
    Text { one: "sidecar name", pattern: NAME, longest: check::LONGEST_NAME, ..PLAIN };

/// The user that a container runs as.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>
pub(super) static USER: Text = Text {
    one: "user",
    pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$",
    longest: 64,
    check: Some(Check {
        holds: check::is_user,
        what: "user",
        help: "write a name or a number, and optionally a group after a colon, such as node or \"1000:1000\"",
    }),
    ..PLAIN
};

/// The name of a bucket.
pub(super) static BUCKET_NAME: Text =
    Text { one: "bucket name", many: "bucket names", pattern: NAME, longest: check::LONGEST_NAME, ..PLAIN };

/// The name of a volume.
pub(super) static VOLUME_NAME: Text =
    Text { one: "volume name", many: "volume names", pattern: NAME, longest: check::LONGEST_NAME, ..PLAIN };

/// The owner of a volume's files.
/// <https://docs.aws.amazon.com/efs/latest/ug/API_PosixUser.html>
pub(super) static OWNER: Text = Text {
    one: "user and group IDs",
    pattern: "^[0-9]{1,10}:[0-9]{1,10}$",
    check: Some(Check {
        holds: check::is_owner,
        what: "owner",
        help: "write the IDs of a user and a group in quotes, such as owner: \"1000:1000\"",
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
        what: "mode",
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
        what: "mount path",
        help: "write the absolute path of a folder, such as /data; /, /dev, /proc and /sys are not possible",
    }),
    ..PLAIN
};

/// The name of an environment.
pub(super) static ENVIRONMENT_NAME: Text = Text { pattern: NAME, longest: check::LONGEST_ENVIRONMENT, ..PLAIN };

const NAME: &str = "^[a-z](-?[a-z0-9])+$";

/// The name of an environment variable.
pub(super) static VARIABLE_NAME: Text = Text { pattern: "^[A-Za-z_][A-Za-z0-9_]*$", ..PLAIN };

/// Names of environment variables.
pub(super) static VARIABLE_NAMES: Text = Text { many: "variable names", pattern: "^[A-Za-z_][A-Za-z0-9_]*$", ..PLAIN };

/// A text with a reference.
pub(super) static WITH_REFERENCE: Text =
    Text { one: "text with a reference", pattern: "\\(\\([A-Za-z][A-Za-z0-9_-]*\\.[A-Za-z0-9_.-]+\\)\\)", ..PLAIN };

/// The name of a user of PostgreSQL.
pub(super) static ROLE_NAME: Text = Text { pattern: "^[a-z_][a-z0-9_]{0,62}$", ..PLAIN };

/// The name of a user of Linux.
pub(super) static USER_NAME: Text = Text { pattern: "^[a-z][a-z0-9_-]{0,31}$", ..PLAIN };

pub(super) static REGION: Text = Text {
    pattern: "^[a-z]{2,}(-[a-z]{2,}){1,2}-[0-9]{1,2}$",
    check: Some(Check {
        holds: check::is_region,
        what: "AWS region",
        help: "use a region such as eu-west-1 or us-east-2",
    }),
    ..PLAIN
};

/// A private range of IPv4 addresses.
pub(super) static NETWORK_RANGE: Text =
    Text { one: "IPv4 address range", pattern: "^(10|172|192)\\.[0-9.]+/(1[6-9]|20)$", ..PLAIN };

/// Any range of IPv4 addresses.
pub(super) static RANGE: Text = Text { many: "IPv4 address ranges", pattern: "^[0-9]+(\\.[0-9]+){3}/[0-9]+$", ..PLAIN };

/// Any address range that a load balancer accepts.
pub(super) static SOURCE_RANGE: Text = Text { many: "address ranges", pattern: "^[0-9A-Fa-f:.]+/[0-9]{1,3}$", ..PLAIN };

pub(super) static VPC_ID: Text = Text {
    one: "VPC ID",
    pattern: "^vpc-([0-9a-f]{8}|[0-9a-f]{17})$",
    check: Some(Check {
        holds: |text| check::is_id(text, "vpc-"),
        what: "VPC ID",
        help: "use an ID such as vpc-0123456789abcdef0",
    }),
    ..PLAIN
};

pub(super) static SUBNET_ID: Text = Text {
    many: "subnet IDs",
    pattern: "^subnet-([0-9a-f]{8}|[0-9a-f]{17})$",
    check: Some(Check {
        holds: |text| check::is_id(text, "subnet-"),
        what: "subnet ID",
        help: "use an ID such as subnet-0123456789abcdef0",
    }),
    ..PLAIN
};

pub(super) static SECURITY_GROUP_ID: Text = Text {
    many: "security group IDs",
    pattern: "^sg-([0-9a-f]{8}|[0-9a-f]{17})$",
    check: Some(Check {
        holds: |text| check::is_id(text, "sg-"),
        what: "security group ID",
        help: "use an ID such as sg-0123456789abcdef0",
    }),
    ..PLAIN
};

pub(super) static POSTGRES_VERSION: Text = Text {
    pattern: "^1[3-8](\\.[0-9]+)?$",
    check: Some(Check {
        holds: check::is_postgres_version,
        what: "PostgreSQL version",
        help: "use \"13\" to \"18\", or a full version such as \"16.4\"",
    }),
    ..PLAIN
};

pub(super) static DATABASE_CLASS: Text = Text {
    one: "RDS instance class",
    pattern: "^db\\.[^.]+\\.[^.]+$",
    check: Some(Check {
        holds: |text| text.starts_with("db.") && check::has_words(text, 3),
        what: "DB instance class",
        help: "use a class such as db.t4g.micro or db.m7g.large",
    }),
    ..PLAIN
};

pub(super) static CACHE_CLASS: Text = Text {
    one: "ElastiCache node type",
    pattern: "^cache\\.[a-z0-9]+\\.[a-z0-9]+$",
    check: Some(Check {
        holds: check::is_cache_class,
        what: "cache node type",
        help: "use a node type such as cache.t4g.micro or cache.m7g.large",
    }),
    ..PLAIN
};

pub(super) static HOST_CLASS: Text = Text {
    one: "AWS Graviton instance type",
    pattern: "^[a-z]+[0-9]+g[a-z0-9-]*\\.[a-z0-9-]+$",
    check: Some(Check {
        holds: check::is_graviton,
        what: "Arm instance type",
        help: "use an AWS Graviton instance type such as t4g.nano or t4g.small",
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
    check: Some(Check { holds: check::is_host, what: "host name", help: "use a name such as api.example.com" }),
};

pub(super) static IMAGE: Text = Text {
    one: "image name",
    check: Some(Check {
        holds: check::is_image,
        what: "image",
        help: "use a name such as nginx:1.27; a tag has at most 128 letters, digits and `_`, `.`, `-`",
    }),
    ..PLAIN
};

/// A stage of a Dockerfile: its name or its number.
pub(super) static BUILD_STAGE: Text = Text {
    one: "stage name",
    pattern: "^[A-Za-z0-9][A-Za-z0-9_.-]*$",
    check: Some(Check {
        holds: check::is_build_stage,
        what: "Dockerfile stage",
        help: "use the name from the line `FROM … AS NAME`, such as runtime",
    }),
    ..PLAIN
};

/// A folder, relative to the folder of stack.yaml.
pub(super) static FOLDER: Text = Text { one: "folder", ..PLAIN };

/// A file or folder, relative to the folder of stack.yaml.
pub(super) static FILE: Text = Text { one: "path", ..PLAIN };

/// The path of a file or folder in an image.
pub(super) static IMAGE_PATH: Text =
    Text { one: "path in the image", pattern: "^/[^/]+(/[^/]+)*$", longest: paths::LONGEST_IMAGE_PATH, ..PLAIN };

pub(super) static URL_PATH: Text = Text {
    one: "path",
    pattern: "^/\\S*$",
    longest: check::LONGEST_HEALTH_PATH,
    check: Some(Check { holds: check::is_url_path, what: "path", help: "use a path such as /status" }),
    ..PLAIN
};

/// The codes that count as healthy: HTTP status codes, or gRPC codes.
pub(in crate::spec) static CODES: Text = Text {
    one: "codes and ranges of codes",
    pattern: "^[0-9]{1,3}(-[0-9]{1,3})?(,[0-9]{1,3}(-[0-9]{1,3})?)*$",
    check: Some(Check {
        holds: |text| check::are_codes(text, 200..=499),
        what: "status codes",
        help: "use codes from 200 to 499: `200`, `200-299` or `\"200,301\"`",
    }),
    ..PLAIN
};

/// The gRPC codes that count as healthy.
pub(in crate::spec) static GRPC_CODES: Text = Text {
    check: Some(Check {
        holds: |text| check::are_codes(text, 0..=99),
        what: "gRPC codes",
        help: "use codes from 0 to 99: `0`, `0-12` or `\"0,12\"`",
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

pub(super) static SECRET_PLACE: Text = Text { one: "ARN or parameter name", ..PLAIN };

pub(super) static SCHEDULE: Text = Text { one: "schedule", pattern: "^(cron|rate|at)\\(.+\\)$", ..PLAIN };

/// A cron expression.
pub(super) static CRON: Text = Text { one: "cron expression", pattern: "^cron\\(.+\\)$", ..PLAIN };

pub(super) static TIME_ZONE: Text = Text {
    one: "tz database name",
    longest: check::LONGEST_ZONE,
    check: Some(Check {
        holds: check::is_zone,
        what: "time zone",
        help: "use a name of the tz database, such as Europe/Oslo; the default is UTC",
    }),
    ..PLAIN
};

pub(super) static EMAIL: Text = Text {
    one: "email address",
    pattern: "^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$",
    longest: check::LONGEST_EMAIL,
    check: Some(Check {
        holds: check::is_email,
        what: "email address",
        help: "use one address, such as ops@example.com",
    }),
    ..PLAIN
};

pub(super) static PACKAGE: Text = Text {
    many: "Debian package names",
    pattern: "^[a-z0-9][a-z0-9+.-]+$",
    check: Some(Check {
        holds: check::is_package,
        what: "Debian package name",
        help: "use a package name such as curl or vim",
    }),
    ..PLAIN
};

pub(super) static SSH_KEY: Text = Text {
    one: "public key",
    many: "public keys",
    pattern: "^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\\.com) +\\S+",
    ..PLAIN
};
