//! The reasons for which a command stops early, with their exit codes.

use crate::{
    cli::signals::Asked,
    engine::{Holder, LockError},
    exit,
    model::{Cause, Failure, Subject},
    output::Output,
    spec::Problems,
};

/// Why a command stopped early.
#[derive(Debug)]
pub(super) enum Stop {
    /// stack.yaml is invalid.
    Problems(Problems),
    /// The command line is invalid.
    Usage { message: String, hint: Option<String> },
    /// AWS, or something on this machine, failed.
    Failure(Box<Failure>),
    /// Another run holds the lock.
    Held(Box<Holder>),
    /// The user declined.
    Declined,
    /// A signal arrived, and no work had to be finished.
    Asked(Asked),
}

impl Stop {
    pub(super) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: Some(hint.into()) }
    }

    /// Reports the reason on `output` and returns the exit code.
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

/// Returns the exit code of a failure.
pub(super) fn code(failure: &Failure) -> u8 {
    match (failure.cause, &failure.subject) {
        (Cause::RolledBack, _) => exit::ROLLED_BACK,
        // An impossible value of a flag is an error in the command line.
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
