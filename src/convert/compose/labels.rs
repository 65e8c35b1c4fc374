//! How a reverse proxy outside of a service is told of it: Traefik's labels, and the variables of nginx-proxy.

use super::{marks, service::Service, work::Work};
use crate::convert::source::Place;

/// What they say.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub(super) port: Option<u16>,
    pub(super) hosts: Vec<String>,
    pub(super) paths: Vec<String>,
}

/// Reads the labels and variables of a service, and takes down what became of each.
pub(super) fn read(service: &Service, work: &mut Work<'_>) -> Told {
    let mut told = Told::default();
    let to = format!("services.{}", service.key);
    let labels: Vec<(String, String, Place)> = service
        .labels()
        .map(|entry| (entry.key.clone(), entry.item.text().unwrap_or_default().to_owned(), entry.place))
        .collect();
    let is_off = labels.iter().any(|(key, value, _)| key == "traefik.enable" && value == "false");
    for (key, value, place) in labels {
        let key = key.to_lowercase();
        if is_off || !key.starts_with("traefik.") {
            if !key.contains("ofelia") && !key.contains("cronjob") {
                work.ledger().carried_with(place, None, "nothing on AWS reads this label");
            }
            continue;
        }
        let last = key.rsplit('.').next().unwrap_or_default();
        if key.contains(".routers.") && last == "rule" {
            rule(&value, place, &to, &mut told, work);
        } else if last == "port" && key.contains("loadbalancer") {
            let port = work.settle(&value);
            told.port = port.parse().ok();
            work.ledger().carried(place, format!("{to}.port"));
        } else if key.contains("redirect") || last == "middlewares" && value.contains("redirect") {
            work.ledger().carried_with(place, None, "the load balancer redirects HTTP to HTTPS");
        } else if key.contains(".middlewares.") {
            middleware(&key, place, work);
        } else {
            work.ledger().carried_with(place, None, "the load balancer and its certificate replace Traefik");
        }
    }
    for name in ["VIRTUAL_HOST", "LETSENCRYPT_HOST", "VIRTUAL_PORT", "VIRTUAL_PATH"] {
        let Some(value) = service.variable(name).map(str::to_owned) else { continue };
        match name {
            "VIRTUAL_HOST" => told.hosts.extend(value.split(',').map(|host| host.trim().to_owned())),
            "VIRTUAL_PORT" => told.port = value.parse().ok(),
            "VIRTUAL_PATH" => told.paths.push(value),
            _ => {}
        }
    }
    told.hosts.retain(|host| !host.is_empty());
    dedup(&mut told.hosts);
    dedup(&mut told.paths);
    told
}

fn dedup(list: &mut Vec<String>) {
    let mut seen = std::collections::BTreeSet::new();
    list.retain(|one| seen.insert(one.clone()));
}

/// A rule such as ``Host(`a`) && PathPrefix(`/b`)``.
fn rule(value: &str, place: Place, to: &str, told: &mut Told, work: &mut Work<'_>) {
    let mut rest = value;
    let mut found = false;
    let mut odd = None;
    while let Some(at) = rest.find('(') {
        let name = rest[..at].trim_start_matches(|c: char| !c.is_ascii_alphabetic());
        let name: String =
            name.chars().rev().take_while(char::is_ascii_alphanumeric).collect::<String>().chars().rev().collect();
        if name.is_empty() {
            // A group.
            rest = &rest[at + 1..];
            continue;
        }
        let Some(end) = rest[at..].find(')') else { break };
        let inside = &rest[at + 1..at + end];
        let values = inside.split([',', '`', '"', '\'']).map(str::trim).filter(|value| !value.is_empty());
        match name.as_str() {
            "Host" | "HostSNI" => told.hosts.extend(values.map(str::to_owned)),
            "PathPrefix" => {
                for value in values {
                    let value = value.trim_end_matches('/');
                    told.paths
                        .extend([value.to_owned(), format!("{value}/*")].into_iter().filter(|path| !path.is_empty()));
                }
            }
            "Path" => told.paths.extend(values.map(str::to_owned)),
            other => odd = Some(other.to_owned()),
        }
        found = true;
        rest = &rest[at + end + 1..];
    }
    match odd {
        Some(name) => {
            let instead = format!("the load balancer has no rule `{}`: set `routes` and `host`", marks::shown(&name));
            work.ledger().approximated(place, None, instead);
        }
        None if found => work.ledger().carried(place, format!("{to}.domains")),
        None => {
            work.ledger().not_possible(place, "it is not a Traefik rule: set `routes` and `domains`");
        }
    }
}

fn middleware(key: &str, place: Place, work: &mut Work<'_>) {
    let how = if key.contains("stripprefix") || key.contains("replacepath") {
        work.ledger()
            .not_possible(place, "the load balancer does not change paths: let the program serve the full path");
        return;
    } else if key.contains("basicauth") || key.contains("forwardauth") || key.contains("digestauth") {
        work.ledger().not_possible(place, "the load balancer does not ask for a password: let the program do it");
        return;
    } else if key.contains("buffering") || key.contains("limit") {
        "left out: the load balancer does not limit the size or the number of requests"
    } else if key.contains("compress") || key.contains("headers") {
        "left out: the load balancer does not change responses: let the program do it"
    } else {
        "left out: the load balancer has no middleware"
    };
    work.ledger().approximated(place, None, how);
}
