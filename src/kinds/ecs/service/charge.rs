//! What the tasks of a service cost.

use super::Service;
use crate::{
    kind::{Charge, PUBLIC_ADDRESS, Resources, State},
    kinds::{autoscaling, ecs},
    model::{Address, Failure},
};

/// CPU units of one vCPU, and MiB of one GB.
const UNITS: f64 = 1024.0;

/// The charge for the fewest tasks that run; none while the size of a task is not known.
pub(super) fn charge(address: &Address, state: &State<Service>, all: &Resources) -> Result<Option<Charge>, Failure> {
    let (replicas, public_ip, revision) = match state {
        State::Desired(desired) => (desired.replicas, desired.public_ip, desired.task_definition.known()),
        State::Live(live) => (live.replicas, live.public_ip, Some(live.task_definition.as_str())),
    };
    let Some((cpu, memory)) = ecs::task_size(all, address.name(), revision)? else { return Ok(None) };
    let tasks = autoscaling::fewest(all, address.name())?.unwrap_or(replicas);
    let plural = if tasks == 1 { "" } else { "s" };
    let mut what = format!("{tasks} task{plural} of {cpu} / {memory}");
    if public_ip {
        what.push_str(if tasks == 1 { ", a public address" } else { ", a public address each" });
    }
    let count = f64::from(tasks);
    let tasks = Charge::new(what)
        .plus("task vCPU hour", count * f64::from(cpu) / UNITS)
        .plus("task GB hour", count * f64::from(memory) / UNITS);
    Ok(Some(if public_ip { tasks.plus(PUBLIC_ADDRESS, count) } else { tasks }))
}
