//! The phase of a live resource.

use serde::{Deserialize, Serialize};

/// Whether a resource is usable, will be, or never will be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "detail")]
pub enum Phase {
    /// It is usable.
    Ready,
    /// It is not usable yet, with the state that AWS reports, such as `backing-up` or `1 of 2 tasks running`.
    Pending(String),
    /// It is being deleted, with the state that AWS reports.
    Deleting(String),
    /// It will not become ready, with the reason.
    Failed(String),
    /// Its change was rolled back, with the reason.
    RolledBack(String),
}

impl Phase {
    /// Returns the word that `status` shows.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Pending(_) => "pending",
            Self::Deleting(_) => "deleting",
            Self::Failed(_) | Self::RolledBack(_) => "failed",
        }
    }

    /// Returns the state that AWS reports or the reason, if there is one.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Ready => None,
            Self::Pending(word) | Self::Deleting(word) | Self::Failed(word) | Self::RolledBack(word) => Some(word),
        }
    }
}
