//! How services are reached: which port, from outside or from other services alone.

use std::collections::BTreeSet;

use super::{
    images::{Proxy, Role},
    labels,
    program::asked,
    proxy::{self, Passed},
    service::Service,
    words::{self, Port},
    work::{Reach, Work},
};
use crate::convert::source::{Item, Place};

/// Ports of mail, which no load balancer has.
const MAIL: &[u16] = &[25, 465, 587];

/// Published ports that speak no HTTP.
const OTHERS: &[u16] = &[21, 22, 53, 123, 1883, 3306, 4222, 5432, 5672, 6379, 8883, 9092, 11211, 27017];

/// The ports that a service publishes, with their places.
fn published(service: &Service) -> Vec<(Port, Place)> {
    let items = service.at(&["ports"]).map(Item::items).unwrap_or_default();
    let port = |item: &Item| {
        if let Some(text) = item.text() {
            return Some(words::port(text));
        }
        let text = |key: &str| item.at(&[key]).and_then(Item::text).map(str::to_owned);
        Some(Port {
            target: text("target")?,
            published: text("published"),
            address: text("host_ip"),
            is_udp: text("protocol").is_some_and(|protocol| protocol == "udp"),
        })
    };
    items.iter().filter_map(|item| Some((port(item)?, item.place))).collect()
}

/// Whether all that a service publishes is mail.
pub(super) fn takes_mail(service: &Service) -> bool {
    let ports: Vec<u16> = published(service).iter().filter_map(|(port, _)| port.target.parse().ok()).collect();
    !ports.is_empty() && ports.iter().all(|port| MAIL.contains(port))
}

/// Finds how each service of the stack is reached.
pub(super) fn find(services: &[Service], work: &mut Work<'_>) {
    for service in services.iter().filter(|service| service.is_kept()) {
        let told = labels::read(service, work);
        let mut reach = Reach { port: told.port, hosts: told.hosts, paths: told.paths, ..Reach::default() };
        reach.is_public = !reach.hosts.is_empty() || !reach.paths.is_empty();
        ports(service, &mut reach, work);
        if reach.port.is_none() && reach.expose.is_empty() {
            let own = service.variable("PORT").and_then(|text| text.parse().ok());
            reach.port = own.or_else(|| asked(service).and_then(|asked| asked.port));
        }
        if let Role::Server(server) = service.role {
            reach.port = reach.port.or(server.port);
            reach.expose.extend(server.expose);
        } else if let Role::Proxy(_) = service.role {
            reach.port = reach.port.or(Some(80));
            reach.is_public = true;
        }
        work.reach.insert(service.key.clone(), reach);
    }
}

fn ports(service: &Service, reach: &mut Reach, work: &mut Work<'_>) {
    let to = format!("services.{}", service.key);
    let mut found: Vec<(u16, Place, Option<String>)> = Vec::new();
    for (port, place) in published(service) {
        let target = work.settle(&port.target);
        if port.is_udp {
            work.ledger()
                .not_possible(place, "no load balancer of stackctl has UDP: leave it out, or run that part elsewhere");
            continue;
        }
        let Some(number) = target.split('-').next().and_then(|text| text.parse::<u16>().ok()).filter(|port| *port > 0)
        else {
            let key = format!("{to}.port");
            match work.open.ask(&key, format!("The port that {} listens on", service.key), None) {
                Some(answer) if answer.parse::<u16>().is_ok_and(|port| port > 0) => {
                    found.push((answer.parse().unwrap_or(80), place, port.published));
                }
                _ => work.ledger().not_possible(place, "it is no port: write the number that the program listens on"),
            }
            continue;
        };
        if MAIL.contains(&number) {
            let instead =
                "nothing takes mail from outside: use SES, or a mail provider that calls a URL of the program";
            work.ledger().not_possible(place, instead);
            continue;
        }
        found.push((number, place, port.published));
    }
    let is_server = matches!(service.role, Role::Server(_));
    let is_http = |port: &u16| !OTHERS.contains(port);
    let wanted = reach.port;
    let first = found
        .iter()
        .map(|(port, _, _)| *port)
        .filter(is_http)
        .find(|port| wanted.map_or(*port != 443, |wanted| *port == wanted))
        .or_else(|| found.iter().map(|(port, _, _)| *port).find(is_http));
    for (port, place, published) in &found {
        let ledger = work.ledger();
        if Some(*port) == first.filter(|_| !is_server) {
            reach.port = Some(*port);
            reach.is_public = true;
            reach.published.clone_from(published);
            ledger.carried(*place, format!("{to}.port"));
        } else if *port == 443 && first == Some(80) {
            ledger.carried_with(
                *place,
                None,
                "the load balancer has the certificate, and speaks HTTP with the program",
            );
        } else if is_server {
            let note = "from within the stack alone: `stackctl forward` leads there from your computer";
            reach.expose.insert(*port);
            ledger.carried_with(*place, Some(&format!("{to}.expose")), note);
        } else {
            reach.expose.insert(*port);
            let how = "from other services alone: the load balancer has one port of a service";
            ledger.approximated(*place, Some(&format!("{to}.expose")), how);
        }
    }
    if let Role::Server(server) = service.role {
        reach.expose.retain(|port| Some(*port) != server.port);
    }
    for item in service.at(&["expose"]).map(|item| item.items().to_vec()).unwrap_or_default() {
        let text = item.text().unwrap_or_default().split('/').next().unwrap_or_default().to_owned();
        let Ok(port) = work.settle(&text).parse::<u16>() else {
            work.ledger().not_possible(item.place, "it is no port");
            continue;
        };
        if reach.port.is_none() && is_http(&port) && !is_server {
            reach.port = Some(port);
        } else if reach.port != Some(port) {
            reach.expose.insert(port);
        }
        work.ledger().carried(item.place, format!("{to}.expose"));
    }
}

