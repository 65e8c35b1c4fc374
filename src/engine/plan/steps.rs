//! The steps of a plan while the planner assembles them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    kind::{Registry, Replacement},
    model::{Action, Address, Change, Evidence, Failure, Graph, How, LiveResource, Node, Shown, Step, StepId, Subject},
};

/// The intermediate state of a resource that reaches its desired state in two steps.
pub(super) struct First {
    pub(super) desired: Value,
    /// The changes from the live state to this state.
    pub(super) changes: Vec<Change>,
}

/// The decision for one desired resource.
pub(super) struct Decision<'a> {
    pub(super) node: &'a Node,
    pub(super) action: Option<Action>,
    pub(super) changes: Vec<Change>,
    pub(super) live: Option<LiveResource>,
    /// The intermediate state until all dependent resources have changed.
    pub(super) first: Option<First>,
}

/// The steps under construction: unordered, with edges between them.
pub(super) struct Steps<'a> {
    kinds: &'a Registry,
    steps: Vec<Step>,
    /// The step that creates or changes each desired resource.
    making: BTreeMap<Address, StepId>,
    /// The steps that may need a second step once all dependent resources have changed.
    in_two: Vec<(StepId, First)>,
    /// The resources whose replacements are created only after the deletion.
    gone_first: BTreeSet<Address>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(kinds: &'a Registry) -> Self {
        Self { kinds, steps: Vec::new(), making: BTreeMap::new(), in_two: Vec::new(), gone_first: BTreeSet::new() }
    }

    pub(super) fn desired(&mut self, decision: Decision, action: Action) -> Result<(), Failure> {
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
        if let Some(first) = decision.first.filter(|_| matches!(action, Action::Create | Action::Update)) {
            self.in_two.push((making, first));
        }
        if let (Action::Replace, Some(live)) = (action, decision.live) {
            // A resource that depends on one that is deleted first must be deleted before it.
            let on_gone = decision.node.needs.iter().any(|need| self.gone_first.contains(need));
            let first = if on_gone { Replacement::DeleteFirst } else { self.kinds.of(&live.address)?.replacement() };
            if first == Replacement::DeleteFirst {
                self.gone_first.insert(live.address.clone());
            }
            let removing = self.delete(live, Action::DeleteReplaced);
            let (before, after) = match first {
                Replacement::CreateFirst => (making, removing),
                Replacement::DeleteFirst => (removing, making),
            };
            self.steps[after].needs.push(before);
        }
        Ok(())
    }

    pub(super) fn delete(&mut self, live: LiveResource, action: Action) -> StepId {
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

    /// Splits updates in two where other resources depend on what is removed: a last step removes it once they have
    /// changed or are deleted. Likewise, a last step opens access to resources that must be ready first. A resource
    /// without dependents needs only one step.
    pub(super) fn narrow(&mut self) -> Result<(), Failure> {
        for (step, First { desired, changes }) in std::mem::take(&mut self.in_two) {
            let counting = self.counting_on(step)?;
            if counting.is_empty() {
                continue;
            }
            let whole = self.steps[step].clone();
            let is_new = whole.action == Action::Create;
            let live = whole.live.clone().filter(|_| !is_new);
            let mut narrow = Step { action: Action::Narrow, needs: counting, live, ..whole };
            if is_new {
                narrow.changes = between(&desired, narrow.desired.as_ref());
            }
            if changes.is_empty() && !is_new {
                // All additions exist already, so only the removal is left.
                self.making.remove(&narrow.address);
                self.steps[step] = narrow;
            } else {
                narrow.needs.push(step);
                narrow.changes.retain(|change| !changes.contains(change));
                self.steps[step].changes = changes;
                self.steps[step].desired = Some(desired);
                self.steps.push(narrow);
            }
        }
        Ok(())
    }

    /// Returns the steps of the resources that depend on the resource of `step`.
    fn counting_on(&self, step: StepId) -> Result<Vec<StepId>, Failure> {
        let kind = self.kinds.of(&self.steps[step].address)?;
        let mut counting = Vec::new();
        for (other, holder) in self.steps.iter().enumerate() {
            let holder_kind = self.kinds.of(&holder.address)?;
            // A resource that does not exist yet does not use anything.
            let uses = holder.live.is_some() && holder_kind.uses().contains(&kind.name());
            let counts = uses || kind.counted_on_by().contains(&holder_kind.name());
            // A resource that is deleted only after this step does not delay it.
            let comes_after = removes(holder) && holder_kind.outlives().contains(&kind.name());
            if counts && !comes_after && holder.action != Action::Narrow {
                counting.push(other);
            }
        }
        Ok(counting)
    }

    /// Adds the edges: creations wait for what they need, deletions wait for everything that may use the resource.
    pub(super) fn link(&mut self, graph: &Graph) -> Result<(), Failure> {
        for node in graph.nodes() {
            if let Some(step) = self.making.get(&node.address).copied() {
                let mut needs = BTreeSet::new();
                self.gather(graph, node, &mut needs);
                self.steps[step].needs.extend(needs);
            }
        }
        let reached: Vec<BTreeSet<StepId>> = (0..self.steps.len()).map(|step| self.reach(step)).collect();
        let removals: Vec<StepId> = (0..self.steps.len()).filter(|step| removes(&self.steps[*step])).collect();
        for going in removals.iter().copied() {
            let gone = self.kinds.of(&self.steps[going].address)?;
            let mut holders = Vec::new();
            for (other, holder) in self.steps.iter().enumerate() {
                let other_kind = self.kinds.of(&holder.address)?;
                let may_hold = other_kind.uses().contains(&gone.name()) || gone.outlives().contains(&other_kind.name());
                // The replacement of the deleted resource comes after it, so the deletion cannot wait for it.
                let comes_after = reached[other].contains(&going);
                if may_hold && other != going && (removes(holder) || !comes_after) {
                    holders.push(other);
                }
            }
            self.steps[going].needs.extend(holders);
        }
        for going in removals {
            let successors = self.successors(going)?;
            self.steps[going].needs.extend(successors);
        }
        Ok(())
    }

    /// Returns the steps of the same kind that must run before the deletion `going`: those of its successors and of the
    /// resources that it blocks. Steps that wait for the deletion are left out.
    fn successors(&self, going: StepId) -> Result<Vec<StepId>, Failure> {
        let kind = self.kinds.of(&self.steps[going].address)?;
        let closes = self.closes(going)?;
        let mut successors = Vec::new();
        for (other, step) in self.steps.iter().enumerate().filter(|(_, step)| step.address.kind() == kind.name()) {
            // A step that only narrows an existing resource does not take over.
            let only_narrows = step.action == Action::Narrow && step.live.is_some();
            let takes_over = kind.takes_over() && !removes(step) && !only_narrows;
            let is_kept_out = closes && removes(step) && !self.closes(other)?;
            if other != going && (takes_over || is_kept_out) && !self.reach(other).contains(&going) {
                successors.push(other);
            }
        }
        Ok(successors)
    }

    /// Returns whether the resource of `step` blocks what others of its kind allow.
    fn closes(&self, step: StepId) -> Result<bool, Failure> {
        let Step { address, live, .. } = &self.steps[step];
        live.as_ref().map_or(Ok(false), |live| self.kinds.of(address)?.closes(&live.live))
    }

    /// Returns all steps that `step` needs, directly or indirectly, by the edges so far.
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

    /// Collects the steps that `node` needs, following resources that have no step.
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

    pub(super) fn guarded(&self) -> Result<Vec<(Address, String)>, Failure> {
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

    pub(super) fn by_hand(&self) -> Result<Vec<(Address, String)>, Failure> {
        let mut by_hand = Vec::new();
        for step in &self.steps {
            let live = match step.action {
                Action::Create => None,
                Action::Update => step.live.as_ref().map(|live| &live.live),
                // Of an update in two steps, only the first one counts.
                Action::Narrow if !self.making.contains_key(&step.address) => step.live.as_ref().map(|live| &live.live),
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

    pub(super) fn warnings(&self) -> Result<Vec<(Address, String)>, Failure> {
        let mut warnings = Vec::new();
        for step in &self.steps {
            let kind = self.kinds.of(&step.address)?;
            let what = match (step.action, &step.desired, &step.live) {
                (Action::Delete | Action::Replace, ..) => kind.loss(&step.address).map(str::to_owned),
                (Action::Update, Some(desired), Some(live)) => kind.consequence(desired, &live.live, &step.changes)?,
                _ => None,
            };
            let caution = match (step.action, &step.desired) {
                (Action::Create | Action::Replace, Some(desired)) => kind.caution(desired)?,
                _ => None,
            };
            warnings.extend(what.into_iter().chain(caution).map(|what| (step.address.clone(), what)));
        }
        Ok(warnings)
    }

    /// Returns the steps in dependency order. Steps that are ready at the same time keep their order.
    pub(super) fn in_order(self) -> Result<Vec<Step>, Failure> {
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

    /// Returns the error for a plan whose steps wait for each other. It names the resource that has to be replaced, the
    /// field that causes this, and the resources that would be replaced with it.
    fn circle(&self, done: &BTreeMap<StepId, StepId>) -> Failure {
        let left = self.steps.iter().enumerate().filter(|(step, _)| !done.contains_key(step)).map(|(_, step)| step);
        let replaced: Vec<&Step> = left.filter(|step| step.action == Action::Replace).collect();
        // Some are replaced only because their container is: their new value is known only after that is created.
        let (mut causes, mut others): (Vec<&Step>, Vec<&Step>) =
            replaced.into_iter().partition(|step| forcing(step).all(|change| change.to != Shown::KnownAfterApply));
        if causes.is_empty() {
            std::mem::swap(&mut causes, &mut others);
        }
        let named = |step: &Step| {
            let changes: Vec<String> = forcing(step).map(ToString::to_string).collect();
            format!("{} ({})", step.address, changes.join(", "))
        };
        let causes: Vec<String> = causes.into_iter().map(named).collect();
        let message =
            format!("cannot replace {} because other resources depend on it; nothing was changed", causes.join(", "));
        let lines = others.into_iter().map(|step| format!("these would be replaced too: {}", named(step))).collect();
        Failure::about(Subject::command("plan"), message)
            .hint(
                "undo the change in stack.yaml, or create a second stack with another `name:` or `--env` and move \
                 to it",
            )
            .evidence(Evidence::Findings { lines })
    }
}

/// Returns the changes that make a step replace its resource.
fn forcing(step: &Step) -> impl Iterator<Item = &Change> {
    step.changes.iter().filter(|change| change.how == How::Replace)
}

/// Returns the changes from the intermediate state to the final desired state.
fn between(first: &Value, last: Option<&Value>) -> Vec<Change> {
    let shown = |value: &Value| Shown::Value(value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let fields = first.as_object().into_iter().flatten();
    let changed =
        fields.filter_map(|(field, from)| Some((field, from, last?.get(field)?))).filter(|(_, from, to)| from != to);
    let change = |(field, from, to): (&String, &Value, &Value)| Change {
        field: field.clone(),
        from: shown(from),
        to: shown(to),
        how: How::InPlace,
    };
    changed.map(change).collect()
}

fn removes(step: &Step) -> bool {
    matches!(step.action, Action::Delete | Action::DeleteReplaced)
}
