//! The keys of one of `buckets`.

use super::{Absence, Foreign, Key, Kind, Literal, Section};

pub(in crate::spec) static BUCKET: Section = Section {
    name: "bucket",
    doc: "An S3 bucket of the application: private, encrypted and versioned.",
    keys: &[Key {
        name: "protect",
        kind: Kind::Truth,
        absence: Absence::Default(Literal::Truth(true)),
        doc: "Whether the bucket is deleted with `--unprotect` only. A bucket with something in it is never deleted without \
              `--unprotect`, protected or not.",
    }],
    foreign: &[
        Foreign {
            words: &["bucket", "bucket_name", "name"],
            help: "leave it out: the name is made of stack, environment, bucket, account and region",
        },
        Foreign {
            words: &["acl", "public", "block_public_access", "website"],
            help: "leave it out: every bucket is private",
        },
        Foreign { words: &["versioning", "versioned"], help: "leave it out: every bucket keeps versions" },
        Foreign { words: &["encryption", "kms"], help: "leave it out: every bucket is encrypted with keys of S3" },
        Foreign {
            words: &["force_destroy", "deletion_policy"],
            help: "use `protect`; a bucket with something in it takes --unprotect",
        },
        Foreign {
            words: &["lifecycle", "lifecycle_rule", "cors"],
            help: "set it by another tool: stackctl leaves it alone",
        },
    ],
};
