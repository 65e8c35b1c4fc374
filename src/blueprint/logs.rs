//! Draws the log groups: one for each service and for each of stackctl's own tasks.

use super::identity;
use crate::{
    kinds::logs::log_group,
    model::{Address, Graph, Input},
    spec::Stack,
};

/// The log retention of stackctl's own tasks, in days.
pub(super) const DAYS: u32 = 30;

/// A log group. Its name is known before it is created, so that resources that refer to it do not change if it is
/// replaced.
pub(super) struct Logs {
    pub(super) address: Address,
    pub(super) name: Input,
    /// The ARN of its streams, for IAM policies.
    pub(super) streams: Input,
}

/// Draws the log group `name` with a retention of `days` days.
pub(super) fn draw(graph: &mut Graph, stack: &Stack, name: &str, days: u32) -> Logs {
    let address = graph.add(Address::new("log_group", name), &log_group::Desired { retention_days: days });
    let id = identity::id(stack);
    let name = log_group::name(&id, &address);
    let streams = log_group::streams_arn(&name);
    Logs { address, name: name.into(), streams: streams.into() }
}
