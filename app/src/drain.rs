//! Tracks whether this task is draining, and the requests that it must finish first.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// The drain state of this task. Clones are cheap and share the state.
#[derive(Clone, Default)]
pub(crate) struct Drain(Arc<State>);

#[derive(Default)]
struct State {
    draining: AtomicBool,
    in_flight: AtomicUsize,
    changed: Notify,
}

/// A request in flight, which ends on drop.
pub(crate) struct InFlight(Drain);

impl Drain {
    /// Starts draining: this task no longer accepts new work.
    pub(crate) fn begin(&self) {
        self.0.draining.store(true, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }

    /// Returns whether this task is draining.
    pub(crate) fn has_begun(&self) -> bool {
        self.0.draining.load(Ordering::SeqCst)
    }

    /// Counts a request until the returned value is dropped.
    pub(crate) fn enter(&self) -> InFlight {
        self.0.in_flight.fetch_add(1, Ordering::SeqCst);
        InFlight(self.clone())
    }

    /// Returns the number of requests in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.0.in_flight.load(Ordering::SeqCst)
    }

    /// Waits until no request is in flight.
    pub(crate) async fn idle(&self) {
        loop {
            let changed = self.0.changed.notified();
            if self.in_flight() == 0 {
                return;
            }
            changed.await;
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.0.in_flight.fetch_sub(1, Ordering::SeqCst);
        self.0.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn drain_is_idle_once_the_last_request_ends() {
        let drain = Drain::default();
        let request = drain.enter();
        assert_eq!(drain.in_flight(), 1);
        let waiting = tokio::spawn({
            let drain = drain.clone();
            async move { drain.idle().await }
        });
        drop(request);
        waiting.await.expect("it ends");
    }
}
