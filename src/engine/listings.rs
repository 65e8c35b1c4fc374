//! Looks that steps share: one look at a kind serves every step that waits for a resource of it.

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

/// For how long a read may show what was before a write: EC2 and ECS promise no time, and are usually there in a second.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>
pub(super) const LAG: Duration = Duration::from_secs(10);

/// How long a look waits for others that are due at the same moment.
const GATHERING: Duration = Duration::from_millis(20);

/// The looks of one run, by kind.
#[derive(Default)]
pub(super) struct Listings(Mutex<BTreeMap<&'static str, Arc<Slot>>>);

/// The looks at one kind.
#[derive(Default)]
struct Slot {
    /// What the next look is to show: the addresses, and the last known states.
    wanted: Mutex<BTreeMap<Address, Value>>,
    last: sync::Mutex<Option<Listing>>,
}

/// When a look began, and what it found.
struct Listing {
    begun: Instant,
    found: Arc<Vec<LiveResource>>,
}

impl Listings {
    /// What AWS has of `kind` at `address`, whose last known state is `live`, by a look that begins after the call. Steps that call
    /// at one moment, or during a look, share the next one.
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
        // A look that failed has taken what it was asked for along.
        ask();
        let begun = Instant::now();
        let wanted = mem::take(&mut *unpoisoned(&slot.wanted));
        let found = Arc::new(kind.look(&cx.fresh(), &wanted).await?);
        *last = Some(Listing { begun, found: Arc::clone(&found) });
        Ok(found)
    }
}

/// What is guarded is usable whatever happened to the task that held it last.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
