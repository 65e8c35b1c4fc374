//! The keys of `bastion`.

use super::{Absence, Empty, Foreign, Key, Kind, Literal, Section, texts};

pub(in crate::spec) static BASTION: Section = Section {
    name: "bastion",
    doc: "A small SSH host that can connect to the database.",
    keys: &[
        Key {
            name: "users",
            kind: Kind::Named { names: &texts::USER_NAME, of: &Kind::Map(&BASTION_USER) },
            absence: Absence::Error("{ admin: { sudo: true, ssh_key: \"ssh-ed25519 …\" } }"),
            doc: "The users that can log in, by name. A name has up to 32 characters of a-z, 0-9, `_` and `-`, and \
                  begins with a letter. Names of system users are errors: `root`, `daemon`, `bin`, `sys`, `sync`, \
                  `games`, `man`, `lp`, `mail`, `news`, `nobody` and `sshd`. Users have no passwords, and root cannot \
                  log in.",
        },
        Key {
            name: "allow",
            kind: Kind::List(&texts::RANGE, Empty::Allowed),
            absence: Absence::Error("[203.0.113.0/24]"),
            doc: "The address ranges that can connect to port 22.",
        },
        Key {
            name: "packages",
            kind: Kind::List(&texts::PACKAGE, Empty::Allowed),
            absence: Absence::Means("none"),
            doc: "The Debian packages to install at the first start.",
        },
        Key {
            name: "class",
            kind: Kind::Text(&texts::HOST_CLASS),
            absence: Absence::Default(Literal::Text("t4g.nano")),
            doc: "The instance type, such as `t4g.nano`.",
        },
    ],
    foreign: &[
        Foreign {
            words: &["ingress", "cidr_blocks", "allowed_ips", "allowed_source_ips"],
            help: "use `allow` for the address ranges that can connect to port 22",
        },
        Foreign { words: &["instance_type", "size"], help: "use `class`, such as t4g.nano" },
        Foreign {
            words: &["ssh_key", "ssh_keys", "key_name", "key_pair"],
            help: "write the keys in `users`: { admin: { ssh_key: \"ssh-ed25519 …\" } }",
        },
        Foreign { words: &["ami"], help: "remove it; the host runs Debian 13" },
    ],
};

pub(in crate::spec) static BASTION_USER: Section = Section {
    name: "bastion_user",
    doc: "A user of the bastion.",
    keys: &[
        Key {
            name: "sudo",
            kind: Kind::Truth,
            absence: Absence::Default(Literal::Truth(false)),
            doc: "Whether the user can run any command as root, without a password.",
        },
        Key {
            name: "ssh_key",
            kind: Kind::Text(&texts::SSH_KEY),
            absence: Absence::Means("this or `ssh_keys`"),
            doc: "The user's public key, the content of a `.pub` file.",
        },
        Key {
            name: "ssh_keys",
            kind: Kind::List(&texts::SSH_KEY, Empty::Allowed),
            absence: Absence::Means("this or `ssh_key`"),
            doc: "The public keys of a user that has several.",
        },
    ],
    foreign: &[
        Foreign {
            words: &["key", "public_key", "ssh_authorized_keys", "authorized_keys"],
            help: "use `ssh_key` for one public key, or `ssh_keys` for a list",
        },
        Foreign { words: &["password"], help: "remove it; users have no passwords" },
        Foreign { words: &["groups", "shell"], help: "remove it; use `sudo` for users that run commands as root" },
    ],
};
