//! The keys of one of `volumes`, and of a container's mount.

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
    doc: "Storage for files that outlive a container.",
    keys: &[
        Key {
            name: "shared",
            kind: Kind::Choice(SHARED),
            absence: Absence::Default(Literal::Text("stack")),
            doc: "Who shares the files. `stack`: all tasks that mount the volume, in an EFS file system that outlives \
                  them. `task`: the containers of one task, on its disk, which is deleted with it. The other keys \
                  apply only to `stack`.",
        },
        Key {
            name: "protect",
            kind: Kind::Truth,
            absence: Absence::Default(Literal::Truth(true)),
            doc: "Whether only `--unprotect` deletes the volume.",
        },
        Key {
            name: "backups",
            kind: Kind::Truth,
            absence: Absence::Default(Literal::Truth(true)),
            doc: "Whether AWS Backup copies the files every day. It keeps a copy for 35 days, even after the volume is \
                  deleted, and charges for the copies.",
        },
        Key {
            name: "throughput",
            kind: Kind::Choice(&THROUGHPUT_WORDS),
            absence: Absence::Default(Literal::Text("bursting")),
            doc: "The throughput mode of EFS. `bursting`: included in the price of storage; less storage means a lower \
                  throughput in the long run. `elastic`: you pay for each GiB that is read or written. A change is \
                  made in place, at most once in 24 hours.",
        },
        Key {
            name: "owner",
            kind: Kind::Text(&texts::OWNER),
            absence: Absence::Means("each process uses its own IDs"),
            doc: "The owner of all files, as a user ID and a group ID, such as `\"1000:1000\"`. All processes then \
                  read and write as this user. A change replaces the tasks and does not change existing files.",
        },
        Key {
            name: "mode",
            kind: Kind::Text(&texts::MODE),
            absence: Absence::Means("`\"0777\"`, or `\"0755\"` with `owner`"),
            doc: "The mode of the folder of the volume, in octal digits. It applies when EFS creates the folder, at \
                  the first start of a task.",
        },
    ],
    foreign: &[
        Foreign {
            words: &["efs", "driver", "driver_opts"],
            help: "remove it; stackctl creates an EFS file system for each volume with `shared: stack`",
        },
        Foreign {
            words: &["external"],
            help: "remove it; stackctl creates the volume, and you can copy files into it",
        },
        Foreign {
            words: &["path", "container_path"],
            help: "write the path in the service: `volumes: { uploads: /data }`",
        },
        Foreign {
            words: &["uid", "gid", "user", "root_directory"],
            help: "use `owner` for the owner of the files, such as `owner: \"1000:1000\"`",
        },
        Foreign {
            words: &["encrypted", "encryption", "kms_key_id", "transit_encryption"],
            help: "remove it; every volume is encrypted, at rest and in transit",
        },
        Foreign { words: &["backup", "backup_policy"], help: "use `backups: true` or `backups: false`" },
        Foreign { words: &["throughput_mode"], help: "use `throughput`, such as `throughput: elastic`" },
        Foreign { words: &["size", "size_in_gib"], help: "remove it; a volume has no fixed size" },
    ],
};

pub(in crate::spec) static MOUNT: Section = Section {
    name: "mount",
    doc: "The place of a volume in a container.",
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
            doc: "Whether the container can only read the files.",
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
            help: "write the name of the volume as the key: `volumes: { uploads: { path: /data } }`",
        },
    ],
};
