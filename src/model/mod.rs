//! The data types that all parts of stackctl share: addresses, desired values, changes, phases, plans and failures.
//! Plain data: nothing here uses AWS, files, a terminal or another module of stackctl.

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
pub use readable::{LONGEST_LINE, count, cut, readable};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A live resource of the stack, as its kind's `list` returned it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found<L> {
    /// Its address in the stack.
    pub address: Address,
    /// The identifier on AWS: the id, ARN or name that the console shows first.
    pub id: String,
    /// The live state, in the kind's own type.
    pub live: L,
}

/// A [`Found`] with the live state as plain data, as the engine uses it.
pub type LiveResource = Found<serde_json::Value>;

impl LiveResource {
    /// Returns the live state in the kind's own type.
    ///
    /// # Errors
    /// An internal failure if the resource is of another kind.
    pub fn decoded<L: DeserializeOwned>(&self) -> Result<L, Failure> {
        L::deserialize(&self.live).map_err(|error| Failure::internal(format!("{}: {error}", self.address)))
    }
}

#[cfg(test)]
mod tests;
