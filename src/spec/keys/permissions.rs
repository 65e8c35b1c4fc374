//! The keys of a statement of `permissions`.

use super::{Absence, Empty, Foreign, Key, Kind, Section, texts};

pub(in crate::spec) static STATEMENT: Section = Section {
    name: "statement",
    doc: "Actions that the tasks can call, and the resources.",
    keys: &[
        Key {
            name: "actions",
            kind: Kind::List(&texts::ACTION, Empty::Refused),
            absence: Absence::Error("[s3:GetObject]"),
            doc: "IAM actions, with `*` and `?`, such as `s3:GetObject` or `s3:Get*`. AWS lists them [by \
                  service](https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html). \
                  `*` alone is an error.",
        },
        Key {
            name: "resources",
            kind: Kind::List(&texts::RESOURCE, Empty::Refused),
            absence: Absence::Error("[\"arn:aws:s3:::my-bucket/*\"]"),
            doc: "ARNs, with `*` and `?`; or `\"*\"` for actions that do not support resources.",
        },
    ],
    foreign: &[
        Foreign { words: &["action"], help: "use `actions`, a list" },
        Foreign { words: &["resource"], help: "use `resources`, a list" },
        Foreign { words: &["effect"], help: "remove it; a statement always allows" },
        Foreign { words: &["sid"], help: "remove it; statements have no names" },
        Foreign { words: &["condition"], help: "remove it and narrow `resources`; conditions are not supported" },
    ],
};
