//! What the steps of one run share: the kinds, the cloud, the events, the signal to stop, and the places for writes.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

use super::{
    event::{Event, Events},
    interrupt::Interrupt,
    listings::Listings,
    pause::{self, Jitter},
};
use crate::{
    kind::{AnyKind, Context, Registry},
    model::{Address, Cause, Failure, LiveResource},
};

/// How many writes are under way at once. This keeps one stack from emptying at once the request buckets that it shares with the
/// whole account; that it does not ask for more than they give is for [`crate::aws::Pace`].
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
pub(super) const WRITES_AT_ONCE: usize = 16;

/// What a plan is carried out with. One run has one of these; the steps share its listings and its places for writes.
pub struct Run {
    pub(super) kinds: Registry,
    pub(super) cx: Context,
    pub(super) events: Events,
    pub(super) interrupt: Interrupt,
    pub(super) jitter: Jitter,
    began: Instant,
    listings: Listings,
    turns: Semaphore,
}

impl Run {
    /// A run that sends `events` and stops at `interrupt`.
    pub fn new(kinds: Registry, cx: Context, events: Events, interrupt: Interrupt, jitter: Jitter) -> Self {
        let turns = Semaphore::new(WRITES_AT_ONCE);
        let began = Instant::now();
        Self { kinds, cx, events, interrupt, jitter, began, listings: Listings::default(), turns }
    }

    /// The resource at `address`, as the steps of this run work on it.
    ///
    /// # Errors
    /// If there is no such kind.
    pub(super) fn resource<'a>(&'a self, address: &'a Address) -> Result<Resource<'a>, Failure> {
        Ok(Resource { run: self, kind: self.kinds.of(address)?, address })
    }
}

/// One resource that a run works on.
#[derive(Clone, Copy)]
pub(super) struct Resource<'a> {
    pub(super) run: &'a Run,
    pub(super) kind: &'a dyn AnyKind,
    pub(super) address: &'a Address,
}

impl Resource<'_> {
    /// Whether `found` is this resource, and not one that is leaving its address (by its id).
    pub(super) fn is(&self, found: &LiveResource, leaving: &[String]) -> bool {
        &found.address == self.address && !leaving.contains(&found.id)
    }

    /// Says what the resource waits for.
    pub(super) fn waiting(&self, what: &str) {
        self.run.events.send(Event::Waiting { address: self.address.clone(), waiting_for: what.to_owned() });
    }

    /// Sleeps, unless the run is asked to stop.
    ///
    /// # Errors
    /// [`Cause::Interrupted`] if it is.
    pub(super) async fn pause(&self, length: Duration) -> Result<(), Failure> {
        tokio::select! {
            () = tokio::time::sleep(length) => Ok(()),
            () = self.run.interrupt.wait() => Err(interrupted()),
        }
    }

    /// Waits for a place among the writes that are under way.
    ///
    /// # Errors
    /// [`Cause::Interrupted`] if the run is asked to stop before the write begins.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, Failure> {
        let turn = self.run.turns.acquire().await.expect("the semaphore is never closed");
        if self.run.interrupt.stopped() { Err(interrupted()) } else { Ok(turn) }
    }

    /// What AWS has at this address, and maybe at others, by a look that begins after the call. `live` is its last known state.
    pub(super) async fn look(&self, live: &Value) -> Result<Arc<Vec<LiveResource>>, Failure> {
        self.run.listings.of(self.kind, &self.run.cx, self.address, live).await
    }

    /// Sleeps until it is time for the next look of a step that has waited since `began`, unless the run is asked to stop. Steps
    /// that wait look at the same moments, because one look can serve all of them.
    ///
    /// # Errors
    /// [`Cause::Interrupted`] if it is.
    pub(super) async fn until_next_look(&self, began: Instant) -> Result<(), Failure> {
        self.pause(pause::until_look(began.elapsed(), self.run.began.elapsed())).await
    }
}

fn interrupted() -> Failure {
    Failure { cause: Cause::Interrupted, ..Failure::new("interrupted") }
}
