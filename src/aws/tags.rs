//! Ownership: the tags that every resource is created with, and the reading of them.

use crate::model::{Address, StackId};

/// The stack's name.
pub const STACK: &str = "stackctl:stack";
/// The environment.
pub const ENVIRONMENT: &str = "stackctl:environment";
/// The resource's address within the stack.
pub const ADDRESS: &str = "stackctl:address";
/// What the AWS console shows.
pub const NAME: &str = "Name";

/// The hosted zones in which the stack has records, by their ids with spaces between: records have no tags, so a resource
/// that is read anyway says where to look for them.
pub const ZONES: &str = "stackctl:zones";

/// On the stack's cluster: the rare kinds of resources that the stack has never had, with spaces between. A look does not ask for
/// those.
pub const WITHOUT: &str = "stackctl:without";

/// The region of the stack that has a resource of a service without regions.
pub const REGION: &str = "stackctl:region";

/// The commit of the source from which a task definition's image was built, with `-dirty` where files differed from it.
pub const COMMIT: &str = "stackctl:commit";

/// Who registered a task definition, as the operating system calls them.
pub const BY: &str = "stackctl:by";

/// For a task definition that goes back to an earlier one: the revision of that.
pub const ROLLBACK_TO: &str = "stackctl:rollback-to";

/// A tag in the type of one AWS service's SDK.
pub trait Tag {
    /// The tag `key` with this value.
    fn with(key: &str, value: &str) -> Self;
    /// Its key and its value.
    fn pair(&self) -> (&str, &str);
}

/// Of the services whose SDK takes a key and a value to be optional.
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

/// Of the services whose SDK takes both to be required.
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

// ACM takes the key to be required and the value to be optional.
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

/// The tag `key` with this value.
pub fn tag<T: Tag>(key: &str, value: &str) -> T {
    T::with(key, value)
}

/// The value of the tag `key`.
pub fn tag_value<'a>(tags: &'a [impl Tag], key: &str) -> Option<&'a str> {
    tags.iter().map(Tag::pair).find(|(own, _)| *own == key).map(|(_, value)| value)
}

/// The four tags with which the resource at `address` is created.
pub fn tags<T: Tag>(id: &StackId, address: &Address) -> Vec<T> {
    let name = format!("{}-{}-{}", id.stack, id.environment, address.name());
    vec![tag(STACK, &id.stack), tag(ENVIRONMENT, &id.environment), tag(ADDRESS, &address.to_string()), tag(NAME, &name)]
}

/// The address that these tags give a resource, if they say that it belongs to `id`.
pub fn address_of(id: &StackId, tags: &[impl Tag]) -> Option<Address> {
    let owned = tag_value(tags, STACK) == Some(&id.stack) && tag_value(tags, ENVIRONMENT) == Some(&id.environment);
    tag_value(tags, ADDRESS).filter(|_| owned)?.parse().ok()
}

/// Whether no stack has put its tags there.
pub fn is_of_no_stack(tags: &[impl Tag]) -> bool {
    tag_value(tags, STACK).is_none()
}

/// The hosted zones that [`ZONES`] names among these tags.
pub fn zones_of(tags: &[impl Tag]) -> Vec<String> {
    tag_value(tags, ZONES).into_iter().flat_map(|zones| zones.split_whitespace().map(str::to_owned)).collect()
}

/// Filters that make an EC2 `Describe…` call answer only what `id` owns: (name, value) pairs.
pub fn ours(id: &StackId) -> [(String, String); 2] {
    [(format!("tag:{STACK}"), id.stack.clone()), (format!("tag:{ENVIRONMENT}"), id.environment.clone())]
}
