//! A cloud in memory: resources with delays, scripted faults and a log of the calls.

use std::{
    collections::{BTreeMap, VecDeque},
    future::pending,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use crate::model::{Address, Cause, Failure};

/// How long a write takes.
pub const WRITE: Duration = Duration::from_millis(100);

/// The outcome of one write.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Refused; nothing is changed.
    Fails(Failure),
    /// Refused after this time, as if it waited in the rate limiter.
    FailsAfter(Duration, Failure),
    /// The request is lost; nothing is changed.
    LostBefore,
    /// The write succeeds, and the response is lost.
    LostAfter,
    /// The kind panics.
    Panics,
    /// The write succeeds after this time instead of [`WRITE`].
    Takes(Duration),
}

/// Creates a failure of the fake cloud with `code`.
pub fn failure(cause: Cause, code: &str) -> Failure {
    Failure { cause, code: Some(code.to_owned()), ..Failure::refused("Write", "the script says so") }
}

/// The delays of the resources of a kind.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// From a write until it is visible. Until then, the old state is shown.
    pub begins_after: Duration,
    /// From the last write until the resource is ready.
    pub ready_after: Duration,
    /// From the deletion until the resource is gone.
    pub gone_after: Duration,
    /// The maximum age of the state that a listing shows.
    pub lag: Duration,
}

/// One resource.
#[derive(Clone, Debug)]
pub struct Thing {
    pub address: Address,
    pub id: String,
    /// The fields that the last write set.
    pub fields: BTreeMap<String, Value>,
    /// The number of writes so far.
    pub version: u64,
    begins_at: Instant,
    ready_at: Instant,
    gone_at: Option<Instant>,
}

impl Thing {
    /// Returns its state at `now`, as the `Live` of a kind.
    pub fn live(&self, now: Instant) -> Value {
        let state = match self.gone_at {
            Some(_) => "deleting",
            None if self.begins_at <= now && now < self.ready_at => "pending",
            None => "ready",
        };
        json!({ "id": self.id, "state": state, "version": self.version, "fields": self.fields })
    }

    /// Returns whether one of its fields contains `id`.
    fn refers_to(&self, id: &str) -> bool {
        self.fields.values().any(|field| field == id)
    }
}

/// The fake cloud.
#[derive(Default)]
pub struct World {
    state: Mutex<State>,
    /// Notified when the process dies.
    pub died: Notify,
}

#[derive(Default)]
struct State {
    things: Vec<Thing>,
    /// The resources at each moment, for reads that lag.
    history: Vec<(Instant, Vec<Thing>)>,
    script: BTreeMap<(String, Address), VecDeque<Answer>>,
    log: Vec<(Instant, String)>,
    made: usize,
    under_way: usize,
    most_under_way: usize,
    /// How many writes succeed before the process dies.
    dies_after: Option<usize>,
    writes: usize,
    dead: bool,
}

impl State {
    fn forget_gone(&mut self) {
        let now = Instant::now();
        self.things.retain(|thing| thing.gone_at.is_none_or(|gone_at| now < gone_at));
    }

    fn record(&mut self) {
        self.history.push((Instant::now(), self.things.clone()));
    }
}

