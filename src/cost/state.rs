//! Collects the resources to estimate: those that a graph describes, and those before and after a plan.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    kind::{Charge, Figures, Others, Registry, State},
    model::{Action, Address, Failure, Graph, LiveResource, Plan},
};

/// The resources of a stack at one point in time. Several live resources can share an address.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    /// Keyed by address and AWS identifier. The identifier of a desired resource is empty.
    all: BTreeMap<(Address, String), State<Value, Value>>,
}

impl Resources {
    /// Adds the desired state of the resource at `address`.
    fn add_desired(&mut self, address: &Address, desired: &Value) {
        self.all.insert((address.clone(), String::new()), State::Desired(desired.clone()));
    }

    /// Adds a live resource.
    pub(super) fn add_live(&mut self, found: &LiveResource) {
        self.all.insert((found.address.clone(), found.id.clone()), State::Live(found.live.clone()));
    }

    /// Returns the charge of each resource that costs something, sorted by address.
    ///
    /// # Errors
    /// If a kind cannot parse a resource.
    pub(super) fn charges(&self, kinds: &Registry) -> Result<Vec<(&Address, Charge)>, Failure> {
        let others = Beside { kinds, resources: self };
        let mut charges = Vec::new();
        for ((address, _), state) in &self.all {
            charges.extend(kinds.of(address)?.charge(address, state, &others)?.map(|charge| (address, charge)));
        }
        Ok(charges)
    }
}

/// Lets the charge of one resource look up the figures of other resources.
struct Beside<'a> {
    kinds: &'a Registry,
    resources: &'a Resources,
}

impl Others for Beside<'_> {
    fn figures(&self, kind: &str, name: &str) -> Result<Vec<(String, Figures)>, Failure> {
        let wanted = Address::new(kind, name);
        let of_address = self.resources.all.iter().filter(|((address, _), _)| *address == wanted);
        of_address.map(|((_, id), state)| Ok((id.clone(), self.kinds.of(&wanted)?.figures(state)?))).collect()
    }
}

/// Returns the desired resources of `graph`.
pub fn asked_for(graph: &Graph) -> Resources {
    let mut resources = Resources::default();
    graph.nodes().for_each(|node| resources.add_desired(&node.address, &node.desired));
    resources
}

/// Returns the live resources before `plan` is applied.
pub fn before(plan: &Plan) -> Resources {
    let of_steps = plan.steps.iter().filter(|step| step.action != Action::Create).filter_map(|step| step.live.as_ref());
    let mut resources = Resources::default();
    of_steps.chain(&plan.unchanged).for_each(|live| resources.add_live(live));
    resources
}

/// Returns the resources after `plan` is applied.
pub fn after(plan: &Plan) -> Resources {
    let mut resources = Resources::default();
    plan.unchanged.iter().for_each(|live| resources.add_live(live));
    for step in &plan.steps {
        match (step.action, &step.desired, &step.live) {
            (Action::Delete | Action::DeleteReplaced | Action::Run, ..) | (_, None, None) => {}
            (_, Some(desired), _) => resources.add_desired(&step.address, desired),
            (_, None, Some(found)) => resources.add_live(found),
        }
    }
    resources
}
