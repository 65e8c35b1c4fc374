//! The planner: from what is desired and what is there to the steps between. Pure and synchronous; every choice is
//! made here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    kind::{Registry, Replacement},
    model::{
        Action, Address, Change, Failure, Graph, How, LiveResource, Node, Outputs, Phase, Plan, Runs, StackId, Step,
        StepId, Subject, resolve,
    },
};

/// The steps that make `live` into `graph`.
///
/// # Errors
/// If the graph is broken (a defect), or if the steps would have to wait for each other in a circle, which happens
/// where something that nearly everything is built on would have to be replaced.
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

/// `plan` with only the steps for which `wanted` says yes, and those that they need.
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
    // What is left out stays as it is; its outputs are still there for what is kept.
    let left_out = plan.steps.iter().enumerate().filter(|(step, _)| !keep.contains(step)).map(|(_, step)| step);
    let stays = left_out
        .filter(|step| matches!(step.action, Action::Update | Action::Wait))
        .filter_map(|step| step.live.clone());
    let unchanged = plan.unchanged.iter().cloned().chain(stays).collect();
    let is_kept = |(address, _): &&(Address, String)| steps.iter().any(|step| &step.address == address);
    let guarded = plan.guarded.iter().filter(is_kept).cloned().collect();
    let by_hand = plan.by_hand.iter().filter(is_kept).cloned().collect();
    Plan { id: plan.id.clone(), targets: plan.targets.clone(), steps, unchanged, guarded, by_hand }
}

/// `plan` with only the steps of `targets`, and those that they need.
///
/// # Errors
/// If one of them is no resource of the stack, neither as it is nor as it is to be.
pub fn targeted(plan: &Plan, targets: &[Address]) -> Result<Plan, Failure> {
    let of_steps = plan.steps.iter().map(|step| &step.address);
    let known: BTreeSet<&Address> = of_steps.chain(plan.unchanged.iter().map(|found| &found.address)).collect();
    if let Some(unknown) = targets.iter().find(|target| !known.contains(target)) {
        let known = known.iter().map(ToString::to_string);
        let nearest = known.min_by_key(|known| strsim::damerau_levenshtein(&unknown.to_string(), known));
        let hint = nearest.map_or_else(|| "it has none yet".to_owned(), |nearest| format!("the nearest is {nearest}"));
        return Err(Failure::about(
            Subject::flag("--target"),
            format!("{} has no resource {unknown}; nothing was changed", plan.id),
        )
        .hint(hint + "; `stackctl plan` and `stackctl status` name them"));
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

/// What is to be done about one desired resource.
struct Decision<'a> {
    node: &'a Node,
    action: Option<Action>,
    changes: Vec<Change>,
    live: Option<LiveResource>,
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
        // More than one has this address when a run was stopped between the two halves of a replacement, or an answer
        // was lost: the one that is nearest to what is desired stays, the others go.
        compared.sort_by_key(|(changes, _)| (replaces(changes), changes.len()));
        let mut compared = compared.into_iter();
        let Some((changes, live)) = compared.next() else {
            let action = kind.lasting().then_some(Action::Create);
            // One that is going away already is as good as gone, but its name is taken until it is.
            self.decisions.push(Decision { node, action, changes: Vec::new(), live: going });
            return Ok(());
        };
        self.surplus.extend(compared.map(|(_, live)| live).chain(going));
        let ready = kind.phase(&live.live, None)? == Phase::Ready;
        let action = match changes.as_slice() {
            [] => (!ready).then_some(Action::Wait),
            changes if replaces(changes) => Some(Action::Replace),
            _ => Some(Action::Update),
        };
        let keeps_outputs = match action {
            None => true,
            Some(Action::Update) => ready && !kind.update_renews_outputs(),
            Some(_) => false,
        };
        if keeps_outputs {
            self.outputs.insert(node.address.clone(), kind.outputs(&live.live)?);
        }
        self.decisions.push(Decision { node, action, changes, live: Some(live) });
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
        steps.link(self.graph)?;
        let (guarded, by_hand) = (steps.guarded()?, steps.by_hand()?);
        Ok(Plan { id: id.clone(), targets: Vec::new(), steps: steps.in_order()?, unchanged, guarded, by_hand })
    }

    /// A one-off task runs when the resource that it goes before is made, or changes in the field it watches; or always.
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

fn removes(step: &Step) -> bool {
    matches!(step.action, Action::Delete | Action::DeleteReplaced)
}

fn replaces(changes: &[Change]) -> bool {
    changes.iter().any(|change| change.how == How::Replace)
}

/// The steps while they are being put together: unordered, with edges between them.
struct Steps<'a> {
    kinds: &'a Registry,
    steps: Vec<Step>,
    /// The step that makes or changes each desired resource.
    making: BTreeMap<Address, StepId>,
}

impl<'a> Steps<'a> {
    fn new(kinds: &'a Registry) -> Self {
        Self { kinds, steps: Vec::new(), making: BTreeMap::new() }
    }

    fn desired(&mut self, decision: Decision, action: Action) -> Result<(), Failure> {
        let making = self.steps.len();
        self.making.insert(decision.node.address.clone(), making);
        self.steps.push(Step {
            address: decision.node.address.clone(),
            action,
            changes: decision.changes,
            desired: Some(decision.node.desired.clone()),
            live: decision.live.clone(),
            needs: Vec::new(),
        });
        if let (Action::Replace, Some(live)) = (action, decision.live) {
            let first = self.kinds.of(&live.address)?.replacement();
            let removing = self.delete(live, Action::DeleteReplaced);
            let (before, after) = match first {
                Replacement::CreateFirst => (making, removing),
                Replacement::DeleteFirst => (removing, making),
            };
            self.steps[after].needs.push(before);
        }
        Ok(())
    }

