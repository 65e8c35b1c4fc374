//! What the tasks of a service cost.

use crate::{
    aws,
    kind::{Charge, Others, PUBLIC_ADDRESS},
    model::Failure,
};

/// CPU units of one vCPU, and MiB of one GB.
const UNITS: f64 = 1024.0;

/// The charge for `replicas` tasks of the service `name`, or for the fewest that it is scaled to; none while the size of a task
/// is not known. `revision` is the ARN that they run, if it is known.
pub(super) fn charge(
    name: &str,
    replicas: u32,
    public_ip: bool,
    revision: Option<&str>,
    others: &dyn Others,
) -> Result<Option<Charge>, Failure> {
    let definitions = others.figures("task_definition", name)?;
    // AWS has many revisions. What stack.yaml asks for is one.
    let runs = definitions.iter().find(|(id, _)| revision.is_some_and(|arn| aws::last_part(arn) == id));
    let size = runs.or(definitions.first()).and_then(|(_, size)| size.get("cpu").zip(size.get("memory")));
    let Some((&cpu, &memory)) = size else { return Ok(None) };
    let scaled = others.figures("scaling", name)?;
    let tasks = scaled.first().and_then(|(_, scaled)| scaled.get("min").copied()).unwrap_or(replicas);
    let plural = if tasks == 1 { "" } else { "s" };
    let mut what = format!("{tasks} task{plural} of {cpu} / {memory}");
    if public_ip {
        what.push_str(if tasks == 1 { ", a public address" } else { ", a public address each" });
    }
    let count = f64::from(tasks);
    let charge = Charge::new(what)
        .plus("task vCPU hour", count * f64::from(cpu) / UNITS)
        .plus("task GB hour", count * f64::from(memory) / UNITS);
    Ok(Some(if public_ip { charge.plus(PUBLIC_ADDRESS, count) } else { charge }))
}
