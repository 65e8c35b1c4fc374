//! The contract of a resource kind: what each file under `kinds/` implements and the engine relies on.

pub mod authorities;
mod blocker;
mod context;
mod cost;
mod erased;
mod images;
mod registry;
#[cfg(test)]
mod sample;

use std::{collections::BTreeSet, future::Future, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

pub use blocker::{Blocker, Owned};
pub use context::{Context, Origin};
pub use cost::{Charge, ChargeFor, Cost, Figures, Others, PUBLIC_ADDRESS, State};
pub use erased::{AnyKind, Erased};
#[cfg(test)]
pub use images::NoImages;
pub use images::{Arch, Base, BuiltImage, ImageSource, Images, Laid, Mode, RegistryLogin};
pub use registry::Registry;
#[cfg(test)]
pub use sample::{Delay, Drift, Sample, Variant};

use crate::model::{Address, Changed, Changes, Diff, Explanation, Failure, Field, Found, Outputs, Permission, Phase};

/// In which order a replacement goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// The new one is made, what needs it moves over, the old one goes. The two must be able to live beside
    /// each other: a name has to differ with what forces the replacement.
    CreateFirst,
    /// The old one goes first, because its name or place can be taken once only.
    DeleteFirst,
}

/// The part of a kind in a release, which is what `stackctl deploy` carries out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InRelease {
    /// None: `stackctl up` makes and changes it.
    No,
    /// It is the image that is released.
    Image,
    /// It is a task of a service or a job, or it keeps such tasks running.
    Tasks,
}

/// What the documentation says about a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doc {
    /// What it is for in a stack, in one or two sentences.
    pub summary: &'static str,
    /// The page of AWS's documentation about it.
    pub page: &'static str,
}

