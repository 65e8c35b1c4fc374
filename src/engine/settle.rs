//! Waiting for the cloud: one listing of a kind serves every step that waits for a resource of it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};

use super::apply::Run;
use crate::{
    kind::AnyKind,
    model::{Address, Cause, Failure, LiveResource, Phase},
};

/// The shortest and the longest time between two looks at a resource that is not ready.
const LOOKS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// For how long a read may show what was before a write: EC2 and ECS promise no time, and are usually there in a second.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>
pub(super) const LAG: Duration = Duration::from_secs(10);

/// The listings of this run, by kind: when each was begun, and what it found.
#[derive(Default)]
pub(super) struct Listings(Mutex<BTreeMap<&'static str, Arc<Mutex<Option<Listing>>>>>);

struct Listing {
    begun: Instant,
    found: Arc<Vec<LiveResource>>,
}

impl Run {
    /// Waits until `address` is ready and gives its state then.
    ///
    /// `written` is its state as the last write left it: for [`LAG`], a look that shows an older one says nothing. `not` is
    /// the resource that a replacement leaves behind under the same address.
    pub(super) async fn settle(
        &self,
        kind: &dyn AnyKind,
        address: &Address,
        desired: &Value,
        written: Value,
        not: Option<&LiveResource>,
    ) -> Result<Value, Failure> {
        let (began, mut live) = (Instant::now(), written.clone());
        let mut word = "AWS to show it".to_owned();
        loop {
            match kind.phase(&live, Some(desired))? {
                Phase::Ready => return Ok(live),
                Phase::Failed(why) => return Err(self.failed(kind, address, desired, &live, why).await),
                Phase::Pending(state) | Phase::Deleting(state) => {
                    if state != word {
                        self.waiting(address, &state);
                        word = state;
                    }
                }
            }
            if began.elapsed() > kind.deadline() {
                let message = format!("not ready after {} s: {word}", began.elapsed().as_secs());
                return Err(Failure::refused("wait", message).hint("`up` again goes on waiting from here"));
            }
            self.pause(look(began.elapsed())).await?;
            // Reads lag writes: not found just after a create is not a failure, it is the next look's business.
            if let Some(seen) = self.see(kind, address, not).await?
                && !(began.elapsed() < LAG && kind.outdated(&seen.live, &written)?)
            {
                live = seen.live;
            }
        }
    }

    /// Waits until AWS no longer has `going`, which is at `address`.
    pub(super) async fn gone(
        &self,
        kind: &dyn AnyKind,
        address: &Address,
        going: &LiveResource,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        loop {
            let left = match kind.gone(&self.cx, &going.live).await? {
                Some(true) => None,
                Some(false) => Some(going.clone()),
                None => {
                    let found = self.listing(kind).await?;
                    found.iter().find(|live| &live.address == address && live.id == going.id).cloned()
                }
            };
            let Some(left) = left else { return Ok(()) };
            let word = kind.phase(&left.live, None)?;
            self.waiting(address, word.detail().unwrap_or("AWS to remove it"));
            if began.elapsed() > kind.deadline() {
                let message = format!("still there after {} s", began.elapsed().as_secs());
                return Err(Failure::refused("wait", message).hint("repeat the command to wait on"));
            }
            self.pause(look(began.elapsed())).await?;
        }
    }

    async fn see(
        &self,
        kind: &dyn AnyKind,
        address: &Address,
        not: Option<&LiveResource>,
    ) -> Result<Option<LiveResource>, Failure> {
        let found = self.listing(kind).await?;
        let mut of_address =
            found.iter().filter(|live| &live.address == address && not.is_none_or(|old| old.id != live.id));
        Ok(of_address.next().cloned())
    }

    /// What AWS has of `kind`, by a listing that begins after the call. Those who call during one share the next.
    async fn listing(&self, kind: &dyn AnyKind) -> Result<Arc<Vec<LiveResource>>, Failure> {
        let called = Instant::now();
        let slot = Arc::clone(self.listings.0.lock().await.entry(kind.name()).or_default());
        let mut slot = slot.lock().await;
        if let Some(listing) = &*slot
            && listing.begun >= called
        {
            return Ok(Arc::clone(&listing.found));
        }
        let begun = Instant::now();
        let found = Arc::new(kind.list(&self.cx.fresh()).await?);
        *slot = Some(Listing { begun, found: Arc::clone(&found) });
        Ok(found)
    }

    async fn failed(
        &self,
        kind: &dyn AnyKind,
        address: &Address,
        desired: &Value,
        live: &Value,
        why: String,
    ) -> Failure {
        let mut failure = Failure::refused(address.to_string(), why);
        if kind.rolled_back(live, desired).unwrap_or(false) {
            failure.cause = Cause::RolledBack;
        }
        failure.details = kind.explain(&self.cx.fresh(), live).await;
        failure
    }
}

/// The time until the next look: a fifth of what was waited already, so that what is quick is seen quickly and what
/// is slow costs few calls.
fn look(waited: Duration) -> Duration {
    (waited / 5).clamp(LOOKS.0, LOOKS.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_frequent_at_first_and_rare_later() {
        assert_eq!(look(Duration::ZERO), Duration::from_millis(250));
        assert_eq!(look(Duration::from_secs(10)), Duration::from_secs(2));
        assert_eq!(look(Duration::from_secs(600)), Duration::from_secs(5));
    }
}
