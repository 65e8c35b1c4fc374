//! The interface of the storage for locks.

use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::model::Failure;

/// The storage of a single lock.
pub trait Store: Send + Sync {
    /// The name of the lock in this store, for messages.
    fn name(&self) -> &str;

    /// Writes `value` if the store is empty, in one call without retries. Returns `false` if it is not empty.
    fn create<'a>(&'a self, value: &'a str) -> BoxFuture<'a, Result<bool, Failure>>;

    /// Overwrites the stored value.
    fn overwrite<'a>(&'a self, value: &'a str, sending: Sending) -> BoxFuture<'a, Result<(), Failure>>;

    /// Returns the stored value, if any.
    fn read(&self) -> BoxFuture<'_, Result<Option<Stored>, Failure>>;

    /// Deletes the stored value, if any.
    fn delete(&self) -> BoxFuture<'_, Result<(), Failure>>;
}

/// Whether a write is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// Send once, without retries.
    Once,
    /// Retry when AWS throttles the call or the response is lost.
    UntilAnswered,
}

/// The content of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The stored text.
    pub value: String,
    /// When it was written, in seconds since 1970, by the store's clock.
    pub written: i64,
    /// When it was read, by the same clock.
    pub now: Timestamp,
}
