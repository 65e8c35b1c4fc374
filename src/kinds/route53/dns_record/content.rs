//! What a record says.

use serde::{Deserialize, Serialize};

/// What a record says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// These values, remembered for so many seconds.
    Values {
        /// Seconds.
        ttl: i64,
        /// The values, as Route 53 has them.
        values: Vec<String>,
    },
    /// An alias of another name.
    Alias {
        /// The hosted zone of the other name.
        zone: String,
        /// The other name.
        name: String,
        /// Whether Route 53 gives no answer while the target is unhealthy.
        checks_health: bool,
    },
}

impl Content {
    /// In words, as a plan shows it. What does not decide where a record leads is nothing that counts: how long it is
    /// remembered, and whether the target's health is checked.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Values { values, .. } => {
                let values: Vec<&str> = values.iter().map(|value| value.trim_end_matches('.')).collect();
                values.join(", ")
            }
            Self::Alias { zone, name, .. } => format!("{name} in {zone}"),
        }
    }

    /// The first value.
    pub(super) fn first(&self) -> Option<&str> {
        match self {
            Self::Values { values, .. } => values.first().map(String::as_str),
            Self::Alias { .. } => None,
        }
    }
}
