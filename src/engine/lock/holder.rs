//! The content of a lock: who holds it and when it expires.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::store::{Store, Stored};
use crate::model::Failure;

/// The lifetime of a lock that is not renewed, in seconds.
const LIFE_S: u32 = 60;

/// The run that holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The user name on the machine.
    pub who: String,
    /// The host name of the machine.
    pub host: String,
    /// The process id.
    pub pid: u32,
    /// The command, such as `up`.
    pub command: String,
    /// When the run took the lock, by the machine's clock.
    pub since: Timestamp,
    /// A random value that tells two runs with the same process id apart.
    pub nonce: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { who, host, pid, command, since, .. } = self;
        write!(f, "`stackctl {command}` of {who} on {host} (process {pid}) since {since:.0}")
    }
}

/// A lock that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The run that holds it.
    pub holder: Holder,
    /// Whether it has not expired. Another run may take over an expired lock.
    pub stands: bool,
}

/// A lock as it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Lease {
    #[serde(flatten)]
    holder: Holder,
    /// The lifetime after the last write, in seconds.
    life: u32,
}

impl Lease {
    /// Returns the text of a lock that `holder` takes or renews now.
    pub(super) fn written(holder: &Holder) -> Result<String, Failure> {
        let lease = Self { holder: holder.clone(), life: LIFE_S };
        serde_json::to_string(&lease).map_err(|error| Failure::internal(error.to_string()))
    }

    /// Returns the lock in `store`, if there is one.
    pub(super) async fn look(store: &dyn Store) -> Result<Option<Seen>, Failure> {
        let Some(stored) = store.read().await? else { return Ok(None) };
        Self::seen(&stored, store.name()).map(Some)
    }

    /// Parses `stored`. `name` is the lock's name, for the error message.
    fn seen(stored: &Stored, name: &str) -> Result<Seen, Failure> {
        let Self { holder, life } = serde_json::from_str(&stored.value).map_err(|error| {
            Failure::refused("GetParameter", format!("{name} is not a valid stackctl lock: {error}")).hint(format!(
                "if nothing else uses this parameter, delete it: aws ssm delete-parameter --name \
                 {name}"
            ))
        })?;
        Ok(Seen { holder, stands: stands(stored.written, life, stored.now) })
    }
}

/// Returns whether a lock that was written at `written` (seconds since 1970) is still valid `now`. Whole seconds are
/// compared, so it may last up to one second longer than `life`, but never shorter.
fn stands(written: i64, life: u32, now: Timestamp) -> bool {
    now.as_second().saturating_sub(written) <= i64::from(life)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_expires_after_its_lifetime() {
        let now = |second| Timestamp::from_second(second).expect("it is one");
        for (at, expected) in [(900, true), (1000, true), (1060, true), (1061, false), (9_999_999, false)] {
            assert_eq!(stands(1000, 60, now(at)), expected, "at {at}");
        }
    }
}
