//! What values of a template stand for in stack.yaml.

/// What a value of a template stands for in stack.yaml.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A text of stack.yaml.
    Text(String),
    /// The same, with a secret in it.
    Secret(String),
    /// A password that is generated.
    Generated,
    Bucket(String),
    BucketArn(String),
    /// A security group that the database or the cache admits.
    Group,
    /// What Copilot attaches to the tasks: a policy or another security group.
    Access,
    Unknown,
}
