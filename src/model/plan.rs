//! What will be done, decided in full: `apply` makes no choice that is not written here.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Address, Change, LiveResource, StackId};

/// The place of a step in its plan.
pub type StepId = usize;

/// The steps that make the stack as stack.yaml says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Whose plan this is.
    pub id: StackId,
    /// Of what it is the plan alone, with what that needs; of all where this is empty.
    #[serde(default)]
    pub targets: Vec<Address>,
    /// The steps, in an order in which each stands after what it needs.
    pub steps: Vec<Step>,
    /// The parts of stack.yaml that ask for the resources, in the order in which a plan shows them.
    #[serde(default)]
    pub parts: Vec<Part>,
    /// Where the stack is, if that is known.
    #[serde(default)]
    pub place: Option<Place>,
    /// What is as it should be; its outputs are what steps may need.
    pub unchanged: Vec<LiveResource>,
    /// What stands in the way of a deletion unless the caller says `--unprotect`: whom, and why.
    pub guarded: Vec<(Address, String)>,
    /// What only a person can do before this can be carried out: for which resource, and what.
    #[serde(default)]
    pub by_hand: Vec<(Address, String)>,
    /// What users of the stack notice of this, or what is lost: of which resource, and what.
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
    /// To which resource.
    pub address: Address,
    /// What is done.
    pub action: Action,
    /// What differs, for an update or a replacement.
    pub changes: Vec<Change>,
    /// The kind's `Desired` with unresolved references; none for a deletion.
    pub desired: Option<Value>,
    /// The resource as it is, where there is one; for a creation, one that is still going away.
    pub live: Option<LiveResource>,
    /// The steps that must be done before.
    pub needs: Vec<StepId>,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Makes what is not there.
    Create,
    /// Changes what is there.
    Update,
    /// The second step of an update or a creation, once all that counts on the resource has changed: takes away what others have
    /// counted on, or lets in what they had to be ready for.
    Narrow,
    /// Makes a new one in the place of one that cannot be changed.
    Replace,
    /// Runs a one-off task.
    Run,
    /// Waits for what an earlier run began; it is as desired, and not ready yet.
    Wait,
    /// Removes what is no longer wanted.
    Delete,
    /// Removes the old one of a replacement.
    DeleteReplaced,
}

impl Plan {
    /// A plan of these steps, of which nothing else is known.
    pub fn new(id: StackId, steps: Vec<Step>) -> Self {
        let (targets, parts, place, unchanged, guarded, by_hand, warnings) = Default::default();
        Self { id, targets, steps, parts, place, unchanged, guarded, by_hand, warnings }
    }

    /// The name of the part of stack.yaml that asks for `address`; none if stack.yaml does not ask for it any more.
    pub fn part_of(&self, address: &Address) -> Option<&str> {
        self.parts.iter().find(|part| part.addresses.contains(address)).map(|part| part.name.as_str())
    }

    /// Whether there is nothing to do, not even to wait.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The resources whose outputs are known before any step is done.
    pub fn given(&self) -> impl Iterator<Item = &LiveResource> {
        let narrowed = self.steps.iter().filter(|step| step.action == Action::Narrow);
        self.unchanged.iter().chain(narrowed.filter_map(|step| step.live.as_ref()))
    }

    /// The steps that change something, as a reader counts them: waiting is none, and a replacement is one.
    pub fn changes(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| !matches!(step.action, Action::Wait | Action::DeleteReplaced))
    }

    /// How many steps do `action`.
    pub fn count(&self, action: Action) -> usize {
        self.steps.iter().filter(|step| step.action == action).count()
    }
}
