//! One run at a time: a lock in SSM Parameter Store that says who holds it, where, since when and for what. It is
//! renewed while it is held, and one past its time may be taken over.
//!
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>

use std::{sync::Arc, time::Duration};

use aws_sdk_ssm::{
    config::Config,
    operation::put_parameter::builders::PutParameterFluentBuilder,
    types::{ParameterType, Tag},
};
use jiff::Timestamp;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use tokio::{task::JoinHandle, time::Instant};

use crate::{
    aws::{self, Aws, Outcome},
    model::{Address, Cause, Failure, StackId},
};

/// How long a lock stands without being renewed.
const LIFE: Duration = Duration::from_secs(60);

/// How often it is renewed; three renewals may be lost before another run may take it over.
const RENEWAL: Duration = Duration::from_secs(15);

/// How long after taking a lock over we look whether another did the same at the same moment.
const CONTEST: Duration = Duration::from_secs(2);

/// How often a run that waits for the lock looks at it.
const LOOK: Duration = Duration::from_secs(2);

/// How often it is asked for where AWS asks to slow down or an answer is lost.
const ATTEMPTS: u32 = 6;

/// How long to wait at first before it is asked for again; each wait is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(300);

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The user, as the machine knows it.
    pub who: String,
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// The command, such as `up`.
    pub command: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when it stands unless it is renewed.
    pub until: Timestamp,
    /// Tells two runs of one process number apart.
    pub nonce: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { who, host, pid, command, since, .. } = self;
        write!(f, "`stackctl {command}` of {who} on {host} (process {pid}) since {since:.0}")
    }
}

/// Why the lock is not ours.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else holds it.
    #[error("the stack is locked by {0}")]
    Held(Box<Holder>),
    /// AWS failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// A lock that is held; [`Lock::release`] gives it back.
#[derive(Debug)]
pub struct Lock {
    aws: Arc<Aws>,
    name: String,
    renewing: JoinHandle<()>,
}

impl Lock {
    /// Takes the lock of `id`, waiting for it until `patience` is over.
    ///
    /// # Errors
    /// [`LockError::Held`] if another run still holds it then; a [`Failure`] if AWS fails.
    pub async fn take(aws: &Arc<Aws>, id: &StackId, mut holder: Holder, patience: Duration) -> Result<Self, LockError> {
        let name = name(id);
        let deadline = Instant::now() + patience;
        loop {
            holder.until = after(Timestamp::now(), LIFE);
            if put(aws, id, &name, &holder).await? || take_over(aws, &name, &holder).await? {
                break;
            }
            let Some(other) = read(aws, &name).await? else { continue };
            if Instant::now() >= deadline {
                return Err(LockError::Held(Box::new(other)));
            }
            tokio::time::sleep(LOOK.min(deadline - Instant::now())).await;
        }
        let renewing = tokio::spawn(renew(Arc::clone(aws), name.clone(), holder));
        Ok(Self { aws: Arc::clone(aws), name, renewing })
    }

    /// Who holds the lock of `id`.
    ///
    /// # Errors
    /// If AWS fails.
    pub async fn holder(aws: &Aws, id: &StackId) -> Result<Option<Holder>, Failure> {
        read(aws, &name(id)).await
    }

    /// Removes the lock of `id`, whoever holds it.
    ///
    /// # Errors
    /// If AWS fails.
    pub async fn remove(aws: &Aws, id: &StackId) -> Result<(), Failure> {
        delete(aws, &name(id)).await
    }

    /// Gives the lock back.
    ///
    /// # Errors
    /// If AWS fails; the lock then ends by itself within a minute.
    pub async fn release(self) -> Result<(), Failure> {
        self.renewing.abort();
        delete(&self.aws, &self.name).await
    }
}

fn name(id: &StackId) -> String {
    format!("/stackctl/{}/{}/lock", id.stack, id.environment)
}

fn after(now: Timestamp, length: Duration) -> Timestamp {
    now.checked_add(length).unwrap_or(Timestamp::MAX)
}

fn once() -> aws_sdk_ssm::config::Builder {
    Config::builder().retry_config(aws::once())
}

fn written(holder: &Holder) -> Result<String, Failure> {
    serde_json::to_string(holder).map_err(|error| Failure::internal(error.to_string()))
}