/// A kind of AWS resource.
pub trait Kind: Send + Sync + 'static {
    /// What stack.yaml asks of it. References to other resources are [`crate::model::Input`]s.
    type Desired: Serialize + DeserializeOwned + Send + Sync;
    /// What AWS has, in our own types, with all that `diff`, `phase`, `outputs`, `update` and `delete` need.
    type Live: Serialize + DeserializeOwned + Clone + Send + Sync;
    /// The fields that an update changes on the resource that exists.
    type Field: Field;
    /// The fields that only a new resource can have otherwise.
    type Fixed: Field;

    /// The name in addresses and plans; that of the file.
    const NAME: &'static str;
    /// What the documentation says about it.
    const DOC: Doc;
    /// The kinds whose resources one of this kind may hold on to: AWS deletes those only after it.
    const USES: &'static [&'static str];
    /// The kinds whose resources use one of this kind as long as they run, though AWS would let it go: its deletion waits until
    /// they have changed or are gone.
    const OUTLIVES: &'static [&'static str] = &[];
    /// What IAM has to allow for its calls.
    const PERMISSIONS: &'static [Permission];
    /// What AWS charges for it.
    const COST: Cost<Self::Desired, Self::Live>;
    /// The codes by which AWS answers a create or an update that names what was just made and is not known everywhere yet.
    /// Nothing else that such a call names can be missing: the plan has seen it, or this run has made it.
    const NOT_YET: &'static [&'static str];
    /// How a replacement goes.
    const REPLACEMENT: Replacement = Replacement::DeleteFirst;
    /// The kinds whose resources count on what [`Kind::wider`] keeps, until they have changed or are gone, beside those that
    /// use one of this kind.
    const COUNTED_ON_BY: &'static [&'static str] = &[];
    /// Whether one that is made or changed takes over what one that goes has served: then the one goes after the other.
    const TAKES_OVER: bool = false;
    /// Whether it lasts. One that does not (a one-off task) is left out of an observation, never planned for
    /// deletion, and listed only while its own step waits for it.
    const LASTING: bool = true;
    /// For a kind that does not last: how a plan describes its run, after its address.
    const RUN_NOTE: Option<&'static str> = None;
    /// Its part in a release.
    const IN_RELEASE: InRelease = InRelease::No;
    /// Whether an update in place makes its outputs new (another digest, another revision).
    const UPDATE_RENEWS_OUTPUTS: bool = false;
    /// Whether `create` makes the bare resource and `update` gives it the rest, where AWS would make another one, or
    /// refuse it, if the first call was repeated because the second one failed.
    const IN_TWO_STEPS: bool = false;
    /// The field that is changed by an update of its own, once the resource is ready with all else as desired: what is written
    /// may leave it to be done. It is changed in place.
    const COMES_LAST: Option<Self::Field> = None;
    /// Whether AWS makes another one if `create` is repeated: it has neither a token nor a name of its own.
    const MANY: bool = false;
    /// Whether a deletion is complete once AWS has answered the call, and nothing that follows can trip over a listing that still
    /// shows the resource: so no listing is asked. One that takes its place has another id.
    const GONE_AT_ONCE: bool = false;
    /// Whether one that exists can be taken in by [`Kind::adopt`]: the stack knows it by its tags alone, whatever it is
    /// called.
    const ADOPTABLE: bool = false;
    /// Whether most stacks have none of it. A look asks for it only where stack.yaml has one, or [`Kind::without`] does not rule it
    /// out.
    const RARE: bool = false;
    /// The fields of `Desired` that a plan shows on the line of a new resource, as it names them. `--details` shows all.
    const HEADLINE: &'static [&'static str] = &[];
    /// How long it usually takes to become ready on AWS.
    const USUAL: Duration = Duration::from_secs(2);
    /// How long a create or an update waits for a refusal to pass: a new IAM role is usable everywhere within this time.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>
    const PATIENCE: Duration = Duration::from_secs(60);
    /// How long to wait for it, or for its deletion, before giving up.
    const DEADLINE: Duration = Duration::from_secs(300);

    /// Every resource of this kind that the stack owns, in as many calls as there are pages.
    fn list(cx: &Context) -> impl Future<Output = Result<Vec<Found<Self::Live>>, Failure>> + Send;

    /// The rare kinds of which the stack has never had a resource, by their names, as a resource of this kind says. Nothing, where
    /// none says it: then every kind is asked for.
    fn without(_cx: &Context) -> impl Future<Output = Result<Option<BTreeSet<String>>, Failure>> + Send {
        async { Ok(None) }
    }

    /// Whether `changes` only make known which rare kinds the stack is not without any more: nothing but those waits for them.
    fn announces(_changes: &Changed<Self::Field>) -> bool {
        false
    }

    /// What AWS has now of the resources that a run waits for, by their addresses and their last known states. Where a listing
    /// takes more calls than that, the kind asks for these alone. Others may be among what is found.
    fn look(
        cx: &Context,
        _waited_for: Vec<(Address, Self::Live)>,
    ) -> impl Future<Output = Result<Vec<Found<Self::Live>>, Failure>> + Send {
        Self::list(cx)
    }

    /// All of `live`, for a resource of which a list leaves out what a change has to know: a plan reads those so that it changes.
    /// Nothing, if `live` is all there is to know.
    fn whole(_cx: &Context, _live: &Self::Live) -> impl Future<Output = Result<Option<Self::Live>, Failure>> + Send {
        async { Ok(None) }
    }

    /// What differs. Pure. Inputs that are still [`crate::model::Input::Output`] are known after apply. Nothing,
    /// where all there is to it is its name.
    fn diff(_desired: &Self::Desired, _live: &Self::Live) -> Changes<Self::Field, Self::Fixed> {
        Diff::new().finish()
    }

    /// What is asked for at first where `desired` takes away what others count on until they have changed or are gone: all of
    /// `desired`, and what `live` has beside it. `desired` itself is asked for once they have. Nothing, if nothing is taken away.
    fn wider(_desired: &Self::Desired, _live: &Self::Live) -> Option<Self::Desired> {
        None
    }

    /// How a new one is made beside others of its kind that serve already: it has all of `desired`, and nothing comes to it yet.
    /// `desired` itself is asked for once all that counts on it is there. Nothing, if it can be made as desired at once.
    fn waiting(_desired: &Self::Desired) -> Option<Self::Desired> {
        None
    }

    /// Whether it can be used; `desired` is given where stackctl has just asked for that.
    fn phase(live: &Self::Live, desired: Option<&Self::Desired>) -> Phase;

    /// Whether it can be used after a write that left it as `written`. A kind whose change AWS can take back by itself tells it
    /// by what the write began.
    fn phase_after(live: &Self::Live, desired: &Self::Desired, _written: &Self::Live) -> Phase {
        Self::phase(live, Some(desired))
    }

    /// For how long one has to stay ready after a write that left it as `written`, to count as ready.
    fn stays_ready(_desired: &Self::Desired, _written: &Self::Live) -> Duration {
        Duration::ZERO
    }

    /// Goes back to what was there `before` an update that has `failed`, where AWS does not do so by itself, and says what it
    /// goes back to. Nothing, where there is nothing to go back to.
    fn take_back(
        _cx: &Context,
        _before: &Self::Live,
        _failed: &Self::Live,
    ) -> impl Future<Output = Result<Option<String>, Failure>> + Send {
        async { Ok(None) }
    }

    /// For how long after an update of these fields AWS may still show it as it was before, and usable, because the update has
    /// not begun.
    fn begins_within(_changes: &Changed<Self::Field>) -> Duration {
        Duration::ZERO
    }

    /// What others need of it.
    fn outputs(_live: &Self::Live) -> Outputs {
        Outputs::new()
    }

    /// Whether the outputs of `live`, which is not ready, stay as they are until it is: a plan works with them, and what needs them
    /// does not differ because AWS is changing the resource.
    fn outputs_hold(_live: &Self::Live) -> bool {
        false
    }

    /// Makes it, tags in the same call. Idempotent: where AWS takes a client token or a unique name, repeating it
    /// gives the same resource; elsewhere the engine lists before it repeats.
    fn create(
        cx: &Context,
        address: &Address,
        desired: &Self::Desired,
    ) -> impl Future<Output = Result<Self::Live, Failure>> + Send;

    /// Sets the fields that changed on the resource that exists. It matches each field without a wildcard, so that one that
    /// it forgets does not compile. A kind without such fields has none.
    fn update(
        _cx: &Context,
        address: &Address,
        _desired: &Self::Desired,
        _live: &Self::Live,
        _changes: &Changed<Self::Field>,
    ) -> impl Future<Output = Result<Self::Live, Failure>> + Send {
        let failure = Failure::internal(format!("{address} cannot be changed in place"));
        async { Err(failure) }
    }

    /// Removes it. One that is not there any more is a success.
    fn delete(cx: &Context, live: &Self::Live) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Gives `live`, which no stack owns, the tags of `address`. Repeating it changes nothing.
    fn adopt(_cx: &Context, address: &Address, _live: &Self::Live) -> impl Future<Output = Result<(), Failure>> + Send {
        let failure = Failure::internal(format!("{address} cannot be adopted"));
        async { Err(failure) }
    }

    /// Slow work that can begin before what the resource needs is there: an image's build.
    fn prepare(_cx: &Context, _desired: &Self::Desired) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }

    /// Whether this failure goes away by waiting (a role that cannot be assumed yet, an interface that lingers),
    /// and in a few words what is waited for. Judged by operation and code, never by text.
    fn passing(failure: &Failure) -> Option<&'static str> {
        failure.is(&["DependencyViolation"]).then_some("the resources that use it to be deleted")
    }

    /// What goes on by itself if nobody waits until `live` is ready, as a sentence that goes on after its address.
    fn runs_on(_live: &Self::Live) -> Option<String> {
        None
    }

    /// Whether `seen` is older than `written`, the state that the last write to it gave: reads lag writes.
    fn outdated(_seen: &Self::Live, _written: &Self::Live) -> bool {
        false
    }

    /// Whether `live` is gone after its deletion, for a kind whose listing may show it for minutes; `None` where the listing says
    /// so by itself.
    fn gone(_cx: &Context, _live: &Self::Live) -> impl Future<Output = Result<Option<bool>, Failure>> + Send {
        async { Ok(Self::GONE_AT_ONCE.then_some(true)) }
    }

    /// What keeps this resource from being deleted unless the caller said `--unprotect`, such as deletion protection.
    fn guard(_live: &Self::Live) -> Option<String> {
        None
    }

    /// What users of the stack notice when `changes` are made on `live`, as a sentence that goes on after its address.
    fn consequence(_desired: &Self::Desired, _live: &Self::Live, _changes: &Changed<Self::Field>) -> Option<String> {
        None
    }

    /// What is lost with one that is deleted or replaced, as a sentence that goes on after its address.
    fn loss(_address: &Address) -> Option<&'static str> {
        None
    }

    /// What whoever agrees to one that is made like this should know, as a sentence that goes on after its address.
    fn caution(_desired: &Self::Desired) -> Option<String> {
        None
    }

    /// Whether `live` keeps out what others of its kind let in: it is deleted after them.
    fn closes(_live: &Self::Live) -> bool {
        false
    }

    /// What only a person can do before one like this can be made, or `live` become it, as a sentence that goes on after its
    /// address.
    fn by_hand(_address: &Address, _desired: &Self::Desired, _live: Option<&Self::Live>) -> Option<String> {
        None
    }

    /// Numbers that the charges for other kinds depend on.
    fn figures(_state: &State<Self::Desired, Self::Live>) -> Figures {
        Figures::new()
    }

    /// What AWS calls it beside the id that [`Kind::list`] gives, such as its ARN: by these it is known as the stack's own.
    fn identifiers(_live: &Self::Live) -> Vec<String> {
        Vec::new()
    }

    /// What does not belong to the stack and would keep `going` from being deleted. AWS itself would refuse in the middle of
    /// a deletion, mostly without a name. Called once, with all resources of this kind that a plan deletes; there is at least
    /// one.
    fn blockers(
        _cx: &Context,
        _going: &[Found<Self::Live>],
        _owned: &Owned,
    ) -> impl Future<Output = Result<Vec<Blocker>, Failure>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Why a resource failed, which its `phase` says that it has: stopped reasons, exit codes, failing health checks, last log
    /// lines; what is likely to have caused it, and what to do next.
    fn explain(_cx: &Context, _live: &Self::Live, _phase: &Phase) -> impl Future<Output = Explanation> + Send {
        async { Explanation::default() }
    }

    /// What `status` shows of it beside its phase, such as `running 2 of 2, version 0.1.0+3`.
    fn summary(_live: &Self::Live) -> Option<String> {
        None
    }

    /// A resource that the tests over all kinds try the kind with.
    #[cfg(test)]
    fn sample() -> Sample<Self::Desired>;
}
