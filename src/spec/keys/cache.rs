//! The keys of `cache`.

use super::{Absence, Foreign, Key, Kind, Literal, Section, texts};

/// The versions of Valkey that ElastiCache offers for nodes.
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/engine-versions.html>
pub(in crate::spec) const VERSIONS: &[&str] = &["7.2", "8.0", "8.1", "8.2", "9.0", "9.1"];

pub(in crate::spec) static CACHE: Section = Section {
    name: "cache",
    doc: "An ElastiCache for Valkey cache, private and encrypted. Containers get REDIS_URL.",
    keys: &[
        Key {
            name: "version",
            kind: Kind::Choice(VERSIONS),
            absence: Absence::Default(Literal::Text("8.0")),
            doc: "The version of Valkey. You can raise it, but not lower it. A later minor version that AWS installs \
                  is not drift.",
        },
        Key {
            name: "class",
            kind: Kind::Text(&texts::CACHE_CLASS),
            absence: Absence::Default(Literal::Text("cache.t4g.micro")),
            doc: "The node type, such as `cache.t4g.micro`. A change keeps the data of the cache.",
        },
        Key {
            name: "tls",
            kind: Kind::Choice(&["required", "optional"]),
            absence: Absence::Default(Literal::Text("required")),
            doc: "Whether clients must use TLS. `optional` also allows connections without TLS, and needs `password: \
                  off`. See [the risks](../concepts/security.md#a-cache-without-tls-or-a-password). A change replaces the cache \
                  with an empty one.",
        },
        Key {
            name: "password",
            kind: Kind::Choice(&["generate", "off"]),
            absence: Absence::Default(Literal::Text("generate")),
            doc: "Whether clients need a password. `generate`: stackctl generates one, and `REDIS_URL` contains it. \
                  `off`: no password, for clients that support only a host and a port. A change replaces the cache \
                  with an empty one.",
        },
    ],
    foreign: &[
        Foreign { words: &["engine"], help: "remove it; the cache is always Valkey, which uses the Redis protocol" },
        Foreign { words: &["engine_version"], help: "use `version`, such as \"8.0\"" },
        Foreign {
            words: &["node_type", "cache_node_type", "instance_type", "size"],
            help: "use `class`, such as cache.t4g.micro",
        },
        Foreign {
            words: &["num_cache_nodes", "num_node_groups", "nodes", "replicas"],
            help: "remove it; a cache has one node",
        },
        Foreign {
            words: &["auth_token"],
            help: "remove it; the password is generated, and `password: off` means no \
                                                 password",
        },
        Foreign {
            words: &["transit_encryption_mode", "transit_encryption_enabled", "in_transit_encryption"],
            help: "use `tls: required`, which is the default, or `tls: optional`",
        },
    ],
};
