//! Decodes `protocol` of a service, the protocol between the load balancer and its tasks, and checks what the protocol
//! requires.

use std::collections::BTreeMap;

use crate::spec::{
    keys::PROTOCOL,
    problem::Collector,
    read::Map,
    service::{Protocol, Service},
    stack::{LoadBalancer, Tls},
};

/// Decodes the protocol of the service `map`; `unreached` says that the service receives no requests.
pub(super) fn of(map: &Map, unreached: bool, problems: &mut Collector) -> Option<Protocol> {
    let protocol = map.word("protocol", &PROTOCOL, problems);
    if unreached {
        let hint = "add `routes: [\"/*\"]`, or remove `protocol`";
        map.wrong("protocol", "this service receives no requests", hint, problems);
    }
    protocol
}

/// Reports services with HTTP/2 on a load balancer without HTTPS: only HTTPS listeners forward to such targets.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html#target-group-protocol-version>
/// An existing listener is checked later, on AWS.
pub(super) fn need_https(
    root: &Map,
    balancer: Option<&LoadBalancer>,
    services: &BTreeMap<String, Service>,
    problems: &mut Collector,
) {
    let plain = balancer.is_some_and(|balancer| balancer.tls == Tls::Off && balancer.listener.is_none());
    let Some(field) = root.get("services") else { return };
    for (name, node) in field.node.entries() {
        let Some(service) = services.get(&name.text).filter(|one| one.protocol != Protocol::Http1) else { continue };
        let Some((_, value)) = node.entries().iter().find(|(key, _)| key.text == "protocol") else { continue };
        let (message, hint) = if service.internal {
            (
                "`protocol` needs HTTPS, and the internal load balancer uses HTTP",
                "remove it, or let other services call this one directly with `calls`",
            )
        } else if plain {
            (
                "`protocol` needs HTTPS, and the load balancer uses HTTP",
                "write `load_balancer: { tls: acm, domain: api.example.com }`, or `tls: self-signed` for a first test",
            )
        } else {
            continue;
        };
        problems.add(value.span, &format!("services.{}.protocol", name.text), message, hint);
    }
}
