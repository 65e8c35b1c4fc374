//! A fake AWS in memory for tests. The code of the kinds calls the real SDK, and models of the services answer with
//! typed inputs and outputs. No request leaves the process and no response is parsed.
//!
//! To add the model of a service (`kinds/ec2/model` is an example):
//!
//! 1. Write `kinds/<service>/model.rs`, or a folder with `state.rs` and a file for each kind. It has a struct with the
//!    service's state that implements [`Service`], and a function for each operation that the service's kinds call. The
//!    function takes the state and the typed input, and returns the typed output or a [`Refusal`]. It refuses what AWS
//!    refuses, with the same codes, as far as the kinds rely on it. Names and ids are deterministic. A process that
//!    takes time on AWS advances with each read.
//! 2. Register each of these functions with [`Cloud::on`] and the constructor of the operation's error:
//!    `cloud.on(CreateVpcError::generic, create)`. If the function also reads another service, use
//!    [`Cloud::on_beside`]. An operation without a handler fails the test with its name.
//! 3. For each kind, implement [`crate::kind::Kind::sample`]: the existing resources, the desired state, and variants
//!    and drifts that change every field of the kind's diff. The tests of `every_kind` do the rest.

mod cloud;
mod line;
mod wire;

pub use cloud::{Checkpoint, Cloud, Fault, Refusal, Service};
pub use line::line;
pub use wire::session;

#[cfg(test)]
mod tests;