impl World {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds this")
    }

    /// Sets the answers of the next writes `operation` of `address`. Later writes succeed.
    pub fn script(&self, operation: &str, address: &Address, answers: impl IntoIterator<Item = Answer>) {
        self.state().script.entry((operation.to_owned(), address.clone())).or_default().extend(answers);
    }

    /// Makes the process die after `writes` more writes, or never if `None`.
    pub fn dies_after(&self, writes: Option<usize>) {
        let mut state = self.state();
        (state.dies_after, state.writes, state.dead) = (writes, 0, writes == Some(0));
        if state.dead {
            self.died.notify_one();
        }
    }

    /// Returns the live resources by address, without those that are being deleted.
    pub fn things(&self) -> Vec<Thing> {
        let mut state = self.state();
        state.forget_gone();
        let mut things: Vec<Thing> = state.things.iter().filter(|thing| thing.gone_at.is_none()).cloned().collect();
        things.sort_by(|one, other| (&one.address, &one.id).cmp(&(&other.address, &other.id)));
        things
    }

    /// Returns the address of the resource with this `id`, if it exists.
    pub fn address_of(&self, id: &str) -> Option<Address> {
        let mut state = self.state();
        state.forget_gone();
        state.things.iter().find(|thing| thing.id == id).map(|thing| thing.address.clone())
    }

    /// Returns the calls so far in order, such as `create a.one` and `list a`.
    pub fn calls(&self) -> Vec<String> {
        self.state().log.iter().map(|(_, call)| call.clone()).collect()
    }

    /// Returns the writes among [`World::calls`].
    pub fn written(&self) -> Vec<String> {
        let reads = |call: &String| call.starts_with("list ") || call.starts_with("prepare ");
        self.calls().into_iter().filter(|call| !reads(call)).collect()
    }

    /// Returns each time at which `call` was made.
    pub fn times(&self, call: &str) -> Vec<Instant> {
        self.state().log.iter().filter(|(_, made)| made == call).map(|(at, _)| *at).collect()
    }

    /// Returns the highest number of concurrent writes.
    pub fn most_under_way(&self) -> usize {
        self.state().most_under_way
    }

    pub fn log(&self, call: String) {
        self.state().log.push((Instant::now(), call));
    }

    /// Blocks forever if the process is dead.
    async fn alive(&self) {
        if self.state().dead {
            pending::<()>().await;
        }
    }

    /// Returns what a listing of `kind` shows.
    pub async fn list(&self, kind: &str, life: Life) -> Vec<Thing> {
        self.alive().await;
        self.log(format!("list {kind}"));
        let now = Instant::now();
        let mut state = self.state();
        state.forget_gone();
        let seen = state.history.iter().rev().find(|(since, _)| *since + life.lag <= now);
        let things = if life.lag.is_zero() { Some(&state.things) } else { seen.map(|(_, things)| things) };
        let of_kind = things.into_iter().flatten().filter(|thing| thing.address.kind() == kind);
        of_kind.filter(|thing| thing.gone_at.is_none_or(|gone_at| now < gone_at + life.lag)).cloned().collect()
    }

    /// Makes one write: logs it, counts it as under way and runs `work` unless the script says otherwise.
    pub async fn write<T>(
        &self,
        operation: &str,
        address: &Address,
        work: impl FnOnce(&mut Writing<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.alive().await;
        self.log(format!("{operation} {address}"));
        let key = (operation.to_owned(), address.clone());
        let answer = self.state().script.get_mut(&key).and_then(VecDeque::pop_front);
        let _place = UnderWay::begin(self);
        let time = match answer {
            Some(Answer::Takes(time) | Answer::FailsAfter(time, _)) => time,
            _ => WRITE,
        };
        sleep(time).await;
        self.alive().await;
        match answer {
            Some(Answer::Fails(failure) | Answer::FailsAfter(_, failure)) => return Err(failure),
            Some(Answer::LostBefore) => return Err(failure(Cause::Ambiguous, "InternalError")),
            Some(Answer::Panics) => panic!("{operation} of {address} panics"),
            _ => {}
        }
        let done = self.done(work)?;
        // The write that the process dies after succeeds, but its response never arrives.
        self.alive().await;
        if let Some(Answer::LostAfter) = answer { Err(failure(Cause::Ambiguous, "InternalError")) } else { Ok(done) }
    }

    fn done<T>(&self, work: impl FnOnce(&mut Writing<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let mut state = self.state();
        state.forget_gone();
        if state.history.is_empty() {
            state.record();
        }
        let done = work(&mut Writing(&mut state))?;
        state.record();
        state.writes += 1;
        if state.dies_after.is_some_and(|after| state.writes >= after) {
            state.dead = true;
            self.died.notify_one();
        }
        Ok(done)
    }
}

/// A write that is under way. It ends when this is dropped, also by a panic.
struct UnderWay<'a>(&'a World);

impl<'a> UnderWay<'a> {
    fn begin(world: &'a World) -> Self {
        let mut state = world.state();
        state.under_way += 1;
        state.most_under_way = state.most_under_way.max(state.under_way);
        Self(world)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.state().under_way -= 1;
    }
}

/// Access to the world for one write.
pub struct Writing<'a>(&'a mut State);

impl Writing<'_> {
    /// Returns the resource with this `id`, unless it is being deleted.
    pub fn find(&mut self, id: &str) -> Option<&mut Thing> {
        self.0.things.iter_mut().find(|thing| thing.id == id && thing.gone_at.is_none())
    }

    /// Returns the resources at `address` that are not being deleted.
    pub fn at<'a>(&'a self, address: &'a Address) -> impl Iterator<Item = &'a Thing> {
        self.0.things.iter().filter(move |thing| &thing.address == address && thing.gone_at.is_none())
    }

    /// Returns whether the name `id` is taken, also by a resource that is being deleted.
    pub fn is_taken(&self, id: &str) -> bool {
        self.0.things.iter().any(|thing| thing.id == id)
    }

    /// Returns a new id for `kind`.
    pub fn new_id(&mut self, kind: &str) -> String {
        self.0.made += 1;
        format!("{kind}-{}", self.0.made)
    }

    /// Adds a resource.
    pub fn add(&mut self, address: &Address, id: &str, fields: BTreeMap<String, Value>, life: Life) -> Thing {
        let begins_at = Instant::now();
        let ready_at = begins_at + life.ready_after;
        let (address, id) = (address.clone(), id.to_owned());
        let thing = Thing { address, id, fields, version: 1, begins_at, ready_at, gone_at: None };
        self.0.things.push(thing.clone());
        thing
    }

    /// Deletes the resource with this `id`, if it exists.
    ///
    /// # Errors
    /// `DependencyViolation` while another resource refers to it.
    pub fn remove(&mut self, id: &str, life: Life) -> Result<(), Failure> {
        let holder = self.0.things.iter().find(|thing| thing.id != id && thing.refers_to(id));
        if let Some(holder) = holder {
            let failure = failure(Cause::Refused, "DependencyViolation");
            return Err(Failure { message: format!("{} uses {id}", holder.address), ..failure });
        }
        let gone_at = Instant::now() + life.gone_after;
        if let Some(thing) = self.find(id) {
            thing.gone_at = Some(gone_at);
        }
        self.0.forget_gone();
        Ok(())
    }
}

impl Thing {
    /// Changes its fields.
    pub fn change(&mut self, fields: impl IntoIterator<Item = (String, Value)>, life: Life) {
        self.fields.extend(fields);
        self.version += 1;
        self.begins_at = Instant::now() + life.begins_after;
        self.ready_at = self.begins_at + life.ready_after;
    }
}
