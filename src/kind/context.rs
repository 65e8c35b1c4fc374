//! The context that kinds receive: the stack, the AWS clients and a cache of reads.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet, HashMap},
    future::Future,
    sync::{Arc, OnceLock},
};

use serde_json::Value;
use tokio::sync::{Mutex, OnceCell};

use super::Images;
use crate::{
    aws::{self, Aws, Tag},
    model::{Address, Failure, StackId},
};

/// The context of a kind: the stack that it works for, and access to AWS.
#[derive(Clone)]
pub struct Context {
    /// The stack that owns the resources.
    pub id: StackId,
    /// The clients, the account and the region.
    pub aws: Arc<Aws>,
    /// Builds and pushes images. Only the `image` kind uses it.
    pub images: Arc<dyn Images>,
    /// A random id of this run, for the client tokens of calls that every run must make again.
    pub run: String,
    /// The origin of a release. It is set before a plan is applied.
    pub origin: Arc<OnceLock<Origin>>,
    expected: Arc<BTreeMap<Address, Value>>,
    going: Arc<BTreeSet<String>>,
    claim: Option<Arc<Claim>>,
    deletes_all: bool,
    shared: Arc<Mutex<HashMap<&'static str, Shared>>>,
    unchanging: Arc<Mutex<HashMap<String, Shared>>>,
}

/// A resource outside all stacks that is treated as if it were at an address of this one.
struct Claim {
    address: Address,
    id: String,
}

type Shared = Arc<OnceCell<Arc<dyn Any + Send + Sync>>>;

impl Context {
    /// Creates a context with an empty cache.
    pub fn new(id: StackId, aws: Arc<Aws>, images: Arc<dyn Images>) -> Self {
        let run = format!("{:016x}", rand::random::<u64>());
        let (origin, expected, going) = (Arc::default(), Arc::default(), Arc::default());
        let (claim, deletes_all, shared, unchanging) = Default::default();
        Self { id, aws, images, run, origin, expected, going, claim, deletes_all, shared, unchanging }
    }

    /// Adds the resources that the stack may have, with or without a listing that shows them: their addresses and their
    /// desired states in stack.yaml.
    #[must_use]
    pub fn expecting(self, resources: impl IntoIterator<Item = (Address, Value)>) -> Self {
        Self { expected: Arc::new(resources.into_iter().collect()), ..self }
    }

    /// Adds the ids of the resources that this run deletes.
    #[must_use]
    pub fn deleting(self, ids: impl IntoIterator<Item = String>) -> Self {
        Self { going: Arc::new(ids.into_iter().collect()), ..self }
    }

    /// Marks the run as one that deletes everything it finds.
    #[must_use]
    pub fn deleting_all(self) -> Self {
        Self { deletes_all: true, ..self }
    }

    /// Returns whether everything found is only deleted. State that needs a call for each resource and only serves a
    /// comparison need not be read then.
    pub fn deletes_all(&self) -> bool {
        self.deletes_all
    }

    /// Returns whether this run deletes the resource `id`.
    pub fn deletes(&self, id: &str) -> bool {
        self.going.contains(id)
    }

    /// Returns the resources of `kind` that the stack may have.
    pub fn expected<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a Address, &'a Value)> {
        self.expected.iter().filter(move |(address, _)| address.kind() == kind)
    }

    /// Returns the `startedBy` of tasks that this run starts for `what` (at most 128 characters). ECS lists stopped
    /// tasks for an hour, so it must differ between runs.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>
    pub fn started_by(&self, what: &str) -> String {
        format!("stackctl-{what}/{}", self.run)
    }

    /// Returns a context with an empty [`Context::shared`] cache, so that everything is read again.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self { shared: Arc::default(), ..self.clone() }
    }

    /// Returns a context that treats the resource `id`, which no stack owns, as if it were at `address`.
    /// [`super::Kind::list`] then returns that resource or nothing.
    #[must_use]
    pub fn claiming(&self, address: Address, id: String) -> Self {
        Self { claim: Some(Arc::new(Claim { address, id })), ..self.fresh() }
    }

    /// Returns the id of the claimed resource, if there is one.
    pub fn claimed(&self) -> Option<&str> {
        self.claim.as_deref().map(|claim| claim.id.as_str())
    }

    /// Returns the address in a resource's tags, if they name this stack. With a claim, returns the claimed address if
    /// the tags name no stack.
    pub fn address_of(&self, tags: &[impl Tag]) -> Option<Address> {
        let Some(claim) = &self.claim else { return aws::address_of(&self.id, tags) };
        aws::tag_value(tags, aws::STACK).is_none().then(|| claim.address.clone())
    }

    /// Returns the result of `read`, which runs once in this context for each `key`, however many kinds call this.
    ///
    /// # Errors
    /// The failure of `read`. The next caller runs it again.
    ///
    /// # Panics
    /// If two kinds read different types under one key.
    pub async fn shared<T, F>(&self, key: &'static str, read: F) -> Result<Arc<T>, Failure>
    where
        T: Send + Sync + 'static,
        F: Future<Output = Result<T, Failure>>,
    {
        let cell = self.shared.lock().await.entry(key).or_default().clone();
        once(&cell, read).await
    }

    /// Returns the result of `read`, which runs once in this run for each `id`. Only for values that never change.
    /// `None` is not cached, because the value may appear later.
    ///
    /// # Errors
    /// The failure of `read`. The next caller runs it again.
    ///
    /// # Panics
    /// If different types are read under one `id`.
    pub async fn unchanging<T, F>(&self, id: &str, read: F) -> Result<Option<Arc<T>>, Failure>
    where
        T: Send + Sync + 'static,
        F: Future<Output = Result<Option<T>, Failure>>,
    {
        let cell = self.unchanging.lock().await.entry(id.to_owned()).or_default().clone();
        match once(&cell, async { read.await.map_err(Some)?.ok_or(None) }).await {
            Ok(value) => Ok(Some(value)),
            Err(None) => Ok(None),
            Err(Some(failure)) => Err(failure),
        }
    }
}

/// Returns the value in `cell`, which `read` fills if it is empty.
async fn once<T, E, F>(cell: &OnceCell<Arc<dyn Any + Send + Sync>>, read: F) -> Result<Arc<T>, E>
where
    T: Send + Sync + 'static,
    F: Future<Output = Result<T, E>>,
{
    let value =
        cell.get_or_try_init(|| async { read.await.map(|value| Arc::new(value) as Arc<dyn Any + Send + Sync>) });
    Ok(Arc::clone(value.await?).downcast().expect("one key, one type"))
}

/// The origin of a release. It is stored with the release and never compared, so it causes no changes in a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The commit of the source, with `-dirty` if the working tree differs. `None` outside of a repository.
    pub commit: Option<String>,
    /// The user and the computer that create the release.
    pub by: String,
    /// For a rollback, the number of the restored release.
    pub rollback_to: Option<u32>,
}
