//! `replicas` and `scale` of a service: how many tasks, or between how many autoscaling chooses.

use crate::spec::{
    keys::{COOLDOWN, SCALE},
    problem::Collector,
    read::{Field, Map},
    service::Scale,
};

/// The number of tasks that the service begins with and never has less than, and what autoscaling may make of it.
pub(super) fn count(map: &Map, routed: bool, problems: &mut Collector) -> Option<(u32, Option<Scale>)> {
    let replicas = map.number("replicas", problems);
    let Some(field) = map.get("scale") else { return Some((replicas?, None)) };
    let hint = "with `scale`, autoscaling chooses the number: keep one of them; in an environment, `null` takes the other away";
    map.wrong("replicas", "a service has `replicas` or `scale`, not both", hint, problems);
    let scale = scale(&field, routed, problems)?;
    Some((scale.min, Some(scale)))
}

fn scale(field: &Field, routed: bool, problems: &mut Collector) -> Option<Scale> {
    let map = Map::new(field.node, &field.path, &SCALE, problems)?;
    // Target tracking cannot leave zero again: without tasks there is nothing to measure.
    // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-autoscaling-targettracking.html
    let min = if map.get("min").is_some_and(|field| field.node.is_zero()) {
        let hint = "without a task there is nothing to measure; `replicas: 0` stops a service";
        map.wrong("min", "autoscaling needs at least one task", hint, problems);
        None
    } else {
        map.number("min", problems)
    };
    let max = map.number("max", problems);
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        let message = format!("`min` is {min} and `max` is {max}");
        map.wrong("min", message, format!("`min` can be {max} at most"), problems);
    }
    let (cpu, memory) = (map.number("cpu", problems), map.number("memory", problems));
    let (requests, response_time) = (map.number("requests", problems), map.number("response_time", problems));
    if !routed {
        let hint = "scale a service without routes by `cpu` or `memory`";
        for (key, what) in [("requests", "requests are counted"), ("response_time", "the time is measured")] {
            let message = format!("{what} by the load balancer, which does not serve this service");
            map.wrong(key, message, hint, problems);
        }
    }
    let cooldown = match map.get("cooldown") {
        Some(field) => Map::new(field.node, &field.path, &COOLDOWN, problems)?,
        None => Map::empty(&COOLDOWN),
    };
    let (cooldown_out, cooldown_in) = (cooldown.seconds("out", problems), cooldown.seconds("in", problems));
    // A key that is misspelt is a problem of its own.
    if map.fields().all(|field| field.node.is_null() || ["min", "max", "cooldown"].contains(&field.key.text.as_str())) {
        let hint = "add `cpu: 60` or `memory: 70`, in percent, `requests: 1000`, a minute and task, or `response_time: 500`, in ms";
        field.wrong("`scale` does not say by what", hint, problems);
    }
    Some(Scale {
        min: min?,
        max: max?,
        cpu,
        memory,
        requests,
        response_time,
        cooldown_out: cooldown_out?,
        cooldown_in: cooldown_in?,
    })
}
