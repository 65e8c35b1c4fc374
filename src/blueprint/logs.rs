//! Where output goes: a log group for each service and each of stackctl's own tasks.

use super::identity;
use crate::{
    kinds::logs::log_group,
    model::{Address, Graph, Input},
    spec::Stack,
};

/// How long what stackctl's own tasks write is kept, in days.
pub(super) const DAYS: u32 = 30;

/// A log group, by the names that it has before it is made: what refers to it does not change when it is made anew.
pub(super) struct Logs {
    pub(super) address: Address,
    pub(super) name: Input,
    /// The ARN of its streams, as a policy names them.
    pub(super) streams: Input,
}

/// The log group called `name`, which keeps what is written for so many `days`.
pub(super) fn draw(graph: &mut Graph, stack: &Stack, name: &str, days: u32) -> Logs {
    let address = graph.add(Address::new("log_group", name), &log_group::Desired { retention_days: days });
    let id = identity::id(stack);
    let name = log_group::name(&id, &address);
    let streams = log_group::streams_arn(&name);
    Logs { address, name: name.into(), streams: streams.into() }
}