/// [`put_new`], again where AWS asks to slow down or the answer is lost: that the lock is there after all is found by
/// [`take_over`], which knows its own.
async fn put(aws: &Aws, id: &StackId, name: &str, holder: &Holder) -> Result<bool, Failure> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..ATTEMPTS {
        match put_new(aws, id, name, holder).await {
            Err(failure) if matches!(failure.cause, Cause::Throttled | Cause::Ambiguous) => {
                tokio::time::sleep(pause.mul_f64(rand::rng().random_range(0.5..1.0))).await;
                pause *= 2;
            }
            answer => return answer,
        }
    }
    put_new(aws, id, name, holder).await
}

/// Writes the parameter if there is none. `false`: there is one.
async fn put_new(aws: &Aws, id: &StackId, name: &str, holder: &Holder) -> Result<bool, Failure> {
    let address = Address::new("lock", "lock");
    let tags = aws::tags(id, &address).map(|(key, value)| Tag::builder().key(key).value(value).build());
    let tags: Vec<Tag> =
        tags.into_iter().collect::<Result<_, _>>().map_err(|error| Failure::internal(error.to_string()))?;
    let call = aws
        .ssm
        .put_parameter()
        .name(name)
        .r#type(ParameterType::String)
        .value(written(holder)?)
        .overwrite(false)
        .set_tags(Some(tags))
        .customize()
        .config_override(once());
    Ok(call.send().await.or_absent("PutParameter", &["ParameterAlreadyExists"])?.is_some())
}

/// Takes a lock over whose time is past. `false`: it stands, or another was faster.
async fn take_over(aws: &Aws, name: &str, holder: &Holder) -> Result<bool, Failure> {
    match read(aws, name).await? {
        Some(other) if other.nonce == holder.nonce => return Ok(true),
        Some(other) if other.until > Timestamp::now() => return Ok(false),
        None => return Ok(false),
        Some(_) => {}
    }
    // Sent once: a repeat that comes later than the look below could take the lock from whoever has found it his own.
    let written = put_over(aws, name, holder)?.customize().config_override(once()).send().await;
    written.during("PutParameter")?;
    // Two may have found it past its time at once: the last to write has it, and both can see who that is.
    tokio::time::sleep(CONTEST).await;
    Ok(read(aws, name).await?.is_some_and(|now| now.nonce == holder.nonce))
}

async fn renew(aws: Arc<Aws>, name: String, mut holder: Holder) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        // A renewal that fails is tried again at the next turn; the lock's life covers three of them.
        match read(&aws, &name).await {
            Ok(Some(now)) if now.nonce == holder.nonce => {
                holder.until = after(Timestamp::now(), LIFE);
                // To write the same twice does no harm, so the SDK may repeat it.
                if let Ok(call) = put_over(&aws, &name, &holder) {
                    drop(call.send().await);
                }
            }
            // Somebody removed it (`stackctl unlock`) or took it over: it is not ours to bring back.
            Ok(_) => return,
            Err(_) => {}
        }
    }
}

fn put_over(aws: &Aws, name: &str, holder: &Holder) -> Result<PutParameterFluentBuilder, Failure> {
    let value = written(holder)?;
    Ok(aws.ssm.put_parameter().name(name).r#type(ParameterType::String).value(value).overwrite(true))
}

async fn read(aws: &Aws, name: &str) -> Result<Option<Holder>, Failure> {
    let answer = aws.ssm.get_parameter().name(name).send().await.or_absent("GetParameter", &["ParameterNotFound"])?;
    let Some(value) = answer.and_then(|found| found.parameter).and_then(|parameter| parameter.value) else {
        return Ok(None);
    };
    serde_json::from_str(&value).map(Some).map_err(|error| {
        Failure::refused("GetParameter", format!("{name} is not a lock of stackctl: {error}"))
            .hint("if nothing of yours wrote it, remove it with `stackctl unlock`")
    })
}

async fn delete(aws: &Aws, name: &str) -> Result<(), Failure> {
    // Likewise to delete it.
    let call = aws.ssm.delete_parameter().name(name);
    call.send().await.or_absent("DeleteParameter", &["ParameterNotFound"]).map(drop)
}
