//! Tests of all registered kinds: the code of each kind and the real engine on the model of the kind's service. Each
//! kind provides its test data as a [`crate::kind::Sample`].
//!
//! The clock is paused, so waiting for AWS takes no time.

mod networks;
mod states;
mod transition;
mod trial;

use std::{collections::BTreeSet, time::Duration};

use transition::Transition;
use trial::{Start, Subject};

use crate::{aws::model::Fault, kind::Sample, kinds, model::Plan};

/// The lag of reads behind writes: none, or less than the engine tolerates.
const LAGS: [Duration; 2] = [Duration::ZERO, Duration::from_secs(5)];

/// The failed tests of many kinds, reported together at the end.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn note(&mut self, what: impl FnOnce() -> String, tried: Result<(), String>) {
        if let Err(why) = tried {
            self.0.push(format!("{}: {why}", what()));
        }
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.0.is_empty(), "{} faults:\n{}", self.0.len(), self.0.join("\n"));
        }
    }
}

#[test]
fn every_field_is_changed_by_a_variant_or_a_drift() {
    let mut missing = Vec::new();
    for kind in kinds::registry().iter() {
        let Sample { variants, drifts, .. } = kind.sample();
        let changed = variants.iter().map(|variant| variant.fields).chain(drifts.iter().map(|drift| drift.fields));
        let changed: Vec<&str> = changed.flatten().copied().collect();
        let all: Vec<&str> = kind.fields().iter().chain(kind.fixed()).copied().collect();
        let covered: BTreeSet<&str> = changed.iter().filter_map(|shown| field_of(&all, shown)).collect();
        let left = all.iter().filter(|field| !covered.contains(*field));
        missing.extend(left.map(|field| format!("{}: {field} is never changed", kind.name())));
        let unknown = changed.iter().filter(|shown| field_of(&all, shown).is_none());
        missing.extend(unknown.map(|shown| format!("{}: {shown} is none of its fields", kind.name())));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// Returns the one of `fields` that a plan shows as `shown`: the field with this name, or the longest one with a `*` in
/// place of an item.
fn field_of<'a>(fields: &[&'a str], shown: &str) -> Option<&'a str> {
    let covers = |field: &&str| match field.split_once('*') {
        None => *field == shown,
        Some((before, after)) => {
            let item = shown.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            item.is_some_and(|item| !item.is_empty())
        }
    };
    fields.iter().copied().filter(covers).max_by_key(|field| (*field == shown, field.len()))
}

#[tokio::test(start_paused = true)]
async fn each_transition_changes_its_fields_and_ends_as_desired() {
    let mut faults = Faults::default();
    for subject in Subject::all() {
        for transition in subject.transitions() {
            for lag in LAGS {
                let tried = undisturbed(&subject, &transition, lag).await;
                faults.note(|| format!("{}: {transition}, reads lag by {lag:?}", subject.name), tried);
            }
        }
    }
}

async fn undisturbed(subject: &Subject, transition: &Transition<'_>, lag: Duration) -> Result<(), String> {
    let start = subject.start(transition).await?;
    let trial = start.trial(lag);
    let plan = trial.plan(transition.to).await?;
    let (changed, expected) = (fields(&plan), transition.fields());
    if changed != expected {
        return Err(format!("the plan changes {changed:?} instead of {expected:?}"));
    }
    trial.up(transition.to).await?;
    trial.settled(transition.to).await
}

/// Returns the fields that the steps of `plan` change.
fn fields(plan: &Plan) -> BTreeSet<&str> {
    plan.steps.iter().flat_map(|step| &step.changes).map(|change| change.field.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn temporary_refusals_of_aws_are_waited_for() {
    let mut faults = Faults::default();
    for subject in Subject::all() {
        for delay in subject.delays() {
            for transition in subject.transitions() {
                let tried = async {
                    let start = subject.start(&transition).await?;
                    let trial = start.trial(Duration::ZERO);
                    trial.begin(*delay);
                    trial.up(transition.to).await?;
                    trial.settled(transition.to).await
                };
                let tried = tried.await;
                faults.note(|| format!("{}: {transition}, while {}", subject.name, delay.what), tried);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_killed_at_any_write_is_completed_by_the_next() {
    let mut faults = Faults::default();
    for subject in Subject::all() {
        for transition in subject.transitions() {
            // A failure without a fault is reported by the test above.
            let Ok((start, writes)) = writes(&subject, &transition).await else { continue };
            for (write, fault) in each(&writes, [Fault::KilledBefore, Fault::KilledAfter]) {
                for (next, desired) in transition.next_runs() {
                    // The state in this gap is tested with the other runs after the preceding write.
                    if desired != transition.to && fault == Fault::KilledBefore {
                        continue;
                    }
                    let tried = async {
                        let trial = start.trial(Duration::ZERO);
                        trial.killed(transition.to, write, fault).await?;
                        trial.up(desired).await?;
                        trial.settled(desired).await
                    };
                    let tried = tried.await;
                    let what =
                        || format!("{}: {transition}, {}, then {next}", subject.name, gap(&writes, write, fault));
                    faults.note(what, tried);
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_or_response_duplicates_nothing() {
    let mut faults = Faults::default();
    for subject in Subject::all() {
        for transition in subject.transitions() {
            let Ok((start, writes)) = writes(&subject, &transition).await else { continue };
            for (write, fault) in each(&writes, [Fault::RequestLost, Fault::AnswerLost]) {
                for lag in LAGS {
                    let tried = async {
                        let trial = start.trial(lag);
                        trial.disturbed(transition.to, write, fault).await?;
                        trial.settled(transition.to).await
                    };
                    let (tried, operation) = (tried.await, &writes[write]);
                    let what = || {
                        let name = subject.name;
                        format!("{name}: {transition}, {fault:?} in write {write}, {operation}, reads lag by {lag:?}")
                    };
                    faults.note(what, tried);
                }
            }
        }
    }
}

/// Returns the start of `transition`, and the operations of its writes without faults.
async fn writes<'a>(subject: &'a Subject, transition: &Transition<'_>) -> Result<(Start<'a>, Vec<String>), String> {
    let start = subject.start(transition).await?;
    let writes = start.writes(transition.to).await?;
    Ok((start, writes))
}

/// Returns every combination of a write's number and a fault.
fn each(writes: &[String], faults: [Fault; 2]) -> impl Iterator<Item = (usize, Fault)> {
    (0..writes.len()).flat_map(move |write| faults.map(|fault| (write, fault)))
}

/// Describes where a run was killed: the number of the gap, and the writes before and after it.
fn gap(writes: &[String], write: usize, fault: Fault) -> String {
    let done = if fault == Fault::KilledBefore { write } else { write + 1 };
    let before = done.checked_sub(1).map_or("its start", |last| writes[last].as_str());
    let after = writes.get(done).map_or("its end", String::as_str);
    format!("{fault:?} in gap {done} of {}, between {before} and {after}", writes.len())
}
