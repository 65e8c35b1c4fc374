//! Carries a plan out: a step starts as soon as all that it needs is done, many at once, without stages.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    sync::{Semaphore, SemaphorePermit, watch},
    task::JoinSet,
    time::Instant,
};

use super::{
    attempt::Write,
    event::{Event, Events},
    plan::resolved,
    settle::Listings,
};
use crate::{
    kind::{AnyKind, Context},
    kinds,
    model::{Action, Address, Cause, Failure, How, Outputs, Plan, Step, StepId},
};

/// How many writes are under way at once. AWS's request buckets are far larger; this keeps one stack from emptying
/// those of the whole account.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
const WRITES_AT_ONCE: usize = 16;

/// How a run ended.
#[derive(Debug, Default)]
pub struct Summary {
    /// What was done.
    pub done: Vec<(Address, Action)>,
    /// What failed, and why.
    pub failed: Vec<(Address, Failure)>,
    /// What was not begun.
    pub skipped: Vec<Address>,
    /// Whether the user interrupted it.
    pub interrupted: bool,
}

/// Asks a run to stop: calls in flight are finished, nothing new is begun. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<watch::Sender<bool>>);

impl Default for Interrupt {
    fn default() -> Self {
        Self(Arc::new(watch::channel(false).0))
    }
}

impl Interrupt {
    /// Asks.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was asked.
    pub fn stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Until it is asked.
    pub async fn wait(&self) {
        let mut receiver = self.0.subscribe();
        // The sender lives as long as `self`, so the wait cannot fail.
        drop(receiver.wait_for(|stopped| *stopped).await);
    }
}

/// What the steps of one run share.
pub(super) struct Run {
    pub(super) cx: Context,
    pub(super) listings: Listings,
    events: Events,
    interrupt: Interrupt,
    outputs: Mutex<BTreeMap<Address, Outputs>>,
    turns: Semaphore,
}

/// Carries `plan` out.
///
/// # Errors
/// Only if the plan cannot be begun at all; what fails on the way is in the [`Summary`].
pub async fn apply(cx: &Context, plan: &Plan, events: &Events, interrupt: &Interrupt) -> Result<Summary, Failure> {
    let mut outputs = BTreeMap::new();
    for live in &plan.unchanged {
        outputs.insert(live.address.clone(), kinds::of(&live.address)?.outputs(&live.live)?);
    }
    let run = Arc::new(Run {
        cx: cx.clone(),
        listings: Listings::default(),
        events: events.clone(),
        interrupt: interrupt.clone(),
        outputs: Mutex::new(outputs),
        turns: Semaphore::new(WRITES_AT_ONCE),
    });
    let preparing = prepare(&run, plan)?;
    let summary = schedule(&run, plan).await;
    drop(preparing);
    Ok(summary)
}

/// Begins the slow work that needs nothing of the cloud. It ends with the set that is returned.
fn prepare(run: &Arc<Run>, plan: &Plan) -> Result<JoinSet<()>, Failure> {
    let mut preparing = JoinSet::new();
    for step in &plan.steps {
        let (Action::Create | Action::Update | Action::Replace, Some(desired)) = (step.action, step.desired.clone())
        else {
            continue;
        };
        let (kind, run) = (kinds::of(&step.address)?, Arc::clone(run));
        // A failure is not lost: the step's own turn asks for the same work and gets the same answer.
        preparing.spawn(async move { drop(kind.prepare(&run.cx, &desired).await) });
    }
    Ok(preparing)
}

