//! Type erasure for kinds: [`AnyKind`] is a [`Kind`] with plain data in place of its types.

use std::{
    collections::{BTreeMap, BTreeSet},
    marker::PhantomData,
    time::Duration,
};

use futures::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Blocker, Charge, Context, Cost, Doc, Figures, InRelease, Kind, Others, Owned, Replacement, State};
use crate::model::{
    Address, Change, Changed, Evidence, Explanation, Failure, Field, Found, LiveResource, Outputs, Permission, Phase,
};

/// A [`Kind`] with plain data in place of its types, so that the engine can treat all kinds alike.
pub trait AnyKind: Send + Sync {
    /// [`Kind::NAME`].
    fn name(&self) -> &'static str;
    /// [`Kind::USES`].
    fn uses(&self) -> &'static [&'static str];
    /// [`Kind::DOC`].
    fn doc(&self) -> Doc;
    /// [`Kind::NOT_YET`].
    fn not_yet(&self) -> &'static [&'static str];
    /// The names of [`Kind::Field`].
    fn fields(&self) -> &'static [&'static str];
    /// The names of [`Kind::Fixed`].
    fn fixed(&self) -> &'static [&'static str];
    /// [`Kind::PERMISSIONS`].
    fn permissions(&self) -> &'static [Permission];
    /// Why the kind is free, if it is: [`Cost::Free`](super::Cost::Free).
    fn free(&self) -> Option<&'static str>;
    /// All prices that [`Kind::COST`] can use.
    fn prices(&self) -> Vec<&'static str>;
    /// The charge for the resource at `address` by [`Kind::COST`].
    fn charge(
        &self,
        address: &Address,
        state: &State<Value, Value>,
        others: &dyn Others,
    ) -> Result<Option<Charge>, Failure>;
    /// [`Kind::figures`].
    fn figures(&self, state: &State<Value, Value>) -> Result<Figures, Failure>;
    /// [`Kind::OUTLIVES`].
    fn outlives(&self) -> &'static [&'static str];
    /// [`Kind::COUNTED_ON_BY`].
    fn counted_on_by(&self) -> &'static [&'static str];
    /// [`Kind::REPLACEMENT`].
    fn replacement(&self) -> Replacement;
    /// [`Kind::TAKES_OVER`].
    fn takes_over(&self) -> bool;
    /// [`Kind::LASTING`].
    fn lasting(&self) -> bool;
    /// [`Kind::RUN_NOTE`].
    fn run_note(&self) -> Option<&'static str>;
    /// [`Kind::IN_RELEASE`].
    fn in_release(&self) -> InRelease;
    /// [`Kind::UPDATE_RENEWS_OUTPUTS`].
    fn update_renews_outputs(&self) -> bool;
    /// [`Kind::IN_TWO_STEPS`].
    fn in_two_steps(&self) -> bool;
    /// The name of [`Kind::COMES_LAST`].
    fn comes_last(&self) -> Option<&'static str> {
        None
    }
    /// [`Kind::MANY`].
    fn many(&self) -> bool;
    /// [`Kind::GONE_AT_ONCE`].
    fn gone_at_once(&self) -> bool;
    /// [`Kind::ADOPTABLE`].
    fn adoptable(&self) -> bool;
    /// [`Kind::HEADLINE`].
    fn headline(&self) -> &'static [&'static str] {
        &[]
    }
    /// [`Kind::RARE`].
    fn rare(&self) -> bool {
        false
    }
    /// [`Kind::USUAL`].
    fn usual(&self) -> Duration;
    /// [`Kind::PATIENCE`].
    fn patience(&self) -> Duration;
    /// [`Kind::DEADLINE`].
    fn deadline(&self) -> Duration;
    /// [`Kind::list`].
    fn list<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, Result<Vec<LiveResource>, Failure>>;
    /// [`Kind::without`].
    fn without<'a>(&'a self, _cx: &'a Context) -> BoxFuture<'a, Result<Option<BTreeSet<String>>, Failure>> {
        Box::pin(async { Ok(None) })
    }
    /// [`Kind::announces`].
    fn announces(&self, _changes: &[Change]) -> Result<bool, Failure> {
        Ok(false)
    }
    /// [`Kind::look`].
    fn look<'a>(
        &'a self,
        cx: &'a Context,
        waited_for: &'a BTreeMap<Address, Value>,
    ) -> BoxFuture<'a, Result<Vec<LiveResource>, Failure>>;
    /// [`Kind::whole`].
    fn whole<'a>(&'a self, cx: &'a Context, live: &'a Value) -> BoxFuture<'a, Result<Option<Value>, Failure>>;
    /// [`Kind::diff`].
    fn diff(&self, desired: &Value, live: &Value) -> Result<Vec<Change>, Failure>;
    /// [`Kind::wider`].
    fn wider(&self, desired: &Value, live: &Value) -> Result<Option<Value>, Failure>;
    /// [`Kind::waiting`].
    fn waiting(&self, desired: &Value) -> Result<Option<Value>, Failure>;
    /// [`Kind::phase`].
    fn phase(&self, live: &Value, desired: Option<&Value>) -> Result<Phase, Failure>;
    /// [`Kind::phase_after`].
    fn phase_after(&self, live: &Value, desired: &Value, written: &Value) -> Result<Phase, Failure>;
    /// [`Kind::stays_ready`].
    fn stays_ready(&self, desired: &Value, written: &Value) -> Result<Duration, Failure>;
    /// [`Kind::take_back`].
    fn take_back<'a>(
        &'a self,
        cx: &'a Context,
        before: &'a Value,
        failed: &'a Value,
    ) -> BoxFuture<'a, Result<Option<String>, Failure>>;
    /// [`Kind::begins_within`].
    fn begins_within(&self, changes: &[Change]) -> Result<Duration, Failure>;
    /// [`Kind::outputs`].
    fn outputs(&self, live: &Value) -> Result<Outputs, Failure>;
    /// [`Kind::outputs_hold`].
    fn outputs_hold(&self, _live: &Value) -> Result<bool, Failure> {
        Ok(false)
    }
    /// [`Kind::create`].
    fn create<'a>(
        &'a self,
        cx: &'a Context,
        address: &'a Address,
        desired: &'a Value,
    ) -> BoxFuture<'a, Result<Value, Failure>>;
    /// [`Kind::update`].
    fn update<'a>(
        &'a self,
        cx: &'a Context,
        address: &'a Address,
        desired: &'a Value,
        live: &'a Value,
        changes: &'a [Change],
    ) -> BoxFuture<'a, Result<Value, Failure>>;
    /// [`Kind::delete`].
    fn delete<'a>(&'a self, cx: &'a Context, live: &'a Value) -> BoxFuture<'a, Result<(), Failure>>;
    /// [`Kind::adopt`].
    fn adopt<'a>(
        &'a self,
        cx: &'a Context,
        address: &'a Address,
        live: &'a Value,
    ) -> BoxFuture<'a, Result<(), Failure>>;
    /// [`Kind::prepare`].
    fn prepare<'a>(&'a self, cx: &'a Context, desired: &'a Value) -> BoxFuture<'a, Result<(), Failure>>;
    /// [`Kind::passing`].
    fn passing(&self, failure: &Failure) -> Option<&'static str>;
    /// [`Kind::runs_on`].
    fn runs_on(&self, live: &Value) -> Result<Option<String>, Failure>;
    /// [`Kind::outdated`].
    fn outdated(&self, seen: &Value, written: &Value) -> Result<bool, Failure>;
    /// [`Kind::gone`].
    fn gone<'a>(&'a self, cx: &'a Context, live: &'a Value) -> BoxFuture<'a, Result<Option<bool>, Failure>>;
    /// [`Kind::guard`].
    fn guard(&self, live: &Value) -> Result<Option<String>, Failure>;
    /// [`Kind::consequence`].
    fn consequence(&self, desired: &Value, live: &Value, changes: &[Change]) -> Result<Option<String>, Failure>;
    /// [`Kind::loss`].
    fn loss(&self, address: &Address) -> Option<&'static str>;
    /// [`Kind::caution`].
    fn caution(&self, desired: &Value) -> Result<Option<String>, Failure>;
    /// [`Kind::closes`].
    fn closes(&self, live: &Value) -> Result<bool, Failure>;
    /// [`Kind::by_hand`].
    fn by_hand(&self, address: &Address, desired: &Value, live: Option<&Value>) -> Result<Option<String>, Failure>;
    /// [`Kind::identifiers`].
    fn identifiers(&self, live: &Value) -> Result<Vec<String>, Failure>;
    /// [`Kind::blockers`].
    fn blockers<'a>(
        &'a self,
        cx: &'a Context,
        going: &'a [LiveResource],
        owned: &'a Owned,
    ) -> BoxFuture<'a, Result<Vec<Blocker>, Failure>>;
    /// [`Kind::explain`].
    fn explain<'a>(&'a self, cx: &'a Context, live: &'a Value, phase: &'a Phase) -> BoxFuture<'a, Explanation>;
    /// [`Kind::summary`].
    fn summary(&self, live: &Value) -> Option<String>;
    /// [`Kind::sample`].
    #[cfg(test)]
    fn sample(&self) -> super::Sample;
}

