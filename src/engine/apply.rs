//! Applies a plan: each step starts as soon as the steps it needs are done. Independent steps run at the same time.

use std::{
    any::Any,
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    task::{Id, JoinError, JoinSet},
    time::Instant,
};

use super::{
    attempt::{Write, attempt},
    event::Event,
    interrupt::StopReason,
    plan::resolved,
    run::{Resource, Run},
    settle::{Written, until_gone, until_ready},
};
use crate::model::{Action, Address, Cause, Failure, How, Outputs, Plan, Step, StepId};

/// How a run ended.
#[derive(Debug, Default)]
pub struct Summary {
    /// The steps that are done.
    pub done: Vec<(Address, Action)>,
    /// The steps that failed, each with its failure.
    pub failed: Vec<(Address, Failure)>,
    /// The steps that did not start, and those that were interrupted while they waited for AWS.
    pub skipped: Vec<Address>,
    /// Why the run stopped before its end, if it did.
    pub stopped: Option<StopReason>,
}

/// Applies `plan`.
///
/// # Errors
/// Only if the plan cannot be started. Failures of single steps are in the [`Summary`].
pub async fn apply(mut run: Run, plan: &Plan) -> Result<Summary, Failure> {
    let going = plan.steps.iter().filter(|step| matches!(step.action, Action::Delete | Action::DeleteReplaced));
    run.cx = run.cx.deleting(going.filter_map(|step| Some(step.live.as_ref()?.id.clone())));
    let mut outputs = BTreeMap::new();
    for live in plan.given() {
        outputs.insert(live.address.clone(), run.kinds.of(&live.address)?.outputs(&live.live)?);
    }
    let mut hurrying = JoinSet::new();
    let (interrupt, pace) = (run.interrupt.clone(), run.cx.aws.pace.clone());
    // Calls that wait in the rate limiter count as started, so they must end soon after an interrupt.
    hurrying.spawn(async move {
        interrupt.wait().await;
        pace.hurry();
    });
    let work = Arc::new(Work { run, plan: plan.clone(), outputs: Mutex::new(outputs), left: Mutex::default() });
    let preparing = work.prepare();
    let summary = work.schedule().await;
    drop(preparing);
    Ok(summary)
}

/// A plan that is being applied.
struct Work {
    run: Run,
    plan: Plan,
    /// The outputs of the resources that are ready.
    outputs: Mutex<BTreeMap<Address, Outputs>>,
    /// The last state of each resource that this run wrote. Where a resource has two steps, the second starts from it.
    left: Mutex<BTreeMap<Address, Value>>,
}

impl Work {
    /// Starts the slow work that needs nothing from AWS, such as image builds. Dropping the returned set stops that
    /// work.
    fn prepare(self: &Arc<Self>) -> JoinSet<()> {
        let mut preparing = JoinSet::new();
        for step in &self.plan.steps {
            let (Action::Create | Action::Update | Action::Replace, Some(desired)) =
                (step.action, step.desired.clone())
            else {
                continue;
            };
            let (work, address) = (Arc::clone(self), step.address.clone());
            preparing.spawn(async move {
                // The failure can be ignored here: the step runs the same work and gets the same result.
                if let Ok(kind) = work.run.kinds.of(&address) {
                    drop(kind.prepare(&work.run.cx, &desired).await);
                }
            });
        }
        preparing
    }

    async fn schedule(self: &Arc<Self>) -> Summary {
        let (steps, events, interrupt) = (&self.plan.steps, &self.run.events, &self.run.interrupt);
        let mut summary = Summary::default();
        let mut waits: Vec<usize> = steps.iter().map(|step| step.needs.len()).collect();
        let mut needed_by: Vec<Vec<StepId>> = vec![Vec::new(); steps.len()];
        for (step, content) in steps.iter().enumerate() {
            content.needs.iter().for_each(|need| needed_by[*need].push(step));
        }
        let mut begun = vec![false; steps.len()];
        let mut running: JoinSet<Result<(), Failure>> = JoinSet::new();
        let mut tasks: HashMap<Id, StepId> = HashMap::new();
        loop {
            for step in 0..steps.len() {
                if !begun[step] && waits[step] == 0 && !interrupt.stopped() {
                    begun[step] = true;
                    let work = Arc::clone(self);
                    let task = running.spawn(async move { work.step(&work.plan.steps[step]).await });
                    tasks.insert(task.id(), step);
                }
            }
            let Some(ended) = running.join_next_with_id().await else { break };
            let (task, result) = ended.unwrap_or_else(|error| (error.id(), Err(panicked(error))));
            let step = tasks[&task];
            let Step { address, action, .. } = &steps[step];
            match result {
                Ok(()) => {
                    summary.done.push((address.clone(), *action));
                    needed_by[step].iter().for_each(|waiter| waits[*waiter] -= 1);
                }
                // An interrupted step has not failed: the next `up` resumes it.
                Err(failure) if failure.cause == Cause::Interrupted => {
                    events.send(Event::Left { address: address.clone(), action: *action, runs_on: failure.hint });
                    summary.skipped.push(address.clone());
                }
                Err(failure) => {
                    let failure = failure.or_about(address);
                    events.send(Event::Failed { address: address.clone(), action: *action, failure: failure.clone() });
                    summary.failed.push((address.clone(), failure));
                }
            }
        }
        for (step, content) in steps.iter().enumerate() {
            if !begun[step] {
                events.send(Event::Skipped { address: content.address.clone(), action: content.action });
                summary.skipped.push(content.address.clone());
            }
        }
        summary.stopped = interrupt.reason();
        summary
    }

