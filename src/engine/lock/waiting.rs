//! How long a run waits for the lock, and what it waits for.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::holder::{Holder, Seen};
use crate::model::Failure;

/// The time between two reads of a lock that another run holds.
const LOOK: Duration = Duration::from_secs(2);

/// The pause before the next attempt when a lock that existed a moment ago is gone.
const GLANCE: Duration = Duration::from_millis(300);

/// How often in a row a lock may exist on create and be missing on read before this counts as an error.
const UNSEEN: u32 = 20;

/// How long AWS may refuse to write a lock that no run holds. This does not depend on the patience for other runs: AWS
/// asks for at least 30 s between the deletion of a parameter and the next one of the same name.
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteParameter.html>
const SETTLES: Duration = Duration::from_secs(60);

/// Why a run did not get the lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run holds it.
    #[error("the stack is locked by {0}")]
    Held(Box<Holder>),
    /// AWS failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// The holder of the lock after an attempt to take it.
pub(super) enum Whose {
    Ours,
    Anothers(Holder),
    /// The lock existed on create and was missing on read.
    Nobodys,
    /// The lock cannot be written at the moment, with the error of AWS.
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
    /// Another run that holds the lock.
    Run(&'a Holder),
    /// AWS: the lock was just deleted, and its name is not available yet.
    Name,
}

/// The state of a run that waits for the lock.
pub(super) struct Waiting<'a> {
    name: &'a str,
    deadline: Instant,
    says: &'a dyn Fn(&WaitsFor<'_>),
    /// The nonce of the run that was last reported to the user.
    run: String,
    /// When to give up waiting for AWS, set while AWS refuses the write.
    settles: Option<Instant>,
    unseen: u32,
}

impl<'a> Waiting<'a> {
    /// Creates the state for the lock called `name`, with `patience` for other runs. `says` is called with what is
    /// waited for.
    pub(super) fn new(name: &'a str, patience: Duration, says: &'a dyn Fn(&WaitsFor<'_>)) -> Self {
        Self { name, deadline: Instant::now() + patience, says, run: String::new(), settles: None, unseen: 0 }
    }

    /// Waits a little, as the result `whose` requires.
    ///
    /// # Errors
    /// If the time for this reason is over.
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
