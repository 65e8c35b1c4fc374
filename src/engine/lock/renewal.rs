//! Renews a lock while it is held, and detects when it is lost.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time::timeout};

use super::{
    holder::{Holder, Lease},
    store::{Sending, Store},
};
use crate::model::Failure;

/// The time between two renewals. Up to three may fail before the lock expires.
const RENEWAL: Duration = Duration::from_secs(15);

/// The result of losing the lock.
pub(super) struct Lost {
    /// The new holder, if there is one.
    pub(super) to: Option<Holder>,
}

/// The task that renews a held lock.
pub(super) struct Renewal {
    pub(super) store: Arc<dyn Store>,
    pub(super) holder: Holder,
    pub(super) enough: Arc<Notify>,
}

impl Renewal {
    /// Renews the lock until `enough` is notified, or until the lock was removed or taken over. A lost lock is not
    /// written again.
    pub(super) async fn run(self) -> Option<Lost> {
        loop {
            tokio::select! {
                () = tokio::time::sleep(RENEWAL) => {}
                () = self.enough.notified() => return None,
            }
            // A renewal that fails or hangs is tried again in the next round. The lifetime of a lock covers three
            // rounds.
            if let Ok(Ok(Some(lost))) = timeout(RENEWAL, self.renew()).await {
                return Some(lost);
            }
        }
    }

    async fn renew(&self) -> Result<Option<Lost>, Failure> {
        let now = Lease::look(self.store.as_ref()).await?.map(|found| found.holder);
        if now.as_ref().is_none_or(|now| now.nonce != self.holder.nonce) {
            return Ok(Some(Lost { to: now }));
        }
        // Writing the same value twice does no harm.
        self.store.overwrite(&Lease::written(&self.holder)?, Sending::UntilAnswered).await?;
        Ok(None)
    }
}
