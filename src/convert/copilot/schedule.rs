//! `on`, `timeout` and `retries` of a job.

use super::{
    context::Context,
    image::Target,
    texts::{milliseconds, seconds},
};
use crate::convert::{
    page::Value,
    source::{Entry, Item},
};

/// What `on.schedule` says; YAML 1.1 reads the key `on` as true. None for a job that nothing starts.
pub(super) fn of(manifest: &Item) -> Option<String> {
    let on = manifest.entry("on").or(manifest.entry("true"))?;
    expression(on.item.at(&["schedule"]).and_then(Item::text)?)
}

/// As EventBridge writes it.
fn expression(text: &str) -> Option<String> {
    let text = text.trim();
    let fixed = match text {
        "@hourly" => "0 * * * ? *",
        "@daily" | "@midnight" => "0 0 * * ? *",
        "@weekly" => "0 0 ? * 1 *",
        "@monthly" => "0 0 1 * ? *",
        "@yearly" | "@annually" => "0 0 1 1 ? *",
        _ => "",
    };
    if !fixed.is_empty() {
        return Some(format!("cron({fixed})"));
    }
    if let Some(every) = text.strip_prefix("@every ") {
        let minutes = (milliseconds(every)? / 60_000).max(1);
        return Some(format!("rate({minutes} {})", if minutes == 1 { "minute" } else { "minutes" }));
    }
    if text.starts_with("rate(") || text.starts_with("cron(") {
        return Some(text.to_owned());
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields[..] else { return None };
    let is_open = |field: &str| field.contains(['*', '?']);
    // EventBridge counts from Sunday as 1, and takes one of the two days.
    let shifted: String = weekday
        .chars()
        .map(|c| c.to_digit(10).map_or(c, |digit| char::from_digit(digit % 7 + 1, 10).unwrap_or(c)))
        .collect();
    let (day, weekday) = match (is_open(day), is_open(weekday)) {
        (true, true) => ("*", "?"),
        (true, false) => ("?", shifted.as_str()),
        (false, _) => (day, "?"),
    };
    Some(format!("cron({minute} {hour} {day} {month} {weekday} *)"))
}

/// How many `retries` a job has at most.
const MOST_RETRIES: u64 = 5;

pub(super) fn on(context: &mut Context, all: &Entry, is_idle: bool, target: &mut Target) {
    for entry in all.item.entries() {
        let text = entry.item.text().unwrap_or_default();
        match (entry.key.as_str(), expression(text)) {
            ("schedule", Some(schedule)) => {
                target.map.set("schedule", Value::text(schedule));
                context.carried(entry, format!("{}.schedule", target.key));
            }
            ("schedule", None) if is_idle => {
                let how = "nothing starts it automatically: use `stackctl run`, or add a job of this service with a \
                 `schedule`";
                context.nearly(entry, &format!("{}.replicas", target.key), how);
            }
            _ => context.unknown(entry, &["schedule"]),
        }
    }
}

pub(super) fn more(context: &mut Context, entry: &Entry, is_idle: bool, target: &mut Target) {
    let text = entry.item.text().unwrap_or_default();
    match (entry.key.as_str(), seconds(text)) {
        ("timeout", Some(time)) if !is_idle && (1..=604_800).contains(&time) => {
            target.map.set("timeout", Value::text(format!("{time}s")));
            context.carried(entry, format!("{}.timeout", target.key));
        }
        ("retries", Some(times)) if !is_idle => {
            target.map.set("retries", Value::number(times.min(MOST_RETRIES)));
            if times <= MOST_RETRIES {
                context.carried(entry, format!("{}.retries", target.key));
            } else {
                context.nearly(entry, &format!("{}.retries", target.key), "the maximum is 5");
            }
        }
        _ => context.left_out(entry, "`stackctl run` has no limit"),
    }
}

#[cfg(test)]
mod tests {
    use super::expression;

    #[test]
    fn schedules_are_written_as_eventbridge_has_them() {
        for (text, is) in [
            ("@daily", "cron(0 0 * * ? *)"),
            ("@every 1h", "rate(60 minutes)"),
            ("0 12 * * *", "cron(0 12 * * ? *)"),
            ("0 9 * * 1-5", "cron(0 9 ? * 2-6 *)"),
            ("rate(1 day)", "rate(1 day)"),
        ] {
            assert_eq!(expression(text).as_deref(), Some(is), "{text}");
        }
        assert_eq!(expression("none"), None);
    }
}
