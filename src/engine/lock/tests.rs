//! Tests of the lock with a store in memory and a paused clock.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::time::{Instant, sleep, timeout};

use super::*;

/// A fault of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Throttled,
    LostBefore,
    LostAfter,
    Refused,
    /// The response arrives after this many seconds.
    Slow(u64),
    /// The lock is deleted between this call and the next one.
    Vanishes,
    /// Another write is under way.
    Busy,
}

/// How long the name of a deleted lock stays unavailable.
const SETTLES: Duration = Duration::from_secs(30);

/// A store in memory. It uses the clock of the tests, which starts at second 1000.
struct Memory {
    began: Instant,
    stored: Mutex<Option<(String, Instant)>>,
    deleted: Mutex<Option<Instant>>,
    troubles: Mutex<VecDeque<(&'static str, Trouble)>>,
    calls: Mutex<Vec<&'static str>>,
}

impl Memory {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            stored: Mutex::default(),
            deleted: Mutex::default(),
            troubles: Mutex::default(),
            calls: Mutex::default(),
        })
    }

    /// Adds `troubles` to the next calls of `operation`, one for each call.
    fn trouble(&self, operation: &'static str, troubles: impl IntoIterator<Item = Trouble>) {
        let mut queue = self.troubles.lock().expect("no test panics while it holds this");
        queue.extend(troubles.into_iter().map(|trouble| (operation, trouble)));
    }

    fn put(&self, value: &str) {
        *self.stored.lock().expect("as above") = Some((value.to_owned(), Instant::now()));
    }

    fn value(&self) -> Option<String> {
        self.stored.lock().expect("as above").as_ref().map(|(value, _)| value.clone())
    }

    fn vanish(&self) {
        if self.stored.lock().expect("as above").take().is_some() {
            *self.deleted.lock().expect("as above") = Some(Instant::now());
        }
    }

    /// Returns whether the lock was deleted so recently that its name is unavailable.
    fn settles(&self) -> bool {
        self.deleted.lock().expect("as above").is_some_and(|at| at.elapsed() < SETTLES)
    }

    fn calls(&self, operation: &str) -> usize {
        self.calls.lock().expect("as above").iter().filter(|call| **call == operation).count()
    }

    /// Makes a call that does `work`, with the next planned fault.
    async fn call<T>(&self, operation: &'static str, work: impl FnOnce() -> T) -> Result<T, Failure> {
        self.calls.lock().expect("as above").push(operation);
        let trouble = {
            let mut troubles = self.troubles.lock().expect("as above");
            let next = troubles.iter().position(|(of, _)| *of == operation);
            next.and_then(|next| troubles.remove(next)).map(|(_, trouble)| trouble)
        };
        let failure = |cause| Failure { cause, ..Failure::refused(operation, "the test says so") };
        match trouble {
            Some(Trouble::Throttled) => Err(failure(Cause::Throttled)),
            Some(Trouble::LostBefore) => Err(failure(Cause::Ambiguous)),
            Some(Trouble::Refused) => Err(failure(Cause::Refused)),
            Some(Trouble::LostAfter) => {
                work();
                Err(failure(Cause::Ambiguous))
            }
            Some(Trouble::Slow(seconds)) => {
                sleep(Duration::from_secs(seconds)).await;
                Ok(work())
            }
            Some(Trouble::Busy) => Err(busy(operation)),
            Some(Trouble::Vanishes) => {
                let done = work();
                self.vanish();
                Ok(done)
            }
            None => Ok(work()),
        }
    }
}

/// The error of SSM for a parameter that cannot be written at the moment.
fn busy(operation: &str) -> Failure {
    Failure { code: Some("TooManyUpdates".to_owned()), ..Failure::refused(operation, "too many updates") }
}

impl Store for Memory {
    fn name(&self) -> &'static str {
        "/the/lock"
    }

    fn create<'a>(&'a self, value: &'a str) -> BoxFuture<'a, Result<bool, Failure>> {
        let create = || {
            if self.value().is_some() {
                return Ok(false);
            }
            if self.settles() {
                return Err(busy("create"));
            }
            self.put(value);
            Ok(true)
        };
        Box::pin(async move { self.call("create", create).await? })
    }

    fn overwrite<'a>(&'a self, value: &'a str, _sending: Sending) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.call("overwrite", || self.put(value)))
    }

    fn read(&self) -> BoxFuture<'_, Result<Option<Stored>, Failure>> {
        let second = |at: Instant| 1000 + i64::try_from((at - self.began).as_secs()).expect("a test is short");
        let read = move || {
            let stored = self.stored.lock().expect("as above").clone();
            stored.map(|(value, written)| Stored {
                value,
                written: second(written),
                now: Timestamp::from_second(second(Instant::now())).expect("it is a time"),
            })
        };
        Box::pin(self.call("read", read))
    }

    fn delete(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(self.call("delete", || self.vanish()))
    }
}