/// Lets the load balancer take the place of proxies that only pass requests on. Those that do more stay.
pub(super) fn replace_proxies(services: &mut [Service], work: &mut Work<'_>) {
    let proxies: Vec<usize> =
        services.iter().enumerate().filter(|(_, one)| matches!(one.role, Role::Proxy(_))).map(|(at, _)| at).collect();
    for at in proxies {
        let proxy = services[at].clone();
        let kept: Vec<&Service> = services.iter().filter(|one| one.role == Role::Program).collect();
        let passed = configuration(&proxy, work).or_else(|| guessed(&proxy, &kept));
        let Some(passed) = passed else { continue };
        let all_known = passed.iter().all(|one| kept.iter().any(|service| service.hosts.contains(&one.upstream)));
        if !all_known {
            continue;
        }
        for one in &passed {
            let Some(service) = kept.iter().find(|service| service.hosts.contains(&one.upstream)) else { continue };
            let reach = work.reach.entry(service.key.clone()).or_default();
            reach.is_public = true;
            reach.port = one.port.or(reach.port);
            reach
                .hosts
                .extend(one.hosts.iter().filter(|host| !reach.hosts.contains(host)).cloned().collect::<Vec<_>>());
            if !one.path.is_empty() && !reach.paths.contains(&one.path) {
                reach.paths.push(one.path.clone());
            }
        }
        services[at].role = Role::Helper("left out: the load balancer takes its place, with a certificate of ACM");
        work.facts.hosts.kept.retain(|host, _| !proxy.hosts.contains(host));
        work.facts.hosts.gone.extend(proxy.hosts.iter().map(|host| (host.clone(), false)));
        work.reach.remove(&proxy.key);
    }
}

/// What its configuration passes on, if that is here and does nothing else.
fn configuration(service: &Service, work: &mut Work<'_>) -> Option<Vec<Passed>> {
    let mounts = service.at(&["volumes"]).map(Item::items).unwrap_or_default();
    let paths: Vec<String> = mounts
        .iter()
        .filter_map(|item| item.text().map(words::mount))
        .filter(|mount| mount.target.contains("/etc/nginx") || mount.target.ends_with("Caddyfile"))
        .filter_map(|mount| mount.source)
        .collect();
    let texts: Vec<String> = paths
        .iter()
        .filter_map(|path| std::fs::read_to_string(work.folder.join(path.trim_start_matches("./"))).ok())
        .collect();
    if texts.is_empty() || texts.len() != paths.len() {
        return None;
    }
    let text = texts.join("\n");
    match service.role {
        Role::Proxy(Proxy::Nginx) => proxy::nginx(&text),
        Role::Proxy(Proxy::Caddy) => proxy::caddy(&text, &|name| service.variable(name).map(str::to_owned)),
        _ => None,
    }
}

/// Without its configuration: the only service that it can be before, if it serves no files of that.
fn guessed(proxy: &Service, kept: &[&Service]) -> Option<Vec<Passed>> {
    let sources = |service: &Service| -> BTreeSet<String> {
        let items = service.at(&["volumes"]).map(Item::items).unwrap_or_default();
        items.iter().filter_map(|item| item.text().and_then(|text| words::mount(text).source)).collect()
    };
    let own = sources(proxy);
    let shares = |service: &&&Service| {
        sources(service)
            .iter()
            .any(|source| own.iter().any(|other| other == source || other.starts_with(&format!("{source}/"))))
    };
    let depends = proxy.at(&["depends_on"]).map(Item::entries).unwrap_or_default();
    let mut before: Vec<&&Service> =
        kept.iter().filter(|service| depends.iter().any(|entry| entry.key == service.name)).collect();
    if before.is_empty() {
        let networks = |service: &Service| -> BTreeSet<String> {
            let entries = service.at(&["networks"]).map(Item::entries).unwrap_or_default();
            entries.iter().map(|entry| entry.key.clone()).collect()
        };
        let own = networks(proxy);
        before = kept.iter().filter(|service| networks(service).intersection(&own).next().is_some()).collect();
    }
    let [one] = before.as_slice() else { return None };
    if kept.iter().filter(shares).count() > 0 {
        return None;
    }
    let path = "/*".to_owned();
    Some(vec![Passed { hosts: Vec::new(), path, upstream: one.name.clone(), port: None }])
}
