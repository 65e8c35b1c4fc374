//! A cloud in memory: resources with a life of their own, a script of what goes wrong, and a log of the calls.

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

/// What becomes of one write.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It is refused, and nothing is done.
    Fails(Failure),
    /// It is refused after this time: it had to wait for its turn at AWS.
    FailsAfter(Duration, Failure),
    /// The call is lost on its way there: nothing is done.
    LostBefore,
    /// It is done, and the answer is lost on its way back.
    LostAfter,
    /// The kind panics.
    Panics,
    /// It is done after this time instead of [`WRITE`].
    Takes(Duration),
}

/// A failure of the fake cloud with `code`.
pub fn failure(cause: Cause, code: &str) -> Failure {
    Failure { cause, code: Some(code.to_owned()), ..Failure::refused("Write", "the script says so") }
}

/// How resources of a kind live.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// From a write until it shows. Until then, what exists goes on as it was.
    pub begins_after: Duration,
    /// From the last write until it is ready.
    pub ready_after: Duration,
    /// From its deletion until it is gone.
    pub gone_after: Duration,
    /// How old what a listing shows may be.
    pub lag: Duration,
}

/// One resource.
#[derive(Clone, Debug)]
pub struct Thing {
    pub address: Address,
    pub id: String,
    /// What it was told to be.
    pub fields: BTreeMap<String, Value>,
    /// How often it was written.
    pub version: u64,
    begins_at: Instant,
    ready_at: Instant,
    gone_at: Option<Instant>,
}

impl Thing {
    /// Its state as a kind's `Live`, at `now`.
    pub fn live(&self, now: Instant) -> Value {
        let state = match self.gone_at {
            Some(_) => "deleting",
            None if self.begins_at <= now && now < self.ready_at => "pending",
            None => "ready",
        };
        json!({ "id": self.id, "state": state, "version": self.version, "fields": self.fields })
    }

    /// Whether one of its fields names `id`.
    fn refers_to(&self, id: &str) -> bool {
        self.fields.values().any(|field| field == id)
    }
}

/// What there is.
#[derive(Default)]
pub struct World {
    state: Mutex<State>,
    /// Notified when the process dies.
    pub died: Notify,
}

#[derive(Default)]
struct State {
    things: Vec<Thing>,
    /// What there was since when, for reads that lag.
    history: Vec<(Instant, Vec<Thing>)>,
    script: BTreeMap<(String, Address), VecDeque<Answer>>,
    log: Vec<(Instant, String)>,
    made: usize,
    under_way: usize,
    most_under_way: usize,
    /// How many writes are done before the process dies.
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

    /// The next writes `operation` of `address` get these answers; those after them succeed.
    pub fn script(&self, operation: &str, address: &Address, answers: impl IntoIterator<Item = Answer>) {
        self.state().script.entry((operation.to_owned(), address.clone())).or_default().extend(answers);
    }

    /// The process dies once `writes` writes are done from now on; `None`: it lives.
    pub fn dies_after(&self, writes: Option<usize>) {
        let mut state = self.state();
        (state.dies_after, state.writes, state.dead) = (writes, 0, writes == Some(0));
        if state.dead {
            self.died.notify_one();
        }
    }

    /// What is there now, by address; those that are being deleted are left out.
    pub fn things(&self) -> Vec<Thing> {
        let mut state = self.state();
        state.forget_gone();
        let mut things: Vec<Thing> = state.things.iter().filter(|thing| thing.gone_at.is_none()).cloned().collect();
        things.sort_by(|one, other| (&one.address, &one.id).cmp(&(&other.address, &other.id)));
        things
    }

    /// Where what AWS calls `id` belongs, if it is there.
    pub fn address_of(&self, id: &str) -> Option<Address> {
        let mut state = self.state();
        state.forget_gone();
        state.things.iter().find(|thing| thing.id == id).map(|thing| thing.address.clone())
    }

    /// The calls so far, in their order: `create a.one`, `list a`.
    pub fn calls(&self) -> Vec<String> {
        self.state().log.iter().map(|(_, call)| call.clone()).collect()
    }

    /// The writes among [`World::calls`].
    pub fn written(&self) -> Vec<String> {
        let reads = |call: &String| call.starts_with("list ") || call.starts_with("prepare ");
        self.calls().into_iter().filter(|call| !reads(call)).collect()
    }

    /// When `call` was made, each time.
    pub fn times(&self, call: &str) -> Vec<Instant> {
        self.state().log.iter().filter(|(_, made)| made == call).map(|(at, _)| *at).collect()
    }

    /// How many writes were under way at most.
    pub fn most_under_way(&self) -> usize {
        self.state().most_under_way
    }

    pub fn log(&self, call: String) {
        self.state().log.push((Instant::now(), call));
    }

    /// A process that is dead makes no call and gets no answer.
    async fn alive(&self) {
        if self.state().dead {
            pending::<()>().await;
        }
    }

    /// What a listing of `kind` shows.
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

    /// One write: logged, under way for its time, done by `work` unless the script says otherwise.
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
        // The write that the process dies after is done; its answer finds nobody.
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

/// A write that is under way; it ends when this is dropped, also by a panic.
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

/// The world in the hands of one write.
pub struct Writing<'a>(&'a mut State);

impl Writing<'_> {
    /// The resource that AWS calls `id`, unless it is being deleted.
    pub fn find(&mut self, id: &str) -> Option<&mut Thing> {
        self.0.things.iter_mut().find(|thing| thing.id == id && thing.gone_at.is_none())
    }

    /// What is at `address` and is not being deleted.
    pub fn at<'a>(&'a self, address: &'a Address) -> impl Iterator<Item = &'a Thing> {
        self.0.things.iter().filter(move |thing| &thing.address == address && thing.gone_at.is_none())
    }

    /// Whether the name `id` is taken, also by what is being deleted.
    pub fn is_taken(&self, id: &str) -> bool {
        self.0.things.iter().any(|thing| thing.id == id)
    }

    /// A new id of `kind`.
    pub fn new_id(&mut self, kind: &str) -> String {
        self.0.made += 1;
        format!("{kind}-{}", self.0.made)
    }

    /// Makes a resource.
    pub fn add(&mut self, address: &Address, id: &str, fields: BTreeMap<String, Value>, life: Life) -> Thing {
        let begins_at = Instant::now();
        let ready_at = begins_at + life.ready_after;
        let (address, id) = (address.clone(), id.to_owned());
        let thing = Thing { address, id, fields, version: 1, begins_at, ready_at, gone_at: None };
        self.0.things.push(thing.clone());
        thing
    }

    /// Deletes what AWS calls `id`, if it is there.
    ///
    /// # Errors
    /// `DependencyViolation` while another resource names it.
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
