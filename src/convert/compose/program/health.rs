//! The health check: the load balancer's where it asks a path, else the container's own.

use super::super::{service::Service, words, work::Work};
use crate::convert::{
    page::{Map, Value},
    source::{Item, Value as Source},
};

/// A check that asks a path of the container itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Asked {
    /// None if a variable has it.
    pub(in super::super) port: Option<u16>,
    pub(in super::super) path: String,
}

/// The path that a service's check asks.
pub(in super::super) fn asked(service: &Service) -> Option<Asked> {
    let test = test(service)?;
    let text = test.join(" ");
    for host in ["localhost", "127.0.0.1", "0.0.0.0", "[::1]"] {
        for (at, _) in text.match_indices(host) {
            let before = &text[..at];
            let is_request = before.contains("curl") || before.contains("wget") || before.ends_with("http://");
            let rest = &text[at + host.len()..];
            let (port, rest) = match rest.strip_prefix(':') {
                Some(rest) => {
                    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                    let rest_of =
                        if rest.starts_with('$') { rest.trim_start_matches(|c: char| c != '/') } else { &rest[end..] };
                    (rest[..end].parse::<u16>().ok(), rest_of)
                }
                None if before.ends_with("://") || rest.starts_with('/') => (Some(80), rest),
                None => continue,
            };
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "/._-~%".contains(c))).unwrap_or(rest.len());
            let path = if rest.starts_with('/') { rest[..end].to_owned() } else { "/".to_owned() };
            if is_request {
                return Some(Asked { port, path });
            }
        }
    }
    None
}

/// The words of the check: what ECS takes, beginning with `CMD-SHELL` for a line of the shell.
fn test(service: &Service) -> Option<Vec<String>> {
    if service.at(&["healthcheck", "disable"]).and_then(Item::truth) == Some(true) {
        return None;
    }
    let item = service.at(&["healthcheck", "test"])?;
    let words: Vec<String> = match &item.value {
        Source::List(items) => items.iter().filter_map(|item| item.text().map(str::to_owned)).collect(),
        _ => vec!["CMD-SHELL".to_owned(), item.text()?.to_owned()],
    };
    match words.first().map(String::as_str) {
        None | Some("NONE") => None,
        Some("CMD") => Some(words[1..].to_vec()).filter(|words| !words.is_empty()),
        Some(_) => Some(words),
    }
}

/// Writes `health`.
pub(super) fn write(service: &Service, work: &mut Work<'_>) {
    let reach = work.reach.get(&service.key).cloned().unwrap_or_default();
    let to = format!("services.{}.health", service.key);
    let place = service.item.entry("healthcheck").map(|entry| entry.place);
    let mut map = Map::default();
    let grace = seconds(service, "start_period").filter(|seconds| *seconds > 60).map(|seconds| seconds.min(3600));
    if let Some(asked) = asked(service).filter(|_| reach.is_public) {
        map.set("path", Value::text(asked.path));
        if let Some(port) = asked.port.filter(|port| Some(*port) != reach.port.or(reach.assumed)) {
            map.set("port", Value::number(port));
        }
        if let Some(grace) = grace {
            map.set("grace", Value::number(grace));
        }
        if let Some(place) = place {
            work.ledger().carried_with(place, Some(&to), "the load balancer checks this path");
        }
    } else {
        if let Some(test) = test(service) {
            command(service, &test, &mut map, work);
        } else if let Some(place) = place {
            work.ledger().carried_with(place, None, "the container has no health check");
        }
        if reach.is_public {
            unknown(service, &to, &mut map, work);
        }
    }
    if let (None, Some(place)) = (map.get("path").or(map.get("command")), place) {
        work.ledger().carried_with(place, None, "the container has no health check");
    }
    let only_path = map.keys().collect::<Vec<&str>>() == ["path"];
    match (only_path, map.get("path").cloned()) {
        (true, Some(path)) => {
            work.service(&service.key).set("health", path);
        }
        _ if map.is_empty() => {}
        _ => {
            work.service(&service.key).set("health", Value::Map(map));
        }
    }
    if work.open.questions.iter().any(|question| question.key == to) {
        let comment = "Decide: a path that returns 200 when a task is ready.";
        work.service(&service.key).comment("health", comment);
    }
}

/// No file says which path answers: ask, and let every answer below 500 count meanwhile.
fn unknown(service: &Service, to: &str, map: &mut Map, work: &mut Work<'_>) {
    let text = format!("The path of {} that returns 200 when a task is ready", service.key);
    match work.open.ask(to, text, Some("/")) {
        Some(path) if path.starts_with('/') => {
            map.set("path", Value::text(path));
        }
        _ => {
            map.set("path", Value::text("/"));
        }
    }
    if map.get("path") == Some(&Value::text("/")) {
        map.set("codes", Value::text("200-499"));
    }
}

fn command(service: &Service, test: &[String], map: &mut Map, work: &mut Work<'_>) {
    let Some(place) = service.item.entry("healthcheck").map(|entry| entry.place) else { return };
    if test.iter().any(|word| work.facts.known.within(word).is_some()) {
        work.ledger().approximated(place, None, "left out: it contains a password");
        return;
    }
    let words: Vec<Value> = test.iter().map(|word| work.settled(word)).collect();
    map.set("command", Value::List(words));
    let interval = seconds(service, "interval").map(|seconds| seconds.clamp(5, 300));
    let timeout = seconds(service, "timeout").map(|seconds| seconds.clamp(2, 60));
    if let Some(interval) = interval.filter(|interval| *interval != 30) {
        map.set("interval", Value::number(interval));
    }
    if let Some(timeout) =
        timeout.map(|timeout| timeout.min(interval.unwrap_or(30) - 1)).filter(|timeout| *timeout != 5)
    {
        map.set("timeout", Value::number(timeout));
    } else if interval.is_some_and(|interval| interval <= 5) {
        map.set("timeout", Value::number(4));
    }
    if let Some(retries) =
        seconds(service, "retries").map(|retries| retries.clamp(1, 10)).filter(|retries| *retries != 3)
    {
        map.set("retries", Value::number(retries));
    }
    if let Some(start) = seconds(service, "start_period").map(|start| start.min(300)).filter(|start| *start > 0) {
        map.set("start", Value::number(start));
    }
    let to = format!("services.{}.health.command", service.key);
    work.ledger().carried_with(place, Some(&to), "with times in the ranges that ECS allows");
}

fn seconds(service: &Service, key: &str) -> Option<u64> {
    words::seconds(service.text(&["healthcheck", key])?)
}
