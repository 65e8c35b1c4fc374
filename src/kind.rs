//! The contract of a resource kind: what each file under `kinds/` implements and the engine relies on.

use std::{
    any::Any,
    collections::HashMap,
    future::Future,
    marker::PhantomData,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::{Mutex, OnceCell};

use crate::{
    aws::Aws,
    model::{Address, Change, Failure, Found, LiveResource, Outputs, Permission, Phase, StackId},
};

/// What a kind works with: the stack it works for, and the cloud.
#[derive(Clone)]
pub struct Context {
    /// Whose resources these are.
    pub id: StackId,
    /// The clients, the account and the region.
    pub aws: Arc<Aws>,
    /// Builds and pushes images, for the `image` kind alone.
    pub images: Arc<dyn Images>,
    /// Tells this run of stackctl from others, for client tokens of what every run does anew.
    pub run: String,
    /// Where what is released comes from; known once something is to be carried out.
    pub origin: Arc<OnceLock<Origin>>,
    shared: Arc<Mutex<HashMap<&'static str, Shared>>>,
}

type Shared = Arc<OnceCell<Arc<dyn Any + Send + Sync>>>;

impl Context {
    /// A context with nothing read yet.
    pub fn new(id: StackId, aws: Arc<Aws>, images: Arc<dyn Images>) -> Self {
        let run = format!("{:016x}", rand::random::<u64>());
        Self { id, aws, images, run, origin: Arc::default(), shared: Arc::default() }
    }

    /// The same, for a new look at the cloud: what [`Context::shared`] read before is read again.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self { shared: Arc::default(), ..self.clone() }
    }

    /// What `read` gives, read once in this look at the cloud however many kinds ask for `key`.
    ///
    /// # Errors
    /// The failure of `read`, which the next to ask tries again.
    ///
    /// # Panics
    /// If two kinds read different types under one key.
    pub async fn shared<T, F>(&self, key: &'static str, read: F) -> Result<Arc<T>, Failure>
    where
        T: Send + Sync + 'static,
        F: Future<Output = Result<T, Failure>>,
    {
        let cell = self.shared.lock().await.entry(key).or_default().clone();
        let value = cell
            .get_or_try_init(|| async { read.await.map(|value| Arc::new(value) as Arc<dyn Any + Send + Sync>) })
            .await?;
        Ok(Arc::clone(value).downcast().expect("one key, one type"))
    }
}

/// Where a release comes from. It is written down with the release and never compared: it makes no plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The commit of the source, with `-dirty` where files differ from it; none outside of a repository.
    pub commit: Option<String>,
    /// Who releases: the user and the computer.
    pub by: String,
    /// For a rollback, the release that it goes back to.
    pub rollback_to: Option<u32>,
}

/// Where an image comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageSource {
    /// A Cargo package, by its folder: compiled statically and laid into an image without Docker.
    Package(PathBuf),
    /// A Dockerfile, built by the `docker` command.
    Dockerfile {
        /// Its path.
        path: PathBuf,
        /// The folder that its COPY lines start from.
        context: PathBuf,
    },
    /// A packed dump, by its file: an artifact that nobody runs.
    Dump(PathBuf),
}

/// An image that was built and is not pushed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltImage {
    /// `sha256:…` of its manifest.
    pub digest: String,
    /// The version of the package, without a build number.
    pub version: String,
}

/// Builds images and sends them to a registry; implemented by `image/`, handed in by `cli/`.
pub trait Images: Send + Sync {
    /// The image of `source`; built once however often it is asked for.
    fn build<'a>(&'a self, source: &'a ImageSource) -> BoxFuture<'a, Result<BuiltImage, Failure>>;

    /// Sends the image of `source` to `repository` (`host/name`) under `tag`, layers that are there already excepted.
    fn push<'a>(
        &'a self,
        source: &'a ImageSource,
        repository: &'a str,
        tag: &'a str,
        login: &'a RegistryLogin,
    ) -> BoxFuture<'a, Result<(), Failure>>;
}

