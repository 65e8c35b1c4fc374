//! The steps that `up`, `deploy` and `destroy` share: show the plan, ask, lock, observe again, apply, report.

use std::time::{Duration, Instant};

use crate::{
    blockers, blueprint,
    cli::{
        earlier_load,
        error::{Stop, code},
        global::Global,
        project::{Project, View},
        provenance, renamed,
        signals::Asked,
    },
    engine::{self, Forecast, Jitter, Lock, LockError, Run, StopReason, Summary},
    exit,
    kind::Context,
    model::{Evidence, Failure, LiveResource, Plan, Subject, count},
    offers,
    output::Output,
};

/// The confirmation that a change needs.
pub(super) enum Consent {
    /// The answer `yes`.
    Yes,
    /// This name as the answer.
    Name(String),
    /// None: the command line implies it.
    Given,
    /// None: this saved plan was approved before. Any other plan is refused.
    Plan(Box<Plan>),
}

/// The subject of a change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// The stack.
    Stack,
    /// The load of a dump, which leaves nothing behind if it does not finish.
    Load,
    /// The resources of a finished load.
    Leftovers,
}

/// What the user has approved.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Agreed {
    /// Only the plan that was shown.
    This,
    /// Any plan: no question was asked.
    Whatever,
}

/// The result of a change.
pub(super) struct Ended {
    /// The exit code.
    pub(super) code: u8,
    /// Whether the plan had any steps.
    pub(super) is_change: bool,
    /// The resources of the stack that were not changed.
    pub(super) untouched: Vec<LiveResource>,
}

impl Ended {
    /// The result of a plan without steps.
    fn at_once(plan: Plan) -> Self {
        Self { code: exit::DONE, is_change: false, untouched: plan.unchanged }
    }
}

/// A change of the stack.
pub(super) struct Change<'a> {
    pub(super) command: &'static str,
    pub(super) about: About,
    pub(super) consent: Consent,
    pub(super) unprotect: bool,
    /// Creates the plan for a view of the cloud. Called before and after the lock is taken.
    pub(super) plan: &'a (dyn Fn(View) -> Result<Plan, Failure> + Sync),
}

