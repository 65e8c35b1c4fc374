//! Services that want the same requests: Copilot tells them apart by names that are not in its files.

use std::collections::BTreeSet;

use super::context::Context;
use crate::convert::page::{Map, Value};

/// Sees to it that no two services of the stack `root` want the same path of the same host.
pub(super) fn apart(context: &mut Context, root: &mut Map) {
    let names: Vec<String> = root.map("services").keys().map(str::to_owned).collect();
    let mut taken: BTreeSet<(bool, String, String)> = BTreeSet::new();
    for name in names {
        let service = root.map("services").map(&name);
        let internal = service.get("internal").is_some();
        let routes = texts(service.get("routes"));
        let free = |host: &str| routes.iter().all(|route| !taken.contains(&(internal, host.to_owned(), route.clone())));
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
            service.comment(
                "host",
                "Decide: another service has these paths; Copilot calls this one by a name of its own.",
            );
            context.open.ask(
                &format!("services.{name}.host"),
                "The host name that leads here: another service has the same paths",
                None,
            );
            hosts.push(host);
        }
        if hosts.is_empty() {
            hosts.push(String::new());
        }
        for (host, route) in hosts.iter().flat_map(|host| routes.iter().map(move |route| (host, route))) {
            taken.insert((internal, host.clone(), route.clone()));
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
