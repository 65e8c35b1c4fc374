//! The resources to pay for: those that a graph asks for, and those before and after a plan.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    kind::{Charge, Figures, Others, Registry, State},
    model::{Action, Address, Failure, Graph, LiveResource, Plan},
};

/// The resources of a stack in one state. AWS can have several at one address.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    /// By address and by AWS's identifier, which is empty for what is asked for.
    all: BTreeMap<(Address, String), State<Value, Value>>,
}

impl Resources {
    /// Adds what stack.yaml asks for at `address`.
    fn add_desired(&mut self, address: &Address, desired: &Value) {
        self.all.insert((address.clone(), String::new()), State::Desired(desired.clone()));
    }

    /// Adds what AWS has.
    pub(super) fn add_live(&mut self, found: &LiveResource) {
        self.all.insert((found.address.clone(), found.id.clone()), State::Live(found.live.clone()));
    }

    /// The charge for each resource that costs something, in the order of the addresses.
    ///
    /// # Errors
    /// If a resource cannot be read.
    pub(super) fn charges(&self, kinds: &Registry) -> Result<Vec<(&Address, Charge)>, Failure> {
        let others = Beside { kinds, resources: self };
        let mut charges = Vec::new();
        for ((address, _), state) in &self.all {
            charges.extend(kinds.of(address)?.charge(address, state, &others)?.map(|charge| (address, charge)));
        }
        Ok(charges)
    }
}

/// All resources, with what their kinds tell others about them.
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

/// What stack.yaml asks for.
pub fn asked_for(graph: &Graph) -> Resources {
    let mut resources = Resources::default();
    graph.nodes().for_each(|node| resources.add_desired(&node.address, &node.desired));
    resources
}

/// What is there before `plan`.
pub fn before(plan: &Plan) -> Resources {
    let of_steps = plan.steps.iter().filter(|step| step.action != Action::Create).filter_map(|step| step.live.as_ref());
    let mut resources = Resources::default();
    of_steps.chain(&plan.unchanged).for_each(|live| resources.add_live(live));
    resources
}

/// What is there after `plan`.
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
