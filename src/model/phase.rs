//! Where a live resource is on its way.

use serde::{Deserialize, Serialize};

/// Whether a resource can be used, will be, or never will.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "detail")]
pub enum Phase {
    /// It can be used.
    Ready,
    /// Not yet; AWS's own word for where it is, such as `backing-up` or `1 of 2 tasks running`.
    Pending(String),
    /// It is going away; AWS's own word for it.
    Deleting(String),
    /// It will not become ready by waiting; why.
    Failed(String),
    /// It was to change, and ended on what ran before; why.
    RolledBack(String),
}

impl Phase {
    /// The one word that `status` shows.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Pending(_) => "pending",
            Self::Deleting(_) => "deleting",
            Self::Failed(_) | Self::RolledBack(_) => "failed",
        }
    }

    /// AWS's word or the reason, where there is one.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Ready => None,
            Self::Pending(word) | Self::Deleting(word) | Self::Failed(word) | Self::RolledBack(word) => Some(word),
        }
    }
}
