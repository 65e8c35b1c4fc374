//! A fake kind whose resources live in a [`World`], with what the tests need to run a plan on it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::world::{Life, Thing, World, Writing, failure};
use crate::{
    aws::model::Cloud,
    kind::{AnyKind, Blocker, Charge, Context, Doc, Figures, InRelease, Others, Owned, Replacement, Sample, State},
    model::{Address, Cause, Change, Explanation, Failure, How, LiveResource, Outputs, Permission, Phase, Shown},
};

/// How long a write of the fake kind waits for a refusal to pass.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How AWS identifies the resources of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// By a unique name.
    Name,
    /// By a generated id. A repeated create returns the same resource, as with a client token.
    Token,
    /// By a generated id. A repeated create makes another resource.
    Many,
}

/// A configurable kind. A change of a field whose name starts with `fixed` replaces the resource; all other fields
/// change in place.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is one behaviour that a test switches on")]
pub struct Fake {
    pub name: &'static str,
    pub world: Arc<World>,
    pub life: Life,
    pub identity: Identity,
    pub replacement: Replacement,
    pub uses: &'static [&'static str],
    pub outlives: &'static [&'static str],
    /// The kinds that depend on the letters in the field `allows`.
    pub counted_on_by: &'static [&'static str],
    pub takes_over: bool,
    /// Whether resources with the field `closes` are deleted after the others.
    pub closes: bool,
    pub in_two_steps: bool,
    /// The field that is changed by an update of its own, after all else.
    pub comes_last: Option<&'static str>,
    pub lasting: bool,
    /// Whether it is listed only if the stack can have such a resource.
    pub rare: bool,
    /// The rare kinds that it reports as absent from the stack.
    pub without: Option<&'static [&'static str]>,
    pub deadline: Duration,
    /// Whether it can tell an outdated state from the current one.
    pub knows_outdated: bool,
    /// How long it may show the state before an update.
    pub begins_within: Duration,
    /// How long it must stay ready.
    pub stays_ready: Duration,
    /// Whether it rolls back a failed update.
    pub takes_back: bool,
    /// Whether it can report that a resource is gone without a listing.
    pub knows_gone: bool,
    /// Whether its list leaves out part of the state.
    pub leaves_out: bool,
    /// The duration of its slow work, if any.
    pub prepares: Option<Duration>,
    /// The results of its finished slow work.
    prepared: Arc<Mutex<Vec<Value>>>,
}

impl Fake {
    /// Creates a kind without delays: its resources are ready when they are created, gone when they are deleted, and
    /// visible immediately.
    pub fn new(name: &'static str, world: &Arc<World>) -> Self {
        Self {
            name,
            world: Arc::clone(world),
            life: Life {
                begins_after: Duration::ZERO,
                ready_after: Duration::ZERO,
                gone_after: Duration::ZERO,
                lag: Duration::ZERO,
            },
            identity: Identity::Token,
            replacement: Replacement::DeleteFirst,
            uses: &[],
            outlives: &[],
            counted_on_by: &[],
            takes_over: false,
            closes: false,
            in_two_steps: false,
            comes_last: None,
            lasting: true,
            rare: false,
            without: None,
            deadline: Duration::from_secs(300),
            knows_outdated: false,
            begins_within: Duration::ZERO,
            stays_ready: Duration::ZERO,
            takes_back: false,
            knows_gone: false,
            leaves_out: false,
            prepares: None,
            prepared: Arc::default(),
        }
    }

    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn found(thing: &Thing) -> LiveResource {
        LiveResource { address: thing.address.clone(), id: thing.id.clone(), live: thing.live(Instant::now()) }
    }

