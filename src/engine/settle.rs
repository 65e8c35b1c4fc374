//! Waits for AWS: until a resource is ready, or until it is gone.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{listings::LAG, run::Resource};
use crate::model::{Cause, Failure, LiveResource, Phase};

/// The result of a write.
pub(super) struct Written {
    /// The state of the resource. For [`LAG`], a read that shows an older state is ignored.
    pub(super) live: Value,
    /// How long AWS may show the resource as ready before the update starts.
    pub(super) begins_within: Duration,
    /// The state before an update.
    pub(super) before: Option<Value>,
}

/// Waits until the resource is ready and returns its state. `leaving` has the ids of the old resources at this address.
pub(super) async fn until_ready(
    on: Resource<'_>,
    desired: &Value,
    written: Written,
    leaving: &[String],
) -> Result<Value, Failure> {
    let Written { live: written, begins_within, before } = written;
    let stays_ready = on.kind.stays_ready(desired, &written)?;
    let mut ready_since = None;
    let (began, mut live) = (Instant::now(), written.clone());
    let mut word = "waiting for AWS to show it".to_owned();
    let mut has_begun = begins_within.is_zero();
    loop {
        let phase = on.kind.phase_after(&live, desired, &written)?;
        has_begun |= phase != Phase::Ready || began.elapsed() >= begins_within;
        let phase = if has_begun { phase } else { Phase::Pending("waiting for AWS to start the change".to_owned()) };
        let phase = if phase == Phase::Ready {
            let since = *ready_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= stays_ready {
                return Ok(live);
            }
            Phase::Pending("waiting for a stable state".to_owned())
        } else {
            ready_since = None;
            phase
        };
        match phase {
            Phase::Ready => return Ok(live),
            Phase::Failed(_) | Phase::RolledBack(_) => return Err(failed(on, &live, phase, before.as_ref()).await),
            Phase::Pending(state) | Phase::Deleting(state) => {
                if state != word {
                    on.waiting(&state);
                    word = state;
                }
            }
        }
        if began.elapsed() > on.kind.deadline() {
            let message = format!("timed out after {} s: {word}", began.elapsed().as_secs());
            return Err(Failure::about(on.address, message).hint("run `stackctl up` again to keep waiting"));
        }
        if let Err(interrupted) = on.until_next_look(began).await {
            let runs_on = on.kind.runs_on(&live)?;
            return Err(Failure { hint: runs_on.or(interrupted.hint), ..interrupted });
        }
        // Reads lag behind writes: a resource that is missing right after its creation may appear in the next read.
        let found = on.look(&live).await?;
        if let Some(seen) = found.iter().find(|found| on.is(found, leaving))
            && !(began.elapsed() < LAG && on.kind.outdated(&seen.live, &written)?)
        {
            live = seen.live.clone();
        }
    }
}

/// Waits until AWS no longer has `going`.
pub(super) async fn until_gone(on: Resource<'_>, going: &LiveResource) -> Result<(), Failure> {
    let began = Instant::now();
    loop {
        let left = match on.kind.gone(&on.run.cx, &going.live).await? {
            Some(true) => None,
            Some(false) => Some(going.clone()),
            None => {
                let found = on.look(&going.live).await?;
                found.iter().find(|live| &live.address == on.address && live.id == going.id).cloned()
            }
        };
        let Some(left) = left else { return Ok(()) };
        let phase = on.kind.phase(&left.live, None)?;
        on.waiting(phase.detail().unwrap_or("waiting for AWS to delete it"));
        if began.elapsed() > on.kind.deadline() {
            let message = format!("not deleted after {} s", began.elapsed().as_secs());
            return Err(Failure::about(on.address, message).hint("run the command again to keep waiting"));
        }
        on.until_next_look(began).await?;
    }
}

async fn failed(on: Resource<'_>, live: &Value, phase: Phase, before: Option<&Value>) -> Failure {
    let explanation = Box::new(on.kind.explain(&on.run.cx.fresh(), live, &phase).await);
    let phase = match (phase, before) {
        (Phase::Failed(why), Some(before)) => match on.kind.take_back(&on.run.cx, before, live).await {
            Ok(Some(back)) => Phase::RolledBack(format!("{why}; {back}")),
            Ok(None) => Phase::Failed(why),
            Err(failure) => Phase::Failed(format!("{why}; restoring the previous state failed too: {failure}")),
        },
        (phase, _) => phase,
    };
    let cause = if matches!(phase, Phase::RolledBack(_)) { Cause::RolledBack } else { Cause::Refused };
    Failure { cause, explanation, ..Failure::about(on.address, phase.detail().unwrap_or_default()) }
}
