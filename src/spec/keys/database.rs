//! The keys of `database`.

use super::{Absence, Foreign, Key, Kind, Literal, Section, texts, words};
use crate::spec::stack::DatabaseRole;

/// The words of a database user's role.
pub(in crate::spec) static ROLES: [(&str, DatabaseRole); 2] =
    [("owner", DatabaseRole::Owner), ("read-only", DatabaseRole::ReadOnly)];

static ROLE_WORDS: [&str; 2] = words(&ROLES);

pub(in crate::spec) static DATABASE: Section = Section {
    name: "database",
    doc: "An RDS for PostgreSQL database, private and encrypted. Containers get DATABASE_URL.",
    keys: &[
        Key {
            name: "version",
            kind: Kind::Text(&texts::POSTGRES_VERSION),
            absence: Absence::Default(Literal::Text("16")),
            doc: "The version of PostgreSQL, from `\"13\"` to `\"18\"`, or a full version such as `\"16.4\"`. `\"16\"` \
                  means any 16.x; `\"16.4\"` means 16.4 or a later 16.x. A minor upgrade by AWS is not drift.",
        },
        Key {
            name: "class",
            kind: Kind::Text(&texts::DATABASE_CLASS),
            absence: Absence::Default(Literal::Text("db.t4g.micro")),
            doc: "The instance class, such as `db.t4g.micro`. A change restarts the database.",
        },
        Key {
            name: "storage",
            kind: Kind::Number { least: 20, most: 65536, unit: "GiB" },
            absence: Absence::Default(Literal::Number(20)),
            doc: "The size of the gp3 storage in GiB. It can grow by at least 10 %, and cannot shrink. See \
                  [Scaling](../guides/scaling.md#the-database).",
        },
        Key {
            name: "multi_az",
            kind: Kind::Truth,
            absence: Absence::Default(Literal::Truth(false)),
            doc: "Whether a standby in another zone takes over if the database fails.",
        },
        Key {
            name: "backup_days",
            kind: Kind::Number { least: 0, most: 35, unit: "days" },
            absence: Absence::Default(Literal::Number(7)),
            doc: "The number of days to keep automatic backups; 0 means no backups.",
        },
        Key {
            name: "protect",
            kind: Kind::Truth,
            absence: Absence::Default(Literal::Truth(true)),
            doc: "Deletion protection and a final snapshot. `true`: only `--unprotect` deletes or replaces the \
                  database, and AWS takes a final snapshot. `false`: the database is deleted without a snapshot, \
                  together with its automatic backups.",
        },
        Key {
            name: "tls",
            kind: Kind::Choice(&["required", "optional"]),
            absence: Absence::Default(Literal::Text("required")),
            doc: "Whether clients must use TLS. `optional` also allows connections without TLS. `DATABASE_URL` and the \
                  variables for drivers use TLS in both cases. RDS requires TLS since PostgreSQL 15; `required` does not \
                  change PostgreSQL 13 and 14, which accept both. See [the risks](../concepts/security.md#a-database-without-tls). A \
                  change restarts the database.",
        },
        Key {
            name: "users",
            kind: Kind::Named { names: &texts::ROLE_NAME, of: &Kind::Choice(&ROLE_WORDS) },
            absence: Absence::Means("none"),
            doc: "Users in addition to the master user, by name: `owner` or `read-only`. Containers connect as the \
                  first `owner`. [Database users](../guides/database-users.md) describes their permissions, where the passwords \
                  are stored, and what happens when you remove a user.",
        },
    ],
    foreign: &[
        Foreign { words: &["engine"], help: "remove it; the database is always PostgreSQL" },
        Foreign { words: &["engine_version"], help: "use `version`, such as \"16\"" },
        Foreign {
            words: &["instance_class", "db_instance_class", "instance_type", "size"],
            help: "use `class`, such as db.t4g.micro",
        },
        Foreign { words: &["allocated_storage", "disk", "storage_gb"], help: "use `storage`, in GiB" },
        Foreign { words: &["ha", "high_availability"], help: "use `multi_az`" },
        Foreign {
            words: &["backup_retention_period", "backup_retention", "retention"],
            help: "use `backup_days` for the number of days",
        },
        Foreign { words: &["deletion_protection", "prevent_destroy"], help: "use `protect`" },
        Foreign {
            words: &["name", "db_name"],
            help: "remove it; the database is called `app`, and containers get DATABASE_URL",
        },
        Foreign {
            words: &["username", "master_username", "password", "master_password"],
            help: "remove it; passwords are generated, and `users` lists the users",
        },
        Foreign {
            words: &["force_ssl", "require_ssl", "ssl", "sslmode", "ssl_mode"],
            help: "use `tls: required`, which is the default, or `tls: optional`",
        },
        Foreign {
            words: &["parameter_group", "parameter_group_name", "parameters"],
            help: "remove it; RDS's own parameters apply, and `tls: optional` allows clients without TLS",
        },
        Foreign { words: &["storage_type"], help: "remove it; the storage is gp3" },
    ],
};
