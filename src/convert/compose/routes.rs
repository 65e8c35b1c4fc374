//! Ports, routes and domains of the services, and the questions where the files do not say them.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    images::Role,
    marks,
    service::Service,
    work::{Reach, Work},
};
use crate::convert::page::Value;

/// What stands where only a person can decide: `validate` refuses it.
const DECIDE: &str = "DECIDE";

/// Names of services that pages come from.
const FRONTS: &[&str] =
    &["frontend", "front", "web", "ui", "client", "www", "app", "site", "webapp", "nginx", "proxy", "gateway"];

/// Names of services that a page asks for data.
const APIS: &[&str] = &["backend", "api", "server", "rest"];

/// Names of services that nobody asks.
const WORKERS: &[&str] =
    &["worker", "bot", "queue", "consumer", "scheduler", "cron", "sidekiq", "celery", "beat", "jobs", "clockwork"];

/// Writes how all services are reached. `called` has those that others call, `behind` those that a proxy of the stack calls.
pub(super) fn write(
    services: &[&Service],
    called: &BTreeMap<String, Vec<u16>>,
    behind: &BTreeSet<String>,
    work: &mut Work<'_>,
) {
    for service in services {
        ports(service, called, work);
    }
    let mut domains: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for service in services {
        let reach = work.reach.get(&service.key).cloned().unwrap_or_default();
        if reach.is_public && !reach.hosts.is_empty() {
            domains.insert(service.key.clone(), hosts(service, &reach, work));
        }
    }
    let all: Vec<&String> = domains.values().flatten().collect();
    let mut unique = all.clone();
    unique.sort_unstable();
    unique.dedup();
    let is_shared = unique.len() < all.len();
    if is_shared {
        let names: Vec<Value> = unique.iter().map(|host| marks::value(host)).collect();
        work.page.root.map("load_balancer").set("tls", Value::text("acm")).set("domains", Value::List(names));
    }
    let with_port =
        services.iter().filter(|service| work.reach.get(&service.key).is_some_and(|reach| reach.port.is_some()));
    let is_alone = with_port.count() == 1;
    let open: Vec<String> = services
        .iter()
        .filter(|service| {
            let reach = work.reach.get(&service.key);
            reach.is_some_and(|reach| reach.is_public && reach.paths.is_empty() && !domains.contains_key(&service.key))
        })
        .map(|service| service.key.clone())
        .collect();
    let front = front(services, &open, work);
    for service in services {
        let reach = work.reach.get(&service.key).cloned().unwrap_or_default();
        if let Some(hosts) = domains.get(&service.key) {
            let list: Vec<Value> = hosts.iter().map(|host| marks::value(host)).collect();
            let map = work.service(&service.key);
            if is_shared {
                map.set("host", if list.len() == 1 { list[0].clone() } else { Value::List(list) });
                map.set(
                    "routes",
                    Value::texts(if reach.paths.is_empty() { vec!["/*".to_owned()] } else { reach.paths }),
                );
            } else {
                map.set("domains", Value::List(list));
                if !reach.paths.is_empty() && reach.paths != ["/*"] {
                    map.set("routes", Value::texts(reach.paths));
                }
                work.page.root.map("load_balancer").set("tls", Value::text("acm"));
            }
            if hosts.iter().any(|host| host == DECIDE) {
                let map = work.service(&service.key);
                map.comment(if is_shared { "host" } else { "domains" }, "Decide: a name in a Route 53 hosted zone.");
            }
        } else if !reach.paths.is_empty() && reach.port.is_some() {
            work.service(&service.key).set("routes", Value::texts(reach.paths));
        } else if open.contains(&service.key) {
            let is_behind = behind.contains(&service.key);
            let among = Among { is_alone, open: open.len(), has_names: !domains.is_empty(), is_behind };
            routes(service, &reach, &among, front.as_deref(), work);
        }
    }
}

