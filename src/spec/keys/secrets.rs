//! The keys of a secret that is stored outside the stack.

use super::{Absence, Foreign, Key, Kind, Section, texts};

/// The value of an entry in `secrets` of a service or a job.
pub(super) static SECRET_VALUE: Kind =
    Kind::Either(&[Kind::Choice(&["generate", "set"]), Kind::Text(&texts::WITH_REFERENCE), Kind::Map(&SECRET)]);

pub(in crate::spec) static SECRET: Section = Section {
    name: "secret",
    doc: "An existing secret or parameter.",
    keys: &[
        Key {
            name: "from",
            kind: Kind::Text(&texts::SECRET_PLACE),
            absence: Absence::Error("arn:aws:secretsmanager:eu-west-1:123456789012:secret:api-key-AbCdEf"),
            doc: "The ARN of a secret in Secrets Manager or of a parameter in Systems Manager. Or the name of a \
                  parameter in the region of the stack, with a slash first: `/shop/api-key`. `((stack.environment))` \
                  and `((stack.name))` in it stand for the names of this environment and of the stack.",
        },
        Key {
            name: "key",
            kind: Kind::Text(&texts::ANY),
            absence: Absence::Means("the whole value"),
            doc: "The field of a secret that contains JSON. Parameters have no fields.",
        },
    ],
    foreign: &[
        Foreign {
            words: &["value_from", "arn", "secretsmanager", "ssm", "name"],
            help: "use `from` for the ARN of a secret or a parameter, or for the name of a parameter",
        },
        Foreign { words: &["field", "json_key"], help: "use `key` for the field of a secret that contains JSON" },
        Foreign {
            words: &["value"],
            help: "remove it; write `set` instead of the mapping, and run `stackctl secrets set`",
        },
        Foreign {
            words: &["from_cfn"],
            help: "use `from` with the ARN itself; stackctl does not read CloudFormation outputs",
        },
    ],
};
