//! One run at a time: a lock that says who holds it, where, since when and for what. The run that holds it renews it, and
//! another run may take over one that was not renewed in time. AWS's clock decides, because a computer's clock may be wrong.
//!
//! Where locks are kept is a [`Store`]: [`SsmStore`] for the program, one in memory for the tests.

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

/// How long after taking a lock over we look whether another did the same at the same moment.
const CONTEST: Duration = Duration::from_secs(2);

/// The code of a parameter that cannot be written now and can be soon: its name was used a moment ago, or another write to
/// it is under way.
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>
const BUSY: &[&str] = &["TooManyUpdates"];

/// How often a run asks for it where AWS throttles the call or an answer is lost.
const ATTEMPTS: u32 = 6;

/// The first and the longest pause before it is asked for again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(10));

/// A lock that is held. [`Lock::release`] gives it back.
pub struct Lock {
    store: Arc<dyn Store>,
    nonce: String,
    renewing: JoinHandle<()>,
    enough: Arc<Notify>,
}

impl Lock {
    /// Takes the lock in `store`, waiting for it until `patience` is over. `waits` is called with all that the run waits for,
    /// once each. `lost` is called, with the new holder if there is one, when the lock is taken away while it is held: by
    /// `stackctl unlock`, or because this computer slept.
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

    /// The lock in `store`, if there is one.
    ///
    /// # Errors
    /// If AWS fails, or what is there is not a lock.
    pub async fn look(store: &dyn Store) -> Result<Option<Seen>, Failure> {
        Lease::look(store).await
    }

    /// Removes the lock in `store` from `holder`. Says whether `holder` still had it: another's lock is left alone.
    ///
    /// # Errors
    /// If AWS fails.
    pub async fn remove(store: &dyn Store, holder: &Holder) -> Result<bool, Failure> {
        delete(store, &holder.nonce).await
    }

    /// Releases the lock, unless another run now holds it.
    ///
    /// # Errors
    /// If AWS fails; the lock then ends by itself within a minute.
    pub async fn release(self) -> Result<(), Failure> {
        // A renewal that is under way is finished first: it would write the lock again after it is deleted.
        self.enough.notify_one();
        drop(self.renewing.await);
        delete(self.store.as_ref(), &self.nonce).await.map(drop)
    }
}

/// Creates the lock if there is none. Tries again where AWS throttles the call or its answer is lost: [`take_over`] finds
/// out that such a try was done, because a run knows its own lock.
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

/// Takes the lock, if it is free or past its time.
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

/// Takes over a lock that was not renewed in time. [`Whose::Anothers`]: it stands, or another run was faster.
async fn take_over(store: &dyn Store, holder: &Holder) -> Result<Whose, Failure> {
    let seen = Lock::look(store).await?;
    if seen.as_ref().is_none_or(|seen| seen.stands || seen.holder.nonce == holder.nonce) {
        return Ok(Whose::of(seen, holder));
    }
    // A repeat that comes later than the look below could take the lock from a run that has found it its own.
    store.overwrite(&Lease::written(holder)?, Sending::Once).await?;
    // Two runs may have found it past its time at once: the last to write has it, and both can see who that is.
    tokio::time::sleep(CONTEST).await;
    Ok(Whose::of(Lock::look(store).await?, holder))
}

/// Deletes the lock of the run with this `nonce`. Says whether that run had it.
async fn delete(store: &dyn Store, nonce: &str) -> Result<bool, Failure> {
    if Lock::look(store).await?.is_none_or(|now| now.holder.nonce != nonce) {
        return Ok(false);
    }
    store.delete().await.map(|()| true)
}

#[cfg(test)]
mod tests;