/// If nothing is published, somebody has to say what gets the requests.
pub(super) fn ask_for_a_port(services: &[&Service], work: &mut Work<'_>) {
    if work.reach.values().any(|reach| reach.is_public) {
        return;
    }
    let is_worker = |service: &&&Service| {
        let name = service.name.to_lowercase();
        WORKERS.iter().any(|word| name.contains(word))
    };
    let candidates: Vec<&&Service> =
        services.iter().filter(|service| service.role == Role::Program && !is_worker(service)).collect();
    let named = |words: &[&str]| {
        let is_one =
            |service: &&&&Service| service.name.to_lowercase().split(['-', '_', '.']).any(|part| words.contains(&part));
        candidates.iter().find(is_one)
    };
    let Some(service) = named(FRONTS).or_else(|| named(APIS)).or(candidates.first()).copied() else { return };
    let key = format!("services.{}.port", service.key);
    let known = work.reach.get(&service.key).and_then(|reach| reach.port.or(reach.assumed));
    let text =
        format!("No port is published. The port on which {} receives requests, or `none` for a worker", service.key);
    let default = known.map(|port| port.to_string());
    match work.open.ask(&key, text, default.as_deref()).as_deref() {
        Some("none") => {}
        Some(port) => {
            let reach = work.reach.entry(service.key.clone()).or_default();
            reach.port = port.parse().ok().or(known);
            reach.is_public = reach.port.is_some();
        }
        None => {
            if let Some(reach) = work.reach.get_mut(&service.key).filter(|_| known.is_some()) {
                reach.is_public = true;
            }
            let map = work.service(&service.key);
            map.set("port", known.map_or_else(|| Value::text(DECIDE), Value::number));
            map.comment("port", "Decide: the port that the program listens on. Without this line, it is a worker.");
        }
    }
}

fn ports(service: &Service, called: &BTreeMap<String, Vec<u16>>, work: &mut Work<'_>) {
    let key = &service.key;
    let reach = work.reach.get(key).cloned().unwrap_or_default();
    let calls = called.get(key);
    let mut expose = reach.expose.clone();
    let mut port = reach.port;
    if port.is_none() && expose.is_empty() && (calls.is_some() || reach.is_public || !reach.hosts.is_empty()) {
        port = reach.assumed;
    }
    for called in calls.into_iter().flatten() {
        if port.is_none() && expose.is_empty() {
            port = Some(*called);
        } else if port != Some(*called) {
            expose.insert(*called);
        }
    }
    if port.is_none() && expose.is_empty() && (calls.is_some() || !reach.hosts.is_empty() || reach.is_public) {
        let default = (!reach.hosts.is_empty()).then_some("80");
        let text = format!("The port that {key} listens on");
        let answer = work.open.ask(&format!("services.{key}.port"), text, default);
        port = answer.as_deref().or(default).and_then(|port| port.parse().ok());
        let map = work.service(key);
        match port {
            Some(port) => map.set("port", Value::number(port)),
            None => map.set("port", Value::text(DECIDE)),
        };
        if answer.is_none() {
            map.comment("port", "Decide: the port that the program listens on.");
        }
    }
    let is_free = work.service(key).get("port").is_none();
    if let Some(port) = port.filter(|_| is_free) {
        work.service(key).set("port", Value::number(port));
    }
    expose.retain(|one| Some(*one) != port);
    if !expose.is_empty() {
        let list = expose.iter().map(Value::number).collect();
        work.service(key).set("expose", Value::List(list));
    }
    if port.is_some() && !reach.is_public {
        work.service(key).set("routes", Value::List(Vec::new()));
    }
    if let Some(reach) = work.reach.get_mut(key) {
        reach.port = port;
    }
}

