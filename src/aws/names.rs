//! Names derived from stack, environment and address. They are never random, so that a repeated create finds the
//! resource of the previous attempt, and never longer than AWS allows.

use sha2::{Digest, Sha256};

use crate::model::{Address, StackId};

/// Returns `<stack>-<environment>-<name>`. A name longer than `limit` characters is shortened and ends with a hash of
/// the full name.
pub fn derived(id: &StackId, address: &Address, limit: usize) -> String {
    shortened(&format!("{}-{}-{}", id.stack, id.environment, address.name()), limit)
}

/// As [`derived`], with a suffix of six hexadecimal digits derived from `discriminator`. For a resource whose
/// replacement must exist beside the old one, where only the discriminator forces a replacement.
pub fn discriminated(id: &StackId, address: &Address, discriminator: &str, limit: usize) -> String {
    let suffix = digest(discriminator, 6);
    let whole = derived(id, address, limit.saturating_sub(suffix.len() + 1));
    format!("{whole}-{suffix}")
}

/// Returns the last part of an ARN: the id of a task, `family:revision` of a task definition, the name of a role.
pub fn last_part(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, part)| part)
}

/// Returns `<stack>-<environment>-`, the prefix of the names of the stack's resources, unless they are shortened.
pub fn stack_prefix(id: &StackId) -> String {
    format!("{}-{}-", id.stack, id.environment)
}

/// Returns the IAM path of the stack's roles.
pub fn iam_path(id: &StackId) -> String {
    format!("/stackctl/{}/{}/", id.stack, id.environment)
}

/// Returns the prefix of the names of the stack's log groups.
pub fn log_prefix(id: &StackId) -> String {
    iam_path(id)
}

fn shortened(whole: &str, limit: usize) -> String {
    if whole.len() <= limit {
        return whole.to_owned();
    }
    let suffix = digest(whole, 8);
    let kept = whole[..limit - suffix.len() - 1].trim_end_matches('-');
    format!("{kept}-{suffix}")
}

/// Returns the first `digits` hexadecimal digits of the SHA-256 of `text`.
pub fn digest(text: &str, digits: usize) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>()[..digits].to_owned()
}

/// Returns whether a name of at most `limit` characters may be one that [`derived`] creates for the stack. It
/// preselects the results of bulk reads that cannot filter by tag; the tags decide.
pub fn may_be_ours(id: &StackId, name: &str, limit: usize) -> bool {
    name.starts_with(&may_begin(id, limit))
}

/// Returns the common prefix of all names of at most `limit` characters that [`derived`] creates for the stack.
pub fn may_begin(id: &StackId, limit: usize) -> String {
    let mut prefix = stack_prefix(id);
    // A shortened name keeps the part before its hash. A discriminated name is shortened further.
    prefix.truncate(limit.saturating_sub(17));
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> StackId {
        StackId { stack: "rates".into(), environment: "production".into() }
    }

    #[test]
    fn a_short_name_is_unchanged() {
        assert_eq!(derived(&id(), &Address::new("target_group", "web"), 32), "rates-production-web");
    }

    #[test]
    fn a_long_name_is_shortened_and_stays_unique() {
        let one = derived(&id(), &Address::new("target_group", "a-service-with-a-long-name"), 32);
        let two = derived(&id(), &Address::new("target_group", "a-service-with-a-long-name-too"), 32);
        assert_eq!((one.len(), two.len()), (32, 32));
        assert_ne!(one, two);
    }

    #[test]
    fn a_discriminated_name_depends_on_its_discriminator() {
        let address = Address::new("target_group", "web");
        assert_ne!(discriminated(&id(), &address, "3000", 32), discriminated(&id(), &address, "3001", 32));
        assert!(discriminated(&id(), &address, "3000", 32).len() <= 32);
    }
}
