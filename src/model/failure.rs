//! What went wrong at the cloud, with all that a reader needs to act on it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One operation that failed.
///
/// Shown as `UpdateService: AccessDeniedException: … (request 4f1c…)`; the engine puts the address before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The AWS operation, such as `CreateVpc`; of our own steps, what was being done.
    pub operation: String,
    /// AWS's error code.
    pub code: Option<String>,
    /// AWS's message, or ours.
    pub message: String,
    /// The id to give to AWS support.
    pub request_id: Option<String>,
    /// The next step for the reader.
    pub hint: Option<String>,
    /// What kind of failure this is, for the decision whether to try again.
    pub cause: Cause,
    /// What is known beyond the message: stopped reasons, the last log lines.
    pub details: Vec<String>,
}

/// Why an operation failed, as far as it decides what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// AWS refused it and will refuse it again.
    Refused,
    /// AWS asked to slow down; the work was not done.
    Throttled,
    /// The answer was lost or AWS failed inside: the work may or may not have been done.
    Ambiguous,
    /// Nothing could be reached, or the credentials are no good: no other call will fare better.
    Unreachable,
    /// A rollout ended on the version that ran before.
    RolledBack,
    /// The user asked to stop, and a wait was cut short.
    Interrupted,
    /// A defect of stackctl.
    Internal,
}

impl Failure {
    /// A refusal in our own words.
    pub fn refused(operation: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            operation: operation.into(),
            code: None,
            message: message.into(),
            request_id: None,
            hint: None,
            cause: Cause::Refused,
            details: Vec::new(),
        }
    }

    /// A defect of stackctl itself.
    pub fn internal(message: impl Into<String>) -> Self {
        let hint = "this is a defect of stackctl: please report it with the output of the same command and -v";
        Self { cause: Cause::Internal, ..Self::refused("stackctl", message).hint(hint) }
    }

    /// With `hint` as the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether AWS's code is one of `codes`.
    pub fn is(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.operation)?;
        if let Some(code) = &self.code {
            write!(f, "{code}: ")?;
        }
        write!(f, "{}", self.message)?;
        if let Some(request) = &self.request_id {
            write!(f, " (request {request})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