/// What a registry wants to be shown. Its `Debug` hides the password.
#[derive(Clone)]
pub struct RegistryLogin {
    /// The user, `AWS` for ECR.
    pub user: String,
    /// The password.
    pub password: String,
    /// Whether the registry is reached without TLS, as its proxy endpoint's scheme says.
    pub plain_http: bool,
}

impl std::fmt::Debug for RegistryLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryLogin").field("user", &self.user).finish_non_exhaustive()
    }
}

/// In which order a replacement goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// The new one is made, what needs it moves over, the old one goes. The two must be able to live beside
    /// each other: a name has to differ with what forces the replacement.
    CreateFirst,
    /// The old one goes first, because its name or place can be taken once only.
    DeleteFirst,
}

/// A kind of AWS resource.
pub trait Kind: Send + Sync + 'static {
    /// What stack.yaml asks of it. References to other resources are [`crate::model::Input`]s.
    type Desired: Serialize + DeserializeOwned + Send + Sync;
    /// What AWS has, in our own types, with all that `diff`, `phase`, `outputs`, `update` and `delete` need.
    type Live: Serialize + DeserializeOwned + Clone + Send + Sync;

    /// The name in addresses and plans; that of the file.
    const NAME: &'static str;
    /// The kinds whose resources one of this kind may hold on to: AWS deletes those only after it.
    const USES: &'static [&'static str];
    /// What IAM has to allow for its calls.
    const PERMISSIONS: &'static [Permission];
    /// How a replacement goes.
    const REPLACEMENT: Replacement = Replacement::DeleteFirst;
    /// Whether one that is made or changed takes over what one that goes has served: then the one goes after the other.
    const TAKES_OVER: bool = false;
    /// Whether it lasts. One that does not (a one-off task) is left out of an observation, never planned for
    /// deletion, and listed only while its own step waits for it.
    const LASTING: bool = true;
    /// Whether an update in place makes its outputs new (another digest, another revision).
    const UPDATE_RENEWS_OUTPUTS: bool = false;
    /// Whether `create` makes the bare resource and `update` gives it the rest, where AWS would make another one, or
    /// refuse it, if the first call was repeated because the second one failed.
    const IN_TWO_STEPS: bool = false;
    /// Whether AWS makes another one if `create` is repeated: it has neither a token nor a name of its own.
    const MANY: bool = false;
    /// How long it usually takes to become ready on AWS.
    const USUAL: Duration = Duration::from_secs(2);
    /// How long to wait for it, or for its deletion, before giving up.
    const DEADLINE: Duration = Duration::from_secs(300);

    /// Every resource of this kind that the stack owns, in as many calls as there are pages.
    fn list(cx: &Context) -> impl Future<Output = Result<Vec<Found<Self::Live>>, Failure>> + Send;

    /// What differs. Pure. Inputs that are still [`crate::model::Input::Output`] are known after apply. Nothing,
    /// where all there is to it is its name.
    fn diff(_desired: &Self::Desired, _live: &Self::Live) -> Vec<Change> {
        Vec::new()
    }

    /// Whether it can be used; `desired` is given where stackctl has just asked for that.
    fn phase(live: &Self::Live, desired: Option<&Self::Desired>) -> Phase;

    /// What others need of it.
    fn outputs(_live: &Self::Live) -> Outputs {
        Outputs::new()
    }

    /// Makes it, tags in the same call. Idempotent: where AWS takes a client token or a unique name, repeating it
    /// gives the same resource; elsewhere the engine lists before it repeats.
    fn create(
        cx: &Context,
        address: &Address,
        desired: &Self::Desired,
    ) -> impl Future<Output = Result<Self::Live, Failure>> + Send;

    /// Makes `changes` good on the resource that exists. A kind whose `diff` tells of no change that is made in place
    /// has none.
    fn update(
        _cx: &Context,
        address: &Address,
        _desired: &Self::Desired,
        _live: &Self::Live,
        _changes: &[Change],
    ) -> impl Future<Output = Result<Self::Live, Failure>> + Send {
        let failure = Failure::internal(format!("nothing of {address} is changed in place"));
        async { Err(failure) }
    }

    /// Removes it. One that is not there any more is a success.
    fn delete(cx: &Context, live: &Self::Live) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Slow work that can begin before what the resource needs is there: an image's build.
    fn prepare(_cx: &Context, _desired: &Self::Desired) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }

    /// Whether this failure goes away by waiting (a role that cannot be assumed yet, an interface that lingers),
    /// and in a few words what is waited for. Judged by operation and code, never by text.
    fn passing(failure: &Failure) -> Option<&'static str> {
        failure.is(&["DependencyViolation"]).then_some("what still uses it to go")
    }

    /// Whether `seen` is older than `written`, the state that the last write to it gave: reads lag writes.
    fn outdated(_seen: &Self::Live, _written: &Self::Live) -> bool {
        false
    }

    /// Whether it ended on what ran before instead of on what was `desired`.
    fn rolled_back(_live: &Self::Live, _desired: &Self::Desired) -> bool {
        false
    }

    /// What keeps this resource from being deleted unless the caller said `--unprotect`, such as deletion protection.
    fn guard(_live: &Self::Live) -> Option<String> {
        None
    }

    /// What only a person can do before one like this can be made, as a sentence that goes on after its address.
    fn by_hand(_address: &Address, _desired: &Self::Desired) -> Option<String> {
        None
    }

    /// More about a resource that failed: stopped reasons, exit codes, failing health checks, last log lines.
    fn explain(_cx: &Context, _live: &Self::Live) -> impl Future<Output = Vec<String>> + Send {
        async { Vec::new() }
    }

    /// What `status` shows of it beside its phase, such as `running 2 of 2, version 0.1.0+3`.
    fn summary(_live: &Self::Live) -> Option<String> {
        None
    }
}

