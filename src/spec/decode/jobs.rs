//! `jobs`: commands that run on time.

use std::collections::BTreeMap;

use super::schedule;
use crate::spec::{
    check, nearest,
    problem::Collector,
    read::{Field, Map},
    stack::Job,
};

/// The longest name of a time zone, in characters.
/// <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html>
const LONGEST_ZONE: usize = 50;

/// The jobs of the stack that `root` is; each runs as one of its services.
pub(super) fn jobs(field: &Field, root: &Map, problems: &mut Collector) -> BTreeMap<String, Job> {
    let Some(map) = Map::open(field.node, &field.path, problems) else { return BTreeMap::new() };
    // As they are written: a service with a problem of its own is not an unknown one.
    let services = root.get("services");
    let services: Vec<&str> = services
        .iter()
        .flat_map(|services| services.node.entries())
        .filter(|(_, node)| !node.is_null())
        .map(|(key, _)| key.text.as_str())
        .collect();
    let mut jobs = BTreeMap::new();
    for field in map.fields() {
        let name = &field.key.text;
        if !check::is_name(name, 20) {
            let hint = "2 to 20 of a-z, 0-9 and -, beginning with a letter";
            problems.add(field.key.span, &field.path, format!("`{name}` cannot name a job"), hint);
        }
        // What is empty counts as not there, as everywhere: an environment takes a job away with `null`.
        if field.node.is_null() {
            continue;
        }
        if let Some(job) = job(&field, &services, problems) {
            jobs.insert(name.clone(), job);
        }
    }
    jobs
}

fn job(field: &Field, services: &[&str], problems: &mut Collector) -> Option<Job> {
    let map = Map::new(field.node, &field.path, &["service", "command", "schedule", "timezone"], &[], problems)?;
    let service = map.required("service", services.first().unwrap_or(&"web"), problems).and_then(|field| {
        let service = field.text(problems)?;
        if !services.contains(&service.as_str()) {
            let hint = match nearest(&service, services.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are: {}", services.join(", ")),
            };
            field.wrong(format!("there is no service `{service}`"), hint, problems);
        }
        Some(service)
    });
    let command = map.required("command", "[report]", problems).and_then(|field| {
        let words: Vec<String> = field.texts(problems)?.into_iter().map(|(_, text)| text).collect();
        if words.is_empty() {
            field.wrong("there is no command", "such as [report]; without one, the job would serve", problems);
        }
        Some(words)
    });
    let schedule = map.required("schedule", "\"cron(0 3 * * ? *)\"", problems).and_then(|field| {
        let schedule = field.text(problems)?;
        if let Some((why, hint)) = schedule::problem(&schedule) {
            field.wrong(format!("`{schedule}`: {why}"), hint, problems);
        }
        Some(schedule)
    });
    let timezone = map.get("timezone").map_or(Some("UTC".to_owned()), |field| {
        let zone = field.text(problems)?;
        if !is_zone(&zone) {
            let hint = "a name of the tz database, such as Europe/Oslo; UTC without one";
            field.wrong(format!("`{zone}` cannot name a time zone"), hint, problems);
        }
        Some(zone)
    });
    Some(Job { service: service?, command: command?, schedule: schedule?, timezone: timezone? })
}

/// Whether `text` has the shape of a name in the tz database. Which names there are changes with each of its versions, and
/// AWS has its own.
fn is_zone(text: &str) -> bool {
    text.len() <= LONGEST_ZONE
        && text.split('/').all(|part| {
            part.starts_with(|c: char| c.is_ascii_alphabetic())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "_+-".contains(c))
        })
}
