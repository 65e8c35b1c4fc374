//! The content of a DNS record.

use serde::{Deserialize, Serialize};

/// The content of a DNS record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Values with a TTL.
    Values {
        /// The TTL in seconds.
        ttl: i64,
        /// The values in the format of Route 53.
        values: Vec<String>,
    },
    /// An alias of another name.
    Alias {
        /// The hosted zone of the other name.
        zone: String,
        /// The other name.
        name: String,
        /// Whether Route 53 returns nothing while the target is unhealthy.
        checks_health: bool,
    },
}

impl Content {
    /// Returns the content as a plan shows it. Leaves out settings that do not affect the target: the TTL and the
    /// health check.
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
