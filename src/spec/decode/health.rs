//! `health` of a service: a path, or a mapping with all that the load balancer's check has.

use crate::spec::{
    keys::{CODES, HEALTH},
    problem::Collector,
    read::{Field, Map},
    stack::Health,
};

/// The codes that pass where none are named.
const OK: &str = "200";

/// The check of a service that listens on `port`; `routed` says whether the load balancer serves it.
pub(super) fn health(service: &Map, port: Option<u16>, routed: bool, problems: &mut Collector) -> Option<Health> {
    let mapping = service.get("health").filter(|field| field.node.what() == "a mapping");
    let Some(field) = mapping else {
        let path = service.text("health", problems);
        return Some(Health { path: path?, ..check(&Map::empty(&HEALTH), port, problems)? });
    };
    if port.is_some() && !routed {
        let hint = "add `routes`, or leave `health` out";
        field.wrong("the load balancer checks no task of a service without routes", hint, problems);
    }
    if has_codes_for_keys(&field, problems) {
        return None;
    }
    check(&Map::new(field.node, &field.path, &HEALTH, problems)?, port, problems)
}

fn check(map: &Map, of_service: Option<u16>, problems: &mut Collector) -> Option<Health> {
    let path = map.text("path", problems);
    let codes = codes(map, problems);
    let grace = map.seconds("grace", problems);
    let (interval, timeout) = (map.seconds("interval", problems), map.seconds("timeout", problems));
    // https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
    if let (Some(interval), Some(timeout)) = (interval, timeout)
        && timeout >= interval
    {
        let message = format!("`timeout` is {timeout} s and `interval` is {interval} s");
        let hint = format!("`timeout` can be {} s at most, or raise `interval`", interval - 1);
        map.wrong("timeout", message, hint, problems);
    }
    let (healthy, unhealthy) = (map.number("healthy", problems), map.number("unhealthy", problems));
    let port = map.number("port", problems).and_then(|port| u16::try_from(port).ok());
    Some(Health {
        path: path?,
        codes: codes?,
        grace: grace?,
        interval: interval?,
        timeout: timeout?,
        healthy: healthy?,
        unhealthy: unhealthy?,
        port: port.filter(|port| Some(*port) != of_service),
    })
}

/// One code is a number, several are text.
fn codes(map: &Map, problems: &mut Collector) -> Option<String> {
    let Some(field) = map.get("codes") else { return Some(OK.to_owned()) };
    let codes = field.loose_text(problems)?;
    field.checked(&codes, CODES.check.as_ref(), problems);
    Some(codes)
}

/// In braces, YAML takes what follows a comma for a key: `{ codes: 200,301 }`.
fn has_codes_for_keys(field: &Field, problems: &mut Collector) -> bool {
    let is_code = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '-');
    let Some((key, _)) = field.node.entries().iter().find(|(key, _)| is_code(&key.text)) else { return false };
    let path = format!("{}.{}", field.path, key.text);
    let hint = "put several codes in quotes, such as codes: \"200,301\"";
    problems.add(key.span, &path, format!("unknown key `{}`", key.text), hint);
    true
}
