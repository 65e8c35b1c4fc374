//! One run at a time: a lock in SSM Parameter Store that says who holds it, where, since when and for what. It is
//! renewed while it is held, and one past its time may be taken over. What time it is AWS says, and never a computer whose
//! clock may be wrong.
//!
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>

use std::{sync::Arc, time::Duration};

use aws_sdk_ssm::{operation::put_parameter::builders::PutParameterFluentBuilder, types::ParameterType};
use jiff::Timestamp;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{Instant, timeout},
};

use crate::{
    aws::{self, Aws, Once, Outcome},
    model::{Address, Cause, Failure, StackId},
};

/// How long, in seconds, a lock stands without being renewed.
const LIFE_S: u32 = 60;

/// How often it is renewed; three renewals may be lost before another run may take it over.
const RENEWAL: Duration = Duration::from_secs(15);

/// How long after taking a lock over we look whether another did the same at the same moment.
const CONTEST: Duration = Duration::from_secs(2);

/// How often a run that waits for the lock looks at it.
const LOOK: Duration = Duration::from_secs(2);

/// How often in a row a lock that is there may be gone when it is read, before that is no coincidence any more.
const UNSEEN: u32 = 20;

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
    /// Since when, by the machine's clock.
    pub since: Timestamp,
    /// Tells two runs of one process number apart.
    pub nonce: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { who, host, pid, command, since, .. } = self;
        write!(f, "`stackctl {command}` of {who} on {host} (process {pid}) since {since:.0}")
    }
}

/// A lock that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Whose it is.
    pub holder: Holder,
    /// Whether it was written or renewed within its life. Another run may take over one that does not stand.
    pub stands: bool,
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
    nonce: String,
    renewing: JoinHandle<()>,
    enough: Arc<Notify>,
}

impl Lock {
    /// Takes the lock of `id`, waiting for it until `patience` is over. `waits` is called with whoever is waited for, once for
    /// each. `lost` is called with whoever has it then, if anybody, when it turns out to be taken away while it is held (by
    /// `stackctl unlock`, or because this computer slept).
    ///
    /// # Errors
    /// [`LockError::Held`] if another run still holds it then; a [`Failure`] if AWS fails.
    pub async fn take(
        aws: &Arc<Aws>,
        id: &StackId,
        holder: Holder,
        patience: Duration,
        waits: impl Fn(&Holder),
        lost: impl FnOnce(Option<Holder>) + Send + 'static,
    ) -> Result<Self, LockError> {
        let name = name(id);
        let (mut unseen, mut seen) = (0, String::new());
        let deadline = Instant::now() + patience;
        loop {
            if put(aws, id, &name, &holder).await? {
                break;
            }
            let other = match take_over(aws, &name, &holder).await? {
                Whose::Ours => break,
                Whose::Anothers(other) => other,
                Whose::Nobodys => {
                    unseen += 1;
                    if unseen > UNSEEN {
                        let message = format!("{name} is there and cannot be read");
                        return Err(Failure::refused("GetParameter", message).into());
                    }
                    tokio::time::sleep(FIRST_PAUSE).await;
                    continue;
                }
            };
            unseen = 0;
            if Instant::now() >= deadline {
                return Err(LockError::Held(Box::new(other)));
            }
            if seen != other.nonce {
                waits(&other);
                seen = other.nonce;
            }
            tokio::time::sleep(LOOK.min(deadline - Instant::now())).await;
        }
        let (enough, nonce) = (Arc::new(Notify::new()), holder.nonce.clone());
        let renewal = Renewal { aws: Arc::clone(aws), name: name.clone(), holder, enough: Arc::clone(&enough) };
        let renewing = tokio::spawn(async move {
            if let Some(Lost { to }) = renewal.run().await {
                lost(to);
            }
        });
        Ok(Self { aws: Arc::clone(aws), name, nonce, renewing, enough })
    }

    /// The lock of `id`, if there is one.
    ///
    /// # Errors
    /// If AWS fails.
    pub async fn look(aws: &Aws, id: &StackId) -> Result<Option<Seen>, Failure> {
        read(aws, &name(id)).await
    }

    /// Removes the lock of `id` from `holder`. Says whether that still had it: another's lock is left alone.
    ///
    /// # Errors
    /// If AWS fails.
    pub async fn remove(aws: &Aws, id: &StackId, holder: &Holder) -> Result<bool, Failure> {
        delete(aws, &name(id), &holder.nonce).await
    }

    /// Gives the lock back; one that was lost is whose it is now.
    ///
    /// # Errors
    /// If AWS fails; the lock then ends by itself within a minute.
    pub async fn release(self) -> Result<(), Failure> {
        // A renewal that is under way comes to its end: it would write the lock again after it is deleted.
        self.enough.notify_one();
        drop(self.renewing.await);
        delete(&self.aws, &self.name, &self.nonce).await.map(drop)
    }
}

fn name(id: &StackId) -> String {
    format!("/stackctl/{}/{}/lock", id.stack, id.environment)
}

fn written(holder: &Holder) -> Result<String, Failure> {
    let lease = Lease { holder: holder.clone(), life: LIFE_S };
    serde_json::to_string(&lease).map_err(|error| Failure::internal(error.to_string()))
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
    let call = aws
        .ssm
        .put_parameter()
        .name(name)
        .r#type(ParameterType::String)
        .value(written(holder)?)
        .overwrite(false)
        .set_tags(Some(aws::tags(id, &address)))
        .customize()
        .once();
    Ok(call.send().await.or_absent("PutParameter", &["ParameterAlreadyExists"])?.is_some())
}

