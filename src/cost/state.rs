//! The resources to pay for: those that a graph asks for, and those before and after a plan.

use crate::{
    kind::Resources,
    model::{Action, Graph, Plan},
};

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
