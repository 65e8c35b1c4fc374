//! State that all listeners share: the rules from the last refresh, the targets, and the request counts.

use std::sync::{Arc, RwLock};

use super::{counts::Counts, snapshot::Snapshot, targets::Targets};

/// The configuration, the targets and the counts that listeners route requests with.
#[derive(Default)]
pub(super) struct Balancing {
    config: RwLock<Arc<Snapshot>>,
    pub(super) targets: Targets,
    pub(super) counts: Counts,
}

impl Balancing {
    /// Returns the configuration from the last refresh.
    pub(super) fn config(&self) -> Arc<Snapshot> {
        Arc::clone(&self.config.read().expect("nobody panics while holding this"))
    }

    /// Replaces the configuration.
    pub(super) fn take_over(&self, snapshot: Arc<Snapshot>) {
        *self.config.write().expect("nobody panics while holding this") = snapshot;
    }
}
