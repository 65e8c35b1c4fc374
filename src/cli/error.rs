//! The ways a command can stop short, and the exit code of each.

use crate::{
    cli::signals::Asked,
    engine::{Holder, LockError},
    exit,
    model::{Cause, Failure, Subject},
    output::Output,
    spec::Problems,
};

/// Why a command stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// stack.yaml is wrong.
    Problems(Problems),
    /// The command line asks for what cannot be.
    Usage { message: String, hint: Option<String> },
    /// The cloud, or something on this machine, failed.
    Failure(Box<Failure>),
    /// Somebody else is at work on the stack.
    Held(Box<Holder>),
    /// The user said no.
    Declined,
    /// A signal came, and nothing has to be finished.
    Asked(Asked),
}

impl Stop {
    pub(super) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: Some(hint.into()) }
    }

    /// Says why on `output`; gives the exit code.
    pub(super) fn report(&self, output: &Output) -> u8 {
        match self {
            Self::Problems(problems) => {
                if output.is_json() {
                    output.document(&serde_json::json!({ "event": "error", "problems": problems.list() }));
                } else {
                    output.raw_error(&problems.render(output.colored()));
                }
                exit::USAGE
            }
            Self::Usage { message, hint } => {
                output.error(message, hint.as_deref());
                exit::USAGE
            }
            Self::Failure(failure) => {
                output.failure(failure);
                code(failure)
            }
            Self::Held(holder) => {
                output.error(
                    &format!("the stack is locked by {holder}"),
                    Some(
                        "wait for it with --lock-timeout 10m. If that run no longer exists, its lock expires after \
                     one minute, or remove it with `stackctl unlock`",
                    ),
                );
                exit::LOCKED
            }
            Self::Declined => {
                output.status("Nothing was changed.");
                exit::FAILED
            }
            Self::Asked(by) => {
                output.status(&format!("\nStopped on {by}."));
                by.code()
            }
        }
    }
}

/// The exit code of a failure.
pub(super) fn code(failure: &Failure) -> u8 {
    match (failure.cause, &failure.subject) {
        (Cause::RolledBack, _) => exit::ROLLED_BACK,
        // A flag that asks for something impossible is a mistake in the command line.
        (_, Some(Subject::Flag(_))) => exit::USAGE,
        _ => exit::FAILED,
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(Box::new(failure))
    }
}

impl From<Problems> for Stop {
    fn from(problems: Problems) -> Self {
        Self::Problems(problems)
    }
}

impl From<LockError> for Stop {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Held(holder) => Self::Held(holder),
            LockError::Failure(failure) => failure.into(),
        }
    }
}
