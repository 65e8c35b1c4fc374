//! AWS in memory, for tests: the real code of the kinds calls the real SDK, and models of the services answer, at the level
//! of the SDK's typed inputs and outputs. No request leaves the process and no answer is parsed.
//!
//! How to add the model of a service:
//!
//! 1. Write `kinds/<service>/model.rs` (or a folder): a struct with the service's state that implements [`Service`], and one
//!    function for each operation that the service's kinds call. It takes the state and the typed input, and gives the typed
//!    output or a [`Refusal`]. It refuses what AWS refuses, with AWS's codes, as far as the kinds rely on it; names and ids
//!    are deterministic.
//! 2. Hand each of these functions to [`Cloud::on`], with the constructor of the operation's error:
//!    `cloud.on(CreateVpcError::generic, create_vpc)`. An operation that no model answers fails the test by its name.
//! 3. For each kind, write a [`crate::kind::Sample`]: what is there beforehand, what is desired, and variants and drifts that
//!    change every field of the kind's diff; and give it in [`crate::kind::Kind::sample`]. `every_kind` does the rest.

mod cloud;
mod wire;

pub use cloud::{Checkpoint, Cloud, Fault, Refusal, Service};
pub use wire::session;
