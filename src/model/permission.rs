//! What IAM has to allow: the actions of AWS that a kind's calls need, and on what.
//!
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>

/// Actions that are allowed for one purpose on the same resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// What for.
    pub purpose: Purpose,
    /// The actions, as IAM names them: `ec2:CreateVpc`.
    pub actions: &'static [&'static str],
    /// On what.
    pub on: On,
}

/// What a permission is for. Each command needs some of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Finding out what is there.
    Look,
    /// Keeping other runs out.
    Lock,
    /// Releasing images, and running a command once.
    Release,
    /// Making what stack.yaml asks for, and changing it.
    Make,
    /// Deleting.
    Delete,
    /// Commands in tasks that run, and ports through them.
    Session,
}

/// What a permission is limited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// All resources: AWS takes nothing narrower, or only names that AWS gives.
    Any,
    /// Resources with these ARNs, written without `arn:aws:`. `{region}`, `{account}`, `{stack}` and `{environment}` stand for
    /// themselves, `{name:32}` for what a derived name of at most 32 characters begins with.
    Named(&'static [&'static str]),
    /// Resources that are made with the stack's tags.
    Tagged,
    /// Resources that have the stack's tags.
    Owned,
    /// The tags that go on while this service makes a resource.
    Tagging(&'static str),
    /// The stack's roles, handed to this service.
    PassedTo(&'static str),
    /// The role that AWS makes at the first use of this service in an account.
    ServiceRole(&'static str),
    /// What GuardDuty has put into a network, by its tag.
    GuardDuty,
    /// Records of DNS with the load balancer's domain, or below it.
    Records,
}

impl Permission {
    /// To find out what is there. `List…` and `Describe…` mostly take no resource, and what is there is no secret.
    pub const fn look(actions: &'static [&'static str]) -> Self {
        Self { purpose: Purpose::Look, actions, on: On::Any }
    }

    /// To find out more of what is called by its name.
    pub const fn look_at(actions: &'static [&'static str], on: On) -> Self {
        Self { purpose: Purpose::Look, actions, on }
    }

    /// To keep other runs out.
    pub const fn lock(actions: &'static [&'static str], on: On) -> Self {
        Self { purpose: Purpose::Lock, actions, on }
    }

    /// To release.
    pub const fn release(actions: &'static [&'static str], on: On) -> Self {
        Self { purpose: Purpose::Release, actions, on }
    }

    /// To make and to change.
    pub const fn make(actions: &'static [&'static str], on: On) -> Self {
        Self { purpose: Purpose::Make, actions, on }
    }

    /// To be in a session with a task that runs.
    pub const fn session(actions: &'static [&'static str], on: On) -> Self {
        Self { purpose: Purpose::Session, actions, on }
    }

    /// To delete.
    pub const fn delete(actions: &'static [&'static str], on: On) -> Self {
        Self { purpose: Purpose::Delete, actions, on }
    }
}
