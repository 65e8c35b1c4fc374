//! Where locks are kept.

use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::model::Failure;

/// The place of one lock.
pub trait Store: Send + Sync {
    /// What the lock is called there, for messages.
    fn name(&self) -> &str;

    /// Writes `value` if there is none, in one call that is not repeated. `false`: there is one.
    fn create<'a>(&'a self, value: &'a str) -> BoxFuture<'a, Result<bool, Failure>>;

    /// Writes `value` over what is there.
    fn overwrite<'a>(&'a self, value: &'a str, sending: Sending) -> BoxFuture<'a, Result<(), Failure>>;

    /// What is there, if anything.
    fn read(&self) -> BoxFuture<'_, Result<Option<Stored>, Failure>>;

    /// Deletes what is there, if anything.
    fn delete(&self) -> BoxFuture<'_, Result<(), Failure>>;
}

/// How often a write is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// Once, whatever becomes of it.
    Once,
    /// Again where AWS throttles the call or its answer is lost.
    UntilAnswered,
}

/// What a store has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The text that was written.
    pub value: String,
    /// When it was written, in seconds since 1970, by the store's clock.
    pub written: i64,
    /// When it was read, by the same clock.
    pub now: Timestamp,
}
