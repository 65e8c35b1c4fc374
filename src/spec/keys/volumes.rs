//! The keys of one of `volumes`, and of where a container has one.

use super::{Absence, Foreign, Key, Kind, Literal, Section, texts, words};
use crate::spec::volumes::Throughput;

/// The words of `shared`.
pub(in crate::spec) const SHARED: &[&str] = &["stack", "task"];

/// The words of `throughput`.
pub(in crate::spec) static THROUGHPUT: [(&str, Throughput); 2] =
    [("bursting", Throughput::Bursting), ("elastic", Throughput::Elastic)];

static THROUGHPUT_WORDS: [&str; 2] = words(&THROUGHPUT);

pub(in crate::spec) static VOLUME: Section = Section {
    name: "volume",
    doc: "Files that outlive a container.",
    keys: &[
        Key {
            name: "shared",
            kind: Kind::Choice(SHARED),
            absence: Absence::Default(Literal::Text("stack")),
            doc: "Who has the same files. `stack`: all tasks that have the volume, in an EFS file system that outlives them. \
                  `task`: the containers of one task, on its disk and gone with it. The other keys are for `stack` alone.",
        },
        Key {
            name: "protect",
            kind: Kind::Truth,
            absence: Absence::Default(Literal::Truth(true)),
            doc: "Whether the volume is deleted with `--unprotect` only.",
        },
        Key {
            name: "backups",
            kind: Kind::Truth,
            absence: Absence::Default(Literal::Truth(true)),
            doc: "Whether AWS Backup copies the files each day. It keeps a copy for 35 days, also after the volume is deleted, \
                  and charges for what is copied.",
        },
        Key {
            name: "throughput",
            kind: Kind::Choice(&THROUGHPUT_WORDS),
            absence: Absence::Default(Literal::Text("bursting")),
            doc: "How reading and writing are paid for. `bursting`: with the files, and the fewer there are, the slower it is in \
                  the long run. `elastic`: each GiB that is read or written. A change is made in place, once in 24 hours.",
        },
        Key {
            name: "owner",
            kind: Kind::Text(&texts::OWNER),
            absence: Absence::Means("each process writes as itself"),
            doc: "Whom all files belong to, as the numbers of a user and a group, such as `\"1000:1000\"`. All processes then read and \
                  write as that user, whoever they are. A change replaces the tasks; files that are there stay as they are.",
        },
        Key {
            name: "mode",
            kind: Kind::Text(&texts::MODE),
            absence: Absence::Means("`\"0777\"`, and `\"0755\"` with `owner`"),
            doc: "The mode of the volume's folder, in octal digits. It counts when the folder is made, at the first start of a task.",
        },
    ],
    foreign: &[
        Foreign {
            words: &["efs", "driver", "driver_opts"],
            help: "leave it out: stackctl makes an EFS file system for each volume, and `shared: task` makes none",
        },
        Foreign {
            words: &["external"],
            help: "leave it out: a volume is the stack's own; copy the files of another one into it",
        },
        Foreign {
            words: &["path", "container_path"],
            help: "write the path in the service: `volumes: { uploads: /data }`",
        },
        Foreign {
            words: &["uid", "gid", "user", "root_directory"],
            help: "use `owner` for whom the files belong to, such as `owner: \"1000:1000\"`",
        },
        Foreign {
            words: &["encrypted", "encryption", "kms_key_id", "transit_encryption"],
            help: "leave it out: every volume is encrypted, and so is the way to it",
        },
        Foreign { words: &["backup", "backup_policy"], help: "use `backups: true` or `backups: false`" },
        Foreign { words: &["throughput_mode"], help: "use `throughput`, such as `throughput: elastic`" },
        Foreign { words: &["size", "size_in_gib"], help: "leave it out: a volume is as large as its files" },
    ],
};

pub(in crate::spec) static MOUNT: Section = Section {
    name: "mount",
    doc: "Where a container has a volume.",
    keys: &[
        Key {
            name: "path",
            kind: Kind::Text(&texts::MOUNT_PATH),
            absence: Absence::Error("/data"),
            doc: "The folder in the container.",
        },
        Key {
            name: "read_only",
            kind: Kind::Truth,
            absence: Absence::Default(Literal::Truth(false)),
            doc: "Whether the container only reads there.",
        },
    ],
    foreign: &[
        Foreign {
            words: &["target", "container_path", "destination"],
            help: "use `path` for the folder in the container",
        },
        Foreign { words: &["readonly", "ro"], help: "use `read_only: true`" },
        Foreign {
            words: &["source", "efs", "volume"],
            help: "name the volume in the key: `volumes: { uploads: { path: /data } }`",
        },
    ],
};
