//! The tags that mark the resources of a stack.

use crate::model::{Address, StackId};

/// The name of the stack.
pub const STACK: &str = "stackctl:stack";
/// The environment.
pub const ENVIRONMENT: &str = "stackctl:environment";
/// The address of the resource in the stack.
pub const ADDRESS: &str = "stackctl:address";
/// The name in the AWS console.
pub const NAME: &str = "Name";

/// The ids of the hosted zones in which the stack has records, separated by spaces. Records have no tags, so this tag
/// on another resource tells where to look for them.
pub const ZONES: &str = "stackctl:zones";

/// On the stack's cluster: the rare kinds of which the stack has never had a resource, separated by spaces. These are
/// not listed.
pub const WITHOUT: &str = "stackctl:without";

/// The region of the stack, on a resource of a global service.
pub const REGION: &str = "stackctl:region";

/// The commit of the source of a task definition's image, with `-dirty` if the working tree differed.
pub const COMMIT: &str = "stackctl:commit";

/// The operating system user who registered a task definition.
pub const BY: &str = "stackctl:by";

/// On a task definition of a rollback: the restored revision.
pub const ROLLBACK_TO: &str = "stackctl:rollback-to";

/// A tag as a type of one service's SDK.
pub trait Tag {
    /// Creates a tag.
    fn with(key: &str, value: &str) -> Self;
    /// Returns the key and the value.
    fn pair(&self) -> (&str, &str);
}

/// For services whose SDK has an optional key and value.
macro_rules! optional {
    ($($sdk:ident),+ $(,)?) => {$(
        impl Tag for $sdk::types::Tag {
            fn with(key: &str, value: &str) -> Self {
                Self::builder().key(key).value(value).build()
            }

            fn pair(&self) -> (&str, &str) {
                (self.key().unwrap_or_default(), self.value().unwrap_or_default())
            }
        }
    )+};
}

/// For services whose SDK has a required key and value.
macro_rules! required {
    ($($sdk:ident),+ $(,)?) => {$(
        impl Tag for $sdk::types::Tag {
            fn with(key: &str, value: &str) -> Self {
                Self::builder().key(key).value(value).build().expect("the key and the value are given")
            }

            fn pair(&self) -> (&str, &str) {
                (self.key(), self.value())
            }
        }
    )+};
}

optional!(
    aws_sdk_cloudwatch,
    aws_sdk_ec2,
    aws_sdk_ecs,
    aws_sdk_elasticache,
    aws_sdk_elasticloadbalancingv2,
    aws_sdk_rds,
    aws_sdk_secretsmanager,
);
required!(
    aws_sdk_ecr,
    aws_sdk_efs,
    aws_sdk_eventbridge,
    aws_sdk_iam,
    aws_sdk_s3,
    aws_sdk_scheduler,
    aws_sdk_servicediscovery,
    aws_sdk_sns,
);

// The SDK of ACM has a required key and an optional value.
impl Tag for aws_sdk_acm::types::Tag {
    fn with(key: &str, value: &str) -> Self {
        Self::builder().key(key).value(value).build().expect("the key is given")
    }

    fn pair(&self) -> (&str, &str) {
        (self.key(), self.value().unwrap_or_default())
    }
}

// For the services whose SDK has tags as a map.
impl Tag for (String, String) {
    fn with(key: &str, value: &str) -> Self {
        (key.to_owned(), value.to_owned())
    }

    fn pair(&self) -> (&str, &str) {
        (&self.0, &self.1)
    }
}

/// Creates the tag `key` with this value.
pub fn tag<T: Tag>(key: &str, value: &str) -> T {
    T::with(key, value)
}

/// Returns the value of the tag `key`.
pub fn tag_value<'a>(tags: &'a [impl Tag], key: &str) -> Option<&'a str> {
    tags.iter().map(Tag::pair).find(|(own, _)| *own == key).map(|(_, value)| value)
}

/// Returns the four tags of a new resource at `address`.
pub fn tags<T: Tag>(id: &StackId, address: &Address) -> Vec<T> {
    let name = format!("{}-{}-{}", id.stack, id.environment, address.name());
    vec![tag(STACK, &id.stack), tag(ENVIRONMENT, &id.environment), tag(ADDRESS, &address.to_string()), tag(NAME, &name)]
}

/// Returns the address in these tags, if they name the stack `id`.
pub fn address_of(id: &StackId, tags: &[impl Tag]) -> Option<Address> {
    let owned = tag_value(tags, STACK) == Some(&id.stack) && tag_value(tags, ENVIRONMENT) == Some(&id.environment);
    tag_value(tags, ADDRESS).filter(|_| owned)?.parse().ok()
}

/// Returns whether the tags name no stack.
pub fn is_of_no_stack(tags: &[impl Tag]) -> bool {
    tag_value(tags, STACK).is_none()
}

/// Returns the hosted zones in the tag [`ZONES`].
pub fn zones_of(tags: &[impl Tag]) -> Vec<String> {
    tag_value(tags, ZONES).into_iter().flat_map(|zones| zones.split_whitespace().map(str::to_owned)).collect()
}

/// Returns filters as pairs of name and value that limit an EC2 `Describe…` call to the resources of `id`.
pub fn ours(id: &StackId) -> [(String, String); 2] {
    [(format!("tag:{STACK}"), id.stack.clone()), (format!("tag:{ENVIRONMENT}"), id.environment.clone())]
}
