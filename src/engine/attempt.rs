//! Carries out a single write and repeats it until it succeeds or fails for good. Throttled calls, lost responses and
//! temporary refusals are retried, each within a limit.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{listings::LAG, pause::Pauses, run::Resource};
use crate::model::{Cause, Change, Failure, How, Phase, cut};

/// How often a write is repeated after throttling or a lost response. The pauses add up to 16 to 33 s.
pub(super) const ATTEMPTS: u32 = 8;

/// The first and the longest pause between two attempts.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// Codes that AWS uses for many different errors.
const UNSPECIFIC: &[&str] = &[
    "ClientException",
    "InvalidParameterException",
    "InvalidParameterValue",
    "ValidationException",
    "ValidationError",
];

/// The maximum length, in characters, of the AWS message that is shown while a step waits.
const SHOWN_OF_REASON: usize = 300;

/// One write.
#[derive(Clone, Copy)]
pub(super) enum Write<'a> {
    /// Creates the resource. Resources at its address with an id in `leaving` are old ones.
    Create { desired: &'a Value, leaving: &'a [String] },
    /// Makes `changes` to the existing resource.
    Update { desired: &'a Value, live: &'a Value, changes: &'a [Change] },
    /// Deletes the resource.
    Delete { live: &'a Value },
}

impl Write<'_> {
    fn is_delete(self) -> bool {
        matches!(self, Self::Delete { .. })
    }
}

/// Carries out `write`. Returns the new state, or `None` for a deletion.
pub(super) async fn attempt(on: Resource<'_>, write: Write<'_>) -> Result<Option<Value>, Failure> {
    // Patience starts with the first refusal, because the call may have waited in the rate limiter before that.
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
                // If another create would make a second resource, wait until a read certainly shows the first one.
                let how_long = if on.kind.many() { LAG } else { Duration::ZERO };
                if let Write::Create { desired, leaving } = write
                    && let Some(made) = made_already(on, desired, leaving, how_long).await?
                {
                    return Ok(Some(made));
                }
            }
            Cause::Refused => {
                let passing = passing(on, &failure, write);
                // AWS may refuse this attempt because the attempt with the lost response has created the resource.
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

/// Returns what the step waits for, if `failure` is temporary.
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

/// Returns the resource if a create with a lost response has succeeded, and completes a resource that is only partly
/// created. Searches for as long as `how_long`, because reads may be out of date.
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
            // A resource that is being deleted existed before the create.
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
    // A replacement needs a new plan.
    if changes.is_empty() || changes.iter().any(|change| change.how == How::Replace) {
        return Ok(Some(made.live));
    }
    let write = Write::Update { desired, live: &made.live, changes: &changes };
    // Boxed because `attempt` and `made_already` call each other.
    Ok(Box::pin(attempt(on, write)).await?.or(Some(made.live)))
}

/// Returns `what`, with the AWS message added if the error code alone says too little.
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
