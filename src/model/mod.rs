//! The words that every part of stackctl shares: addresses, desired values, changes, phases, plans and
//! failures. Plain data: nothing here knows AWS, a file or a terminal, and nothing of ours is imported.

mod address;
mod change;
mod changed;
mod explanation;
mod failure;
mod field;
mod given_listener;
mod given_network;
mod graph;
mod hosted_zone;
mod input;
mod permission;
mod phase;
mod plan;
mod readable;

pub use address::{Address, StackId};
pub use change::{Change, Changes, Diff, How, Shown};
pub use changed::Changed;
pub use explanation::{ContainerEnd, Evidence, Explanation, HealthCheck, TaskEnd};
pub use failure::{Cause, Failure, Subject};
pub(crate) use field::fields;
pub use field::{Field, Name, NoField};
pub use given_listener::GivenListener;
pub use given_network::{GivenNetwork, GivenSubnet, WayOut};
pub use graph::{Graph, GraphError, Node, Runs};
pub use hosted_zone::HostedZone;
pub use input::{Input, Outputs, resolve, unknown};
pub use permission::{On, Permission, Purpose};
pub use phase::Phase;
pub use plan::{Action, Part, Place, Plan, Step, StepId};
pub use readable::{LONGEST_LINE, cut, readable};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// One resource that AWS has and the stack owns, as its kind's `list` found it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found<L> {
    /// Which resource of the stack this is.
    pub address: Address,
    /// AWS's own identifier: an id, an ARN or a name, whatever the console shows first.
    pub id: String,
    /// Its state, normalised to the kind's own type.
    pub live: L,
}

/// A [`Found`] whose kind-specific state is plain data, as the engine handles it.
pub type LiveResource = Found<serde_json::Value>;

impl LiveResource {
    /// Its state, in its kind's own type.
    ///
    /// # Errors
    /// An internal failure if it is not of that kind.
    pub fn decoded<L: DeserializeOwned>(&self) -> Result<L, Failure> {
        L::deserialize(&self.live).map_err(|error| Failure::internal(format!("{}: {error}", self.address)))
    }
}

#[cfg(test)]
mod tests;