    async fn step(&self, step: &Step) -> Result<(), Failure> {
        let (address, action) = (step.address.clone(), step.action);
        let began = Instant::now();
        self.run.events.send(Event::Started { address: address.clone(), action });
        let on = self.run.resource(&address)?;
        if removes(step) {
            remove(on, step).await?;
        } else {
            let live = self.make(on, step).await?;
            let outputs = on.kind.outputs(&live)?;
            self.outputs.lock().unwrap_or_else(PoisonError::into_inner).insert(address.clone(), outputs);
            self.left.lock().unwrap_or_else(PoisonError::into_inner).insert(address.clone(), live);
        }
        self.run.events.send(Event::Done { address, action, elapsed: began.elapsed() });
        Ok(())
    }

    /// Creates or updates the step's resource, or waits for it. Returns its state once it is ready.
    async fn make(&self, on: Resource<'_>, step: &Step) -> Result<Value, Failure> {
        let desired = {
            // A poisoned lock is safe to use: a step that panics never leaves a partial entry.
            let outputs = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
            resolved(step, &outputs)?
        };
        let leaving = self.leaving(on, step);
        let mut begins_within = Duration::ZERO;
        let live = self.left.lock().unwrap_or_else(PoisonError::into_inner).get(&step.address).cloned();
        let live = live.or_else(|| step.live.as_ref().map(|live| live.live.clone()));
        let written = match (step.action, live) {
            (Action::Update | Action::Narrow, Some(live)) => {
                let changes = on.kind.diff(&desired, &live)?;
                if changes.iter().any(|change| change.how == How::Replace) {
                    return Err(stale(step));
                }
                if changes.is_empty() {
                    Some(live)
                } else {
                    begins_within = on.kind.begins_within(&changes)?;
                    attempt(on, Write::Update { desired: &desired, live: &live, changes: &changes }).await?
                }
            }
            (Action::Wait, Some(live)) => Some(live),
            _ => {
                if let (Action::Create, Some(going)) = (step.action, &step.live) {
                    // The new resource has the same name, so the old one must be gone first.
                    until_gone(on, going).await?;
                }
                attempt(on, Write::Create { desired: &desired, leaving: &leaving }).await?
            }
        };
        let live =
            written.ok_or_else(|| Failure::internal(format!("{} was written but does not exist", step.address)))?;
        let live = completed(on, &desired, live).await?;
        let before = step.live.as_ref().filter(|_| step.action == Action::Update).map(|live| live.live.clone());
        let live = until_ready(on, &desired, Written { live, begins_within, before }, &leaving).await?;
        finished(on, &desired, live, &leaving).await
    }

    /// Returns the ids of the resources at the step's address that the plan deletes and that a listing may still show
    /// after the step. The step must not take a resource with such an id for the one it creates. Resources whose
    /// deletion this step waits for are not included, because the new resource may have the same id (a name).
    fn leaving(&self, on: Resource<'_>, step: &Step) -> Vec<String> {
        let steps = self.plan.steps.iter().enumerate();
        let leaving = steps.filter(|(id, other)| {
            let is_waited_for = step.needs.contains(id) && !on.kind.gone_at_once();
            removes(other) && other.address == step.address && !is_waited_for
        });
        leaving.filter_map(|(_, other)| other.live.as_ref().map(|live| live.id.clone())).collect()
    }
}

/// Makes the second write for a kind that creates its resources in two writes.
async fn completed(on: Resource<'_>, desired: &Value, made: Value) -> Result<Value, Failure> {
    let changes = if on.kind.in_two_steps() { on.kind.diff(desired, &made)? } else { Vec::new() };
    if changes.is_empty() {
        return Ok(made);
    }
    let write = Write::Update { desired, live: &made, changes: &changes };
    Ok(attempt(on, write).await?.unwrap_or(made))
}

/// The change that comes last, where what was written leaves it to be done.
async fn finished(on: Resource<'_>, desired: &Value, live: Value, leaving: &[String]) -> Result<Value, Failure> {
    let Some(last) = on.kind.comes_last() else { return Ok(live) };
    let mut changes = on.kind.diff(desired, &live)?;
    changes.retain(|change| change.field == last);
    if changes.is_empty() {
        return Ok(live);
    }
    let begins_within = on.kind.begins_within(&changes)?;
    let write = Write::Update { desired, live: &live, changes: &changes };
    let written = attempt(on, write).await?.unwrap_or_else(|| live.clone());
    until_ready(on, desired, Written { live: written, begins_within, before: None }, leaving).await
}

async fn remove(on: Resource<'_>, step: &Step) -> Result<(), Failure> {
    let Some(live) = &step.live else { return Ok(()) };
    attempt(on, Write::Delete { live: &live.live }).await?;
    until_gone(on, live).await
}

fn removes(step: &Step) -> bool {
    matches!(step.action, Action::Delete | Action::DeleteReplaced)
}

fn stale(step: &Step) -> Failure {
    Failure::about(&step.address, "the plan is out of date: it must now be replaced")
        .hint("run the command again to make a new plan")
}

/// Turns a panic into the failure of that step alone. The other steps must finish, or the work they have started is
/// lost.
fn panicked(error: JoinError) -> Failure {
    match error.try_into_panic() {
        Ok(panic) => Failure::internal(format!("internal error (panic): {}", message(panic.as_ref()))),
        Err(cancelled) => Failure::internal(format!("the step was cancelled: {cancelled}")),
    }
}

/// Returns the panic message. Its type is `String` if `panic!` was called with arguments, and `&str` otherwise.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