/// The service that pages come from, if the files let one see it.
fn front(services: &[&Service], open: &[String], work: &Work<'_>) -> Option<String> {
    let candidates: Vec<&&Service> = services.iter().filter(|service| open.contains(&service.key)).collect();
    let published = |service: &&&&Service, port: &str| {
        work.reach.get(&service.key).and_then(|reach| reach.published.as_deref()).is_some_and(|known| known == port)
    };
    let by_port = candidates.iter().find(|service| published(service, "80") || published(service, "443"));
    let is_front = |service: &&&&Service| {
        let name = service.name.to_lowercase();
        name.split(['-', '_', '.']).any(|part| FRONTS.contains(&part))
    };
    let by_name = || candidates.iter().find(is_front);
    by_port.or_else(by_name).map(|service| service.key.clone())
}

/// Hosts that are names in DNS; a person is asked for the others.
fn hosts(service: &Service, reach: &Reach, work: &mut Work<'_>) -> Vec<String> {
    let mut hosts = Vec::new();
    for host in &reach.hosts {
        let host = work.settle(host);
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-*".contains(c);
        let is_usable = host.contains('.') && host.chars().all(is_name) && !host.ends_with(".localhost");
        if is_usable || !marks::is_whole(&host) {
            hosts.push(host);
            continue;
        }
        let key = format!("services.{}.domains", service.key);
        let text = format!(
            "`{}` is not a domain name. The name in a Route 53 hosted zone to use instead",
            marks::shown(&host)
        );
        match work.open.ask(&key, text, None) {
            Some(answer) => hosts.extend(answer.split(',').map(|host| host.trim().to_owned())),
            None => hosts.push(DECIDE.to_owned()),
        }
    }
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

/// What is beside a service that publishes a port.
struct Among {
    /// No other service has a port.
    is_alone: bool,
    /// How many publish one without a name or a path.
    open: usize,
    /// Others have names.
    has_names: bool,
    /// A proxy of the stack passes requests on to it.
    is_behind: bool,
}

fn routes(service: &Service, reach: &Reach, among: &Among, front: Option<&str>, work: &mut Work<'_>) {
    let open = among.open;
    let key = format!("services.{}.routes", service.key);
    if reach.port.is_none() || among.is_alone && open == 1 {
        return;
    }
    if open == 1 && !among.has_names && !among.is_behind {
        work.service(&service.key).set("routes", Value::texts(["/*"]));
        return;
    }
    let name = service.name.to_lowercase();
    let default = if among.is_behind {
        Some("none")
    } else if open == 1 || front == Some(service.key.as_str()) {
        Some("/*")
    } else if name.split(['-', '_', '.']).any(|part| APIS.contains(&part)) {
        Some("/api/*")
    } else {
        None
    };
    let at = reach.published.as_deref().map(marks::shown).unwrap_or_default();
    let whose = if at.is_empty() { "its own".to_owned() } else { at };
    let first = match open {
        1 => "Other services have names".to_owned(),
        _ => format!("{open} services publish a port"),
    };
    let text = format!(
        "{first}, this one {whose}. The paths or the host name of {}, or `none` if it is not public",
        service.key
    );
    let answer = work.open.ask(&key, text, default);
    let is_open = answer.is_none();
    let answer = answer.or_else(|| default.map(str::to_owned)).unwrap_or_else(|| DECIDE.to_owned());
    let parts: Vec<&str> = answer.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    if answer == "none" {
        let map = work.service(&service.key);
        map.set("routes", Value::List(Vec::new()));
        // Nothing asks a path of it then.
        if !matches!(map.get("health"), Some(Value::Map(health)) if health.get("command").is_some()) {
            map.remove("health");
        }
    } else if parts.iter().all(|part| part.starts_with(['/', '*']) || *part == DECIDE) {
        work.service(&service.key).set("routes", Value::texts(parts));
    } else {
        work.service(&service.key).set("domains", Value::texts(parts));
        work.page.root.map("load_balancer").set("tls", Value::text("acm"));
    }
    if is_open {
        work.service(&service.key)
            .comment("routes", "Decide: the paths or `domains` of this service. Several services published a port.");
    }
}
