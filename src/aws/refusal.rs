//! What AWS refuses a call for, where its code does not say so. The only place that reads the text of a message, and only
//! to decide whether a refusal may pass by waiting.

use crate::model::Failure;

/// What a refused call was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// A role that the service cannot assume yet: a new one, or its own one in a new account.
    Role,
    /// A part of the network, which AWS may not know everywhere yet.
    Network,
    /// More calls of one kind at once than the service takes.
    Concurrency,
    /// Something else: another try is refused as well.
    Other,
}

/// ECS, EventBridge Scheduler and RDS have one code for a role that cannot be assumed yet and for all that is wrong with a
/// call. Each names the role in its message: "unable to assume the role", "must allow … to assume the role". ECS has the same code
/// for revisions of a family that are registered too fast.
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
    fn a_role_is_told_from_what_is_wrong_for_good() {
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
