//! `replicas` and `scale` of a service: how many tasks, or between how many autoscaling chooses.

use crate::spec::{
    problem::Collector,
    read::{Field, Map},
    stack::Scale,
};

/// The most tasks that a service may have.
const MOST: u32 = 1000;

/// The number of tasks that the service begins with and never has less than, and what autoscaling may make of it.
pub(super) fn count(map: &Map, routed: bool, problems: &mut Collector) -> Option<(u32, Option<Scale>)> {
    let replicas = map.get("replicas").map_or(Some(1), |field| field.number(0, MOST, problems));
    let Some(field) = map.get("scale") else { return Some((replicas?, None)) };
    if let Some(replicas) = map.get("replicas") {
        let hint = "with `scale`, autoscaling chooses the number: keep one of them; in an environment, `null` takes the other away";
        replicas.wrong("a service has `replicas` or `scale`, not both", hint, problems);
    }
    let scale = scale(&field, routed, problems)?;
    Some((scale.min, Some(scale)))
}

fn scale(field: &Field, routed: bool, problems: &mut Collector) -> Option<Scale> {
    let map = Map::new(field.node, &field.path, &["min", "max", "cpu", "memory", "requests"], &[], problems)?;
    // Target tracking cannot leave zero again: without tasks there is nothing to measure.
    // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-autoscaling-targettracking.html
    let min = map.get("min").map_or(Some(1), |field| {
        let min = field.number(0, MOST, problems)?;
        if min == 0 {
            let hint = "without a task there is nothing to measure; `replicas: 0` stops a service";
            field.wrong("autoscaling needs at least one task", hint, problems);
            return None;
        }
        Some(min)
    });
    let max = map.required("max", "10", problems).and_then(|field| field.number(1, MOST, problems));
    if let (Some(field), Some(min), Some(max)) = (map.get("min"), min, max)
        && min > max
    {
        field.wrong(format!("`min` is {min} and `max` is {max}"), format!("`min` can be {max} at most"), problems);
    }
    let percent = |key: &str, problems: &mut Collector| {
        map.get(key).map_or(Some(None), |field| field.number(1, 100, problems).map(Some))
    };
    let cpu = percent("cpu", problems);
    let memory = percent("memory", problems);
    let requests = map.get("requests").map_or(Some(None), |field| {
        if !routed {
            let hint = "scale a service without routes by `cpu` or `memory`";
            field.wrong("requests are counted by the load balancer, which does not serve this service", hint, problems);
        }
        field.number(1, 1_000_000, problems).map(Some)
    });
    // A key that is misspelt is a problem of its own.
    if map.fields().all(|field| field.node.is_null() || ["min", "max"].contains(&field.key.text.as_str())) {
        let hint = "add `cpu: 60` or `memory: 70`, in percent, or `requests: 1000`, a minute and task";
        field.wrong("`scale` does not say by what", hint, problems);
    }
    Some(Scale { min: min?, max: max?, cpu: cpu?, memory: memory?, requests: requests? })
}
