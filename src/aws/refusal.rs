//! The reason for a refusal with an unspecific code. This is the only place that reads the text of a message, and only
//! to decide whether the refusal may be temporary.

use crate::model::Failure;

/// The reason for a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// A role that the service cannot assume yet: a new role, or the service-linked role in a new account.
    Role,
    /// A part of the network that may not be visible everywhere yet.
    Network,
    /// Too many concurrent calls of one kind.
    Concurrency,
    /// Something else: a retry would be refused too.
    Other,
}

/// Returns the reason for `failure`. ECS, EventBridge Scheduler and RDS use the same code for a role that cannot be
/// assumed yet and for any other error. Each mentions the role in its message: "unable to assume the role", "must allow
/// … to assume the role". ECS also uses that code if revisions of a family are registered too fast.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/troubleshooting.html>,
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html>
pub fn about(failure: &Failure) -> About {
    let names = |words: &[&str]| words.iter().any(|word| failure.message.to_lowercase().contains(word));
    if names(&["too many concurrent attempts"]) {
        About::Concurrency
    } else if names(&["role"]) {
        About::Role
    } else if names(&["subnet", "security group"]) {
        About::Network
    } else {
        About::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_error_is_told_from_a_permanent_error() {
        let table = [
            ("ECS was unable to assume the role 'arn:aws:iam::1:role/x' that was provided for this task.", About::Role),
            ("Unable to assume the service linked role. Please verify that it exists.", About::Role),
            ("The execution role you provide must allow AWS EventBridge Scheduler to assume the role.", About::Role),
            ("Error retrieving security group information for [sg-1]: it does not exist", About::Network),
            ("The subnet ID 'subnet-1' does not exist", About::Network),
            ("Too many concurrent attempts to create a new revision of the specified family.", About::Concurrency),
            ("Container Overrides length must be at most 8192", About::Other),
            ("You've reached the limit on the number of vCPUs you can run concurrently", About::Other),
        ];
        for (message, wanted) in table {
            assert_eq!(about(&Failure::refused("RunTask", message)), wanted, "{message}");
        }
    }
}
