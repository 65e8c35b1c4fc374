//! The state that all steps of one run share: kinds, context, events, interrupt and the limit on concurrent writes.

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

/// The number of concurrent writes. It keeps one stack from emptying the request buckets of the account in a burst. The
/// sustained rate is limited by [`crate::aws::Pace`].
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
pub(super) const WRITES_AT_ONCE: usize = 16;

/// Everything that is needed to apply a plan. The steps of a run share its listings and its limit on writes.
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
    /// Creates a run that sends `events` and stops at `interrupt`.
    pub fn new(kinds: Registry, cx: Context, events: Events, interrupt: Interrupt, jitter: Jitter) -> Self {
        let turns = Semaphore::new(WRITES_AT_ONCE);
        let began = Instant::now();
        Self { kinds, cx, events, interrupt, jitter, began, listings: Listings::default(), turns }
    }

    /// Returns the resource at `address`, for the steps of this run.
    ///
    /// # Errors
    /// If its kind is unknown.
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
    /// Returns whether `found` is this resource and not an old one at the same address, by its id.
    pub(super) fn is(&self, found: &LiveResource, leaving: &[String]) -> bool {
        &found.address == self.address && !leaving.contains(&found.id)
    }

    /// Sends the event that the resource waits for `what`.
    pub(super) fn waiting(&self, what: &str) {
        self.run.events.send(Event::Waiting { address: self.address.clone(), waiting_for: what.to_owned() });
    }

    /// Sleeps, unless the run is asked to stop.
    ///
    /// # Errors
    /// [`Cause::Interrupted`] if the run is asked to stop.
    pub(super) async fn pause(&self, length: Duration) -> Result<(), Failure> {
        tokio::select! {
            () = tokio::time::sleep(length) => Ok(()),
            () = self.run.interrupt.wait() => Err(interrupted()),
        }
    }

    /// Waits until this write may start, within the limit on concurrent writes.
    ///
    /// # Errors
    /// [`Cause::Interrupted`] if the run is asked to stop before the write starts.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, Failure> {
        let turn = self.run.turns.acquire().await.expect("the semaphore is never closed");
        if self.run.interrupt.stopped() { Err(interrupted()) } else { Ok(turn) }
    }

    /// Returns the resources at this address, and possibly others, from a listing that starts after this call. `live`
    /// is the last known state.
    pub(super) async fn look(&self, live: &Value) -> Result<Arc<Vec<LiveResource>>, Failure> {
        self.run.listings.of(self.kind, &self.run.cx, self.address, live).await
    }

    /// Sleeps until the next read of a step that has waited since `began`, unless the run is asked to stop. All waiting
    /// steps read at the same moments, so that they can share a read.
    ///
    /// # Errors
    /// [`Cause::Interrupted`] if the run is asked to stop.
    pub(super) async fn until_next_look(&self, began: Instant) -> Result<(), Failure> {
        self.pause(pause::until_look(began.elapsed(), self.run.began.elapsed())).await
    }
}

fn interrupted() -> Failure {
    Failure { cause: Cause::Interrupted, ..Failure::new("interrupted") }
}
