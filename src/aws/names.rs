//! Names that derive from stack, environment and address: never random, so that a repeated create meets its
//! own earlier work, and never longer than AWS takes.

use sha2::{Digest, Sha256};

use crate::model::{Address, StackId};

/// `<stack>-<environment>-<name>`, shortened with a hash of the whole where it exceeds `limit` characters.
pub fn derived(id: &StackId, address: &Address, limit: usize) -> String {
    shortened(&format!("{}-{}-{}", id.stack, id.environment, address.name()), limit)
}

/// As [`derived`], with six hexadecimal digits that derive from `discriminator`: for a resource whose replacement
/// must live beside the old one, the discriminator being all that forces the replacement.
pub fn discriminated(id: &StackId, address: &Address, discriminator: &str, limit: usize) -> String {
    let suffix = digest(discriminator, 6);
    let whole = derived(id, address, limit.saturating_sub(suffix.len() + 1));
    format!("{whole}-{suffix}")
}

/// The last part of an ARN: of a task, its id; of a task definition, `family:revision`; of a role, its name.
pub fn last_part(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, part)| part)
}

/// `<stack>-<environment>-`: what the names of a stack's resources begin with, unless they were shortened.
pub fn stack_prefix(id: &StackId) -> String {
    format!("{}-{}-", id.stack, id.environment)
}

/// The IAM path of the stack's roles.
pub fn iam_path(id: &StackId) -> String {
    format!("/stackctl/{}/{}/", id.stack, id.environment)
}

/// What the names of the stack's log groups begin with.
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

/// The first `digits` hexadecimal digits of the SHA-256 of `text`.
pub fn digest(text: &str, digits: usize) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>()[..digits].to_owned()
}

/// Whether a name that is at most `limit` characters long can be one of those that [`derived`] gives the stack's
/// resources. A hint for bulk reads that cannot filter by tag; the tags decide.
pub fn may_be_ours(id: &StackId, name: &str, limit: usize) -> bool {
    name.starts_with(&may_begin(id, limit))
}

/// What all names begin with that are at most `limit` characters long and that [`derived`] gives the stack's resources.
pub fn may_begin(id: &StackId, limit: usize) -> String {
    let mut prefix = stack_prefix(id);
    // A shortened name keeps what comes before its hash; a discriminated one is shortened further.
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
    fn a_name_that_fits_is_left_alone() {
        assert_eq!(derived(&id(), &Address::new("target_group", "web"), 32), "rates-production-web");
    }

    #[test]
    fn a_long_name_is_cut_to_the_limit_and_stays_distinct() {
        let one = derived(&id(), &Address::new("target_group", "a-service-with-a-long-name"), 32);
        let two = derived(&id(), &Address::new("target_group", "a-service-with-a-long-name-too"), 32);
        assert_eq!((one.len(), two.len()), (32, 32));
        assert_ne!(one, two);
    }

    #[test]
    fn a_discriminated_name_changes_with_its_discriminator_only() {
        let address = Address::new("target_group", "web");
        assert_ne!(discriminated(&id(), &address, "3000", 32), discriminated(&id(), &address, "3001", 32));
        assert!(discriminated(&id(), &address, "3000", 32).len() <= 32);
    }
}