    fn delete(&mut self, live: LiveResource, action: Action) -> StepId {
        let address = live.address.clone();
        self.steps.push(Step {
            address,
            action,
            changes: Vec::new(),
            desired: None,
            live: Some(live),
            needs: Vec::new(),
        });
        self.steps.len() - 1
    }

    /// Draws the edges: what is made waits for its needs, what goes waits for all that may hold on to it.
    fn link(&mut self, graph: &Graph) -> Result<(), Failure> {
        for node in graph.nodes() {
            if let Some(step) = self.making.get(&node.address).copied() {
                let mut needs = BTreeSet::new();
                self.gather(graph, node, &mut needs);
                self.steps[step].needs.extend(needs);
            }
        }
        let reached: Vec<BTreeSet<StepId>> = (0..self.steps.len()).map(|step| self.reach(step)).collect();
        for going in 0..self.steps.len() {
            if !removes(&self.steps[going]) {
                continue;
            }
            let gone = self.steps[going].address.kind();
            let outlives = self.kinds.of(&self.steps[going].address)?.outlives();
            let mut holders = Vec::new();
            for (other, holder) in self.steps.iter().enumerate() {
                let other_kind = self.kinds.of(&holder.address)?;
                let may_hold = other_kind.uses().contains(&gone) || outlives.contains(&other_kind.name());
                let may_take_over = other_kind.takes_over() && other_kind.name() == gone && !removes(holder);
                // What is to be made in the place of the one that goes cannot be waited for.
                let comes_after = reached[other].contains(&going);
                if (may_hold || may_take_over) && other != going && (removes(holder) || !comes_after) {
                    holders.push(other);
                }
            }
            self.steps[going].needs.extend(holders);
        }
        Ok(())
    }

    /// All that `step` needs, and what that needs, as far as edges are drawn.
    fn reach(&self, step: StepId) -> BTreeSet<StepId> {
        let mut reached = BTreeSet::new();
        let mut open = self.steps[step].needs.clone();
        while let Some(need) = open.pop() {
            if reached.insert(need) {
                open.extend(&self.steps[need].needs);
            }
        }
        reached
    }

    /// The steps that `node` needs, looking through resources that need no step of their own.
    fn gather(&self, graph: &Graph, node: &Node, into: &mut BTreeSet<StepId>) {
        for need in &node.needs {
            match (self.making.get(need), graph.get(need)) {
                (Some(step), _) => {
                    into.insert(*step);
                }
                (None, Some(through)) => self.gather(graph, through, into),
                (None, None) => {}
            }
        }
    }

    fn guarded(&self) -> Result<Vec<(Address, String)>, Failure> {
        let mut guarded = Vec::new();
        for step in &self.steps {
            if let (Action::Delete | Action::DeleteReplaced, Some(live)) = (step.action, &step.live)
                && let Some(why) = self.kinds.of(&step.address)?.guard(&live.live)?
            {
                guarded.push((step.address.clone(), why));
            }
        }
        Ok(guarded)
    }

    fn by_hand(&self) -> Result<Vec<(Address, String)>, Failure> {
        let mut by_hand = Vec::new();
        for step in &self.steps {
            let live = match step.action {
                Action::Create => None,
                Action::Update => step.live.as_ref().map(|live| &live.live),
                _ => continue,
            };
            if let Some(desired) = &step.desired
                && let Some(what) = self.kinds.of(&step.address)?.by_hand(&step.address, desired, live)?
            {
                by_hand.push((step.address.clone(), what));
            }
        }
        Ok(by_hand)
    }

    /// The steps, each after what it needs; those that could go at once in the order they were put together.
    fn in_order(self) -> Result<Vec<Step>, Failure> {
        let mut place: BTreeMap<StepId, StepId> = BTreeMap::new();
        let mut ordered: Vec<StepId> = Vec::with_capacity(self.steps.len());
        while ordered.len() < self.steps.len() {
            let before = ordered.len();
            for (step, content) in self.steps.iter().enumerate() {
                if !place.contains_key(&step) && content.needs.iter().all(|need| place.contains_key(need)) {
                    place.insert(step, ordered.len());
                    ordered.push(step);
                }
            }
            if ordered.len() == before {
                return Err(self.circle(&place));
            }
        }
        let mut steps: Vec<Option<Step>> = self.steps.into_iter().map(Some).collect();
        let in_order = ordered.iter().filter_map(|step| steps[*step].take()).map(|step| {
            let needs: BTreeSet<StepId> = step.needs.iter().map(|need| place[need]).collect();
            Step { needs: needs.into_iter().collect(), ..step }
        });
        Ok(in_order.collect())
    }

    fn circle(&self, done: &BTreeMap<StepId, StepId>) -> Failure {
        let left = self.steps.iter().enumerate().filter(|(step, _)| !done.contains_key(step)).map(|(_, step)| step);
        let replaced: Vec<String> =
            left.filter(|step| step.action == Action::Replace).map(|step| step.address.to_string()).collect();
        Failure::about(
            Subject::command("plan"),
            format!(
                "these would have to be replaced, and cannot be while the rest of the stack stands on them: {}",
                replaced.join(", ")
            ),
        )
        .hint(
            "undo the change in stack.yaml, or bring up a second stack under another `name:` or `--env` and move over",
        )
    }
}

/// What a step works with once all that it needs is there.
pub(super) fn resolved(step: &Step, outputs: &BTreeMap<Address, Outputs>) -> Result<Value, Failure> {
    let desired =
        step.desired.as_ref().ok_or_else(|| Failure::internal(format!("{} has nothing desired", step.address)))?;
    Ok(resolve(desired, outputs))
}
