//! Decodes `cpu` and `memory` of a service, which must be one of Fargate's sizes.

use crate::spec::{check, problem::Collector, read::Map};

pub(super) fn size(map: &Map, problems: &mut Collector) -> (Option<u32>, Option<u32>) {
    let cpu = map.number("cpu", problems).filter(|cpu| {
        let is_there = check::CPUS.contains(cpu);
        if !is_there {
            let hint = format!("use one of: {}", check::CPUS.map(|cpu| cpu.to_string()).join(", "));
            map.wrong("cpu", format!("Fargate does not support `cpu: {cpu}`"), hint, problems);
        }
        is_there
    });
    let memories = cpu.and_then(check::memory_for).unwrap_or_default();
    if map.get("memory").is_none() {
        return (cpu, memories.first().copied().or(Some(check::MEMORY.0)));
    }
    let memory = map.number("memory", problems);
    if let (Some(cpu), Some(wanted)) = (cpu, memory)
        && !memories.contains(&wanted)
    {
        let near = memories.iter().min_by_key(|memory| memory.abs_diff(wanted)).copied().unwrap_or_default();
        let message = format!("Fargate does not support `memory: {wanted}` with `cpu: {cpu}`");
        let hint = format!("with `cpu: {cpu}`, use {}; the nearest is {near}", check::memory_in_words(cpu));
        map.wrong("memory", message, hint, problems);
    }
    (cpu, memory)
}
