//! The keys of one of `buckets`.

use super::{Absence, Foreign, Key, Kind, Literal, Section};

pub(in crate::spec) static BUCKET: Section = Section {
    name: "bucket",
    doc: "A private, encrypted and versioned S3 bucket of the application.",
    keys: &[Key {
        name: "protect",
        kind: Kind::Truth,
        absence: Absence::Default(Literal::Truth(true)),
        doc: "Whether only `--unprotect` deletes the bucket. A bucket that is not empty always needs `--unprotect`.",
    }],
    foreign: &[
        Foreign {
            words: &["bucket", "bucket_name", "name"],
            help: "remove it; the name consists of the stack, the environment, the bucket, the account and the region",
        },
        Foreign {
            words: &["acl", "public", "block_public_access", "website"],
            help: "remove it; every bucket is private",
        },
        Foreign { words: &["versioning", "versioned"], help: "remove it; every bucket is versioned" },
        Foreign { words: &["encryption", "kms"], help: "remove it; every bucket is encrypted with S3 managed keys" },
        Foreign {
            words: &["force_destroy", "deletion_policy"],
            help: "use `protect`; deleting a bucket that is not empty needs --unprotect",
        },
        Foreign {
            words: &["lifecycle", "lifecycle_rule", "cors"],
            help: "use another tool for it; stackctl does not change it",
        },
    ],
};
