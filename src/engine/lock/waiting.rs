//! How long a run waits for the lock, and for what.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::holder::{Holder, Seen};
use crate::model::Failure;

/// How often a run that waits for the lock looks at it.
const LOOK: Duration = Duration::from_secs(2);

/// How long to look for a lock that was there a moment ago and is gone.
const GLANCE: Duration = Duration::from_millis(300);

/// How often in a row a lock that exists may be gone when it is read, before that is no coincidence any more.
const UNSEEN: u32 = 20;

/// How long AWS may refuse to write a lock that nobody holds, whatever the patience for other runs: it asks for at least 30 s
/// between the deletion of a parameter and the next one of its name.
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteParameter.html>
const SETTLES: Duration = Duration::from_secs(60);

/// Why the lock is not ours.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else holds it.
    #[error("the stack is locked by {0}")]
    Held(Box<Holder>),
    /// AWS failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Whose a lock turns out to be.
pub(super) enum Whose {
    Ours,
    Anothers(Holder),
    /// It existed when it was to be created, and is gone now that it is read.
    Nobodys,
    /// It cannot be written now and can be soon; with what AWS said.
    Busy(Failure),
}

impl Whose {
    pub(super) fn of(seen: Option<Seen>, holder: &Holder) -> Self {
        match seen {
            Some(seen) if seen.holder.nonce == holder.nonce => Self::Ours,
            Some(seen) => Self::Anothers(seen.holder),
            None => Self::Nobodys,
        }
    }
}

/// What a run waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitsFor<'a> {
    /// Another run, which holds the lock.
    Run(&'a Holder),
    /// AWS: the lock was deleted a moment ago, and its name is not free again.
    Name,
}

/// A run that waits for the lock.
pub(super) struct Waiting<'a> {
    name: &'a str,
    deadline: Instant,
    says: &'a dyn Fn(&WaitsFor<'_>),
    /// The run that was last waited for, by its nonce.
    run: String,
    /// Until when AWS may refuse, while it does.
    settles: Option<Instant>,
    unseen: u32,
}

impl<'a> Waiting<'a> {
    /// Waits for the lock called `name`; for other runs until `patience` is over. `says` is told what is waited for.
    pub(super) fn new(name: &'a str, patience: Duration, says: &'a dyn Fn(&WaitsFor<'_>)) -> Self {
        Self { name, deadline: Instant::now() + patience, says, run: String::new(), settles: None, unseen: 0 }
    }

    /// Waits a little because the lock is `whose`.
    ///
    /// # Errors
    /// If it was waited for long enough.
    pub(super) async fn because(&mut self, whose: Whose) -> Result<(), LockError> {
        match whose {
            Whose::Ours => {}
            Whose::Nobodys => self.gone().await?,
            Whose::Anothers(other) => {
                (self.unseen, self.settles) = (0, None);
                if Instant::now() >= self.deadline {
                    return Err(LockError::Held(Box::new(other)));
                }
                if self.run != other.nonce {
                    (self.says)(&WaitsFor::Run(&other));
                    self.run = other.nonce;
                }
                sleep(LOOK.min(self.deadline - Instant::now())).await;
            }
            Whose::Busy(failure) => {
                self.unseen = 0;
                if self.settles.is_none() {
                    (self.says)(&WaitsFor::Name);
                }
                let until = *self.settles.get_or_insert(self.deadline.max(Instant::now() + SETTLES));
                if Instant::now() >= until {
                    return Err(failure.hint("nothing was changed; wait a minute and run the command again").into());
                }
                sleep(LOOK).await;
            }
        }
        Ok(())
    }

    async fn gone(&mut self) -> Result<(), Failure> {
        self.unseen += 1;
        if self.unseen > UNSEEN {
            return Err(Failure::refused("GetParameter", format!("{} exists but cannot be read", self.name)));
        }
        sleep(GLANCE).await;
        Ok(())
    }
}