/// The adapter from a [`Kind`] to [`AnyKind`].
pub struct Erased<K>(PhantomData<K>);

impl<K> Erased<K> {
    /// Creates the only value of this type.
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<K> Default for Erased<K> {
    fn default() -> Self {
        Self::new()
    }
}

fn typed<T: DeserializeOwned>(kind: &str, value: &Value) -> Result<T, Failure> {
    T::deserialize(value).map_err(|error| Failure::internal(format!("{kind}: {error}")))
}

fn plain<T: Serialize>(kind: &str, value: &T) -> Result<Value, Failure> {
    serde_json::to_value(value).map_err(|error| Failure::internal(format!("{kind}: {error}")))
}

fn all_plain<K: Kind>(found: Vec<Found<K::Live>>) -> Result<Vec<LiveResource>, Failure> {
    let plain = |Found { address, id, live }| Ok(Found { address, id, live: plain(K::NAME, &live)? });
    found.into_iter().map(plain).collect()
}

/// A kind's `Desired` and `Live`.
type StateOf<K> = State<<K as Kind>::Desired, <K as Kind>::Live>;

fn typed_state<K: Kind>(state: &State<Value, Value>) -> Result<StateOf<K>, Failure> {
    Ok(match state {
        State::Desired(desired) => State::Desired(typed(K::NAME, desired)?),
        State::Live(live) => State::Live(typed(K::NAME, live)?),
    })
}

impl<K: Kind> AnyKind for Erased<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn uses(&self) -> &'static [&'static str] {
        K::USES
    }

    fn doc(&self) -> Doc {
        K::DOC
    }

    fn not_yet(&self) -> &'static [&'static str] {
        K::NOT_YET
    }

    fn fields(&self) -> &'static [&'static str] {
        K::Field::NAMES
    }

    fn fixed(&self) -> &'static [&'static str] {
        K::Fixed::NAMES
    }

    fn permissions(&self) -> &'static [Permission] {
        K::PERMISSIONS
    }

    fn free(&self) -> Option<&'static str> {
        K::COST.free()
    }

    fn prices(&self) -> Vec<&'static str> {
        K::COST.prices()
    }

    fn charge(
        &self,
        address: &Address,
        state: &State<Value, Value>,
        others: &dyn Others,
    ) -> Result<Option<Charge>, Failure> {
        match K::COST {
            Cost::Free(_) => Ok(None),
            Cost::Each { what, price } => Ok(Some(Charge::new(what).plus(price, 1))),
            Cost::Counted { charge, .. } => charge(address, &typed_state::<K>(state)?, others),
        }
    }

    fn figures(&self, state: &State<Value, Value>) -> Result<Figures, Failure> {
        Ok(K::figures(&typed_state::<K>(state)?))
    }

    fn replacement(&self) -> Replacement {
        K::REPLACEMENT
    }

    fn outlives(&self) -> &'static [&'static str] {
        K::OUTLIVES
    }

    fn counted_on_by(&self) -> &'static [&'static str] {
        K::COUNTED_ON_BY
    }

    fn takes_over(&self) -> bool {
        K::TAKES_OVER
    }

    fn lasting(&self) -> bool {
        K::LASTING
    }

    fn run_note(&self) -> Option<&'static str> {
        K::RUN_NOTE
    }

    fn in_release(&self) -> InRelease {
        K::IN_RELEASE
    }

    fn update_renews_outputs(&self) -> bool {
        K::UPDATE_RENEWS_OUTPUTS
    }

    fn in_two_steps(&self) -> bool {
        K::IN_TWO_STEPS
    }

    fn comes_last(&self) -> Option<&'static str> {
        K::COMES_LAST.map(Field::name)
    }

    fn many(&self) -> bool {
        K::MANY
    }

    fn gone_at_once(&self) -> bool {
        K::GONE_AT_ONCE
    }

    fn adoptable(&self) -> bool {
        K::ADOPTABLE
    }

    fn headline(&self) -> &'static [&'static str] {
        K::HEADLINE
    }

    fn rare(&self) -> bool {
        K::RARE
    }

    fn usual(&self) -> Duration {
        K::USUAL
    }

    fn patience(&self) -> Duration {
        K::PATIENCE
    }

    fn deadline(&self) -> Duration {
        K::DEADLINE
    }

    fn list<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, Result<Vec<LiveResource>, Failure>> {
        Box::pin(async move { all_plain::<K>(K::list(cx).await?) })
    }

    fn without<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, Result<Option<BTreeSet<String>>, Failure>> {
        Box::pin(K::without(cx))
    }

    fn announces(&self, changes: &[Change]) -> Result<bool, Failure> {
        Ok(K::announces(&Changed::of(changes)?))
    }

    fn look<'a>(
        &'a self,
        cx: &'a Context,
        waited_for: &'a BTreeMap<Address, Value>,
    ) -> BoxFuture<'a, Result<Vec<LiveResource>, Failure>> {
        Box::pin(async move {
            let states = waited_for.iter().map(|(address, live)| Ok((address.clone(), typed(K::NAME, live)?)));
            all_plain::<K>(K::look(cx, states.collect::<Result<_, Failure>>()?).await?)
        })
    }

    fn whole<'a>(&'a self, cx: &'a Context, live: &'a Value) -> BoxFuture<'a, Result<Option<Value>, Failure>> {
        Box::pin(async move {
            let whole = K::whole(cx, &typed(K::NAME, live)?).await?;
            whole.map(|whole| plain(K::NAME, &whole)).transpose()
        })
    }

    fn diff(&self, desired: &Value, live: &Value) -> Result<Vec<Change>, Failure> {
        Ok(K::diff(&typed(K::NAME, desired)?, &typed(K::NAME, live)?).into_vec())
    }

    fn wider(&self, desired: &Value, live: &Value) -> Result<Option<Value>, Failure> {
        let wider = K::wider(&typed(K::NAME, desired)?, &typed(K::NAME, live)?);
        wider.map(|wider| plain(K::NAME, &wider)).transpose()
    }

    fn waiting(&self, desired: &Value) -> Result<Option<Value>, Failure> {
        K::waiting(&typed(K::NAME, desired)?).map(|waiting| plain(K::NAME, &waiting)).transpose()
    }

    fn phase(&self, live: &Value, desired: Option<&Value>) -> Result<Phase, Failure> {
        let desired = desired.map(|desired| typed(K::NAME, desired)).transpose()?;
        Ok(K::phase(&typed(K::NAME, live)?, desired.as_ref()))
    }

    fn phase_after(&self, live: &Value, desired: &Value, written: &Value) -> Result<Phase, Failure> {
        let (live, desired) = (typed(K::NAME, live)?, typed(K::NAME, desired)?);
        Ok(K::phase_after(&live, &desired, &typed(K::NAME, written)?))
    }

    fn stays_ready(&self, desired: &Value, written: &Value) -> Result<Duration, Failure> {
        Ok(K::stays_ready(&typed(K::NAME, desired)?, &typed(K::NAME, written)?))
    }

    fn take_back<'a>(
        &'a self,
        cx: &'a Context,
        before: &'a Value,
        failed: &'a Value,
    ) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(async move { K::take_back(cx, &typed(K::NAME, before)?, &typed(K::NAME, failed)?).await })
    }

    fn begins_within(&self, changes: &[Change]) -> Result<Duration, Failure> {
        Ok(K::begins_within(&Changed::of(changes)?))
    }

    fn outputs(&self, live: &Value) -> Result<Outputs, Failure> {
        Ok(K::outputs(&typed(K::NAME, live)?))
    }

    fn outputs_hold(&self, live: &Value) -> Result<bool, Failure> {
        Ok(K::outputs_hold(&typed(K::NAME, live)?))
    }

    fn create<'a>(
        &'a self,
        cx: &'a Context,
        address: &'a Address,
        desired: &'a Value,
    ) -> BoxFuture<'a, Result<Value, Failure>> {
        Box::pin(async move { plain(K::NAME, &K::create(cx, address, &typed(K::NAME, desired)?).await?) })
    }

    fn update<'a>(
        &'a self,
        cx: &'a Context,
        address: &'a Address,
        desired: &'a Value,
        live: &'a Value,
        changes: &'a [Change],
    ) -> BoxFuture<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let (desired, live) = (typed(K::NAME, desired)?, typed(K::NAME, live)?);
            plain(K::NAME, &K::update(cx, address, &desired, &live, &Changed::of(changes)?).await?)
        })
    }

    fn delete<'a>(&'a self, cx: &'a Context, live: &'a Value) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move { K::delete(cx, &typed(K::NAME, live)?).await })
    }

    fn adopt<'a>(
        &'a self,
        cx: &'a Context,
        address: &'a Address,
        live: &'a Value,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move { K::adopt(cx, address, &typed(K::NAME, live)?).await })
    }

    fn prepare<'a>(&'a self, cx: &'a Context, desired: &'a Value) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move { K::prepare(cx, &typed(K::NAME, desired)?).await })
    }

    fn passing(&self, failure: &Failure) -> Option<&'static str> {
        K::passing(failure)
    }

    fn runs_on(&self, live: &Value) -> Result<Option<String>, Failure> {
        Ok(K::runs_on(&typed(K::NAME, live)?))
    }

    fn outdated(&self, seen: &Value, written: &Value) -> Result<bool, Failure> {
        Ok(K::outdated(&typed(K::NAME, seen)?, &typed(K::NAME, written)?))
    }

    fn gone<'a>(&'a self, cx: &'a Context, live: &'a Value) -> BoxFuture<'a, Result<Option<bool>, Failure>> {
        Box::pin(async move { K::gone(cx, &typed(K::NAME, live)?).await })
    }

    fn guard(&self, live: &Value) -> Result<Option<String>, Failure> {
        Ok(K::guard(&typed(K::NAME, live)?))
    }

    fn caution(&self, desired: &Value) -> Result<Option<String>, Failure> {
        Ok(K::caution(&typed(K::NAME, desired)?))
    }

    fn consequence(&self, desired: &Value, live: &Value, changes: &[Change]) -> Result<Option<String>, Failure> {
        Ok(K::consequence(&typed(K::NAME, desired)?, &typed(K::NAME, live)?, &Changed::of(changes)?))
    }

    fn loss(&self, address: &Address) -> Option<&'static str> {
        K::loss(address)
    }

    fn closes(&self, live: &Value) -> Result<bool, Failure> {
        Ok(K::closes(&typed(K::NAME, live)?))
    }

    fn by_hand(&self, address: &Address, desired: &Value, live: Option<&Value>) -> Result<Option<String>, Failure> {
        let live = live.map(|live| typed(K::NAME, live)).transpose()?;
        Ok(K::by_hand(address, &typed(K::NAME, desired)?, live.as_ref()))
    }

    fn identifiers(&self, live: &Value) -> Result<Vec<String>, Failure> {
        Ok(K::identifiers(&typed(K::NAME, live)?))
    }

    fn blockers<'a>(
        &'a self,
        cx: &'a Context,
        going: &'a [LiveResource],
        owned: &'a Owned,
    ) -> BoxFuture<'a, Result<Vec<Blocker>, Failure>> {
        Box::pin(async move {
            let going: Result<Vec<Found<K::Live>>, Failure> = going
                .iter()
                .map(|LiveResource { address, id, live }| {
                    Ok(Found { address: address.clone(), id: id.clone(), live: typed(K::NAME, live)? })
                })
                .collect();
            K::blockers(cx, &going?, owned).await
        })
    }

    fn explain<'a>(&'a self, cx: &'a Context, live: &'a Value, phase: &'a Phase) -> BoxFuture<'a, Explanation> {
        Box::pin(async move {
            match typed(K::NAME, live) {
                Ok(live) => K::explain(cx, &live, phase).await,
                Err(failure) => Explanation::of(Evidence::Findings { lines: vec![failure.to_string()] }),
            }
        })
    }

    fn summary(&self, live: &Value) -> Option<String> {
        K::summary(&typed(K::NAME, live).ok()?)
    }

    #[cfg(test)]
    fn sample(&self) -> super::Sample {
        K::sample().plain()
    }
}
