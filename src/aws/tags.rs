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

/// The commit of the source from which a task definition's image was built, with `-dirty` where files differed from it.
pub const COMMIT: &str = "stackctl:commit";

/// Who registered a task definition, as the operating system calls them.
pub const BY: &str = "stackctl:by";

/// For a task definition that goes back to an earlier one: the revision of that.
pub const ROLLBACK_TO: &str = "stackctl:rollback-to";

/// What [`ZONES`] says among these tags.
pub fn zones_of<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    let zones = tags.into_iter().filter(|(key, _)| *key == ZONES);
    zones.flat_map(|(_, value)| value.split_whitespace().map(str::to_owned)).collect()
}

/// The four tags of the resource at `address`, as key and value.
pub fn tags(id: &StackId, address: &Address) -> [(&'static str, String); 4] {
    [
        (STACK, id.stack.clone()),
        (ENVIRONMENT, id.environment.clone()),
        (ADDRESS, address.to_string()),
        (NAME, format!("{}-{}-{}", id.stack, id.environment, address.name())),
    ]
}

/// The address that these tags give a resource, if they say that it belongs to `id`.
pub fn address_of<'a>(id: &StackId, tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Address> {
    let (mut stack, mut environment, mut address) = (None, None, None);
    for (key, value) in tags {
        match key {
            STACK => stack = Some(value),
            ENVIRONMENT => environment = Some(value),
            ADDRESS => address = Some(value),
            _ => {}
        }
    }
    let owned = stack == Some(id.stack.as_str()) && environment == Some(id.environment.as_str());
    address.filter(|_| owned)?.parse().ok()
}

/// Filters that make an EC2 `Describe…` call answer only what `id` owns: (name, value) pairs.
pub fn ours(id: &StackId) -> [(String, String); 2] {
    [(format!("tag:{STACK}"), id.stack.clone()), (format!("tag:{ENVIRONMENT}"), id.environment.clone())]
}
