//! The trait of a resource kind, which each file under `kinds/` implements and the engine uses.

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

/// The order of the two halves of a replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// The new resource is created, its users move to it, and the old one is deleted. Both must be able to exist at the
    /// same time: a name must differ if the field that forces the replacement differs.
    CreateFirst,
    /// The old resource is deleted first, because its name or place is unique.
    DeleteFirst,
}

/// The role of a kind in a release, which `stackctl deploy` applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InRelease {
    /// No role: only `stackctl up` creates and changes it.
    No,
    /// The released image.
    Image,
    /// A task of a service or a job, or a resource that keeps such tasks running.
    Tasks,
}

/// The documentation of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doc {
    /// Its purpose in a stack, in one or two sentences.
    pub summary: &'static str,
    /// The page in the AWS documentation.
    pub page: &'static str,
}

/// A kind of AWS resource.
pub trait Kind: Send + Sync + 'static {
    /// The desired state from stack.yaml. References to other resources are [`crate::model::Input`]s.
    type Desired: Serialize + DeserializeOwned + Send + Sync;
    /// The live state on AWS in our own types, with everything that `diff`, `phase`, `outputs`, `update` and `delete`
    /// need.
    type Live: Serialize + DeserializeOwned + Clone + Send + Sync;
    /// The fields that an update can change in place.
    type Field: Field;
    /// The fields that only a replacement can change.
    type Fixed: Field;

    /// The name in addresses and plans, which is also the file name.
    const NAME: &'static str;
    /// The documentation of the kind.
    const DOC: Doc;
    /// The kinds whose resources a resource of this kind may use. AWS deletes those only after it.
    const USES: &'static [&'static str];
    /// The kinds whose resources use this one while they run, although AWS would allow its deletion earlier. The
    /// deletion waits until they have changed or are gone.
    const OUTLIVES: &'static [&'static str] = &[];
    /// The IAM permissions for its calls.
    const PERMISSIONS: &'static [Permission];
    /// The costs of its resources.
    const COST: Cost<Self::Desired, Self::Live>;
    /// The error codes of a create or an update that refers to a new resource that is not visible everywhere yet. The
    /// call cannot refer to anything else that is missing: the plan has seen it, or this run has created it.
    const NOT_YET: &'static [&'static str];
    /// The order of a replacement.
    const REPLACEMENT: Replacement = Replacement::DeleteFirst;
    /// The kinds whose resources depend on what [`Kind::wider`] keeps, until they have changed or are gone. Kinds that
    /// use this one depend on it anyway.
    const COUNTED_ON_BY: &'static [&'static str] = &[];
    /// Whether a created or changed resource takes over the work of a deleted one of the same kind. The deletion then
    /// comes last.
    const TAKES_OVER: bool = false;
    /// Whether resources of the kind last. A kind that does not (a one-off task) is left out of an observation, never
    /// planned for deletion, and listed only while its own step waits for it.
    const LASTING: bool = true;
    /// For a kind that does not last: the description of its run in a plan, after its address.
    const RUN_NOTE: Option<&'static str> = None;
    /// The role in a release.
    const IN_RELEASE: InRelease = InRelease::No;
    /// Whether an update in place changes its outputs, such as a digest or a revision.
    const UPDATE_RENEWS_OUTPUTS: bool = false;
    /// Whether `create` makes the bare resource and `update` completes it. This is needed if a failed second call would
    /// repeat the first one and AWS would then make another resource or refuse the call.
    const IN_TWO_STEPS: bool = false;
    /// The field that is changed by an update of its own, once the resource is ready with all else as desired: what is written
    /// may leave it to be done. It is changed in place.
    const COMES_LAST: Option<Self::Field> = None;
    /// Whether AWS makes another one if `create` is repeated: it has neither a token nor a name of its own.
    const MANY: bool = false;
    /// Whether a deletion is complete once AWS has answered the call. No listing is read then, because a listing that
    /// still shows the resource does no harm: its replacement has another id.
    const GONE_AT_ONCE: bool = false;
    /// Whether [`Kind::adopt`] can add an existing resource to a stack. The stack must identify it by its tags alone,
    /// whatever its name.
    const ADOPTABLE: bool = false;
    /// Whether most stacks have no resource of this kind. It is listed only if stack.yaml has one or [`Kind::without`]
    /// does not rule it out.
    const RARE: bool = false;
    /// The fields of `Desired` that a plan shows on the line of a new resource, as it names them. `--details` shows all.
    const HEADLINE: &'static [&'static str] = &[];
    /// How long it usually takes to become ready on AWS.
    const USUAL: Duration = Duration::from_secs(2);
    /// How long a create or an update waits for a temporary refusal to pass. A new IAM role is usable everywhere within
    /// this time.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>
    const PATIENCE: Duration = Duration::from_secs(60);
    /// How long to wait until a resource is ready, or until it is deleted.
    const DEADLINE: Duration = Duration::from_secs(300);

    /// Returns every resource of this kind that the stack owns. It makes one call for each page.
    fn list(cx: &Context) -> impl Future<Output = Result<Vec<Found<Self::Live>>, Failure>> + Send;

    /// Returns the names of the rare kinds of which the stack has never had a resource, as recorded in a resource of
    /// this kind. `None` if there is no such record: then every kind is listed.
    fn without(_cx: &Context) -> impl Future<Output = Result<Option<BTreeSet<String>>, Failure>> + Send {
        async { Ok(None) }
    }

    /// Returns whether `changes` only record that the stack may now have resources of more rare kinds. Only those
    /// resources then wait for the update.
    fn announces(_changes: &Changed<Self::Field>) -> bool {
        false
    }

    /// Returns the live states of the resources that a run waits for, given their addresses and last known states. A
    /// kind whose full listing needs more calls reads only these. The result may contain other resources.
    fn look(
        cx: &Context,
        _waited_for: Vec<(Address, Self::Live)>,
    ) -> impl Future<Output = Result<Vec<Found<Self::Live>>, Failure>> + Send {
        Self::list(cx)
    }

    /// Returns the full state of `live`, for a kind whose list leaves out what an update needs. A plan reads it for the
    /// resources that it changes. `None` if `live` is complete.
    fn whole(_cx: &Context, _live: &Self::Live) -> impl Future<Output = Result<Option<Self::Live>, Failure>> + Send {
        async { Ok(None) }
    }

    /// Returns the differences. Pure. An [`crate::model::Input::Output`] counts as known after apply. A kind without
    /// fields besides its name has no differences.
    fn diff(_desired: &Self::Desired, _live: &Self::Live) -> Changes<Self::Field, Self::Fixed> {
        Diff::new().finish()
    }

    /// Returns the intermediate state for an update that removes what others depend on: all of `desired`, and what
    /// `live` has besides. `desired` itself follows once they have changed. `None` if nothing is removed.
    fn wider(_desired: &Self::Desired, _live: &Self::Live) -> Option<Self::Desired> {
        None
    }

    /// Returns the initial state of a new resource beside others of its kind that are in use: all of `desired`, but
    /// without traffic. `desired` itself follows once its dependents are ready. `None` if it can be created as desired
    /// at once.
    fn waiting(_desired: &Self::Desired) -> Option<Self::Desired> {
        None
    }

    /// Returns whether the resource is usable. `desired` is given if stackctl has just written it.
    fn phase(live: &Self::Live, desired: Option<&Self::Desired>) -> Phase;

    /// Returns whether the resource is usable after a write that left it as `written`. A kind whose changes AWS can
    /// roll back compares it with what the write started.
    fn phase_after(live: &Self::Live, desired: &Self::Desired, _written: &Self::Live) -> Phase {
        Self::phase(live, Some(desired))
    }

    /// Returns how long the resource must stay ready after a write that left it as `written` before it counts as ready.
    fn stays_ready(_desired: &Self::Desired, _written: &Self::Live) -> Duration {
        Duration::ZERO
    }

    /// Restores the state `before` an update that `failed`, for a kind that AWS does not roll back. Returns a
    /// description of the restored state, or `None` if there is nothing to restore.
    fn take_back(
        _cx: &Context,
        _before: &Self::Live,
        _failed: &Self::Live,
    ) -> impl Future<Output = Result<Option<String>, Failure>> + Send {
        async { Ok(None) }
    }

    /// Returns how long after an update of these fields AWS may still show the resource in the old state, as ready,
    /// because the update has not started.
    fn begins_within(_changes: &Changed<Self::Field>) -> Duration {
        Duration::ZERO
    }

    /// Returns the outputs that other resources need.
    fn outputs(_live: &Self::Live) -> Outputs {
        Outputs::new()
    }

    /// Returns whether the outputs of `live`, which is not ready, stay the same until it is. A plan then uses them, so
    /// resources that need them show no difference while AWS changes this one.
    fn outputs_hold(_live: &Self::Live) -> bool {
        false
    }

    /// Creates the resource with its tags in the same call. Idempotent if AWS takes a client token or a unique name: a
    /// repeated call returns the same resource. Otherwise the engine lists before it repeats.
    fn create(
        cx: &Context,
        address: &Address,
        desired: &Self::Desired,
    ) -> impl Future<Output = Result<Self::Live, Failure>> + Send;

    /// Sets the changed fields of an existing resource. Implementations match every field without a wildcard, so that a
    /// forgotten field does not compile. Kinds without such fields keep this default.
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

    /// Deletes the resource. Succeeds if it does not exist.
    fn delete(cx: &Context, live: &Self::Live) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Adds the tags of `address` to `live`, which no stack owns. Repeating it changes nothing.
    fn adopt(_cx: &Context, address: &Address, _live: &Self::Live) -> impl Future<Output = Result<(), Failure>> + Send {
        let failure = Failure::internal(format!("{address} cannot be adopted"));
        async { Err(failure) }
    }

    /// Does slow work that can start before the resource's needs are ready, such as building an image.
    fn prepare(_cx: &Context, _desired: &Self::Desired) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }

    /// Returns what to wait for, in a few words, if this failure is temporary, such as a role that cannot be assumed
    /// yet or a network interface that still exists. It depends only on the operation and the code, never on the
    /// message.
    fn passing(failure: &Failure) -> Option<&'static str> {
        failure.is(&["DependencyViolation"]).then_some("the resources that use it to be deleted")
    }

    /// Returns what AWS continues to do if nobody waits until `live` is ready, as a phrase that follows its address.
    fn runs_on(_live: &Self::Live) -> Option<String> {
        None
    }

    /// Returns whether `seen` is older than `written`, the state after the last write: reads lag behind writes.
    fn outdated(_seen: &Self::Live, _written: &Self::Live) -> bool {
        false
    }

    /// Returns whether `live` is gone after its deletion, for a kind whose listing may show it for minutes. `None` if
    /// the listing is reliable.
    fn gone(_cx: &Context, _live: &Self::Live) -> impl Future<Output = Result<Option<bool>, Failure>> + Send {
        async { Ok(Self::GONE_AT_ONCE.then_some(true)) }
    }

    /// Returns what protects this resource from deletion without `--unprotect`, such as deletion protection.
    fn guard(_live: &Self::Live) -> Option<String> {
        None
    }

    /// Returns what users of the stack notice when `changes` are made to `live`, as a phrase that follows its address.
    fn consequence(_desired: &Self::Desired, _live: &Self::Live, _changes: &Changed<Self::Field>) -> Option<String> {
        None
    }

    /// Returns what is lost when the resource is deleted or replaced, as a phrase that follows its address.
    fn loss(_address: &Address) -> Option<&'static str> {
        None
    }

    /// Returns what to consider before the resource is created like this, as a phrase that follows its address.
    fn caution(_desired: &Self::Desired) -> Option<String> {
        None
    }

    /// Returns whether `live` blocks what others of its kind allow. It is then deleted after them.
    fn closes(_live: &Self::Live) -> bool {
        false
    }

    /// Returns what a person must do before the resource can be created, or `live` updated to `desired`, as a phrase
    /// that follows its address.
    fn by_hand(_address: &Address, _desired: &Self::Desired, _live: Option<&Self::Live>) -> Option<String> {
        None
    }

    /// Returns the numbers on which the charges for other kinds depend.
    fn figures(_state: &State<Self::Desired, Self::Live>) -> Figures {
        Figures::new()
    }

    /// Returns the identifiers of the resource besides the id in [`Kind::list`], such as its ARN. They identify it as
    /// part of the stack.
    fn identifiers(_live: &Self::Live) -> Vec<String> {
        Vec::new()
    }

    /// Returns the resources outside the stack that would block the deletion of `going`. AWS would refuse in the middle
    /// of a deletion, usually without a name. Called once, with all resources of this kind that a plan deletes, and at
    /// least one.
    fn blockers(
        _cx: &Context,
        _going: &[Found<Self::Live>],
        _owned: &Owned,
    ) -> impl Future<Output = Result<Vec<Blocker>, Failure>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Explains why a resource failed, given its failed `phase`: stopped reasons, exit codes, failing health checks,
    /// last log lines, the likely cause and the next step.
    fn explain(_cx: &Context, _live: &Self::Live, _phase: &Phase) -> impl Future<Output = Explanation> + Send {
        async { Explanation::default() }
    }

    /// Returns what `status` shows besides the phase, such as `running 2 of 2, version 0.1.0+3`.
    fn summary(_live: &Self::Live) -> Option<String> {
        None
    }

    /// Returns a resource for the tests that cover all kinds.
    #[cfg(test)]
    fn sample() -> Sample<Self::Desired>;
}
