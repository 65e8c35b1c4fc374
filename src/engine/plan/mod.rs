//! The planner: computes the steps from the live state to the desired state. It is pure and synchronous, and makes all
//! decisions.

mod steps;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    kind::Registry,
    model::{
        Action, Address, Change, Failure, Graph, How, LiveResource, Node, Outputs, Phase, Plan, Runs, StackId, Step,
        StepId, Subject, resolve,
    },
};
use steps::{Decision, First, Steps};

/// Returns the steps that turn `live` into `graph`.
///
/// # Errors
/// If the graph is invalid (a defect), or if the steps would wait for each other in a circle. That happens when a
/// resource that nearly all others depend on would have to be replaced.
pub fn plan(kinds: &Registry, id: &StackId, graph: &Graph, live: Vec<LiveResource>) -> Result<Plan, Failure> {
    let mut draft = Draft::new(kinds, graph);
    let mut found = by_address(live);
    for node in graph.order()? {
        let candidates = found.remove(&node.address).unwrap_or_default();
        draft.decide(node, candidates)?;
    }
    draft.surplus.extend(found.into_values().flatten());
    draft.finish(id)
}

/// Returns `plan` reduced to the steps for which `wanted` is true and the steps that these need.
pub fn only(plan: &Plan, wanted: impl Fn(&Step) -> bool) -> Plan {
    let mut keep = BTreeSet::new();
    let mut open: Vec<StepId> = (0..plan.steps.len()).filter(|step| wanted(&plan.steps[*step])).collect();
    while let Some(step) = open.pop() {
        if keep.insert(step) {
            open.extend(&plan.steps[step].needs);
        }
    }
    let place: BTreeMap<StepId, StepId> = keep.iter().enumerate().map(|(new, old)| (*old, new)).collect();
    let steps = keep.iter().map(|old| {
        let step = plan.steps[*old].clone();
        Step { needs: step.needs.iter().map(|need| place[need]).collect(), ..step }
    });
    let steps: Vec<Step> = steps.collect();
    // Resources of removed steps stay as they are, and the remaining steps may need their outputs.
    let left_out = plan.steps.iter().enumerate().filter(|(step, _)| !keep.contains(step)).map(|(_, step)| step);
    let stays = left_out
        .filter(|step| matches!(step.action, Action::Update | Action::Narrow | Action::Wait))
        .filter_map(|step| step.live.clone());
    let unchanged = plan.unchanged.iter().cloned().chain(stays).collect();
    let is_kept = |(address, _): &&(Address, String)| steps.iter().any(|step| &step.address == address);
    let guarded = plan.guarded.iter().filter(is_kept).cloned().collect();
    let by_hand = plan.by_hand.iter().filter(is_kept).cloned().collect();
    let warnings = plan.warnings.iter().filter(is_kept).cloned().collect();
    let (parts, place) = (plan.parts.clone(), plan.place.clone());
    Plan {
        id: plan.id.clone(),
        targets: plan.targets.clone(),
        steps,
        parts,
        place,
        unchanged,
        guarded,
        by_hand,
        warnings,
    }
}

/// Returns `plan` reduced to the steps of `targets` and the steps that these need.
///
/// # Errors
/// If a target is in neither the live nor the desired state.
pub fn targeted(plan: &Plan, targets: &[Address]) -> Result<Plan, Failure> {
    let of_steps = plan.steps.iter().map(|step| &step.address);
    let known: BTreeSet<&Address> = of_steps.chain(plan.unchanged.iter().map(|found| &found.address)).collect();
    if let Some(unknown) = targets.iter().find(|target| !known.contains(target)) {
        let known = known.iter().map(ToString::to_string);
        let nearest = known.min_by_key(|known| strsim::damerau_levenshtein(&unknown.to_string(), known));
        let hint = nearest
            .map_or_else(|| "the stack has no resources.".to_owned(), |nearest| format!("did you mean {nearest}?"));
        return Err(Failure::about(
            Subject::flag("--target"),
            format!("{} has no resource {unknown}; nothing was changed", plan.id),
        )
        .hint(hint + " Run `stackctl status` or `stackctl plan` to list the resources"));
    }
    Ok(Plan { targets: targets.to_vec(), ..only(plan, |step| targets.contains(&step.address)) })
}

fn by_address(live: Vec<LiveResource>) -> BTreeMap<Address, Vec<LiveResource>> {
    let mut found: BTreeMap<Address, Vec<LiveResource>> = BTreeMap::new();
    for resource in live {
        found.entry(resource.address.clone()).or_default().push(resource);
    }
    found
}

struct Draft<'a> {
    kinds: &'a Registry,
    graph: &'a Graph,
    outputs: BTreeMap<Address, Outputs>,
    decisions: Vec<Decision<'a>>,
    surplus: Vec<LiveResource>,
}

