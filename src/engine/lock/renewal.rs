//! Keeps a lock that is held, and notices when it is lost.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time::timeout};

use super::{
    holder::{Holder, Lease},
    store::{Sending, Store},
};
use crate::model::Failure;

/// How often it is renewed; three renewals may be lost before another run may take it over.
const RENEWAL: Duration = Duration::from_secs(15);

/// The lock belongs to this run no longer.
pub(super) struct Lost {
    /// Who has it now, if anybody.
    pub(super) to: Option<Holder>,
}

/// What keeps a lock that is held.
pub(super) struct Renewal {
    pub(super) store: Arc<dyn Store>,
    pub(super) holder: Holder,
    pub(super) enough: Arc<Notify>,
}

impl Renewal {
    /// Renews the lock until `enough` is notified, or somebody has removed it or taken it over: then it is not this run's to
    /// bring back.
    pub(super) async fn run(self) -> Option<Lost> {
        loop {
            tokio::select! {
                () = tokio::time::sleep(RENEWAL) => {}
                () = self.enough.notified() => return None,
            }
            // A renewal that fails or hangs is tried again at the next turn; the lock's life covers three of them.
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
        // Writing the same twice does no harm.
        self.store.overwrite(&Lease::written(&self.holder)?, Sending::UntilAnswered).await?;
        Ok(None)
    }
}
