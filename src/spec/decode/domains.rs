//! Collects the domain names of a stack: those of its load balancer and of its services. One certificate covers them
//! all.

use std::collections::BTreeMap;

use super::load_balancer;
use crate::spec::{
    keys::LOAD_BALANCER,
    problem::Collector,
    read::{Field, Map},
    service::Service,
    stack::{LoadBalancer, Tls},
    yaml::{Key, Node, Value},
};

/// The maximum number of names in an ACM certificate, unless AWS has raised the account's quota.
/// <https://docs.aws.amazon.com/acm/latest/userguide/acm-limits.html>
const NAMES: usize = 10;

/// Returns the host names of the service `map`: all of them, and those that get DNS records.
pub(super) fn of_service(map: &Map, problems: &mut Collector) -> Option<(Vec<String>, Vec<String>)> {
    let domains = load_balancer::names(map, problems)?;
    let mut hosts = Vec::new();
    if let Some(field) = map.get("host") {
        if matches!(field.node.value, Value::Scalar { .. }) {
            hosts.extend(map.text("host", problems));
        } else {
            for (field, host) in field.texts(problems)? {
                if hosts.contains(&host) {
                    field.wrong(format!("duplicate host name `{host}`"), "keep one of them", problems);
                } else if !crate::spec::check::is_host(&host) {
                    field.wrong(format!("invalid host name `{host}`"), "use a name such as api.example.com", problems);
                }
                hosts.push(host);
            }
        }
    }
    hosts.extend(domains.iter().filter(|name| !hosts.contains(name)).cloned().collect::<Vec<_>>());
    Some((hosts, domains))
}

/// Adds the names that redirect and the names of `services` to the load balancer, and checks that one certificate can
/// cover them. `root` is the whole file.
pub(super) fn gather(
    root: &Map,
    balancer: &mut Option<LoadBalancer>,
    services: &BTreeMap<String, Service>,
    problems: &mut Collector,
) {
    let written = root.get("load_balancer");
    let given = balancer.as_ref().is_some_and(|one| one.listener.is_some());
    for (name, service) in services.iter().filter(|(_, service)| !service.domains.is_empty()) {
        if given {
            let (span, path) = place(root, name);
            let message =
                format!("`domains` cannot be used with `load_balancer.listener`: {}", in_words(&service.domains));
            problems.add(
                span,
                &path,
                message,
                "use `host` for the names, and create their DNS records where you manage the certificate",
            );
            continue;
        }
        let trusted = balancer.as_ref().map_or(written.is_some(), |one| !matches!(one.tls, Tls::Off | Tls::SelfSigned));
        if !trusted {
            let (span, path) = place(root, name);
            let message = format!("`domains` needs a certificate that browsers trust: {}", in_words(&service.domains));
            problems.add(
                span,
                &path,
                message,
                "write `load_balancer: { tls: acm }`, or the ARN of a certificate for these names",
            );
        }
    }
    let Some(balancer) = balancer else { return };
    let of_services = services.values().flat_map(|service| &service.domains);
    let more: Vec<String> = balancer.redirects.keys().chain(of_services).cloned().collect();
    for name in more {
        if !balancer.domains.contains(&name) {
            balancer.domains.push(name);
        }
    }
    let Some(field) = written else { return };
    let Some(map) = Map::new(field.node, &field.path, &LOAD_BALANCER, &mut Collector::default()) else { return };
    redirected(&map, balancer, services, problems);
    if balancer.tls != Tls::Acm {
        return;
    }
    if balancer.domains.is_empty() {
        let hint = "add `domain: app.example.com`, a name in a public hosted zone of this account's Route 53";
        map.wrong("tls", "`tls: acm` needs a domain name for the certificate", hint, problems);
    }
    if balancer.domains.len() > NAMES {
        let message = format!("the certificate would have {} names, and ACM allows {NAMES}", balancer.domains.len());
        let hint = "replace names of one domain with `\"*.example.com\"`, or write the ARN of an existing certificate";
        map.wrong("tls", message, hint, problems);
    }
}

/// Checks that every redirect leads to a name that is served, and that no service uses a name that redirects.
fn redirected(map: &Map, balancer: &LoadBalancer, services: &BTreeMap<String, Service>, problems: &mut Collector) {
    let Some(field) = map.get("redirects") else { return };
    for (key, node) in field.node.entries() {
        let Some(to) = balancer.redirects.get(&key.text) else { continue };
        let at = Field { key, node, path: format!("{}.{}", field.path, key.text) };
        let serves = |name: &String| name == to || name.strip_prefix('*').is_some_and(|above| below(to, above));
        if balancer.redirects.contains_key(to) {
            at.wrong(format!("`{to}` is itself a redirect"), "name the final target", problems);
        } else if !balancer.domains.iter().any(serves) {
            let hint = format!("add it to `domains`: [{to}]");
            at.wrong(format!("the stack has no domain `{to}`"), hint, problems);
        }
        let wanted = services.iter().find(|(_, service)| service.domains.contains(&key.text));
        if let Some((service, _)) = wanted {
            let message = format!("`{}` is a redirect, and a domain of the service `{service}`", key.text);
            at.wrong(message, "remove it from `redirects`, or from `domains` of the service", problems);
        }
    }
}

/// Whether `name` is one label below `above`. `above` begins with a dot.
fn below(name: &str, above: &str) -> bool {
    name.strip_suffix(above).is_some_and(|label| !label.is_empty() && !label.contains('.'))
}

fn in_words(domains: &[String]) -> String {
    format!("`{}`", domains.join("`, `"))
}

/// Returns the position and path of a service's `domains`.
fn place(root: &Map, service: &str) -> (crate::spec::problem::Span, String) {
    let find = |entries: &[(Key, Node)], wanted: &str| entries.iter().position(|(key, _)| key.text == wanted);
    let services = root.get("services").map(|field| field.node.entries()).unwrap_or_default();
    let path = format!("services.{service}.domains");
    let keys = find(services, service).map(|at| services[at].1.entries()).unwrap_or_default();
    (find(keys, "domains").map(|at| keys[at].0.span).unwrap_or_default(), path)
}