/// A [`Kind`] with its types as plain data, so that the engine can hold all kinds alike.
pub trait AnyKind: Send + Sync {
    /// [`Kind::NAME`].
    fn name(&self) -> &'static str;
    /// [`Kind::USES`].
    fn uses(&self) -> &'static [&'static str];
    /// [`Kind::PERMISSIONS`].
    fn permissions(&self) -> &'static [Permission];
    /// [`Kind::REPLACEMENT`].
    fn replacement(&self) -> Replacement;
    /// [`Kind::TAKES_OVER`].
    fn takes_over(&self) -> bool;
    /// [`Kind::LASTING`].
    fn lasting(&self) -> bool;
    /// [`Kind::UPDATE_RENEWS_OUTPUTS`].
    fn update_renews_outputs(&self) -> bool;
    /// [`Kind::IN_TWO_STEPS`].
    fn in_two_steps(&self) -> bool;
    /// [`Kind::MANY`].
    fn many(&self) -> bool;
    /// [`Kind::USUAL`].
    fn usual(&self) -> Duration;
    /// [`Kind::DEADLINE`].
    fn deadline(&self) -> Duration;
    /// [`Kind::list`].
    fn list<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, Result<Vec<LiveResource>, Failure>>;
    /// [`Kind::diff`].
    fn diff(&self, desired: &Value, live: &Value) -> Result<Vec<Change>, Failure>;
    /// [`Kind::phase`].
    fn phase(&self, live: &Value, desired: Option<&Value>) -> Result<Phase, Failure>;
    /// [`Kind::outputs`].
    fn outputs(&self, live: &Value) -> Result<Outputs, Failure>;
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
    /// [`Kind::prepare`].
    fn prepare<'a>(&'a self, cx: &'a Context, desired: &'a Value) -> BoxFuture<'a, Result<(), Failure>>;
    /// [`Kind::passing`].
    fn passing(&self, failure: &Failure) -> Option<&'static str>;
    /// [`Kind::outdated`].
    fn outdated(&self, seen: &Value, written: &Value) -> Result<bool, Failure>;
    /// [`Kind::rolled_back`].
    fn rolled_back(&self, live: &Value, desired: &Value) -> Result<bool, Failure>;
    /// [`Kind::guard`].
    fn guard(&self, live: &Value) -> Option<String>;
    /// [`Kind::by_hand`].
    fn by_hand(&self, address: &Address, desired: &Value) -> Result<Option<String>, Failure>;
    /// [`Kind::explain`].
    fn explain<'a>(&'a self, cx: &'a Context, live: &'a Value) -> BoxFuture<'a, Vec<String>>;
    /// [`Kind::summary`].
    fn summary(&self, live: &Value) -> Option<String>;
}

