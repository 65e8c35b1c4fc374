//! IAM permissions: the AWS actions that a kind's calls need, and the resources they apply to.
//!
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>

/// Actions for one purpose on the same resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The purpose.
    pub purpose: Purpose,
    /// The actions, as IAM names them: `ec2:CreateVpc`.
    pub actions: &'static [&'static str],
    /// The resources.
    pub on: On,
}

/// The purpose of a permission. Each command needs some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Reading the live state.
    Look,
    /// Locking the stack.
    Lock,
    /// Releasing images and running one-off commands.
    Release,
    /// Creating and changing resources.
    Make,
    /// Deleting.
    Delete,
    /// Sessions with running tasks, for commands and ports.
    Session,
}

/// The resources that a permission is limited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// All resources: AWS supports no narrower limit, or AWS generates the names.
    Any,
    /// Resources with these ARNs, written without `arn:aws:`. `{region}`, `{account}`, `{stack}` and `{environment}`
    /// are placeholders, and so is `{name:32}`: the prefix of a derived name with at most 32 characters.
    Named(&'static [&'static str]),
    /// Resources that are created with the stack's tags.
    Tagged,
    /// Resources that have the stack's tags.
    Owned,
    /// Tagging while this service creates a resource.
    Tagging(&'static str),
    /// Passing the stack's roles to this service.
    PassedTo(&'static str),
    /// The service-linked role that AWS creates when an account first uses this service.
    ServiceRole(&'static str),
    /// The resources that GuardDuty creates in a network, by their tag.
    GuardDuty,
    /// DNS records with the load balancer's domain, or below it.
    Records,
}

impl Permission {
    /// Allows reads. Most `List…` and `Describe…` actions cannot be limited to a resource, and their results are not
    /// secret.
    pub const fn look(actions: &'static [&'static str]) -> Self {
        Self { purpose: Purpose::Look, actions, on: On::Any }
    }

    /// Allows further reads of resources that are known by name.
    pub const fn look_at(actions: &'static [&'static str], on: On) -> Self {
        Self { purpose: Purpose::Look, actions, on }
    }

    /// Allows locking the stack.
    pub const fn lock(actions: &'static [&'static str], on: On) -> Self {
        Self { purpose: Purpose::Lock, actions, on }
    }

    /// Allows releases.
    pub const fn release(actions: &'static [&'static str], on: On) -> Self {
        Self { purpose: Purpose::Release, actions, on }
    }

    /// Allows creating and changing resources.
    pub const fn make(actions: &'static [&'static str], on: On) -> Self {
        Self { purpose: Purpose::Make, actions, on }
    }

    /// Allows sessions with running tasks.
    pub const fn session(actions: &'static [&'static str], on: On) -> Self {
        Self { purpose: Purpose::Session, actions, on }
    }

    /// Allows deletions.
    pub const fn delete(actions: &'static [&'static str], on: On) -> Self {
        Self { purpose: Purpose::Delete, actions, on }
    }
}
