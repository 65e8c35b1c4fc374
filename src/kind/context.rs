//! What a kind works with.

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
    expected: Arc<BTreeMap<Address, Value>>,
    going: Arc<BTreeSet<String>>,
    claim: Option<Arc<Claim>>,
    deletes_all: bool,
    shared: Arc<Mutex<HashMap<&'static str, Shared>>>,
    unchanging: Arc<Mutex<HashMap<String, Shared>>>,
}

/// A resource that no stack owns, looked at as if it were at an address of this one.
struct Claim {
    address: Address,
    id: String,
}

type Shared = Arc<OnceCell<Arc<dyn Any + Send + Sync>>>;

impl Context {
    /// A context with nothing read yet.
    pub fn new(id: StackId, aws: Arc<Aws>, images: Arc<dyn Images>) -> Self {
        let run = format!("{:016x}", rand::random::<u64>());
        let (origin, expected, going) = (Arc::default(), Arc::default(), Arc::default());
        let (claim, deletes_all, shared, unchanging) = Default::default();
        Self { id, aws, images, run, origin, expected, going, claim, deletes_all, shared, unchanging }
    }

    /// The same, where the stack may have these resources, whether a listing of AWS's shows them or not: their addresses, and what
    /// stack.yaml asks of them.
    #[must_use]
    pub fn expecting(self, resources: impl IntoIterator<Item = (Address, Value)>) -> Self {
        Self { expected: Arc::new(resources.into_iter().collect()), ..self }
    }

    /// The same, for a run that deletes what AWS calls by these ids.
    #[must_use]
    pub fn deleting(self, ids: impl IntoIterator<Item = String>) -> Self {
        Self { going: Arc::new(ids.into_iter().collect()), ..self }
    }

    /// The same, for a run that deletes all that it finds.
    #[must_use]
    pub fn deleting_all(self) -> Self {
        Self { deletes_all: true, ..self }
    }

    /// Whether what is found is only deleted: what takes a call for each resource, and serves a comparison alone, need not be
    /// read.
    pub fn deletes_all(&self) -> bool {
        self.deletes_all
    }

    /// Whether this run deletes what AWS calls `id`.
    pub fn deletes(&self, id: &str) -> bool {
        self.going.contains(id)
    }

    /// The resources of the kind `kind` that the stack may have.
    pub fn expected<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a Address, &'a Value)> {
        self.expected.iter().filter(move |(address, _)| address.kind() == kind)
    }

    /// How ECS records that this run of stackctl started a task for `what` (at most 128 characters). Tasks of earlier runs
    /// stay listed for an hour after their end, and none of them may be taken for one of this run's.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>
    pub fn started_by(&self, what: &str) -> String {
        format!("stackctl-{what}/{}", self.run)
    }

    /// The same, for a new look at the cloud: what [`Context::shared`] read before is read again.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self { shared: Arc::default(), ..self.clone() }
    }

    /// The same, for a look at what AWS calls `id` and no stack owns, as if it were at `address`: what
    /// [`super::Kind::list`] gives then is that, or nothing.
    #[must_use]
    pub fn claiming(&self, address: Address, id: String) -> Self {
        Self { claim: Some(Arc::new(Claim { address, id })), ..self.fresh() }
    }

    /// What AWS calls the resource that is to be looked at as if it were the stack's, if there is one.
    pub fn claimed(&self) -> Option<&str> {
        self.claim.as_deref().map(|claim| claim.id.as_str())
    }

    /// The address that a resource's tags give it, if they say that it is the stack's; that of what is claimed, if they
    /// say of no stack that it is its.
    pub fn address_of(&self, tags: &[impl Tag]) -> Option<Address> {
        let Some(claim) = &self.claim else { return aws::address_of(&self.id, tags) };
        aws::tag_value(tags, aws::STACK).is_none().then(|| claim.address.clone())
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
        once(&cell, read).await
    }

    /// What `read` gives, read once in this run: for what AWS calls `id` and never changes. What is not there may come, and is asked
    /// for again.
    ///
    /// # Errors
    /// The failure of `read`, which the next to ask tries again.
    ///
    /// # Panics
    /// If different types are read of one `id`.
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

/// What is in `cell`, or what `read` gives, which is there from now on.
async fn once<T, E, F>(cell: &OnceCell<Arc<dyn Any + Send + Sync>>, read: F) -> Result<Arc<T>, E>
where
    T: Send + Sync + 'static,
    F: Future<Output = Result<T, E>>,
{
    let value =
        cell.get_or_try_init(|| async { read.await.map(|value| Arc::new(value) as Arc<dyn Any + Send + Sync>) });
    Ok(Arc::clone(value.await?).downcast().expect("one key, one type"))
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
