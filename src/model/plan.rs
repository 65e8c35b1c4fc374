//! A plan with all decisions made: `apply` makes no choice that is not in it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Address, Change, LiveResource, StackId};

/// The index of a step in its plan.
pub type StepId = usize;

/// The steps that turn the live stack into what stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The stack.
    pub id: StackId,
    /// The only resources that the plan covers, with their dependencies. Empty for the whole stack.
    #[serde(default)]
    pub targets: Vec<Address>,
    /// The steps in dependency order.
    pub steps: Vec<Step>,
    /// The parts of stack.yaml that ask for the resources, in the order in which a plan shows them.
    #[serde(default)]
    pub parts: Vec<Part>,
    /// Where the stack is, if that is known.
    #[serde(default)]
    pub place: Option<Place>,
    /// What is as it should be; its outputs are what steps may need.
    pub unchanged: Vec<LiveResource>,
    /// The resources that block a deletion without `--unprotect`, each with the reason.
    pub guarded: Vec<(Address, String)>,
    /// What a person must do before the plan can be applied, for each resource.
    #[serde(default)]
    pub by_hand: Vec<(Address, String)>,
    /// What users of the stack will notice, or what is lost, for each resource.
    #[serde(default)]
    pub warnings: Vec<(Address, String)>,
}

/// A part of stack.yaml, such as the network or a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// What it is called.
    pub name: String,
    /// The resources that it asks for.
    pub addresses: BTreeSet<Address>,
}

/// Where a stack is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The region.
    pub region: String,
    /// The number of the account.
    pub account: String,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The resource.
    pub address: Address,
    /// The action.
    pub action: Action,
    /// The changes, for an update or a replacement.
    pub changes: Vec<Change>,
    /// The kind's `Desired` with unresolved references, or `None` for a deletion.
    pub desired: Option<Value>,
    /// The live resource, if it exists. For a creation, an old one that is still being deleted.
    pub live: Option<LiveResource>,
    /// The steps that must be done first.
    pub needs: Vec<StepId>,
}

/// The action of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Creates a resource.
    Create,
    /// Changes a resource in place.
    Update,
    /// The second step of an update or a creation, once all dependent resources have changed. It removes what they
    /// depended on, or opens access that they had to be ready for.
    Narrow,
    /// Creates a new resource in place of one that cannot be changed.
    Replace,
    /// Runs a one-off task.
    Run,
    /// Waits for a resource that is up to date but not ready, because an earlier run did not wait.
    Wait,
    /// Deletes a resource that is no longer wanted.
    Delete,
    /// Deletes the old resource of a replacement.
    DeleteReplaced,
}

impl Plan {
    /// Creates a plan of only these steps.
    pub fn new(id: StackId, steps: Vec<Step>) -> Self {
        let (targets, parts, place, unchanged, guarded, by_hand, warnings) = Default::default();
        Self { id, targets, steps, parts, place, unchanged, guarded, by_hand, warnings }
    }

    /// The name of the part of stack.yaml that asks for `address`; none if stack.yaml does not ask for it any more.
    pub fn part_of(&self, address: &Address) -> Option<&str> {
        self.parts.iter().find(|part| part.addresses.contains(address)).map(|part| part.name.as_str())
    }

    /// Returns whether there is nothing to do, not even to wait.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Returns the resources whose outputs are known before any step is done.
    pub fn given(&self) -> impl Iterator<Item = &LiveResource> {
        let narrowed = self.steps.iter().filter(|step| step.action == Action::Narrow);
        self.unchanged.iter().chain(narrowed.filter_map(|step| step.live.as_ref()))
    }

    /// Returns the steps that count as changes: a wait does not count, and a replacement counts once.
    pub fn changes(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| !matches!(step.action, Action::Wait | Action::DeleteReplaced))
    }

    /// Returns the number of steps with `action`.
    pub fn count(&self, action: Action) -> usize {
        self.steps.iter().filter(|step| step.action == action).count()
    }
}
