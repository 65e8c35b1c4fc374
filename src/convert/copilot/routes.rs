//! Services that want the same requests: Copilot tells them apart by names that are not in its files.

use std::collections::BTreeMap;

use super::context::Context;
use crate::convert::page::{Map, Value};

/// Sees to it that no two services of the stack `root` want the same path of the same host.
pub(super) fn apart(context: &mut Context, root: &mut Map) {
    let names: Vec<String> = root.map("services").keys().map(str::to_owned).collect();
    // Whether the load balancer is internal, the host and the path; and the service that has them.
    let mut taken: BTreeMap<(bool, String, String), String> = BTreeMap::new();
    for name in names {
        let service = root.map("services").map(&name);
        let internal = service.get("internal").is_some();
        let routes = texts(service.get("routes"));
        let free =
            |host: &str| routes.iter().all(|route| !taken.contains_key(&(internal, host.to_owned(), route.clone())));
        let mut hosts: Vec<String> = Vec::new();
        let mut gone = false;
        for key in ["host", "domains"] {
            let Some(Value::List(items)) = service.get(key).cloned() else { continue };
            let (kept, other): (Vec<Value>, Vec<Value>) =
                items.into_iter().partition(|item| texts(Some(item)).iter().all(|host| free(host)));
            gone |= !other.is_empty();
            hosts.extend(kept.iter().flat_map(|item| texts(Some(item))));
            service.set(key, Value::List(kept.clone()));
            if kept.is_empty() {
                service.remove(key);
            }
        }
        if hosts.is_empty() && !routes.is_empty() && (gone || !free("")) {
            let host = format!("{name}.*");
            service.set("host", Value::text(host.clone()));
            let of_host =
                |(is_internal, _, route): &(bool, String, String)| *is_internal == internal && routes.contains(route);
            let other = taken.iter().find(|(key, _)| of_host(key)).map_or("another service", |(_, other)| other);
            let comment = format!(
                "Decide: the host name of this service. `{other}` has the same paths, and Copilot tells the two apart by \
                 host names that are not in its files."
            );
            service.comment("host", comment);
            let question = format!("The host name of `{name}`, because `{other}` has the same paths");
            context.open.ask(&format!("services.{name}.host"), question, None);
            hosts.push(host);
        }
        if hosts.is_empty() {
            hosts.push(String::new());
        }
        for (host, route) in hosts.iter().flat_map(|host| routes.iter().map(move |route| (host, route))) {
            taken.entry((internal, host.clone(), route.clone())).or_insert_with(|| name.clone());
        }
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::List(items)) => items.iter().flat_map(|item| texts(Some(item))).collect(),
        Some(Value::Text(text) | Value::Live(text)) => vec![text.clone()],
        _ => Vec::new(),
    }
}
