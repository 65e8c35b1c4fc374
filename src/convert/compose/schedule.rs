//! Commands that run at their times: labels of Ofelia and of swarm-cronjob become jobs.

use std::collections::BTreeMap;

use super::{images::Role, service::Service, words, work::Work};
use crate::convert::{names, page::Value, source::Place};

/// What the labels say of one job.
#[derive(Debug, Default)]
struct Told {
    schedule: Option<String>,
    command: Option<String>,
    places: Vec<Place>,
}

/// Writes the jobs, with a verdict on each scheduler.
pub(super) fn write(services: &[Service], work: &mut Work<'_>) {
    for service in services.iter().filter(|service| service.role == Role::Scheduler) {
        work.ledger().carried_with(
            service.place,
            Some("jobs"),
            "EventBridge starts the jobs, so no scheduler is needed",
        );
    }
    for service in services.iter().filter(|service| service.role == Role::Program) {
        let mut jobs: BTreeMap<String, Told> = BTreeMap::new();
        let labels: Vec<(String, String, Place)> = service
            .labels()
            .map(|entry| (entry.key.clone(), entry.item.text().unwrap_or_default().to_owned(), entry.place))
            .collect();
        for (key, value, place) in labels {
            let parts: Vec<&str> = key.split('.').collect();
            match parts.as_slice() {
                ["ofelia", "job-exec" | "job-run" | "job-local", name, field] => {
                    let told = jobs.entry((*name).to_owned()).or_default();
                    told.places.push(place);
                    match *field {
                        "schedule" => told.schedule = Some(value),
                        "command" => told.command = Some(value),
                        _ => {}
                    }
                }
                ["ofelia", ..] | ["swarm", "cronjob", ..] => {
                    work.ledger().carried_with(place, Some("jobs"), "EventBridge replaces the scheduler");
                    if key == "swarm.cronjob.schedule" {
                        let command = service.words("command").unwrap_or_default().join(" ");
                        let told = Told { schedule: Some(value), command: Some(command), places: vec![place] };
                        jobs.insert(service.name.clone(), told);
                    }
                }
                _ => {}
            }
        }
        for (name, told) in jobs {
            job(service, &name, told, work);
        }
    }
}

fn job(service: &Service, name: &str, told: Told, work: &mut Work<'_>) {
    let Some(name) = names::name(name) else { return };
    let to = format!("jobs.{name}");
    let command = told.command.as_deref().map(words::words).filter(|words| !words.is_empty());
    let schedule = told.schedule.as_deref().and_then(schedule);
    let (Some(command), Some(schedule)) = (command, schedule) else {
        for place in told.places {
            work.ledger().not_possible(place, "add it to `jobs` with a schedule: cron(…) with six fields, or rate(…)");
        }
        return;
    };
    let map = work.page.root.map("jobs").map(&name);
    map.set("service", Value::text(service.key.clone()));
    map.set("command", Value::texts(command));
    map.set("schedule", Value::text(schedule));
    for place in told.places {
        work.ledger().carried(place, &to);
    }
}

/// A schedule of cron, or one such as `@daily` and `@every 1h`, as EventBridge has it. None if it has no such one.
pub(super) fn schedule(text: &str) -> Option<String> {
    let text = text.trim();
    if let Some(every) = text.strip_prefix("@every ") {
        let minutes = words::seconds(every.trim())? / 60;
        return match minutes {
            0 => None,
            1 => Some("rate(1 minute)".to_owned()),
            60 => Some("rate(1 hour)".to_owned()),
            hours if hours % 60 == 0 => Some(format!("rate({} hours)", hours / 60)),
            minutes => Some(format!("rate({minutes} minutes)")),
        };
    }
    let named = match text {
        "@hourly" => Some("0 * * * *"),
        "@daily" | "@midnight" => Some("0 0 * * *"),
        "@weekly" => Some("0 0 * * 0"),
        "@monthly" => Some("0 0 1 * *"),
        "@yearly" | "@annually" => Some("0 0 1 1 *"),
        _ => None,
    };
    let fields: Vec<&str> = named.unwrap_or(text).split_whitespace().collect();
    let [minute, hour, day, month, weekday] = match fields.as_slice() {
        // Six fields begin with seconds.
        [_, rest @ ..] if fields.len() == 6 => <[&str; 5]>::try_from(rest).ok()?,
        five => <[&str; 5]>::try_from(five).ok()?,
    };
    let is_field = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "*/,-".contains(c));
    if ![minute, hour, day, month, weekday].into_iter().all(is_field) {
        return None;
    }
    // cron counts days of the week from Sunday as 0, EventBridge from Sunday as 1.
    let weekday: String = match weekday.parse::<u8>() {
        Ok(number) => ((number % 7) + 1).to_string(),
        Err(_) if weekday.contains(|c: char| c.is_ascii_digit()) => {
            let shifted =
                weekday.chars().map(|c| c.to_digit(10).map_or(c.to_string(), |digit| ((digit % 7) + 1).to_string()));
            shifted.collect()
        }
        Err(_) => weekday.to_uppercase(),
    };
    let (day, weekday) = match (day, weekday.as_str()) {
        (day, "*") => (day.to_owned(), "?".to_owned()),
        ("*", weekday) => ("?".to_owned(), weekday.to_owned()),
        _ => return None,
    };
    Some(format!("cron({minute} {hour} {day} {month} {weekday} *)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_those_of_eventbridge() {
        let table = [
            ("0 3 * * *", Some("cron(0 3 * * ? *)")),
            ("*/15 * * * 1-5", Some("cron(*/15 * ? * 2-6 *)")),
            ("0 0 3 * * 0", Some("cron(0 3 ? * 1 *)")),
            ("@daily", Some("cron(0 0 * * ? *)")),
            ("@every 90m", Some("rate(90 minutes)")),
            ("@every 2h", Some("rate(2 hours)")),
            ("0 3 1 * 1", None),
            ("@reboot", None),
        ];
        for (text, expected) in table {
            assert_eq!(schedule(text).as_deref(), expected, "{text}");
        }
    }
}