    fn make(&self, at: &Address, desired: &Value, writing: &mut Writing<'_>) -> Result<Value, Failure> {
        let mut fields = fields(desired)?;
        if self.in_two_steps {
            fields.retain(|name, _| name.starts_with("fixed"));
        }
        fields.retain(|name, _| Some(name.as_str()) != self.comes_last);
        // The token is made of the address and of what cannot be changed.
        let made = writing.at(at).find(|thing| {
            fields.iter().all(|(name, value)| !name.starts_with("fixed") || thing.fields.get(name) == Some(value))
        });
        if let (Identity::Token, Some(made)) = (self.identity, made) {
            return Ok(made.live(Instant::now()));
        }
        let id = if self.identity == Identity::Name { at.to_string() } else { writing.new_id(self.name) };
        if writing.is_taken(&id) {
            return Err(failure(Cause::Refused, "AlreadyExists"));
        }
        Ok(writing.add(at, &id, fields, self.life).live(Instant::now()))
    }
}

/// Returns the fields of the desired state, which must be resolved by now.
fn fields(desired: &Value) -> Result<BTreeMap<String, Value>, Failure> {
    let fields = desired.as_object().cloned().unwrap_or_default();
    if let Some((name, _)) = fields.iter().find(|(_, value)| value.is_object()) {
        return Err(Failure::internal(format!("{name} is not resolved")));
    }
    Ok(fields.into_iter().collect())
}

fn text<'a>(live: &'a Value, key: &str) -> &'a str {
    live[key].as_str().unwrap_or_default()
}

