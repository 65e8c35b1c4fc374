//! The keys of `cache`.

use super::{Absence, Foreign, Key, Kind, Literal, Section, texts};

/// The versions of Valkey that ElastiCache has nodes with.
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/engine-versions.html>
pub(in crate::spec) const VERSIONS: &[&str] = &["7.2", "8.0", "8.1", "8.2", "9.0", "9.1"];

pub(in crate::spec) static CACHE: Section = Section {
    name: "cache",
    doc: "ElastiCache for Valkey, private and encrypted. Containers get REDIS_URL.",
    keys: &[
        Key {
            name: "version",
            kind: Kind::Choice(VERSIONS),
            absence: Absence::Default(Literal::Text("8.0")),
            doc: "The version of Valkey. It can be raised and never lowered. A later minor version that AWS installs by \
                  itself is no drift.",
        },
        Key {
            name: "class",
            kind: Kind::Text(&texts::CACHE_CLASS),
            absence: Absence::Default(Literal::Text("cache.t4g.micro")),
            doc: "The node type, such as `cache.t4g.micro`. A change keeps what the cache holds.",
        },
        Key {
            name: "tls",
            kind: Kind::Choice(&["required", "optional"]),
            absence: Absence::Default(Literal::Text("required")),
            doc: "Whether clients have to speak TLS. `optional` admits both kinds, for a client that speaks none, and needs \
                  `password: off`. See [what it costs](security.md#a-cache-without-tls-or-a-password). A change makes the cache anew, \
                  empty.",
        },
        Key {
            name: "password",
            kind: Kind::Choice(&["generate", "off"]),
            absence: Absence::Default(Literal::Text("generate")),
            doc: "Whether clients need a password. `generate`: one is made, and is in `REDIS_URL`. `off`: none, for a client that \
                  takes a host and a port alone. A change makes the cache anew, empty.",
        },
    ],
    foreign: &[
        Foreign { words: &["engine"], help: "leave it out: the cache is always Valkey, which speaks Redis's protocol" },
        Foreign { words: &["engine_version"], help: "use `version`, such as \"8.0\"" },
        Foreign {
            words: &["node_type", "cache_node_type", "instance_type", "size"],
            help: "use `class`, such as cache.t4g.micro",
        },
        Foreign {
            words: &["num_cache_nodes", "num_node_groups", "nodes", "replicas"],
            help: "leave it out: a cache has one node",
        },
        Foreign { words: &["auth_token"], help: "leave it out: the password is generated; `password: off` for none" },
        Foreign {
            words: &["transit_encryption_mode", "transit_encryption_enabled", "in_transit_encryption"],
            help: "use `tls`: required, which is the default, or optional",
        },
    ],
};
