//! Listings that steps share: one listing of a kind serves every step that waits for a resource of it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{sync::Mutex, time::Instant};

use crate::{
    kind::{AnyKind, Context},
    model::{Failure, LiveResource},
};

/// For how long a read may show what was before a write: EC2 and ECS promise no time, and are usually there in a second.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>
pub(super) const LAG: Duration = Duration::from_secs(10);

/// The listings of one run, by kind.
#[derive(Default)]
pub(super) struct Listings(Mutex<BTreeMap<&'static str, Arc<Mutex<Option<Listing>>>>>);

/// When a listing began, and what it found.
struct Listing {
    begun: Instant,
    found: Arc<Vec<LiveResource>>,
}

impl Listings {
    /// What AWS has of `kind`, by a listing that begins after the call. Steps that call during a listing share the next one.
    pub(super) async fn of(&self, kind: &dyn AnyKind, cx: &Context) -> Result<Arc<Vec<LiveResource>>, Failure> {
        let called = Instant::now();
        let slot = Arc::clone(self.0.lock().await.entry(kind.name()).or_default());
        let mut slot = slot.lock().await;
        if let Some(listing) = &*slot
            && listing.begun >= called
        {
            return Ok(Arc::clone(&listing.found));
        }
        let begun = Instant::now();
        let found = Arc::new(kind.list(&cx.fresh()).await?);
        *slot = Some(Listing { begun, found: Arc::clone(&found) });
        Ok(found)
    }
}
