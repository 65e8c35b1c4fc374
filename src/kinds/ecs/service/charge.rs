//! The cost of a service's tasks.

use crate::{
    aws,
    kind::{Charge, Others, PUBLIC_ADDRESS},
    model::Failure,
};

/// CPU units per vCPU, and MiB per GB.
const UNITS: f64 = 1024.0;

/// The names of the prices for a task on x86-64.
pub(super) const USUAL: [&str; 2] = ["task vCPU hour", "task GB hour"];

/// The names of the prices for a task on 64-bit ARM.
pub(super) const ARM: [&str; 2] = ["task arm64 vCPU hour", "task arm64 GB hour"];

/// The GiB of disk that are included in the price of a task.
/// <https://aws.amazon.com/fargate/pricing/>
const FREE_DISK: u32 = 20;

/// The name of the price for each additional GiB.
pub(super) const DISK: &str = "task_disk GB hour";

/// Returns the charge for `replicas` tasks of the service `name`, or for its minimum number of tasks with autoscaling.
/// `None` until the size of a task is known. `revision` is the ARN that the tasks run, if known.
pub(super) fn charge(
    name: &str,
    replicas: u32,
    public_ip: bool,
    on_spot: bool,
    revision: Option<&str>,
    others: &dyn Others,
) -> Result<Option<Charge>, Failure> {
    let definitions = others.figures("task_definition", name)?;
    // AWS has many revisions, while stack.yaml describes one.
    let runs = definitions.iter().find(|(id, _)| revision.is_some_and(|arn| aws::last_part(arn) == id));
    let figures = runs.or(definitions.first()).map(|(_, figures)| figures);
    let size = figures.and_then(|figures| figures.get("cpu").zip(figures.get("memory")));
    let Some((&cpu, &memory)) = size else { return Ok(None) };
    let disk = figures.and_then(|figures| figures.get("disk").copied());
    let is_arm = figures.is_some_and(|figures| figures.contains_key("arm64"));
    let scaled = others.figures("scaling", name)?;
    let tasks = scaled.first().and_then(|(_, scaled)| scaled.get("min").copied()).unwrap_or(replicas);
    let plural = if tasks == 1 { "" } else { "s" };
    let mut what = format!("{tasks} task{plural} of {cpu} / {memory}");
    if let Some(disk) = disk {
        what = format!("{what}, {disk} GiB of disk");
    }
    if is_arm {
        what.push_str(" on arm64");
    }
    if public_ip {
        what.push_str(if tasks == 1 { ", a public address" } else { ", a public address each" });
    }
    if on_spot {
        // The Spot price changes from day to day and is in no price list.
        what.push_str(", at the on-demand price: Spot is up to 70 % cheaper");
    }
    let count = f64::from(tasks);
    let [vcpu, gb] = if is_arm { ARM } else { USUAL };
    let charge =
        Charge::new(what).plus(vcpu, count * f64::from(cpu) / UNITS).plus(gb, count * f64::from(memory) / UNITS);
    let more = f64::from(disk.map_or(0, |disk| disk.saturating_sub(FREE_DISK)));
    let charge = if more > 0.0 { charge.plus(DISK, count * more) } else { charge };
    Ok(Some(if public_ip { charge.plus(PUBLIC_ADDRESS, count) } else { charge }))
}
