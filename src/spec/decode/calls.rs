//! Decodes `calls` and `expose` of a service: the services that it calls, and the ports on which others call it.

use std::collections::BTreeSet;

use super::secrets;
use crate::spec::{
    nearest::meant,
    problem::Collector,
    read::{Field, Map},
    scope::Scope,
    yaml::{Node, Value},
};

/// Returns the names of the services that other services call.
pub(super) fn called_by(services: &[Field]) -> BTreeSet<String> {
    services.iter().flat_map(|service| called(service.node)).collect()
}

/// Returns the names of the services that the entries of a mapping, such as `jobs`, call.
pub(super) fn called_by_all(all: &Node) -> impl Iterator<Item = String> {
    all.entries().iter().flat_map(|(_, one)| called(one))
}

fn called(one: &Node) -> impl Iterator<Item = String> {
    let lists = one.entries().iter().filter(|(key, _)| key.text == "calls");
    let items = lists.flat_map(|(_, list)| if let Value::List(items) = &list.value { &items[..] } else { &[] });
    items.filter_map(|item| if let Value::Scalar { text, .. } = &item.value { Some(text.clone()) } else { None })
}

/// Decodes the services that `map`, the service `name`, calls. Each must be one of `all`.
pub(super) fn calls(map: &Map, name: &str, all: &[Field], problems: &mut Collector) -> Option<Vec<String>> {
    let mut calls: Vec<String> = Vec::new();
    for (field, wanted) in map.texts("calls", problems)? {
        let there = all.iter().find(|service| service.key.text == wanted && !service.node.is_null());
        match there {
            _ if wanted == name => {
                let hint = "remove it; a task reaches itself at 127.0.0.1";
                field.wrong(format!("`{name}` cannot call itself"), hint, problems);
            }
            None => {
                let others: Vec<&str> =
                    all.iter().map(|service| service.key.text.as_str()).filter(|other| *other != name).collect();
                let hint = match meant(&wanted, others.iter().copied()) {
                    Some(meant) => meant,
                    None if others.is_empty() => "remove it; the stack has no other service".to_owned(),
                    None => format!("use one of: {}", others.join(", ")),
                };
                field.wrong(format!("service `{wanted}` not found"), hint, problems);
            }
            Some(service) if !["port", "expose", "target_container"].iter().any(|key| service.has(key)) => {
                let hint = format!("add `port` to `{wanted}`, or `expose: [5672]` for a port other than PORT");
                field.wrong(format!("service `{wanted}` has no port"), hint, problems);
            }
            Some(_) if calls.contains(&wanted) => {
                field.wrong(format!("duplicate service `{wanted}`"), "name each service once", problems);
            }
            Some(_) => calls.push(wanted),
        }
    }
    Some(calls)
}

/// Returns the scope of a service that calls `calls`: the facts of these services, and the secrets of `all`.
pub(super) fn scope(scope: &Scope, calls: &[String], all: &[Field]) -> Scope {
    let called = scope.calling(calls.iter().map(|name| {
        let called = all.iter().find(|service| service.key.text == *name);
        let has_port = called.is_some_and(|service| service.has("port") || service.has("target_container"));
        (name.as_str(), has_port)
    }));
    called.with_secrets(secrets::referable(all))
}

/// Decodes the ports, in addition to `port`, on which others call the service `map`.
pub(super) fn exposed(map: &Map, port: Option<u16>, problems: &mut Collector) -> Option<Vec<u16>> {
    let mut ports: Vec<u16> = Vec::new();
    let Some(field) = map.get("expose") else { return Some(ports) };
    for (field, text) in field.texts(problems)? {
        match text.parse::<u16>().ok().filter(|number| *number > 0) {
            None => {
                field.wrong(format!("invalid port `{text}`"), "write a number from 1 to 65535", problems);
            }
            Some(number) if Some(number) == port => {
                let hint = "remove it; other services can call `port` as well";
                field.wrong(format!("port {number} is already the `port` of the service"), hint, problems);
            }
            Some(number) if ports.contains(&number) => {
                field.wrong(format!("duplicate port {number}"), "name each port once", problems);
            }
            Some(number) => ports.push(number),
        }
    }
    Some(ports)
}