fn holder(nonce: &str) -> Holder {
    Holder {
        who: "ada".into(),
        host: "desk".into(),
        pid: 7,
        command: "up".into(),
        since: Timestamp::UNIX_EPOCH,
        nonce: nonce.into(),
    }
}

/// The messages of a run while it waits for the lock and while it holds it.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn all(&self) -> Vec<String> {
        self.0.lock().expect("as above").clone()
    }
}

async fn take(store: &Arc<Memory>, nonce: &str, patience: u64, heard: &Heard) -> Result<Lock, LockError> {
    let say = |what: String, heard: &Heard| heard.0.lock().expect("as above").push(what);
    let lost = heard.clone();
    Lock::take(
        Arc::clone(store) as Arc<dyn Store>,
        holder(nonce),
        Duration::from_secs(patience),
        &Jitter::seeded(1),
        |what| {
            let what = if let WaitsFor::Run(other) = what { other.nonce.as_str() } else { "the name" };
            say(format!("waits for {what}"), heard);
        },
        move |to| say(format!("lost to {}", to.map_or("nobody".to_owned(), |to| to.nonce)), &lost),
    )
    .await
}

async fn must_take(store: &Arc<Memory>, nonce: &str) -> Lock {
    take(store, nonce, 0, &Heard::default()).await.unwrap_or_else(|error| panic!("{nonce}: {error}"))
}

async fn nonce(store: &Memory) -> Option<String> {
    Lock::look(store).await.expect("it can be read").map(|seen| seen.holder.nonce)
}

/// Stores the lock of a run that is dead, so nothing renews it.
fn dead(store: &Memory, nonce: &str) {
    store.put(&Lease::written(&holder(nonce)).expect("it is plain data"));
}

#[tokio::test(start_paused = true)]
async fn a_free_lock_is_taken_and_released() {
    let store = Memory::new();
    let lock = must_take(&store, "one").await;
    assert_eq!(nonce(&store).await.as_deref(), Some("one"));
    lock.release().await.expect("it is ours");
    assert_eq!(store.value(), None);
}

