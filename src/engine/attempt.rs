//! One write, tried until it is done or is known to fail. Throttling, lost answers and refusals that pass by waiting are
//! tried again, each within a bound.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{listings::LAG, pause::Pauses, run::Resource};
use crate::model::{Cause, Change, Failure, How, Phase, cut};

/// How often a write is repeated that was throttled or whose answer was lost. The pauses come to 16 to 33 s.
pub(super) const ATTEMPTS: u32 = 8;

/// The first and the longest pause between two tries.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// Codes that AWS has for all that is wrong with a call.
const UNSPECIFIC: &[&str] = &[
    "ClientException",
    "InvalidParameterException",
    "InvalidParameterValue",
    "ValidationException",
    "ValidationError",
];

/// How much of AWS's reason is shown while it is waited, in characters.
const SHOWN_OF_REASON: usize = 300;

/// One write.
#[derive(Clone, Copy)]
pub(super) enum Write<'a> {
    /// Creates the resource. Of what is found at its address, those with an id in `leaving` are not the new one.
    Create { desired: &'a Value, leaving: &'a [String] },
    /// Makes `changes` on the resource that exists.
    Update { desired: &'a Value, live: &'a Value, changes: &'a [Change] },
    /// Deletes the resource.
    Delete { live: &'a Value },
}

impl Write<'_> {
    fn is_delete(self) -> bool {
        matches!(self, Self::Delete { .. })
    }
}

/// Carries `write` out. A deletion gives nothing back.
pub(super) async fn attempt(on: Resource<'_>, write: Write<'_>) -> Result<Option<Value>, Failure> {
    // Patience begins with the first refusal: before that, a call may have waited for its turn at AWS.
    let mut refused = None;
    let patience = if write.is_delete() { on.kind.deadline() } else { on.kind.patience() };
    let mut pauses = pauses();
    let mut repeated = 0;
    let mut lost = false;
    loop {
        let failure = match once(on, write).await {
            Ok(live) => return Ok(live),
            Err(failure) => failure,
        };
        match failure.cause {
            Cause::Throttled if repeated < ATTEMPTS => {
                repeated += 1;
                on.waiting("waiting because AWS throttles calls");
            }
            Cause::Ambiguous if repeated < ATTEMPTS => {
                repeated += 1;
                lost = true;
                on.waiting(&format!(
                    "waiting for a response to {}",
                    failure.operation.as_deref().unwrap_or("the call")
                ));
                // Where another try makes a second resource, the absence of the first one has to be certain.
                let how_long = if on.kind.many() { LAG } else { Duration::ZERO };
                if let Write::Create { desired, leaving } = write
                    && let Some(made) = made_already(on, desired, leaving, how_long).await?
                {
                    return Ok(Some(made));
                }
            }
            Cause::Refused => {
                let passing = passing(on, &failure, write);
                // AWS may refuse this try because the one whose answer was lost has made the resource.
                if let (true, Write::Create { desired, leaving }) = (lost, write) {
                    let how_long = if passing.is_some() { Duration::ZERO } else { LAG };
                    if let Some(made) = made_already(on, desired, leaving, how_long).await? {
                        return Ok(Some(made));
                    }
                }
                let since = refused.get_or_insert_with(Instant::now).elapsed();
                match passing {
                    Some(what) if since < patience => {
                        on.waiting(&format!("waiting for {}", with_reason(what, &failure)));
                    }
                    Some(what) => return Err(waited_for(failure, what, since)),
                    None => return Err(failure),
                }
            }
            _ => return Err(failure),
        }
        on.pause(pauses.next(&on.run.jitter)).await?;
    }
}

fn pauses() -> Pauses {
    Pauses::new(PAUSES.0, PAUSES.1)
}

/// What is waited for if `failure` goes away by waiting.
fn passing(on: Resource<'_>, failure: &Failure, write: Write<'_>) -> Option<&'static str> {
    let is_new = !write.is_delete() && failure.is(on.kind.not_yet());
    on.kind.passing(failure).or(is_new.then_some("the new resource to become visible on AWS"))
}

async fn once(on: Resource<'_>, write: Write<'_>) -> Result<Option<Value>, Failure> {
    let _turn = on.turn().await?;
    let cx = &on.run.cx;
    match write {
        Write::Create { desired, .. } => on.kind.create(cx, on.address, desired).await.map(Some),
        Write::Update { desired, live, changes } => {
            on.kind.update(cx, on.address, desired, live, changes).await.map(Some)
        }
        Write::Delete { live } => on.kind.delete(cx, live).await.map(|()| None),
    }
}

/// After a lost answer: the resource, if the create was done all the same, as far as reads that lag by `how_long` at most
/// show it. What the create left half done is completed.
async fn made_already(
    on: Resource<'_>,
    desired: &Value,
    leaving: &[String],
    how_long: Duration,
) -> Result<Option<Value>, Failure> {
    let (began, mut pauses) = (Instant::now(), pauses());
    let made = loop {
        on.pause(pauses.next(&on.run.jitter)).await?;
        let found = on.kind.list(&on.run.cx.fresh()).await?;
        let mut made = None;
        for live in found.into_iter().filter(|live| on.is(live, leaving)) {
            // What is going away was there before.
            if made.is_none() && !matches!(on.kind.phase(&live.live, None)?, Phase::Deleting(_)) {
                made = Some(live);
            }
        }
        match made {
            Some(made) => break made,
            None if began.elapsed() >= how_long => return Ok(None),
            None => {}
        }
    };
    if on.kind.in_two_steps() {
        return Ok(Some(made.live));
    }
    let changes = on.kind.diff(desired, &made.live)?;
    // What takes a replacement is for the next plan.
    if changes.is_empty() || changes.iter().any(|change| change.how == How::Replace) {
        return Ok(Some(made.live));
    }
    let write = Write::Update { desired, live: &made.live, changes: &changes };
    // Boxed, because an attempt may look for what is made, and this makes an attempt.
    Ok(Box::pin(attempt(on, write)).await?.or(Some(made.live)))
}

/// `what` is waited for, and what AWS says, where its code does not.
fn with_reason(what: &str, failure: &Failure) -> String {
    let reason = failure.message.lines().next().unwrap_or_default();
    if !failure.is(UNSPECIFIC) || reason.is_empty() {
        return what.to_owned();
    }
    format!("{what} (AWS says: {})", cut(reason, SHOWN_OF_REASON))
}

fn waited_for(failure: Failure, what: &str, how_long: Duration) -> Failure {
    let hint =
        format!("timed out after {} s waiting for {what}; run the command again to keep waiting", how_long.as_secs());
    Failure { hint: failure.hint.clone().or(Some(hint)), ..failure }
}
