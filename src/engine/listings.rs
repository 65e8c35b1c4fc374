//! Listings that steps share: all steps that wait for resources of one kind use the same read.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    sync,
    time::{Instant, sleep},
};

use crate::{
    kind::{AnyKind, Context},
    model::{Address, Failure, LiveResource},
};

/// How long a read may return the state before a write. EC2 and ECS promise no limit and usually need about a second.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>
pub(super) const LAG: Duration = Duration::from_secs(10);

/// How long a read is delayed so that steps that are due at the same moment can join it.
const GATHERING: Duration = Duration::from_millis(20);

/// The listings of one run, by kind.
#[derive(Default)]
pub(super) struct Listings(Mutex<BTreeMap<&'static str, Arc<Slot>>>);

/// The listings of one kind.
#[derive(Default)]
struct Slot {
    /// The addresses that the next listing must cover, each with the last known state.
    wanted: Mutex<BTreeMap<Address, Value>>,
    last: sync::Mutex<Option<Listing>>,
}

/// A finished listing: when it started and what it found.
struct Listing {
    begun: Instant,
    found: Arc<Vec<LiveResource>>,
}

impl Listings {
    /// Returns the resources of `kind`, at least those at `address`, from a listing that starts after this call. `live`
    /// is the last known state of the resource. Steps that call at the same moment, or during a listing, share the next
    /// one.
    pub(super) async fn of(
        &self,
        kind: &dyn AnyKind,
        cx: &Context,
        address: &Address,
        live: &Value,
    ) -> Result<Arc<Vec<LiveResource>>, Failure> {
        let slot = Arc::clone(unpoisoned(&self.0).entry(kind.name()).or_default());
        let ask = || unpoisoned(&slot.wanted).insert(address.clone(), live.clone());
        ask();
        let called = Instant::now();
        let mut last = slot.last.lock().await;
        if let Some(listing) = &*last
            && listing.begun >= called
        {
            return Ok(Arc::clone(&listing.found));
        }
        sleep(GATHERING).await;
        // A failed listing has removed this address from `wanted`.
        ask();
        let begun = Instant::now();
        let wanted = mem::take(&mut *unpoisoned(&slot.wanted));
        let found = Arc::new(kind.look(&cx.fresh(), &wanted).await?);
        *last = Some(Listing { begun, found: Arc::clone(&found) });
        Ok(found)
    }
}

/// Locks `mutex` even if it is poisoned: its content is valid after a panic in any task.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
