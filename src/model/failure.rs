//! What went wrong, as data: what it is about, what AWS says, and what a reader needs to act on it.

use std::{fmt, path::Path};

use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct};

use super::{Address, Evidence, Explanation};

/// Something that failed.
///
/// Shown as `service.web: UpdateService: AccessDeniedException: … (request 4f1c…)`. As JSON it has `details` as well: the
/// explanation in words, line by line.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Failure {
    /// What it is about, where that is known.
    pub subject: Option<Subject>,
    /// The AWS operation that failed, such as `CreateVpc`; none where no call failed.
    pub operation: Option<String>,
    /// AWS's error code.
    pub code: Option<String>,
    /// AWS's message, or ours. It is for people: nothing decides by it.
    pub message: String,
    /// The id to give to AWS support.
    pub request_id: Option<String>,
    /// The next step for the reader.
    pub hint: Option<String>,
    /// What kind of failure this is, for the decision whether to try again.
    pub cause: Cause,
    /// What is known beyond the message. On the heap: results carry a failure, and few failures have one.
    pub explanation: Box<Explanation>,
}

/// What a failure is about.
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
    /// A file or a folder of this machine.
    File(String),
    /// A program that was run on this machine, such as `docker build`.
    Program(String),
    /// A part of stackctl's own work on this machine, in words, such as `find a free port`.
    Activity(String),
}

/// Why something failed, as far as it decides what to do next.
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

impl Subject {
    /// The flag `name` of the command line, with its hyphens.
    pub fn flag(name: &str) -> Self {
        Self::Flag(name.to_owned())
    }

    /// The command `name` of stackctl.
    pub fn command(name: &str) -> Self {
        Self::Command(name.to_owned())
    }

    /// The key `name` of stack.yaml, with those above it.
    pub fn key(name: &str) -> Self {
        Self::Key(name.to_owned())
    }

    /// The file or folder at `path`.
    pub fn file(path: &Path) -> Self {
        Self::File(path.display().to_string())
    }

    /// The program `name` of this machine.
    pub fn program(name: &str) -> Self {
        Self::Program(name.to_owned())
    }

    /// Work of stackctl's own, in words.
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
    /// Something failed without a call to AWS, as `message` says; what it is about is for the caller to add.
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

    /// The AWS operation `operation` did not do what it should.
    pub fn refused(operation: impl Into<String>, message: impl Into<String>) -> Self {
        Self { operation: Some(operation.into()), ..Self::new(message) }
    }

    /// Something is wrong with `subject`, without a call to AWS that failed.
    pub fn about(subject: impl Into<Subject>, message: impl Into<String>) -> Self {
        Self { subject: Some(subject.into()), ..Self::new(message) }
    }

    /// A defect of stackctl itself.
    pub fn internal(message: impl Into<String>) -> Self {
        let hint = "this is a bug in stackctl: report it with the output of the same command run with -v";
        Self { cause: Cause::Internal, ..Self::about(Subject::program("stackctl"), message).hint(hint) }
    }

    /// The same, about `subject` if nothing was said about that.
    #[must_use]
    pub fn or_about(self, subject: impl Into<Subject>) -> Self {
        Self { subject: self.subject.or_else(|| Some(subject.into())), ..self }
    }

    /// With `hint` as the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With `evidence` beside what is known already.
    #[must_use]
    pub fn evidence(mut self, evidence: Evidence) -> Self {
        self.explanation.evidence.push(evidence);
        self
    }

    /// Whether AWS's code is one of `codes`.
    pub fn is(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    /// Whether the AWS operation `operation` failed.
    pub fn is_of(&self, operation: &str) -> bool {
        self.operation.as_deref() == Some(operation)
    }

    /// Whether it is about the resource at `address`.
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
        // Programs read it that were written before there was an explanation.
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
    fn the_first_subject_stays() {
        let failure = Failure::about(Subject::program("docker build"), "it ended with 1");
        assert_eq!(failure.clone().or_about(Address::new("image", "app")), failure);
    }
}