/// The bridge between a [`Kind`] and [`AnyKind`].
pub struct Erased<K>(PhantomData<K>);

impl<K> Erased<K> {
    /// The one value of this type.
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

impl<K: Kind> AnyKind for Erased<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn uses(&self) -> &'static [&'static str] {
        K::USES
    }

    fn permissions(&self) -> &'static [Permission] {
        K::PERMISSIONS
    }

    fn replacement(&self) -> Replacement {
        K::REPLACEMENT
    }

    fn takes_over(&self) -> bool {
        K::TAKES_OVER
    }

    fn lasting(&self) -> bool {
        K::LASTING
    }

    fn update_renews_outputs(&self) -> bool {
        K::UPDATE_RENEWS_OUTPUTS
    }

    fn in_two_steps(&self) -> bool {
        K::IN_TWO_STEPS
    }

    fn many(&self) -> bool {
        K::MANY
    }

    fn usual(&self) -> Duration {
        K::USUAL
    }

    fn deadline(&self) -> Duration {
        K::DEADLINE
    }

    fn list<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, Result<Vec<LiveResource>, Failure>> {
        Box::pin(async move {
            let found = K::list(cx).await?;
            found
                .into_iter()
                .map(|Found { address, id, live }| Ok(Found { address, id, live: plain(K::NAME, &live)? }))
                .collect()
        })
    }

    fn diff(&self, desired: &Value, live: &Value) -> Result<Vec<Change>, Failure> {
        Ok(K::diff(&typed(K::NAME, desired)?, &typed(K::NAME, live)?))
    }

    fn phase(&self, live: &Value, desired: Option<&Value>) -> Result<Phase, Failure> {
        let desired = desired.map(|desired| typed(K::NAME, desired)).transpose()?;
        Ok(K::phase(&typed(K::NAME, live)?, desired.as_ref()))
    }

    fn outputs(&self, live: &Value) -> Result<Outputs, Failure> {
        Ok(K::outputs(&typed(K::NAME, live)?))
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
            plain(K::NAME, &K::update(cx, address, &desired, &live, changes).await?)
        })
    }

    fn delete<'a>(&'a self, cx: &'a Context, live: &'a Value) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move { K::delete(cx, &typed(K::NAME, live)?).await })
    }

    fn prepare<'a>(&'a self, cx: &'a Context, desired: &'a Value) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move { K::prepare(cx, &typed(K::NAME, desired)?).await })
    }

    fn passing(&self, failure: &Failure) -> Option<&'static str> {
        K::passing(failure)
    }

    fn outdated(&self, seen: &Value, written: &Value) -> Result<bool, Failure> {
        Ok(K::outdated(&typed(K::NAME, seen)?, &typed(K::NAME, written)?))
    }

    fn rolled_back(&self, live: &Value, desired: &Value) -> Result<bool, Failure> {
        Ok(K::rolled_back(&typed(K::NAME, live)?, &typed(K::NAME, desired)?))
    }

    fn guard(&self, live: &Value) -> Option<String> {
        K::guard(&typed(K::NAME, live).ok()?)
    }

    fn by_hand(&self, address: &Address, desired: &Value) -> Result<Option<String>, Failure> {
        Ok(K::by_hand(address, &typed(K::NAME, desired)?))
    }

    fn explain<'a>(&'a self, cx: &'a Context, live: &'a Value) -> BoxFuture<'a, Vec<String>> {
        Box::pin(async move {
            match typed(K::NAME, live) {
                Ok(live) => K::explain(cx, &live).await,
                Err(failure) => vec![failure.to_string()],
            }
        })
    }

    fn summary(&self, live: &Value) -> Option<String> {
        K::summary(&typed(K::NAME, live).ok()?)
    }
}
