//! AWS in memory, for tests: the real code of the kinds calls the real SDK, and models of the services answer, at the level
//! of the SDK's typed inputs and outputs. No request leaves the process and no answer is parsed.
//!
//! How to add the model of a service (`kinds/ec2/model` is an example):
//!
//! 1. Write `kinds/<service>/model.rs`, or a folder with `state.rs` and a file for each kind: a struct with the service's
//!    state that implements [`Service`], and one function for each operation that the service's kinds call. It takes the
//!    state and the typed input, and gives the typed output or a [`Refusal`]. It refuses what AWS refuses, with AWS's codes,
//!    as far as the kinds rely on it. Names and ids are deterministic. What takes time on AWS goes on with each look at it.
//! 2. Hand each of these functions to [`Cloud::on`], with the constructor of the operation's error:
//!    `cloud.on(CreateVpcError::generic, create)`; to [`Cloud::on_beside`], where the answer also depends on what another
//!    service has. An operation that no model answers fails the test by its name.
//! 3. For each kind, give [`crate::kind::Kind::sample`]: what is there beforehand, what is desired, and variants and drifts
//!    that change every field of the kind's diff. The tests of `every_kind` do the rest.

mod cloud;
mod line;
mod wire;

pub use cloud::{Checkpoint, Cloud, Fault, Refusal, Service};
pub use line::line;
pub use wire::session;

#[cfg(test)]
mod tests;
