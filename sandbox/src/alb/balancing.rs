//! What all listeners share: the rules as they were read last, the targets, and what is counted.

use std::sync::{Arc, RwLock};

use super::{counts::Counts, snapshot::Snapshot, targets::Targets};

/// What requests are balanced by.
#[derive(Default)]
pub(super) struct Balancing {
    config: RwLock<Arc<Snapshot>>,
    pub(super) targets: Targets,
    pub(super) counts: Counts,
}

impl Balancing {
    /// The state as it was read last.
    pub(super) fn config(&self) -> Arc<Snapshot> {
        Arc::clone(&self.config.read().expect("nobody panics while holding this"))
    }

    /// From now on, this is the state.
    pub(super) fn take_over(&self, snapshot: Arc<Snapshot>) {
        *self.config.write().expect("nobody panics while holding this") = snapshot;
    }
}
