//! The signal that stops a run early.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::watch;

/// Why a run stops early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The user pressed Ctrl-C.
    Asked,
    /// The lock of the stack was removed, or another run took it over.
    LockLost,
}

/// A request to stop a run: calls in flight finish and no new call starts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<watch::Sender<Option<StopReason>>>);

impl Default for Interrupt {
    fn default() -> Self {
        Self(Arc::new(watch::channel(None).0))
    }
}

impl Interrupt {
    /// Asks the run to stop. [`StopReason::LockLost`] is never overwritten, because the exit code depends on it.
    pub fn stop(&self, reason: StopReason) {
        self.0.send_modify(|current| {
            if *current != Some(StopReason::LockLost) {
                *current = Some(reason);
            }
        });
    }

    /// Returns why the run was asked to stop, or `None` if it was not.
    pub fn reason(&self) -> Option<StopReason> {
        *self.0.borrow()
    }

    /// Returns whether the run was asked to stop.
    pub fn stopped(&self) -> bool {
        self.reason().is_some()
    }

    /// Waits until the run is asked to stop.
    pub async fn wait(&self) {
        let mut receiver = self.0.subscribe();
        // The sender lives as long as `self`, so the wait cannot fail.
        drop(receiver.wait_for(Option::is_some).await);
    }
}