impl Change<'_> {
    /// Applies the change.
    pub(super) async fn run(&self, project: &Project, global: &Global, output: &Output) -> Result<Ended, Stop> {
        let view = project.look().await?;
        let plan = project.planned(view.clone(), self.plan).await?;
        if self.command == "up" {
            renamed::warn(project, &view, output).await?;
        }
        if let Consent::Plan(agreed) = &self.consent
            && !same_steps(agreed, &plan)
        {
            return Err(Failure::about(
                Subject::command(self.command),
                "the plan is out of date: the stack or stack.yaml has changed; nothing was changed",
            )
            .hint("make a new plan: stackctl plan --out FILE")
            .into());
        }
        if self.asks(global) && !plan.is_empty() && global.lock_timeout.is_zero() {
            refuse_held(project).await?;
        }
        if !self.can_begin(project, &view.cx, &plan, output).await? {
            return Ok(Ended::at_once(plan));
        }
        let agreed = self.ask(&plan, global, output)?;
        project.under_lock(self.command, global, self.under_lock(project, view, &plan, agreed, output)).await
    }

    /// Applies the change without a question. The caller holds the stack's lock.
    pub(super) async fn run_locked(&self, project: &Project, output: &Output) -> Result<Ended, Stop> {
        let view = project.look().await?;
        let cx = view.cx.clone();
        let plan = project.planned(view, self.plan).await?;
        if !self.can_begin(project, &cx, &plan, output).await? {
            return Ok(Ended::at_once(plan));
        }
        self.carry_out(project, plan, output).await
    }

    /// Shows `plan`, which was made from the view `seen`. Returns whether it has any steps.
    ///
    /// # Errors
    /// If the plan cannot be applied.
    async fn can_begin(
        &self,
        project: &Project,
        seen: &Context,
        plan: &Plan,
        output: &Output,
    ) -> Result<bool, Failure> {
        if plan.is_empty() && self.command == "destroy" {
            let (id, region, account) = (&project.cx.id, &project.stack.region, project.cx.aws.caller().await?.account);
            output.status(&format!("There is no {id} in {region} (account {account})."));
            return Ok(false);
        }
        output.announce(&project.kinds, plan);
        if plan.is_empty() {
            return Ok(false);
        }
        refuse_by_hand(plan)?;
        self.refuse_guarded(plan)?;
        blockers::refuse(&project.kinds, seen, self.command, plan).await?;
        offers::refuse(&project.cx, plan).await?;
        self.spare_loads(project, plan, output).await?;
        Ok(true)
    }

    /// Refuses a plan that deletes resources which the load of a killed command still needs. Such a plan does not know
    /// about the load.
    async fn spare_loads(&self, project: &Project, plan: &Plan, output: &Output) -> Result<(), Failure> {
        match self.about {
            About::Stack => earlier_load::spare(project, self.command, plan, output).await,
            About::Load | About::Leftovers => Ok(()),
        }
    }

    /// Returns what running the same command again does after an incomplete run.
    fn again(&self) -> String {
        match self.about {
            About::Load => "run `stackctl db load` again to load the dump from the beginning".to_owned(),
            About::Leftovers => goes_on("up"),
            About::Stack => goes_on(self.command),
        }
    }

    fn refuse_guarded(&self, plan: &Plan) -> Result<(), Failure> {
        let Some((address, why)) = plan.guarded.first().filter(|_| !self.unprotect) else { return Ok(()) };
        Err(Failure::about(address, format!("{why}; nothing was changed"))
            .hint("add --unprotect to delete it anyway; a final snapshot of a database is kept"))
    }

    /// Whether a person is asked before anything is changed.
    fn asks(&self, global: &Global) -> bool {
        !global.yes && matches!(self.consent, Consent::Yes | Consent::Name(_))
    }

    fn ask(&self, plan: &Plan, global: &Global, output: &Output) -> Result<Agreed, Stop> {
        let place = plan.place.as_ref().map(|place| format!(" in {} (account {})", place.region, place.account));
        let place = place.unwrap_or_default();
        let (question, expected) = match &self.consent {
            Consent::Plan(_) => return Ok(Agreed::This),
            _ if global.yes => return Ok(Agreed::Whatever),
            Consent::Given => return Ok(Agreed::Whatever),
            Consent::Yes => (format!("Apply these changes to {}{place}? Type \"yes\"", plan.id), "yes"),
            Consent::Name(name) => (format!("Destroy {name}{place}? Type \"{name}\""), name.as_str()),
        };
        let hint = match &self.consent {
            Consent::Name(name) => format!("add --yes or --confirm {name} to delete them without asking"),
            _ => "add --yes to apply without asking".to_owned(),
        };
        confirm(&question, expected, &hint, global, output).map(|()| Agreed::This)
    }

    /// Observes again under the lock: the plan that was shown and approved must still be valid. Right after the first
    /// view, only the kinds that change are read. After a question, or after waiting for another run, everything is
    /// read.
    async fn under_lock(
        &self,
        project: &Project,
        view: View,
        shown: &Plan,
        agreed: Agreed,
        output: &Output,
    ) -> Result<Ended, Stop> {
        let is_fresh = agreed == Agreed::Whatever && !project.has_waited();
        let view = if is_fresh { project.look_again(view, shown).await? } else { project.look().await? };
        let plan = project.planned(view, self.plan).await?;
        if !same_steps(shown, &plan) {
            // The previous holder of the lock has applied some or all of the plan.
            if agreed == Agreed::This && !plan.is_empty() {
                return Err(Failure::about(
                    Subject::command(self.command),
                    "the stack has changed since the plan was made; nothing was changed",
                )
                .hint(format!("run `stackctl {}` again to make a new plan", self.command))
                .into());
            }
            output.status("The stack has changed since the plan was made. The new plan:");
            output.announce(&project.kinds, &plan);
            if plan.is_empty() {
                return Ok(Ended::at_once(plan));
            }
            refuse_by_hand(&plan)?;
            self.refuse_guarded(&plan)?;
            self.spare_loads(project, &plan, output).await?;
        }
        self.carry_out(project, plan, output).await
    }

    async fn carry_out(&self, project: &Project, plan: Plan, output: &Output) -> Result<Ended, Stop> {
        if project.cx.origin.get().is_none() {
            // If the origin is already set, its value is the same.
            drop(project.cx.origin.set(provenance::of(&project.folder).await));
        }
        let mut code = apply(&self.again(), project, &plan, output).await?;
        if code == exit::DONE && project.cx.deletes_all() {
            code = self.delete_late(project, &plan, output).await?;
        }
        Ok(Ended { code, is_change: true, untouched: plan.unchanged })
    }

    /// Deletes the resources that AWS lists only after `destroyed` was applied.
    async fn delete_late(&self, project: &Project, destroyed: &Plan, output: &Output) -> Result<u8, Failure> {
        let asked_for = blueprint::sketch(&project.stack)?;
        let asked_for = asked_for.nodes().map(|node| node.address.clone());
        let late = engine::late(&project.kinds, &project.cx, asked_for, destroyed).await?;
        if late.is_empty() {
            return Ok(exit::DONE);
        }
        output.status("AWS has just listed more resources of the stack:");
        output.announce(&project.kinds, &late);
        self.refuse_guarded(&late)?;
        apply(&self.again(), project, &late, output).await
    }
}