impl<'a> Draft<'a> {
    fn new(kinds: &'a Registry, graph: &'a Graph) -> Self {
        Self { kinds, graph, outputs: BTreeMap::new(), decisions: Vec::new(), surplus: Vec::new() }
    }

    fn decide(&mut self, node: &'a Node, candidates: Vec<LiveResource>) -> Result<(), Failure> {
        let kind = self.kinds.of(&node.address)?;
        let desired = resolve(&node.desired, &self.outputs);
        let mut compared = Vec::with_capacity(candidates.len());
        let mut going = None;
        for live in candidates {
            if matches!(kind.phase(&live.live, None)?, Phase::Deleting(_)) {
                going = Some(live);
            } else {
                compared.push((kind.diff(&desired, &live.live)?, live));
            }
        }
        // Several resources can have this address after an interrupted replacement or a lost response. Keep the one
        // that is closest to the desired state and delete the others.
        compared.sort_by_key(|(changes, _)| (replaces(changes), changes.len()));
        let mut compared = compared.into_iter();
        let Some((changes, live)) = compared.next() else {
            let action = kind.lasting().then_some(Action::Create);
            let first = kind.waiting(&node.desired)?.map(|desired| First { changes: Vec::new(), desired });
            // A resource that is being deleted does not count, but its name is taken until it is gone.
            self.decisions.push(Decision { node, action, changes: Vec::new(), live: going, first });
            return Ok(());
        };
        self.surplus.extend(compared.map(|(_, live)| live).chain(going));
        let ready = kind.phase(&live.live, None)? == Phase::Ready;
        let action = match changes.as_slice() {
            [] => (!ready).then_some(Action::Wait),
            changes if replaces(changes) => Some(Action::Replace),
            _ => Some(Action::Update),
        };
        let holds = ready || kind.outputs_hold(&live.live)?;
        let keeps_outputs = match action {
            None => true,
            Some(Action::Update) => holds && !kind.update_renews_outputs(),
            Some(Action::Wait) => holds,
            Some(_) => false,
        };
        if keeps_outputs {
            self.outputs.insert(node.address.clone(), kind.outputs(&live.live)?);
        }
        let wider = match action {
            Some(Action::Update) => kind.wider(&desired, &live.live)?,
            _ => None,
        };
        let first = match wider {
            Some(desired) => Some(First { changes: kind.diff(&desired, &live.live)?, desired }),
            None => None,
        };
        self.decisions.push(Decision { node, action, changes, live: Some(live), first });
        Ok(())
    }

    fn finish(mut self, id: &StackId) -> Result<Plan, Failure> {
        self.trigger_runs();
        let mut steps = Steps::new(self.kinds);
        let mut unchanged = Vec::new();
        for decision in self.decisions {
            let Some(action) = decision.action else {
                unchanged.extend(decision.live);
                continue;
            };
            steps.desired(decision, action)?;
        }
        for live in self.surplus {
            steps.delete(live, Action::Delete);
        }
        steps.narrow()?;
        steps.link(self.graph)?;
        let (guarded, by_hand) = (steps.guarded()?, steps.by_hand()?);
        // No warnings for `destroy`: the user has confirmed the deletion of everything.
        let warnings = if self.graph.nodes().next().is_some() { steps.warnings()? } else { Vec::new() };
        let (id, targets, steps) = (id.clone(), Vec::new(), steps.in_order()?);
        let (parts, place) = (self.graph.parts(), None);
        Ok(Plan { id, targets, steps, parts, place, unchanged, guarded, by_hand, warnings })
    }

    /// Schedules one-off tasks. A task runs when the resource after it is created, replaced or changes in the watched
    /// field, or always.
    fn trigger_runs(&mut self) {
        let fires = |target: &Address, field: &'static str| {
            self.decisions.iter().any(|decision| {
                &decision.node.address == target
                    && match decision.action {
                        Some(Action::Create | Action::Replace) => true,
                        Some(Action::Update) => decision.changes.iter().any(|change| change.field == field),
                        _ => false,
                    }
            })
        };
        let runs: Vec<bool> = self
            .decisions
            .iter()
            .map(|decision| match &decision.node.runs {
                Some(Runs::Before { target, field }) => fires(target, field),
                Some(Runs::Always) => true,
                None => false,
            })
            .collect();
        for (decision, run) in self.decisions.iter_mut().zip(runs) {
            if run {
                decision.action = Some(Action::Run);
            }
        }
    }
}

fn replaces(changes: &[Change]) -> bool {
    changes.iter().any(|change| change.how == How::Replace)
}

/// Returns the desired state of `step` with the outputs of other resources filled in.
pub(super) fn resolved(step: &Step, outputs: &BTreeMap<Address, Outputs>) -> Result<Value, Failure> {
    let desired =
        step.desired.as_ref().ok_or_else(|| Failure::internal(format!("{} has no desired state", step.address)))?;
    Ok(resolve(desired, outputs))
}
