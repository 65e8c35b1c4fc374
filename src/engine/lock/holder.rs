//! What a lock says: who holds it, and until when it stands.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::store::{Store, Stored};
use crate::model::Failure;

/// How long, in seconds, a lock stands without being renewed.
const LIFE_S: u32 = 60;

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The user, as the machine knows it.
    pub who: String,
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// The command, such as `up`.
    pub command: String,
    /// Since when, by the machine's clock.
    pub since: Timestamp,
    /// Tells two runs of one process number apart.
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
    /// Whose it is.
    pub holder: Holder,
    /// Whether it was written or renewed within its life. Another run may take over one that does not stand.
    pub stands: bool,
}

/// A lock as it is written down.
#[derive(Serialize, Deserialize)]
pub(super) struct Lease {
    #[serde(flatten)]
    holder: Holder,
    /// How long, in seconds, it stands after it was written.
    life: u32,
}

impl Lease {
    /// The text of a lock that `holder` takes or renews now.
    pub(super) fn written(holder: &Holder) -> Result<String, Failure> {
        let lease = Self { holder: holder.clone(), life: LIFE_S };
        serde_json::to_string(&lease).map_err(|error| Failure::internal(error.to_string()))
    }

    /// The lock in `store`, if there is one.
    pub(super) async fn look(store: &dyn Store) -> Result<Option<Seen>, Failure> {
        let Some(stored) = store.read().await? else { return Ok(None) };
        Self::seen(&stored, store.name()).map(Some)
    }

    /// The lock that `stored` says; `name` is what it is called.
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

/// Whether a lock that was `written` in this second since 1970, for `life` seconds, stands `now`. In whole seconds it may
/// stand one second longer, and never ends before its time.
fn stands(written: i64, life: u32, now: Timestamp) -> bool {
    now.as_second().saturating_sub(written) <= i64::from(life)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_ends_after_its_life_and_one_of_the_future_stands() {
        let now = |second| Timestamp::from_second(second).expect("it is one");
        for (at, expected) in [(900, true), (1000, true), (1060, true), (1061, false), (9_999_999, false)] {
            assert_eq!(stands(1000, 60, now(at)), expected, "at {at}");
        }
    }
}
