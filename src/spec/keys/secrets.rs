//! The keys of a secret that is kept elsewhere.

use super::{Absence, Foreign, Key, Kind, Section, texts};

/// What an entry of `secrets` may be, of a service or of a job.
pub(super) static SECRET_VALUE: Kind =
    Kind::Either(&[Kind::Choice(&["generate", "set"]), Kind::Text(&texts::WITH_REFERENCE), Kind::Map(&SECRET)]);

pub(in crate::spec) static SECRET: Section = Section {
    name: "secret",
    doc: "A secret that is kept elsewhere.",
    keys: &[
        Key {
            name: "from",
            kind: Kind::Text(&texts::SECRET_PLACE),
            absence: Absence::Error("arn:aws:secretsmanager:eu-west-1:123456789012:secret:api-key-AbCdEf"),
            doc: "The ARN of a secret in Secrets Manager or of a parameter in Systems Manager. Or the name of a parameter in the \
                  region of the stack, which begins with a slash: `/shop/api-key`. `((stack.environment))` and `((stack.name))` \
                  in it are the names of this environment and of the stack.",
        },
        Key {
            name: "key",
            kind: Kind::Text(&texts::ANY),
            absence: Absence::Means("the whole value"),
            doc: "A field of a secret that holds JSON. Parameters have no fields.",
        },
    ],
    foreign: &[
        Foreign {
            words: &["value_from", "arn", "secretsmanager", "ssm", "name"],
            help: "use `from` for the ARN of a secret or a parameter, or for a parameter's name",
        },
        Foreign { words: &["field", "json_key"], help: "use `key` for a field of a secret that holds JSON" },
        Foreign {
            words: &["value"],
            help: "leave it out: write `set` in the place of the mapping, and give the value with `stackctl secrets set`",
        },
        Foreign {
            words: &["from_cfn"],
            help: "use `from` with the ARN itself: stackctl reads no outputs of CloudFormation",
        },
    ],
};