/// Whose a lock turns out to be.
enum Whose {
    Ours,
    Anothers(Holder),
    /// It was there when it was to be made, and is gone now it is read.
    Nobodys,
}

impl Whose {
    fn of(seen: Option<Seen>, holder: &Holder) -> Self {
        match seen {
            Some(seen) if seen.holder.nonce == holder.nonce => Self::Ours,
            Some(seen) => Self::Anothers(seen.holder),
            None => Self::Nobodys,
        }
    }
}

/// Takes a lock over whose time is past. [`Whose::Anothers`]: it stands, or another was faster.
async fn take_over(aws: &Aws, name: &str, holder: &Holder) -> Result<Whose, Failure> {
    let seen = read(aws, name).await?;
    if seen.as_ref().is_none_or(|seen| seen.stands || seen.holder.nonce == holder.nonce) {
        return Ok(Whose::of(seen, holder));
    }
    // Sent once: a repeat that comes later than the look below could take the lock from whoever has found it his own.
    let written = put_over(aws, name, holder)?.customize().once().send().await;
    written.during("PutParameter")?;
    // Two may have found it past its time at once: the last to write has it, and both can see who that is.
    tokio::time::sleep(CONTEST).await;
    Ok(Whose::of(read(aws, name).await?, holder))
}

/// That the lock is not this run's any more.
struct Lost {
    /// Who has it now, if anybody.
    to: Option<Holder>,
}

/// What keeps a lock that is held.
struct Renewal {
    aws: Arc<Aws>,
    name: String,
    holder: Holder,
    enough: Arc<Notify>,
}

impl Renewal {
    /// Renews the lock until that is enough, or somebody has removed it or taken it over: it is not ours to bring back then.
    async fn run(self) -> Option<Lost> {
        loop {
            tokio::select! {
                () = tokio::time::sleep(RENEWAL) => {}
                () = self.enough.notified() => return None,
            }
            // A renewal that fails or hangs is tried again at the next turn; the lock's life covers three of them.
            if let Ok(Ok(Some(lost))) = timeout(RENEWAL, self.renew()).await {
                return Some(lost);
            }
        }
    }

    async fn renew(&self) -> Result<Option<Lost>, Failure> {
        let now = read(&self.aws, &self.name).await?.map(|found| found.holder);
        if now.as_ref().is_none_or(|now| now.nonce != self.holder.nonce) {
            return Ok(Some(Lost { to: now }));
        }
        // To write the same twice does no harm, so the SDK may repeat it.
        put_over(&self.aws, &self.name, &self.holder)?.send().await.during("PutParameter")?;
        Ok(None)
    }
}

fn put_over(aws: &Aws, name: &str, holder: &Holder) -> Result<PutParameterFluentBuilder, Failure> {
    let value = written(holder)?;
    Ok(aws.ssm.put_parameter().name(name).r#type(ParameterType::String).value(value).overwrite(true))
}

/// What the parameter says.
#[derive(Serialize, Deserialize)]
struct Lease {
    #[serde(flatten)]
    holder: Holder,
    /// How long, in seconds, it stands after it was written.
    life: u32,
}

/// Reads the lock, and compares when it was written with the answer's date: both are AWS's.
async fn read(aws: &Aws, name: &str) -> Result<Option<Seen>, Failure> {
    let clock = aws::Clock::default();
    let call = aws.ssm.get_parameter().name(name).customize().interceptor(clock.clone());
    let answer = call.send().await.or_absent("GetParameter", &["ParameterNotFound"])?;
    let Some(parameter) = answer.and_then(|found| found.parameter) else { return Ok(None) };
    let value = aws::given(parameter.value, "GetParameter", "Parameter.Value")?;
    let written = aws::given(parameter.last_modified_date, "GetParameter", "Parameter.LastModifiedDate")?;
    let Lease { holder, life } = serde_json::from_str(&value).map_err(|error| {
        Failure::refused("GetParameter", format!("{name} is not a lock of stackctl: {error}"))
            .hint(format!("if nothing of yours needs it, delete it: aws ssm delete-parameter --name {name}"))
    })?;
    Ok(Some(Seen { holder, stands: stands(written.secs(), life, clock.now()) }))
}

/// Whether what was `written` in this second since 1970, for `life` seconds, stands `now`. In whole seconds it may stand one
/// longer, and never ends before its time.
fn stands(written: i64, life: u32, now: Timestamp) -> bool {
    now.as_second().saturating_sub(written) <= i64::from(life)
}

/// Deletes the lock of the run with this `nonce`. Says whether that had it.
async fn delete(aws: &Aws, name: &str, nonce: &str) -> Result<bool, Failure> {
    if read(aws, name).await?.is_none_or(|now| now.holder.nonce != nonce) {
        return Ok(false);
    }
    let call = aws.ssm.delete_parameter().name(name);
    call.send().await.or_absent("DeleteParameter", &["ParameterNotFound"]).map(|_| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_ends_after_its_life_and_one_of_the_future_stands() {
        let now = |second| Timestamp::from_second(second).expect("it is one");
        for (at, expected) in [(900, true), (1000, true), (1060, true), (1061, false), (9_999_999, false)] {
            assert_eq!(stands(1000, 60, now(at)), expected, "at {at}");
        }
    }
}