impl AnyKind for Fake {
    fn name(&self) -> &'static str {
        self.name
    }

    fn uses(&self) -> &'static [&'static str] {
        self.uses
    }

    fn outlives(&self) -> &'static [&'static str] {
        self.outlives
    }

    fn doc(&self) -> Doc {
        Doc { summary: "A resource in memory.", page: "" }
    }

    fn not_yet(&self) -> &'static [&'static str] {
        &["InvalidSubnetID.NotFound"]
    }

    fn fields(&self) -> &'static [&'static str] {
        &[]
    }

    fn fixed(&self) -> &'static [&'static str] {
        &[]
    }

    fn permissions(&self) -> &'static [Permission] {
        &[]
    }

    fn free(&self) -> Option<&'static str> {
        Some("it exists in memory alone")
    }

    fn prices(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn charge(&self, _at: &Address, _is: &State<Value, Value>, _by: &dyn Others) -> Result<Option<Charge>, Failure> {
        Ok(None)
    }

    fn figures(&self, _state: &State<Value, Value>) -> Result<Figures, Failure> {
        Ok(Figures::new())
    }

    fn run_note(&self) -> Option<&'static str> {
        None
    }

    fn in_release(&self) -> InRelease {
        InRelease::No
    }

    fn replacement(&self) -> Replacement {
        self.replacement
    }

    fn counted_on_by(&self) -> &'static [&'static str] {
        self.counted_on_by
    }

    fn takes_over(&self) -> bool {
        self.takes_over
    }

    fn lasting(&self) -> bool {
        self.lasting
    }

    fn update_renews_outputs(&self) -> bool {
        false
    }

    fn in_two_steps(&self) -> bool {
        self.in_two_steps
    }

    fn comes_last(&self) -> Option<&'static str> {
        self.comes_last
    }

    fn many(&self) -> bool {
        self.identity == Identity::Many
    }

    fn gone_at_once(&self) -> bool {
        false
    }

    fn adoptable(&self) -> bool {
        false
    }

    fn usual(&self) -> Duration {
        self.life.ready_after
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn deadline(&self) -> Duration {
        self.deadline
    }

    fn rare(&self) -> bool {
        self.rare
    }

    fn without<'a>(&'a self, _cx: &'a Context) -> BoxFuture<'a, Result<Option<BTreeSet<String>>, Failure>> {
        Box::pin(async { Ok(self.without.map(|kinds| kinds.iter().map(|kind| (*kind).to_owned()).collect())) })
    }

    fn list<'a>(&'a self, _cx: &'a Context) -> BoxFuture<'a, Result<Vec<LiveResource>, Failure>> {
        Box::pin(async { Ok(self.world.list(self.name, self.life).await.iter().map(Self::found).collect()) })
    }

    fn look<'a>(
        &'a self,
        cx: &'a Context,
        waited_for: &'a BTreeMap<Address, Value>,
    ) -> BoxFuture<'a, Result<Vec<LiveResource>, Failure>> {
        Box::pin(async {
            let found = self.list(cx).await?;
            // Like a kind that is read by name.
            Ok(found.into_iter().filter(|found| waited_for.contains_key(&found.address)).collect())
        })
    }

    fn diff(&self, desired: &Value, live: &Value) -> Result<Vec<Change>, Failure> {
        let desired = desired.as_object().into_iter().flatten();
        let changed = desired.filter(|(name, value)| live["fields"][name.as_str()] != **value);
        let change = |(name, value): (&String, &Value)| Change {
            field: name.clone(),
            from: Shown::value(&live["fields"][name]),
            to: if value.is_object() { Shown::KnownAfterApply } else { Shown::value(value) },
            how: if name.starts_with("fixed") { How::Replace } else { How::InPlace },
        };
        Ok(changed.map(change).collect())
    }

    fn wider(&self, desired: &Value, live: &Value) -> Result<Option<Value>, Failure> {
        if live["fields"]["open"] == false {
            return self.waiting(desired);
        }
        let (wanted, granted) = (text(desired, "allows"), text(&live["fields"], "allows"));
        let all: BTreeSet<char> = wanted.chars().chain(granted.chars()).collect();
        if self.counted_on_by.is_empty() || all.len() == wanted.len() {
            return Ok(None);
        }
        let mut wider = desired.clone();
        wider["allows"] = String::from_iter(all).into();
        Ok(Some(wider))
    }

    fn waiting(&self, desired: &Value) -> Result<Option<Value>, Failure> {
        let mut closed = desired.clone();
        closed["open"] = false.into();
        Ok((desired["open"] == true && self.takes_over).then_some(closed))
    }

    fn consequence(&self, _desired: &Value, _live: &Value, changes: &[Change]) -> Result<Option<String>, Failure> {
        Ok(changes.iter().any(|change| change.field == "restarts").then(|| "restarts".to_owned()))
    }

    fn caution(&self, _desired: &Value) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    fn loss(&self, address: &Address) -> Option<&'static str> {
        (address.name() == "full").then_some("goes with what is in it")
    }

    fn closes(&self, live: &Value) -> Result<bool, Failure> {
        Ok(self.closes && live["fields"]["closes"] == true)
    }

    fn phase(&self, live: &Value, _desired: Option<&Value>) -> Result<Phase, Failure> {
        if live["fields"]["fails"] == true && text(live, "state") == "ready" {
            return Ok(Phase::Failed("it does not stay up".into()));
        }
        Ok(match text(live, "state") {
            "ready" => Phase::Ready,
            "deleting" => Phase::Deleting("deleting".into()),
            other => Phase::Pending(other.to_owned()),
        })
    }

    fn outputs(&self, live: &Value) -> Result<Outputs, Failure> {
        Ok(Outputs::new().with("id", text(live, "id")))
    }

    fn create<'a>(
        &'a self,
        _cx: &'a Context,
        address: &'a Address,
        desired: &'a Value,
    ) -> BoxFuture<'a, Result<Value, Failure>> {
        Box::pin(async move {
            if let Some(time) = self.prepares
                && !self.prepared.lock().expect("nobody panics while holding it").contains(desired)
            {
                sleep(time).await;
            }
            self.world.write("create", address, |writing| self.make(address, desired, writing)).await
        })
    }

    fn update<'a>(
        &'a self,
        _cx: &'a Context,
        address: &'a Address,
        desired: &'a Value,
        live: &'a Value,
        changes: &'a [Change],
    ) -> BoxFuture<'a, Result<Value, Failure>> {
        let changed = |name: &String| changes.iter().any(|change| &change.field == name);
        let update = move |writing: &mut Writing<'_>| {
            let thing = writing.find(text(live, "id")).ok_or_else(|| failure(Cause::Refused, "NotFound"))?;
            let fields = fields(desired)?;
            thing.change(fields.into_iter().filter(|(name, _)| changed(name)), self.life);
            Ok(thing.live(Instant::now()))
        };
        Box::pin(async move { self.world.write("update", address, update).await })
    }

    fn delete<'a>(&'a self, _cx: &'a Context, live: &'a Value) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let id = text(live, "id");
            let address = self.world.address_of(id).unwrap_or_else(|| Address::new(self.name, "gone"));
            self.world.write("delete", &address, |writing| writing.remove(id, self.life)).await
        })
    }

    fn adopt<'a>(
        &'a self,
        _cx: &'a Context,
        address: &'a Address,
        _live: &'a Value,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move { Err(Failure::internal(format!("{address}: the engine adopts nothing"))) })
    }

    fn prepare<'a>(&'a self, _cx: &'a Context, desired: &'a Value) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let Some(time) = self.prepares else { return Ok(()) };
            self.world.log(format!("prepare {}", self.name));
            sleep(time).await;
            self.prepared.lock().expect("nobody panics while holding it").push(desired.clone());
            Ok(())
        })
    }

    fn passing(&self, failure: &Failure) -> Option<&'static str> {
        failure.is(&["ClientException", "DependencyViolation", "NotYet"]).then_some("it to pass")
    }

    /// A newer version than the written one means that AWS rolled back.
    fn phase_after(&self, live: &Value, desired: &Value, written: &Value) -> Result<Phase, Failure> {
        if live["version"].as_u64() > written["version"].as_u64() {
            return Ok(Phase::RolledBack("taken back".to_owned()));
        }
        self.phase(live, Some(desired))
    }

    fn stays_ready(&self, _desired: &Value, _written: &Value) -> Result<Duration, Failure> {
        Ok(self.stays_ready)
    }

    fn whole<'a>(&'a self, _cx: &'a Context, live: &'a Value) -> BoxFuture<'a, Result<Option<Value>, Failure>> {
        Box::pin(async {
            let mut whole = live.clone();
            whole["left_out"] = true.into();
            Ok(self.leaves_out.then_some(whole))
        })
    }

    fn take_back<'a>(
        &'a self,
        _cx: &'a Context,
        before: &'a Value,
        _failed: &'a Value,
    ) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(async move { Ok(self.takes_back.then(|| format!("{} is back", before["fields"]["size"]))) })
    }

    fn begins_within(&self, _changes: &[Change]) -> Result<Duration, Failure> {
        Ok(self.begins_within)
    }

    fn runs_on(&self, live: &Value) -> Result<Option<String>, Failure> {
        Ok((!self.lasting).then(|| format!("{} runs on", text(live, "id"))))
    }

    fn outdated(&self, seen: &Value, written: &Value) -> Result<bool, Failure> {
        Ok(self.knows_outdated && seen["version"].as_u64() < written["version"].as_u64())
    }

    fn gone<'a>(&'a self, _cx: &'a Context, live: &'a Value) -> BoxFuture<'a, Result<Option<bool>, Failure>> {
        Box::pin(async move { Ok(self.knows_gone.then(|| self.world.address_of(text(live, "id")).is_none())) })
    }

    fn guard(&self, _live: &Value) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    fn by_hand(&self, _at: &Address, _desired: &Value, _live: Option<&Value>) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    fn identifiers(&self, _live: &Value) -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }

    fn blockers<'a>(
        &'a self,
        _cx: &'a Context,
        _going: &'a [LiveResource],
        _owned: &'a Owned,
    ) -> BoxFuture<'a, Result<Vec<Blocker>, Failure>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn explain<'a>(&'a self, _cx: &'a Context, _live: &'a Value, _phase: &'a Phase) -> BoxFuture<'a, Explanation> {
        Box::pin(async { Explanation::default() })
    }

    fn summary(&self, _live: &Value) -> Option<String> {
        None
    }

    /// Unused: the tests of the engine configure the fake kind directly.
    fn sample(&self) -> Sample {
        Sample::new(Cloud::new, Value::Null)
    }
}
