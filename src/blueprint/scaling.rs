//! Draws autoscaling: the bounds and metrics of each service with `scale`.

use super::{load_balancer::Balancers, service::part};
use crate::{
    kinds::autoscaling::scaling::{Cooldown, Desired, Entry, Measure, Policy},
    model::{Address, Graph, Input},
    spec::{ScaleEntry, Stack},
};

/// Draws the scaling of services. The services must already be in the graph.
pub(super) fn draw(graph: &mut Graph, stack: &Stack, balancers: &Balancers) {
    for (name, service) in &stack.services {
        let Some(scale) = &service.scale else { continue };
        graph.begin(part(stack, name));
        let load_balancer = || balancers.of(service).map_or_else(|| "".into(), |balancer| balancer.dimension.clone());
        let target_group = || Input::output(&Address::new("target_group", name), "dimension");
        let requests = Measure::Requests { load_balancer: load_balancer(), target_group: target_group() };
        let response_time = Measure::ResponseTime { load_balancer: load_balancer(), target_group: target_group() };
        let measures = [
            (Measure::Cpu, scale.cpu),
            (Measure::Memory, scale.memory),
            (requests, scale.requests),
            (response_time, scale.response_time),
        ];
        let policies = measures.into_iter().filter_map(|(measure, target)| Some(Policy { measure, target: target? }));
        let desired = Desired {
            min: scale.min,
            max: scale.max,
            policies: policies.collect(),
            cooldown: Cooldown { out: scale.cooldown_out, r#in: scale.cooldown_in },
            schedule: scale.schedule.iter().map(|(name, entry)| of_schedule(name, entry)).collect(),
        };
        let scaling = graph.add(Address::new("scaling", name), &desired);
        // A scalable target can be registered only for an existing service.
        graph.need(&scaling, &Address::new("service", name));
    }
}

fn of_schedule(name: &str, entry: &ScaleEntry) -> Entry {
    Entry {
        name: name.to_owned(),
        at: entry.at.clone(),
        timezone: entry.timezone.clone(),
        min: entry.min,
        max: entry.max,
    }
}
