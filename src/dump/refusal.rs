//! The error for a dump that cannot be loaded.

/// Why a dump cannot be loaded.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The line number, from 1; `None` if the error is about the whole file.
    pub line: Option<u64>,
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub hint: String,
}

impl Refusal {
    pub(super) fn new(line: Option<u64>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { line, message: message.into(), hint: hint.into() }
    }
}
