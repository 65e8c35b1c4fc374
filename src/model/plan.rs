//! What will be done, decided in full: `apply` makes no choice that is not written here.

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
    /// The steps, in an order in which each stands after what it needs.
    pub steps: Vec<Step>,
    /// What is as it should be; its outputs are what steps may need.
    pub unchanged: Vec<LiveResource>,
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
    /// The resource as it is, where there is one.
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
    /// Makes a new one in the place of one that cannot be changed.
    Replace,
    /// Runs a one-off task.
    Run,
    /// Removes what is no longer wanted.
    Delete,
    /// Removes the old one of a replacement.
    DeleteReplaced,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many steps do `action`.
    pub fn count(&self, action: Action) -> usize {
        self.steps.iter().filter(|step| step.action == action).count()
    }
}