#[tokio::test(start_paused = true)]
async fn without_patience_a_held_lock_is_refused_at_once() {
    let store = Memory::new();
    let _one = must_take(&store, "one").await;
    let (heard, began) = (Heard::default(), Instant::now());
    let Err(LockError::Held(by)) = take(&store, "two", 0, &heard).await else { panic!("it is held") };
    assert_eq!((by.nonce.as_str(), began.elapsed()), ("one", Duration::ZERO));
    assert_eq!(heard.all(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_waiting_run_names_the_holder_once() {
    let store = Memory::new();
    let one = must_take(&store, "one").await;
    let heard = Heard::default();
    let (two, ()) = tokio::join!(take(&store, "two", 600, &heard), async {
        sleep(Duration::from_secs(100)).await;
        one.release().await.expect("it is ours");
    });
    assert_eq!(heard.all(), ["waits for one", "waits for the name"]);
    assert_eq!(nonce(&store).await.as_deref(), Some("two"));
    drop(two.expect("it is free"));
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_was_just_released_is_waited_for() {
    let store = Memory::new();
    must_take(&store, "one").await.release().await.expect("it is ours");
    sleep(Duration::from_secs(10)).await;
    let (heard, began) = (Heard::default(), Instant::now());
    let _two = take(&store, "two", 0, &heard).await.expect("its name is free soon");
    assert_eq!((heard.all(), began.elapsed().as_secs()), (vec!["waits for the name".to_owned()], 20));
    assert_eq!(nonce(&store).await.as_deref(), Some("two"));
}

#[tokio::test(start_paused = true)]
async fn one_of_several_waiting_runs_gets_the_lock() {
    let store = Memory::new();
    must_take(&store, "one").await.release().await.expect("it is ours");
    let heard = Heard::default();
    let (two, three) = tokio::join!(take(&store, "two", 0, &heard), take(&store, "three", 0, &heard));
    assert_ne!(two.is_ok(), three.is_ok(), "one has it");
    let Some(LockError::Held(by)) = two.err().or(three.err()) else { panic!("the other one is refused") };
    assert_eq!(nonce(&store).await, Some(by.nonce));
}

#[tokio::test(start_paused = true)]
async fn a_lock_name_that_stays_unavailable_fails() {
    for (patience, expected) in [(0, 60), (600, 600)] {
        let store = Memory::new();
        store.trouble("create", [Trouble::Busy; 1000]);
        let began = Instant::now();
        let Err(LockError::Failure(failure)) = take(&store, "one", patience, &Heard::default()).await else {
            panic!("it fails")
        };
        assert_eq!((failure.is(BUSY), failure.hint.is_some()), (true, true));
        assert_eq!(began.elapsed().as_secs(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_lock_that_is_busy_is_taken_over_a_moment_later() {
    let store = Memory::new();
    dead(&store, "dead");
    sleep(Duration::from_secs(100)).await;
    store.trouble("overwrite", [Trouble::Busy]);
    let one = must_take(&store, "one").await;
    assert_eq!((store.calls("overwrite"), nonce(&store).await.as_deref()), (2, Some("one")));
    one.release().await.expect("it is ours");
}

#[tokio::test(start_paused = true)]
async fn waiting_for_the_lock_ends_on_time() {
    let store = Memory::new();
    let _one = must_take(&store, "one").await;
    let began = Instant::now();
    assert!(matches!(take(&store, "two", 95, &Heard::default()).await, Err(LockError::Held(_))));
    assert_eq!(began.elapsed(), Duration::from_secs(95));
}

#[tokio::test(start_paused = true)]
async fn the_lock_of_a_dead_run_is_taken_over_after_a_minute() {
    let store = Memory::new();
    dead(&store, "dead");
    sleep(Duration::from_secs(10)).await;
    let (heard, began) = (Heard::default(), Instant::now());
    let lock = take(&store, "two", 600, &heard).await.expect("its time is over");
    let waited = began.elapsed().as_secs();
    assert!((51..=56).contains(&waited), "{waited}");
    assert_eq!(heard.all(), ["waits for dead"]);
    lock.release().await.expect("it is ours");
    assert_eq!(store.value(), None);
}

#[tokio::test(start_paused = true)]
async fn one_of_two_simultaneous_takeovers_gets_the_lock() {
    let store = Memory::new();
    dead(&store, "dead");
    sleep(Duration::from_secs(100)).await;
    let heard = Heard::default();
    let (two, three) = tokio::join!(take(&store, "two", 0, &heard), take(&store, "three", 0, &heard));
    assert_ne!(two.is_ok(), three.is_ok(), "one has it");
    let winner = if two.is_ok() { "two" } else { "three" };
    assert_eq!(nonce(&store).await.as_deref(), Some(winner));
}

#[tokio::test(start_paused = true)]
async fn a_held_lock_is_renewed_and_stays_valid() {
    let store = Memory::new();
    let one = must_take(&store, "one").await;
    assert!(matches!(take(&store, "two", 3600, &Heard::default()).await, Err(LockError::Held(_))));
    assert!(Lock::look(store.as_ref()).await.expect("it can be read").is_some_and(|seen| seen.stands));
    let renewals = store.calls("overwrite");
    assert!((235..=240).contains(&renewals), "{renewals}");
    one.release().await.expect("it is ours");
}

#[tokio::test(start_paused = true)]
async fn renewals_that_fail_or_hang_are_tried_again() {
    let store = Memory::new();
    let heard = Heard::default();
    let one = take(&store, "one", 0, &heard).await.expect("it is free");
    store.trouble("read", [Trouble::Refused]);
    store.trouble("overwrite", [Trouble::Slow(1000)]);
    sleep(Duration::from_secs(50)).await;
    assert!(Lock::look(store.as_ref()).await.expect("it can be read").is_some_and(|seen| seen.stands));
    sleep(Duration::from_secs(100)).await;
    assert!(Lock::look(store.as_ref()).await.expect("it can be read").is_some_and(|seen| seen.stands));
    assert_eq!(heard.all(), Vec::<String>::new());
    one.release().await.expect("it is ours");
}

#[tokio::test(start_paused = true)]
async fn a_removed_lock_is_lost_and_not_written_again() {
    let store = Memory::new();
    let heard = Heard::default();
    let one = take(&store, "one", 0, &heard).await.expect("it is free");
    sleep(Duration::from_secs(40)).await;
    assert!(Lock::remove(store.as_ref(), &holder("one")).await.expect("it can be deleted"));
    sleep(Duration::from_secs(20)).await;
    assert_eq!(heard.all(), ["lost to nobody"]);
    sleep(Duration::from_secs(100)).await;
    assert_eq!(store.value(), None);
    one.release().await.expect("there is nothing to give back");
}

#[tokio::test(start_paused = true)]
async fn a_lock_taken_over_by_another_run_is_lost() {
    let store = Memory::new();
    let heard = Heard::default();
    let one = take(&store, "one", 0, &heard).await.expect("it is free");
    // As if this computer slept until another run took over the lock.
    dead(&store, "two");
    sleep(Duration::from_secs(20)).await;
    assert_eq!(heard.all(), ["lost to two"]);
    one.release().await.expect("it is not ours");
    assert_eq!(nonce(&store).await.as_deref(), Some("two"), "another's lock is left alone");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_under_way_does_not_write_after_the_release() {
    let store = Memory::new();
    let one = must_take(&store, "one").await;
    store.trouble("overwrite", [Trouble::Slow(10)]);
    sleep(Duration::from_secs(17)).await;
    one.release().await.expect("it is ours");
    sleep(Duration::from_secs(100)).await;
    assert_eq!(store.value(), None);
}

#[tokio::test(start_paused = true)]
async fn a_lock_of_another_holder_is_not_removed() {
    let store = Memory::new();
    dead(&store, "two");
    assert!(!Lock::remove(store.as_ref(), &holder("one")).await.expect("it can be read"));
    assert_eq!(nonce(&store).await.as_deref(), Some("two"));
}

#[tokio::test(start_paused = true)]
async fn creating_the_lock_is_retried_when_throttled() {
    let store = Memory::new();
    store.trouble("create", [Trouble::Throttled; 5]);
    let _one = must_take(&store, "one").await;
    assert_eq!(store.calls("create"), 6);
}

#[tokio::test(start_paused = true)]
async fn endless_throttling_of_the_lock_fails() {
    let store = Memory::new();
    store.trouble("create", [Trouble::Throttled; 100]);
    let Err(LockError::Failure(failure)) = take(&store, "one", 0, &Heard::default()).await else { panic!("it fails") };
    assert_eq!((failure.cause, store.calls("create")), (Cause::Throttled, 6));
}

#[tokio::test(start_paused = true)]
async fn a_lock_created_by_a_lost_response_is_recognized() {
    for lost in [Trouble::LostBefore, Trouble::LostAfter] {
        let store = Memory::new();
        store.trouble("create", [lost]);
        let one = must_take(&store, "one").await;
        assert_eq!(store.calls("create"), 2, "{lost:?}");
        one.release().await.expect("it is ours");
        assert_eq!(store.value(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_lock_is_not_repeated() {
    let store = Memory::new();
    store.trouble("create", [Trouble::Refused]);
    assert!(matches!(take(&store, "one", 60, &Heard::default()).await, Err(LockError::Failure(_))));
    assert_eq!(store.calls("create"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lock_deleted_before_the_read_is_created_again() {
    let store = Memory::new();
    dead(&store, "other");
    store.trouble("create", [Trouble::Vanishes]);
    let _one = must_take(&store, "one").await;
    assert_eq!(nonce(&store).await.as_deref(), Some("one"));
}

#[tokio::test(start_paused = true)]
async fn an_invalid_lock_fails_with_a_hint() {
    let store = Memory::new();
    store.put("hello");
    let Err(LockError::Failure(failure)) = take(&store, "one", 0, &Heard::default()).await else { panic!("it fails") };
    assert!(failure.hint.is_some_and(|hint| hint.contains("delete-parameter --name /the/lock")));
    assert_eq!(store.value().as_deref(), Some("hello"));
}

#[tokio::test(start_paused = true)]
async fn a_failed_release_returns_an_error() {
    let store = Memory::new();
    let one = must_take(&store, "one").await;
    store.trouble("delete", [Trouble::Refused]);
    assert!(timeout(Duration::from_secs(30), one.release()).await.expect("it does not hang").is_err());
}