async fn schedule(run: &Arc<Run>, plan: &Plan) -> Summary {
    let mut summary = Summary::default();
    let mut waits: Vec<usize> = plan.steps.iter().map(|step| step.needs.len()).collect();
    let mut needed_by: Vec<Vec<StepId>> = vec![Vec::new(); plan.steps.len()];
    for (step, content) in plan.steps.iter().enumerate() {
        content.needs.iter().for_each(|need| needed_by[*need].push(step));
    }
    let mut begun = vec![false; plan.steps.len()];
    let mut running: JoinSet<(StepId, Result<(), Failure>)> = JoinSet::new();
    loop {
        for step in 0..plan.steps.len() {
            if !begun[step] && waits[step] == 0 && !run.interrupt.stopped() {
                begun[step] = true;
                let (run, content) = (Arc::clone(run), plan.steps[step].clone());
                running.spawn(async move { (step, run.step(&content).await) });
            }
        }
        let Some(ended) = running.join_next().await else { break };
        let (step, result) = match ended {
            Ok(ended) => ended,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        let Step { address, action, .. } = &plan.steps[step];
        match result {
            Ok(()) => {
                summary.done.push((address.clone(), *action));
                needed_by[step].iter().for_each(|waiter| waits[*waiter] -= 1);
            }
            // What an interrupt cut short did not fail: `up` again goes on from there.
            Err(failure) if failure.cause == Cause::Interrupted => {
                run.events.send(Event::Left { address: address.clone(), action: *action });
                summary.skipped.push(address.clone());
            }
            Err(failure) => {
                run.events.send(Event::Failed { address: address.clone(), action: *action, failure: failure.clone() });
                summary.failed.push((address.clone(), failure));
            }
        }
    }
    for (step, content) in plan.steps.iter().enumerate() {
        if !begun[step] {
            run.events.send(Event::Skipped { address: content.address.clone(), action: content.action });
            summary.skipped.push(content.address.clone());
        }
    }
    summary.interrupted = run.interrupt.stopped();
    summary
}

impl Run {
    async fn step(&self, step: &Step) -> Result<(), Failure> {
        let (address, action) = (step.address.clone(), step.action);
        let began = Instant::now();
        self.events.send(Event::Started { address: address.clone(), action });
        let kind = kinds::of(&address)?;
        if matches!(action, Action::Delete | Action::DeleteReplaced) {
            self.remove(kind, step).await?;
        } else {
            let live = self.make(kind, step).await?;
            let outputs = kind.outputs(&live)?;
            self.outputs.lock().expect("no step panics while it holds this").insert(address.clone(), outputs);
        }
        self.events.send(Event::Done { address, action, elapsed: began.elapsed() });
        Ok(())
    }

    /// Makes, changes or awaits the step's resource; gives its state once it is ready.
    async fn make(&self, kind: &dyn AnyKind, step: &Step) -> Result<Value, Failure> {
        let desired = {
            let outputs = self.outputs.lock().expect("no step panics while it holds this");
            resolved(step, &outputs)?
        };
        let replaces = step.live.as_ref().filter(|_| step.action == Action::Replace);
        let written = match (step.action, &step.live) {
            (Action::Update, Some(live)) => {
                let changes = kind.diff(&desired, &live.live)?;
                if changes.iter().any(|change| change.how == How::Replace) {
                    return Err(stale(step));
                }
                if changes.is_empty() {
                    Some(live.live.clone())
                } else {
                    let write = Write::Update { desired: &desired, live: &live.live, changes: &changes };
                    self.attempt(kind, &step.address, write).await?
                }
            }
            (Action::Wait, Some(live)) => Some(live.live.clone()),
            _ => {
                if let (Action::Create, Some(going)) = (step.action, &step.live) {
                    // Its name is taken until it is gone.
                    self.gone(kind, &step.address, going).await?;
                }
                self.attempt(kind, &step.address, Write::Create { desired: &desired, replaces }).await?
            }
        };
        let live =
            written.ok_or_else(|| Failure::internal(format!("{} was written and is not there", step.address)))?;
        let live = self.completed(kind, &step.address, &desired, live).await?;
        self.settle(kind, &step.address, &desired, live, replaces).await
    }

    /// What was made in two steps has the first one behind it.
    async fn completed(
        &self,
        kind: &dyn AnyKind,
        address: &Address,
        desired: &Value,
        made: Value,
    ) -> Result<Value, Failure> {
        let changes = if kind.in_two_steps() { kind.diff(desired, &made)? } else { Vec::new() };
        if changes.is_empty() {
            return Ok(made);
        }
        let write = Write::Update { desired, live: &made, changes: &changes };
        Ok(self.attempt(kind, address, write).await?.unwrap_or(made))
    }

    async fn remove(&self, kind: &dyn AnyKind, step: &Step) -> Result<(), Failure> {
        let Some(live) = &step.live else { return Ok(()) };
        self.attempt(kind, &step.address, Write::Delete { live: &live.live }).await?;
        self.gone(kind, &step.address, live).await
    }

    /// Sends what `address` waits for.
    pub(super) fn waiting(&self, address: &Address, what: &str) {
        self.events.send(Event::Waiting { address: address.clone(), waiting_for: what.to_owned() });
    }

    /// Sleeps, unless the run is interrupted.
    ///
    /// # Errors
    /// When it is.
    pub(super) async fn pause(&self, length: Duration) -> Result<(), Failure> {
        tokio::select! {
            () = tokio::time::sleep(length) => Ok(()),
            () = self.interrupt.wait() => {
                Err(Failure { cause: Cause::Interrupted, ..Failure::refused("wait", "interrupted") })
            }
        }
    }

    /// A place among the writes that are under way.
    pub(super) async fn turn(&self) -> SemaphorePermit<'_> {
        self.turns.acquire().await.expect("the semaphore is never closed")
    }
}

fn stale(step: &Step) -> Failure {
    Failure::refused(
        "apply",
        format!("the plan is stale: {} would have to be replaced, which the plan did not say", step.address),
    )
    .hint("run the command again for a new plan")
}
