//! Decodes `health` of a service: a path, or a mapping that configures the load balancer's check and the container's
//! check.

use crate::spec::{
    containers::Check,
    keys::{CODES, GRPC_CODES, HEALTH},
    problem::Collector,
    read::{Field, Map},
    service::{Health, Protocol},
};

/// The default times of a container's health check, and the longest timeout, in seconds.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html>
const INTERVAL: u32 = 30;
const TIMEOUT: u32 = 5;
const LONGEST_TIMEOUT: u32 = 60;

/// The default status code of a passed check.
const OK: &str = "200";

/// The default path and status code of AWS for gRPC: a server without this method answers that it is not implemented.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>
const GRPC_PATH: &str = "/AWS.ALB/healthcheck";
const UNIMPLEMENTED: &str = "12";

/// Decodes the check of a service that listens on `port`; `routed` says whether the load balancer serves it.
pub(super) fn health(
    service: &Map,
    (port, protocol): (Option<u16>, Protocol),
    routed: bool,
    problems: &mut Collector,
) -> Option<(Health, Option<Check>)> {
    let mapping = service.get("health").filter(|field| field.node.what() == "a mapping");
    let Some(field) = mapping else {
        let by_default = check(&Map::empty(&HEALTH), (port, protocol), problems)?;
        let path = match service.get("health") {
            Some(_) => service.text("health", problems)?,
            None => by_default.path.clone(),
        };
        return Some((Health { path, ..by_default }, None));
    };
    let by_command = has_command(service);
    if port.is_some() && !routed && !by_command {
        let hint = "add `routes`, or remove `health`";
        field.wrong("the load balancer does not check the tasks of a service without routes", hint, problems);
    }
    if has_codes_for_keys(&field, problems) {
        return None;
    }
    let map = Map::new(field.node, &field.path, &HEALTH, problems)?;
    if !by_command {
        for key in ["retries", "start"] {
            map.wrong(
                key,
                format!("`{key}` needs a `command`"),
                "add `command: [check]`, or remove this key",
                problems,
            );
        }
    } else if port.is_none() || !routed {
        for key in ["path", "codes", "grace", "healthy", "unhealthy", "port"] {
            let message = format!("`{key}` has no effect: the load balancer does not check the tasks of this service");
            map.wrong(key, message, "remove it, or add `port` and `routes`", problems);
        }
    }
    let (health, own) = (check(&map, (port, protocol), problems), own(&map, problems));
    let by_balancer = check(&Map::empty(&HEALTH), (port, protocol), problems)?;
    let health = health?;
    let own = own.filter(|_| by_command);
    // The times in the file belong to the command, so the load balancer's check keeps its defaults.
    let health = if own.is_some() {
        Health { interval: by_balancer.interval, timeout: by_balancer.timeout, ..health }
    } else {
        health
    };
    Some((health, own))
}

/// Whether `service` has a command that checks its container.
pub(super) fn has_command(service: &Map) -> bool {
    let health = service.get("health");
    health.is_some_and(|health| {
        health.node.entries().iter().any(|(key, value)| key.text == "command" && !value.is_null())
    })
}

/// Decodes the container's check; ECS's defaults apply to missing times.
fn own(map: &Map, problems: &mut Collector) -> Option<Check> {
    let command = map.command("command", problems)?;
    let (retries, start) = (map.number("retries", problems), map.seconds("start", problems));
    let mut time = |key: &str, otherwise| match map.get(key) {
        Some(_) => map.seconds(key, problems),
        None => Some(otherwise),
    };
    let (interval, timeout) = (time("interval", INTERVAL)?, time("timeout", TIMEOUT)?);
    if timeout > LONGEST_TIMEOUT && !command.is_empty() {
        let message = format!("`timeout` is {timeout} s, and at most {LONGEST_TIMEOUT} s are allowed for a command");
        map.wrong("timeout", message, format!("write `timeout: {LONGEST_TIMEOUT}` or less"), problems);
    }
    Some(Check { command, interval, timeout, retries: retries?, start: start? })
}

fn check(map: &Map, (of_service, protocol): (Option<u16>, Protocol), problems: &mut Collector) -> Option<Health> {
    let path = match map.get("path") {
        None if protocol == Protocol::Grpc => Some(GRPC_PATH.to_owned()),
        _ => map.text("path", problems),
    };
    let codes = codes(map, protocol, problems);
    let grace = map.seconds("grace", problems);
    let (interval, timeout) = (map.seconds("interval", problems), map.seconds("timeout", problems));
    // https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
    if let (Some(interval), Some(timeout)) = (interval, timeout)
        && timeout >= interval
        && map.get("command").is_none()
    {
        let message = format!("`timeout` ({timeout} s) must be less than `interval` ({interval} s)");
        let hint = format!("write `timeout: {}` or less, or increase `interval`", interval - 1);
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

/// Decodes the status codes: a number for one code, a text for several.
fn codes(map: &Map, protocol: Protocol, problems: &mut Collector) -> Option<String> {
    let (known, otherwise) = if protocol == Protocol::Grpc { (&GRPC_CODES, UNIMPLEMENTED) } else { (&CODES, OK) };
    let Some(field) = map.get("codes") else { return Some(otherwise.to_owned()) };
    let codes = field.loose_text(problems)?;
    field.checked(&codes, known.check.as_ref(), problems);
    Some(codes)
}

/// Reports a text of codes that YAML has split. Within braces, YAML reads what follows a comma as a key: `{ codes:
/// 200,301 }`.
fn has_codes_for_keys(field: &Field, problems: &mut Collector) -> bool {
    let is_code = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '-');
    let Some((key, _)) = field.node.entries().iter().find(|(key, _)| is_code(&key.text)) else { return false };
    let path = format!("{}.{}", field.path, key.text);
    let hint = "put several codes in quotes, such as codes: \"200,301\"";
    problems.add(key.span, &path, format!("unknown key `{}`", key.text), hint);
    true
}
