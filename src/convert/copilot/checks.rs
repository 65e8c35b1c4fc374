//! Health checks: the load balancer's, and a container's own.

use super::{context::Context, texts::seconds};
use crate::convert::{
    page::{Map, Value},
    source::{Entry, Item},
};

const COMMAND: [&str; 5] = ["command", "interval", "timeout", "retries", "start_period"];

const HTTP: [&str; 8] = [
    "path",
    "port",
    "success_codes",
    "healthy_threshold",
    "unhealthy_threshold",
    "interval",
    "timeout",
    "grace_period",
];

/// What Copilot asks in, in seconds, where the manifest does not say.
const INTERVAL: u64 = 30;

/// The number that `entry` has, moved into the range that stack.yaml takes.
fn number(context: &mut Context, entry: &Entry, (least, most): (u64, u64), to: &str) -> Option<u64> {
    let text = entry.item.text().unwrap_or_default();
    let Some(wanted) = seconds(text) else {
        context.left_out(entry, &format!("`{text}` is neither a number nor a duration"));
        return None;
    };
    let is = wanted.clamp(least, most);
    if is == wanted {
        context.carried(entry, to);
    } else {
        context.nearly(entry, to, format!("{is} is the nearest valid value"));
    }
    Some(is)
}

/// A container's own check. None without a command.
pub(super) fn command(context: &mut Context, check: &Entry, to: &str) -> Option<Map> {
    let mut map = Map::default();
    let words: Vec<&str> =
        check.item.at(&["command"]).map(Item::items).unwrap_or_default().iter().filter_map(Item::text).collect();
    let words = if words.first() == Some(&"CMD") { &words[1..] } else { &words[..] };
    if words.is_empty() || words == ["NONE"] {
        context.left_out(check, "the command is missing");
        return None;
    }
    map.set("command", Value::texts(words.iter().copied()));
    // Copilot's own values, which are others than ECS's.
    for (key, default) in [("interval", 10), ("timeout", 5), ("retries", 2)] {
        map.set(key, Value::number(default));
    }
    for entry in check.item.entries() {
        let (key, range) = match entry.key.as_str() {
            "command" => {
                context.carried(entry, format!("{to}.command"));
                continue;
            }
            "interval" => ("interval", (5, 300)),
            "timeout" => ("timeout", (2, 60)),
            "retries" => ("retries", (1, 10)),
            "start_period" => ("start", (0, 300)),
            _ => {
                context.unknown(entry, &COMMAND);
                continue;
            }
        };
        if let Some(is) = number(context, entry, range, &format!("{to}.{key}")) {
            map.set(key, Value::number(is));
        }
    }
    Some(map)
}

/// The load balancer's check, added to `health`. With gRPC, the codes are those of gRPC.
pub(super) fn http(
    context: &mut Context,
    check: &Entry,
    (port, is_grpc): (Option<u16>, bool),
    health: &mut Map,
    to: &str,
) {
    let has_command = health.get("command").is_some();
    if let Some(path) = check.item.text() {
        health.set("path", Value::text(slashed(path)));
        context.carried(check, to);
        return;
    }
    for entry in check.item.entries() {
        let text = entry.item.text().unwrap_or_default();
        let (key, range) = match entry.key.as_str() {
            "path" => {
                health.set("path", Value::text(slashed(text)));
                context.carried(entry, format!("{to}.path"));
                continue;
            }
            "port" => {
                match text.parse::<u16>().ok().filter(|number| *number > 0) {
                    Some(number) if Some(number) != port => drop(health.set("port", Value::number(number))),
                    _ => {}
                }
                context.carried(entry, format!("{to}.port"));
                continue;
            }
            "success_codes" => {
                codes(context, entry, (text, is_grpc), health, to);
                continue;
            }
            "interval" | "timeout" if has_command => {
                let how = "this applies to the command only: the load balancer sends a request every 5 s";
                context.nearly(entry, to, how);
                continue;
            }
            "interval" => ("interval", (5, 300)),
            "timeout" => ("timeout", (2, 120)),
            "healthy_threshold" => ("healthy", (2, 10)),
            "unhealthy_threshold" => ("unhealthy", (2, 10)),
            "grace_period" => ("grace", (0, 3600)),
            _ => {
                context.unknown(entry, &HTTP);
                continue;
            }
        };
        if let Some(is) = number(context, entry, range, &format!("{to}.{key}")) {
            health.set(key, Value::number(is));
        }
    }
    if !has_command {
        timeout_below_interval(health);
    }
}

fn timeout_below_interval(health: &mut Map) {
    let number = |health: &Map, key: &str| match health.get(key) {
        Some(Value::Bare(number)) => number.parse::<u64>().ok(),
        _ => None,
    };
    let Some(timeout) = number(health, "timeout") else { return };
    let interval = number(health, "interval");
    if interval.unwrap_or(5) <= timeout {
        let interval = interval.unwrap_or(INTERVAL).max(timeout.min(299) + 1);
        health.set("interval", Value::number(interval));
    }
}

fn codes(context: &mut Context, entry: &Entry, (text, is_grpc): (&str, bool), health: &mut Map, to: &str) {
    let range = if is_grpc { 0..=99 } else { 200..=499 };
    let one = |text: &str| text.parse::<u16>().is_ok_and(|code| range.contains(&code));
    let are_codes = text.split(',').all(|part| match part.split_once('-') {
        Some((first, last)) => one(first) && one(last) && first <= last,
        None => one(part),
    });
    if are_codes {
        if text != "200" {
            let is_number = text.parse::<u16>().is_ok();
            health.set("codes", if is_number { Value::number(text) } else { Value::text(text) });
        }
        context.carried(entry, format!("{to}.codes"));
    } else {
        context.left_out(entry, &format!("expected codes from {} to {}", range.start(), range.end()));
    }
}

fn slashed(path: &str) -> String {
    let path: String = path.chars().filter(|c| !c.is_whitespace()).collect();
    if path.starts_with('/') { path } else { format!("/{path}") }
}
