//! Whether this task is on its way out, and what is still to be finished before.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub(crate) struct Drain(Arc<State>);

#[derive(Default)]
struct State {
    draining: AtomicBool,
    in_flight: AtomicUsize,
    changed: Notify,
}

/// A request in flight; it ends when this is dropped.
pub(crate) struct InFlight(Drain);

impl Drain {
    /// From now on this task wants no new work.
    pub(crate) fn begin(&self) {
        self.0.draining.store(true, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }

    /// Whether it wants none.
    pub(crate) fn has_begun(&self) -> bool {
        self.0.draining.load(Ordering::SeqCst)
    }

    /// Counts a request until what is returned is dropped.
    pub(crate) fn enter(&self) -> InFlight {
        self.0.in_flight.fetch_add(1, Ordering::SeqCst);
        InFlight(self.clone())
    }

    /// How many requests are in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.0.in_flight.load(Ordering::SeqCst)
    }

    /// Until nothing is in flight.
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
    async fn it_is_idle_once_the_last_request_ends() {
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