/// Returns what running `command` again does after an incomplete run.
pub(super) fn goes_on(command: &str) -> String {
    format!("run `stackctl {command}` again to resume")
}

/// Applies `plan`, reports the result and returns the exit code. `again` is what running the same command again does
/// after an incomplete run. For a plan that writes, the caller holds the stack's lock.
pub(super) async fn apply(again: &str, project: &Project, plan: &Plan, output: &Output) -> Result<u8, Failure> {
    let stoppable = project.stopper().begin(output);
    let began = Instant::now();
    let applied = project.reporting(Forecast::of(&project.kinds, plan), async |events| {
        let interrupt = stoppable.interrupt.clone();
        let run = Run::new(project.kinds.clone(), project.cx.clone(), events.clone(), interrupt, Jitter::random());
        engine::apply(run, plan).await
    });
    let applied = applied.await;
    drop(stoppable);
    project.tell_of_waits();
    let stopped = project.stopper().asked().map_or(exit::INTERRUPTED, Asked::code);
    Ok(conclude(again, plan, &applied?, began.elapsed(), stopped, output))
}

/// Reports the result of `plan` and returns the exit code, which is `stopped` if a signal stopped the run.
fn conclude(again: &str, plan: &Plan, summary: &Summary, took: Duration, stopped: u8, output: &Output) -> u8 {
    let failed = summary.failed.len();
    let (done, all) = (summary.done.len(), plan.steps.len());
    if output.is_json() {
        output.document(&serde_json::json!({
            "event": "summary", "done": done, "failed": failed,
            "skipped": summary.skipped.len(), "interrupted": summary.stopped.is_some(),
        }));
    }
    if let Some(reason) = summary.stopped {
        output.status(&format!(
            "Interrupted after {done} of {}{}. To continue, {again}.",
            count(all, "step"),
            if failed == 0 { String::new() } else { format!(", {failed} failed") },
        ));
        return if reason == StopReason::LockLost { exit::LOCKED } else { stopped };
    }
    if failed == 0 {
        output.done(&summary.done, took);
        return exit::DONE;
    }
    output.failures(&summary.failed, all);
    output.status(&format!(
        "{done} of {} done, {failed} failed, {} not started. Fix the cause, then {again}.",
        count(all, "step"),
        summary.skipped.len(),
    ));
    summary.failed.iter().map(|(_, failure)| code(failure)).max().unwrap_or(exit::FAILED)
}

/// Refuses if another run holds the lock: nobody should read a plan and agree to it in vain.
async fn refuse_held(project: &Project) -> Result<(), Stop> {
    match Lock::look(&project.lock_store()).await? {
        Some(seen) if seen.stands => Err(LockError::Held(Box::new(seen.holder)).into()),
        _ => Ok(()),
    }
}

/// What only a person can do comes first: all of it is named, and nothing is begun.
fn refuse_by_hand(plan: &Plan) -> Result<(), Failure> {
    let Some(((address, what), others)) = plan.by_hand.split_first() else { return Ok(()) };
    let failure = Failure::about(address, format!("{what}. Nothing was changed"));
    if others.is_empty() {
        return Err(failure);
    }
    let lines = others.iter().map(|(address, what)| format!("{address}: {what}")).collect();
    Err(failure.evidence(Evidence::Findings { lines }))
}

/// Asks `question` and requires the answer `expected`. `--yes` gives that answer.
///
/// # Errors
/// If the answer differs, or there is no terminal; `hint` then names the alternative.
pub(super) fn confirm(
    question: &str,
    expected: &str,
    hint: &str,
    global: &Global,
    output: &Output,
) -> Result<(), Stop> {
    if global.yes {
        return Ok(());
    }
    match output.ask(question) {
        Some(answer) if answer.trim() == expected => Ok(()),
        Some(_) => Err(Stop::Declined),
        None => Err(Stop::usage("cannot ask for confirmation without a terminal; nothing was changed", hint)),
    }
}

/// Returns whether two plans have the same changes, whatever live states they start from.
fn same_steps(one: &Plan, other: &Plan) -> bool {
    let essence = |plan: &Plan| {
        let mut steps: Vec<String> = plan
            .changes()
            .map(|step| format!("{} {:?} {:?} {:?}", step.address, step.action, step.changes, step.desired))
            .collect();
        steps.sort();
        steps
    };
    essence(one) == essence(other)
}
