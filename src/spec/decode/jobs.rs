//! `jobs`: commands that run on time.

use std::collections::BTreeMap;

use super::{schedule, service};
use crate::spec::{
    check,
    keys::JOB,
    nearest::meant,
    problem::Collector,
    read::{Entries, Field, Map},
    stack::Job,
};

/// The jobs of the stack that `root` is; each runs as one of its services.
pub(super) fn jobs(field: &Field, root: &Map, problems: &mut Collector) -> BTreeMap<String, Job> {
    let Some(entries) = Entries::new(field.node, &field.path, problems) else { return BTreeMap::new() };
    // As they are written: a service with a problem of its own is not an unknown one.
    let services = root.get("services");
    let services: Vec<&str> = services
        .iter()
        .flat_map(|services| services.node.entries())
        .filter(|(_, node)| !node.is_null())
        .map(|(key, _)| key.text.as_str())
        .collect();
    let mut jobs = BTreeMap::new();
    for field in entries.fields() {
        let name = &field.key.text;
        if !check::is_name(name, check::LONGEST_NAME) {
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
    let map = Map::new(field.node, &field.path, &JOB, problems)?;
    let of = map.required_such_as("service", services.first().unwrap_or(&"web"), problems).and_then(|field| {
        let service = field.text(problems)?;
        if !services.contains(&service.as_str()) {
            let hint = meant(&service, services.iter().copied())
                .unwrap_or_else(|| format!("there are: {}", services.join(", ")));
            field.wrong(format!("there is no service `{service}`"), hint, problems);
        }
        Some(service)
    });
    let command = map.command("command", problems);
    service::fits_in_overrides(&map, "command", of.as_deref().unwrap_or_default(), command.as_deref(), problems);
    let schedule = map.required("schedule", problems).and_then(|field| {
        let schedule = field.text(problems)?;
        if let Some((why, hint)) = schedule::problem(&schedule) {
            field.wrong(format!("`{schedule}`: {why}"), hint, problems);
        }
        Some(schedule)
    });
    let timezone = map.text("timezone", problems);
    Some(Job { service: of?, command: command?, schedule: schedule?, timezone: timezone? })
}
