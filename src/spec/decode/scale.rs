//! Decodes `replicas` and `scale` of a service: a fixed number of tasks, or the bounds of autoscaling.

use std::collections::BTreeMap;

use crate::spec::{
    check,
    keys::{COOLDOWN, SCALE, SCALE_ENTRY},
    problem::Collector,
    read::{Entries, Field, Map},
    service::{Scale, ScaleEntry},
};

use super::schedule;

/// The keys of `scale` that do not name a metric.
const BY_NOTHING: [&str; 4] = ["min", "max", "cooldown", "schedule"];

/// Returns the number of tasks that the service starts with, which is also its minimum, and the autoscaling settings.
pub(super) fn count(map: &Map, routed: bool, problems: &mut Collector) -> Option<(u32, Option<Scale>)> {
    let replicas = map.number("replicas", problems);
    let Some(field) = map.get("scale") else { return Some((replicas?, None)) };
    let hint = "keep one of them; in an environment, `null` removes the other one";
    map.wrong("replicas", "found both `replicas` and `scale`", hint, problems);
    let scale = scale(&field, routed, problems)?;
    Some((scale.min, Some(scale)))
}

fn scale(field: &Field, routed: bool, problems: &mut Collector) -> Option<Scale> {
    let map = Map::new(field.node, &field.path, &SCALE, problems)?;
    // Target tracking cannot scale out from zero: without tasks there are no metrics.
    // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-autoscaling-targettracking.html
    let min = if map.get("min").is_some_and(|field| field.node.is_zero()) {
        let hint = "write `min: 1`; to stop the service, use `replicas: 0` instead of `scale`";
        map.wrong("min", "autoscaling needs at least one task", hint, problems);
        None
    } else {
        map.number("min", problems)
    };
    let max = map.number("max", problems);
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        let message = format!("`min` ({min}) is greater than `max` ({max})");
        map.wrong("min", message, format!("write `min: {max}` or less, or increase `max`"), problems);
    }
    let (cpu, memory) = (map.number("cpu", problems), map.number("memory", problems));
    let (requests, response_time) = (map.number("requests", problems), map.number("response_time", problems));
    if !routed {
        let hint = "use `cpu` or `memory` for a service without routes";
        for key in ["requests", "response_time"] {
            let message = format!("`{key}` is measured by the load balancer, and this service has no routes");
            map.wrong(key, message, hint, problems);
        }
    }
    let cooldown = match map.get("cooldown") {
        Some(field) => Map::new(field.node, &field.path, &COOLDOWN, problems)?,
        None => Map::empty(&COOLDOWN),
    };
    let (cooldown_out, cooldown_in) = (cooldown.seconds("out", problems), cooldown.seconds("in", problems));
    // A misspelled key is reported elsewhere.
    if map.fields().all(|field| field.node.is_null() || BY_NOTHING.contains(&field.key.text.as_str())) {
        let hint = "add `cpu: 60` or `memory: 70` (in percent), `requests: 1000` (per minute and task) or `response_time: 500` (in ms)";
        field.wrong("`scale` needs a metric or a schedule", hint, problems);
    }
    let schedule = match map.get("schedule") {
        Some(field) => entries(&field, (min, max), problems),
        None => Some(BTreeMap::new()),
    };
    Some(Scale {
        min: min?,
        max: max?,
        cpu,
        memory,
        requests,
        response_time,
        cooldown_out: cooldown_out?,
        cooldown_in: cooldown_in?,
        schedule: schedule?,
    })
}

/// Decodes the entries of a schedule; `usual` are the bounds of `scale` itself.
fn entries(
    field: &Field,
    usual: (Option<u32>, Option<u32>),
    problems: &mut Collector,
) -> Option<BTreeMap<String, ScaleEntry>> {
    let mut entries = BTreeMap::new();
    let mut whole = true;
    // An empty entry counts as absent: an environment removes an entry with `null`.
    for field in Entries::new(field.node, &field.path, problems)?.fields().filter(|field| !field.node.is_null()) {
        let name = &field.key.text;
        if !check::is_name(name, check::LONGEST_NAME) {
            let hint = "use 2 to 20 characters of a-z, 0-9 and -, beginning with a letter, such as night";
            problems.add(field.key.span, &field.path, format!("invalid name `{name}` of a schedule entry"), hint);
        }
        match entry(&field, usual, problems) {
            Some(entry) => drop(entries.insert(name.clone(), entry)),
            None => whole = false,
        }
    }
    let mut bounds = entries.values().map(|entry| (entry.min, entry.max));
    if let Some(first) = bounds.next().filter(|_| whole)
        && bounds.all(|others| others == first)
    {
        let hint = "add `morning: { at: \"cron(0 7 * * ? *)\" }`, which restores `min` and `max` of `scale`; an entry applies until \
                    the next one";
        field.wrong(
            format!("all entries of the schedule set the same limits, {} to {} tasks", first.0, first.1),
            hint,
            problems,
        );
    }
    whole.then_some(entries)
}

fn entry(field: &Field, usual: (Option<u32>, Option<u32>), problems: &mut Collector) -> Option<ScaleEntry> {
    let map = Map::new(field.node, &field.path, &SCALE_ENTRY, problems)?;
    let at = map.required("at", problems).and_then(|field| {
        let at = field.text(problems)?;
        if let Some((why, hint)) = schedule::problem(&at) {
            field.wrong(format!("invalid schedule `{at}`: {why}"), hint, problems);
        } else if !at.starts_with("cron(") {
            let hint = "write cron(0 20 * * ? *) for 20:00 every day";
            field.wrong(format!("expected cron(…), found `{at}`"), hint, problems);
        }
        Some(at)
    });
    let timezone = map.text("timezone", problems);
    let mut bound = |key: &str, usual: Option<u32>| match map.get(key) {
        Some(_) => map.number(key, problems),
        None => usual,
    };
    let (min, max) = (bound("min", usual.0), bound("max", usual.1));
    if let (Some(min), Some(max)) = (min, max) {
        // One of the two keys is in this entry; otherwise `scale` itself is wrong, and that is already reported.
        let at = if map.get("min").is_some() { "min" } else { "max" };
        if min > max {
            let message = format!("`min` ({min}) is greater than `max` ({max})");
            map.wrong(at, message, format!("write both in this entry, such as `min: {min}, max: {min}`"), problems);
        } else if min == 0 && max > 0 {
            let hint = "write `min: 1`, or `min: 0, max: 0` to stop the service until the next entry";
            map.wrong(at, "autoscaling needs at least one task", hint, problems);
        }
    }
    Some(ScaleEntry { at: at?, timezone: timezone?, min: min?, max: max? })
}
