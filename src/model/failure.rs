//! Failures as data: the subject, the response of AWS, and what the reader needs to act on them.

use std::{fmt, path::Path};

use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct};

use super::{Address, Evidence, Explanation};

/// A failure.
///
/// Shown as `service.web: UpdateService: AccessDeniedException: … (request 4f1c…)`. Its JSON also has `details`: the
/// explanation as lines of text.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Failure {
    /// The subject, if it is known.
    pub subject: Option<Subject>,
    /// The AWS operation that failed, such as `CreateVpc`, or `None` if no call failed.
    pub operation: Option<String>,
    /// The AWS error code.
    pub code: Option<String>,
    /// The message, by AWS or by stackctl. It is for people: no code reads it.
    pub message: String,
    /// The request id, for AWS support.
    pub request_id: Option<String>,
    /// The next step for the reader.
    pub hint: Option<String>,
    /// The class of the failure, which decides about retries.
    pub cause: Cause,
    /// Details beyond the message. Boxed because every result carries a failure and few failures have details.
    pub explanation: Box<Explanation>,
}

/// The subject of a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", content = "name")]
pub enum Subject {
    /// A resource of the stack.
    Address(Address),
    /// A flag of the command line, such as `--target`.
    Flag(String),
    /// A command of stackctl, such as `deploy`.
    Command(String),
    /// A key of stack.yaml, such as `network.zones`.
    Key(String),
    /// A file or folder on this machine.
    File(String),
    /// A program that was run on this machine, such as `docker build`.
    Program(String),
    /// An activity of stackctl on this machine, such as `find a free port`.
    Activity(String),
}

/// The class of a failure, as far as it decides what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// AWS refused the call and would refuse it again.
    Refused,
    /// AWS throttled the call; it had no effect.
    Throttled,
    /// The response was lost or AWS had an internal error: the call may have had an effect.
    Ambiguous,
    /// AWS could not be reached, or the credentials are invalid. Other calls would fail too.
    Unreachable,
    /// A rollout was rolled back to the previous version.
    RolledBack,
    /// The user asked to stop, and a wait ended early.
    Interrupted,
    /// A defect in stackctl.
    Internal,
}

impl Subject {
    /// Creates the subject for the command-line flag `name`, which includes its hyphens.
    pub fn flag(name: &str) -> Self {
        Self::Flag(name.to_owned())
    }

    /// Creates the subject for the stackctl command `name`.
    pub fn command(name: &str) -> Self {
        Self::Command(name.to_owned())
    }

    /// Creates the subject for the key `name` of stack.yaml, a full path such as `network.zones`.
    pub fn key(name: &str) -> Self {
        Self::Key(name.to_owned())
    }

    /// Creates the subject for the file or folder at `path`.
    pub fn file(path: &Path) -> Self {
        Self::File(path.display().to_string())
    }

    /// Creates the subject for the program `name` on this machine.
    pub fn program(name: &str) -> Self {
        Self::Program(name.to_owned())
    }

    /// Creates the subject for an activity of stackctl.
    pub fn activity(words: &str) -> Self {
        Self::Activity(words.to_owned())
    }
}

impl From<Address> for Subject {
    fn from(address: Address) -> Self {
        Self::Address(address)
    }
}

impl From<&Address> for Subject {
    fn from(address: &Address) -> Self {
        Self::Address(address.clone())
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Flag(name)
            | Self::Command(name)
            | Self::Key(name)
            | Self::File(name)
            | Self::Program(name)
            | Self::Activity(name) => write!(f, "{name}"),
        }
    }
}

impl Failure {
    /// Creates a failure without a call to AWS. The caller adds the subject.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            subject: None,
            operation: None,
            code: None,
            message: message.into(),
            request_id: None,
            hint: None,
            cause: Cause::Refused,
            explanation: Box::default(),
        }
    }

    /// Creates a failure of the AWS operation `operation`.
    pub fn refused(operation: impl Into<String>, message: impl Into<String>) -> Self {
        Self { operation: Some(operation.into()), ..Self::new(message) }
    }

    /// Creates a failure about `subject`, without a call to AWS.
    pub fn about(subject: impl Into<Subject>, message: impl Into<String>) -> Self {
        Self { subject: Some(subject.into()), ..Self::new(message) }
    }

    /// Creates a failure for a defect in stackctl.
    pub fn internal(message: impl Into<String>) -> Self {
        let hint = "this is a bug in stackctl: report it with the output of the same command run with -v";
        Self { cause: Cause::Internal, ..Self::about(Subject::program("stackctl"), message).hint(hint) }
    }

    /// Sets the subject, unless there is one.
    #[must_use]
    pub fn or_about(self, subject: impl Into<Subject>) -> Self {
        Self { subject: self.subject.or_else(|| Some(subject.into())), ..self }
    }

    /// Sets the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds `evidence` to the explanation.
    #[must_use]
    pub fn evidence(mut self, evidence: Evidence) -> Self {
        self.explanation.evidence.push(evidence);
        self
    }

    /// Returns whether the AWS error code is one of `codes`.
    pub fn is(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    /// Returns whether the AWS operation `operation` failed.
    pub fn is_of(&self, operation: &str) -> bool {
        self.operation.as_deref() == Some(operation)
    }

    /// Returns whether the subject is the resource at `address`.
    pub fn is_about(&self, address: &Address) -> bool {
        matches!(&self.subject, Some(Subject::Address(own)) if own == address)
    }
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { subject, operation, code, message, request_id, hint, cause, explanation } = self;
        let mut document = serializer.serialize_struct("Failure", 9)?;
        document.serialize_field("subject", subject)?;
        document.serialize_field("operation", operation)?;
        document.serialize_field("code", code)?;
        document.serialize_field("message", message)?;
        document.serialize_field("request_id", request_id)?;
        document.serialize_field("hint", hint)?;
        document.serialize_field("cause", cause)?;
        document.serialize_field("explanation", explanation)?;
        // For programs that were written before `explanation` existed.
        document.serialize_field("details", &explanation.lines())?;
        document.end()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(subject) = &self.subject {
            write!(f, "{subject}: ")?;
        }
        if let Some(operation) = &self.operation {
            write!(f, "{operation}: ")?;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_subject_operation_and_code_in_order() {
        let mut failure = Failure::refused("UpdateService", "not allowed").or_about(Address::new("service", "web"));
        failure.code = Some("AccessDeniedException".into());
        failure.request_id = Some("4f1c".into());
        assert_eq!(
            failure.to_string(),
            "service.web: UpdateService: AccessDeniedException: not allowed (request 4f1c)"
        );
        assert_eq!(
            Failure::about(Subject::flag("--target"), "no such resource").to_string(),
            "--target: no such resource"
        );
    }

    #[test]
    fn the_first_subject_is_kept() {
        let failure = Failure::about(Subject::program("docker build"), "it ended with 1");
        assert_eq!(failure.clone().or_about(Address::new("image", "app")), failure);
    }
}
