//! `cpu` and `memory` of a service, in the pairs that Fargate has.

use crate::spec::{check, problem::Collector, read::Map};

pub(super) fn size(map: &Map, problems: &mut Collector) -> (Option<u32>, Option<u32>) {
    let cpus = check::cpus();
    let most = cpus.last().copied().unwrap_or_default();
    let cpu = map.get("cpu").map_or(Some(256), |field| {
        let cpu = field.number(cpus[0], most, problems)?;
        if !cpus.contains(&cpu) {
            let known = list(&cpus);
            field.wrong(format!("Fargate has no {cpu} CPU units"), format!("it has: {known}"), problems);
            return None;
        }
        Some(cpu)
    });
    let memories = cpu.and_then(check::memory_for).unwrap_or_default();
    let Some(field) = map.get("memory") else { return (cpu, memories.first().copied().or(Some(512))) };
    let memory = field.number(512, 122_880, problems);
    if let (Some(cpu), Some(wanted)) = (cpu, memory)
        && !memories.contains(&wanted)
    {
        let near = memories.iter().min_by_key(|memory| memory.abs_diff(wanted)).copied().unwrap_or_default();
        let known = if memories.len() > 8 {
            format!("{} to {} in steps of {}", memories[0], memories[memories.len() - 1], memories[1] - memories[0])
        } else {
            list(&memories)
        };
        let message = format!("Fargate has no {wanted} MiB of memory with {cpu} CPU units");
        field.wrong(message, format!("with {cpu} it has {known}; the nearest is {near}"), problems);
    }
    (cpu, memory)
}

fn list(numbers: &[u32]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
