//! How services are reached: which port, from outside or from other services alone.

use super::{
    images::Role,
    labels,
    ports::published,
    program::asked,
    service::Service,
    work::{Reach, Work},
};
use crate::convert::source::Place;

/// Ports of mail, which no load balancer has.
const MAIL: &[u16] = &[25, 465, 587];

/// Published ports that speak no HTTP.
const OTHERS: &[u16] = &[21, 22, 53, 123, 1883, 3306, 4222, 5432, 5672, 6379, 8883, 9092, 11211, 27017];

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
            reach.assumed = own.or_else(|| asked(service).and_then(|asked| asked.port));
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
        if port.is_udp && target == "443" {
            work.ledger().approximated(place, None, "left out: HTTP/3. The load balancer uses HTTP/2 with browsers");
            continue;
        }
        if port.is_udp {
            work.ledger().not_possible(
                place,
                "stackctl's load balancers do not support UDP: remove the port, or run this \
                 program elsewhere",
            );
            continue;
        }
        let Some(number) = target.split('-').next().and_then(|text| text.parse::<u16>().ok()).filter(|port| *port > 0)
        else {
            let key = format!("{to}.port");
            match work.open.ask(&key, format!("The port that {} listens on", service.key), None) {
                Some(answer) if answer.parse::<u16>().is_ok_and(|port| port > 0) => {
                    found.push((answer.parse().unwrap_or(80), place, port.published));
                }
                _ => work.ledger().not_possible(
                    place,
                    "it is not a port: write the number of the port that the \
                 program listens on",
                ),
            }
            continue;
        };
        if MAIL.contains(&number) {
            let instead = "the stack cannot receive mail: use SES, or a mail provider that calls a URL of the program";
            work.ledger().not_possible(place, instead);
            continue;
        }
        found.push((number, place, port.published));
    }
    let is_server = matches!(service.role, Role::Server(server) if server.keeps_state);
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
            ledger.carried_with(*place, None, "the load balancer has the certificate and sends HTTP to the program");
        } else if is_server {
            let note = "reachable only from inside the stack: connect from your computer with `stackctl forward`";
            reach.expose.insert(*port);
            ledger.carried_with(*place, Some(&format!("{to}.expose")), note);
        } else {
            reach.expose.insert(*port);
            let how = "reachable only from other services: the load balancer uses one port of a service";
            ledger.approximated(*place, Some(&format!("{to}.expose")), how);
        }
    }
    if let Role::Server(server) = service.role {
        reach.expose.retain(|port| Some(*port) != server.port);
    }
    for item in service.at(&["expose"]).map(|item| item.items().to_vec()).unwrap_or_default() {
        let text = item.text().unwrap_or_default().split('/').next().unwrap_or_default().to_owned();
        let Ok(port) = work.settle(&text).parse::<u16>() else {
            work.ledger().not_possible(item.place, "it is not a port");
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
