//! Why a dump is not loaded.

/// Why a dump cannot be loaded.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The line, from 1; none where it is about the file.
    pub line: Option<u64>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Refusal {
    pub(super) fn new(line: Option<u64>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { line, message: message.into(), hint: hint.into() }
    }
}
