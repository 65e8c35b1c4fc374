//! The lock of a stack, which allows one run at a time. It records who holds it, where, since when and for which
//! command. The holder renews it; another run may take it over once it has expired. Ages are measured by AWS's clock,
//! because the clock of a computer may be wrong.
//!
//! Locks are kept in a [`Store`]: [`SsmStore`] in the program, a store in memory in the tests.

mod holder;
mod renewal;
mod ssm;
mod store;
mod waiting;

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, task::JoinHandle};

pub use holder::{Holder, Seen};
pub use ssm::SsmStore;
pub use store::{Sending, Store, Stored};
pub use waiting::{LockError, WaitsFor};

use self::{
    holder::Lease,
    renewal::{Lost, Renewal},
    waiting::{Waiting, Whose},
};
use super::pause::{Jitter, Pauses};
use crate::model::{Cause, Failure};

/// How long to wait after taking over a lock before checking whether another run took it over at the same moment.
const CONTEST: Duration = Duration::from_secs(2);

/// The code for a parameter that cannot be written for a moment: a parameter of this name was just deleted, or another
/// write to it is under way.
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>
const BUSY: &[&str] = &["TooManyUpdates"];

/// How often a run tries to create the lock when AWS throttles the call or a response is lost.
const ATTEMPTS: u32 = 6;

/// The first and the longest pause between these attempts.
const PAUSES: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(10));

/// A lock that this run holds. [`Lock::release`] releases it.
pub struct Lock {
    store: Arc<dyn Store>,
    nonce: String,
    renewing: JoinHandle<()>,
    enough: Arc<Notify>,
}

impl Lock {
    /// Takes the lock in `store`, waiting for it up to `patience`. Calls `waits` once for each thing that the run waits
    /// for. Calls `lost`, with the new holder if there is one, when the lock is lost while it is held:
    /// `stackctl unlock` removed it, or it expired while this computer slept.
    ///
    /// # Errors
    /// [`LockError::Held`] if another run still holds it when `patience` is over; a [`Failure`] if AWS fails.
    pub async fn take(
        store: Arc<dyn Store>,
        holder: Holder,
        patience: Duration,
        jitter: &Jitter,
        waits: impl Fn(&WaitsFor<'_>),
        lost: impl FnOnce(Option<Holder>) + Send + 'static,
    ) -> Result<Self, LockError> {
        let mut waiting = Waiting::new(store.name(), patience, &waits);
        loop {
            match claim(store.as_ref(), &holder, jitter).await? {
                Whose::Ours => break,
                other => waiting.because(other).await?,
            }
        }
        let (enough, nonce) = (Arc::new(Notify::new()), holder.nonce.clone());
        let renewal = Renewal { store: Arc::clone(&store), holder, enough: Arc::clone(&enough) };
        let renewing = tokio::spawn(async move {
            if let Some(Lost { to }) = renewal.run().await {
                lost(to);
            }
        });
        Ok(Self { store, nonce, renewing, enough })
    }

    /// Returns the lock in `store`, if there is one.
    ///
    /// # Errors
    /// If AWS fails, or the stored text is not a valid lock.
    pub async fn look(store: &dyn Store) -> Result<Option<Seen>, Failure> {
        Lease::look(store).await
    }

    /// Removes the lock of `holder` from `store`. Returns whether `holder` still held it; the lock of another run is
    /// kept.
    ///
    /// # Errors
    /// If AWS fails.
    pub async fn remove(store: &dyn Store, holder: &Holder) -> Result<bool, Failure> {
        delete(store, &holder.nonce).await
    }

    /// Releases the lock, unless another run now holds it.
    ///
    /// # Errors
    /// If AWS fails. The lock then expires within a minute.
    pub async fn release(self) -> Result<(), Failure> {
        // Finish a renewal that is under way first, or it would write the lock again after the deletion.
        self.enough.notify_one();
        drop(self.renewing.await);
        delete(self.store.as_ref(), &self.nonce).await.map(drop)
    }
}

/// Creates the lock if there is none. Retries when AWS throttles the call or a response is lost. If such an attempt did
/// create the lock, [`take_over`] recognizes it by its nonce.
async fn create(store: &dyn Store, holder: &Holder, jitter: &Jitter) -> Result<bool, Failure> {
    let value = Lease::written(holder)?;
    let mut pauses = Pauses::new(PAUSES.0, PAUSES.1);
    for _ in 1..ATTEMPTS {
        match store.create(&value).await {
            Err(failure) if matches!(failure.cause, Cause::Throttled | Cause::Ambiguous) => {
                tokio::time::sleep(pauses.next(jitter)).await;
            }
            answer => return answer,
        }
    }
    store.create(&value).await
}

/// Takes the lock if it is free or has expired.
async fn claim(store: &dyn Store, holder: &Holder, jitter: &Jitter) -> Result<Whose, Failure> {
    let claimed = match create(store, holder, jitter).await {
        Ok(true) => return Ok(Whose::Ours),
        Ok(false) => take_over(store, holder).await,
        Err(failure) => Err(failure),
    };
    match claimed {
        Err(failure) if failure.is(BUSY) => Ok(Whose::Busy(failure)),
        claimed => claimed,
    }
}

/// Takes over an expired lock. Returns [`Whose::Anothers`] if the lock is still valid or another run was faster.
async fn take_over(store: &dyn Store, holder: &Holder) -> Result<Whose, Failure> {
    let seen = Lock::look(store).await?;
    if seen.as_ref().is_none_or(|seen| seen.stands || seen.holder.nonce == holder.nonce) {
        return Ok(Whose::of(seen, holder));
    }
    // Sent once only: a retry that arrives after the check below could overwrite the lock of a run that already holds
    // it.
    store.overwrite(&Lease::written(holder)?, Sending::Once).await?;
    // Two runs may take over an expired lock at the same time. The last writer holds it, and both see that here.
    tokio::time::sleep(CONTEST).await;
    Ok(Whose::of(Lock::look(store).await?, holder))
}

/// Deletes the lock if it has this `nonce`. Returns whether it had.
async fn delete(store: &dyn Store, nonce: &str) -> Result<bool, Failure> {
    if Lock::look(store).await?.is_none_or(|now| now.holder.nonce != nonce) {
        return Ok(false);
    }
    store.delete().await.map(|()| true)
}

#[cfg(test)]
mod tests;
