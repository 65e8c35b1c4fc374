//! `sidecars`, and which container waits for which.

use super::{
    checks,
    context::{Context, Scene},
    image::{self, Target},
    storage::{self, Mounts},
    variables::{self, Owner},
};
use crate::convert::{
    names,
    page::{Map, Value},
    source::{Entry, Item},
};

const KEYS: [&str; 13] = [
    "port",
    "image",
    "essential",
    "credentialsParameter",
    "variables",
    "secrets",
    "env_file",
    "mount_points",
    "labels",
    "depends_on",
    "entrypoint",
    "command",
    "healthcheck",
];

/// A sidecar's name in stack.yaml.
pub(super) fn name(text: &str, service: &str) -> String {
    let name = names::name(text).unwrap_or_else(|| "sidecar".to_owned());
    let is_taken = name == service || name.starts_with("aws-") || name.starts_with("stackctl-");
    if is_taken { names::name(&format!("side-{name}")).unwrap_or(name) } else { name }
}

/// Writes the sidecars of a service. `own` is the port of its own container.
pub(super) fn sidecars(
    context: &mut Context,
    scene: &Scene,
    all: &Entry,
    (mounts, own): (&Mounts, Option<u16>),
    (workload, service): (&str, &str),
    target: &mut Target,
) {
    let mut ports: Vec<u16> = own.into_iter().collect();
    for entry in all.item.entries() {
        let name = name(&entry.key, service);
        let key = format!("{}.sidecars.{name}", target.key);
        let mut map = Map::default();
        sidecar(context, scene, entry, mounts, (workload, service), (&mut map, target.map), &key);
        let port = match map.get("port") {
            Some(Value::Bare(port)) => port.parse::<u16>().ok(),
            _ => None,
        };
        if let Some(port) = port {
            if ports.contains(&port) {
                map.remove("port");
                context.nearly(entry, &key, format!("another container of the task already uses port {port}"));
            }
            ports.push(port);
        }
        if entry.item.entries().is_empty() {
            context.carried(entry, key);
        }
        target.map.map("sidecars").set(name, Value::Map(map));
    }
    // A container can wait for one that there is.
    let names: Vec<String> = target.map.map("sidecars").keys().map(str::to_owned).collect();
    for name in &names {
        let sidecars = target.map.map("sidecars");
        keep_order(sidecars.map(name), &names, Some(service));
    }
    if let Some(Value::Map(sidecars)) = target.map.get("sidecars").cloned() {
        wait_for_checks(target.map, &sidecars);
    }
}

/// Leaves out of `depends_on` what is no container of the task.
fn keep_order(map: &mut Map, names: &[String], service: Option<&str>) {
    let Some(Value::Map(order)) = map.get("depends_on") else { return };
    let gone: Vec<String> = order
        .keys()
        .filter(|key| !names.iter().any(|name| name == key) && service != Some(*key))
        .map(str::to_owned)
        .collect();
    let order = map.map("depends_on");
    gone.iter().for_each(|key| drop(order.remove(key)));
    if order.is_empty() {
        map.remove("depends_on");
    }
}

/// What another container waits for until it has ended is not essential, and what has to be healthy has a check.
fn wait_for_checks(service: &mut Map, sidecars: &Map) {
    let Some(Value::Map(order)) = service.get("depends_on").cloned() else { return };
    for name in order.keys() {
        let Some(Value::Map(sidecar)) = sidecars.get(name) else { continue };
        let condition = order.get(name).cloned();
        if condition == Some(Value::text("healthy")) && sidecar.get("health").is_none() {
            service.map("depends_on").set(name, Value::text("start"));
        }
        if [Some(Value::text("complete")), Some(Value::text("success"))].contains(&condition) {
            service.map("sidecars").map(name).set("essential", Value::truth(false));
        }
    }
}

fn sidecar(
    context: &mut Context,
    scene: &Scene,
    all: &Entry,
    mounts: &Mounts,
    (workload, service): (&str, &str),
    (map, parent): (&mut Map, &mut Map),
    key: &str,
) {
    for entry in all.item.entries() {
        let mut target = Target { map: &mut *map, key };
        let mut owner = Owner { workload, service: Some(&mut *parent) };
        match entry.key.as_str() {
            "image" => image_of(context, scene, entry, &mut target),
            "port" => {
                let text = entry.item.text().unwrap_or_default();
                let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
                match number.parse::<u16>().ok().filter(|number| *number > 0 && protocol == "tcp") {
                    Some(number) => {
                        target.map.set("port", Value::number(number));
                        context.carried(entry, format!("{key}.port"));
                    }
                    None => context.itself(
                        entry,
                        "containers of a task reach each other at `localhost` on every \
                     port",
                    ),
                }
            }
            "essential" => {
                if entry.item.truth() == Some(false) {
                    target.map.set("essential", Value::truth(false));
                }
                context.carried(entry, format!("{key}.essential"));
            }
            "credentialsParameter" => context.impossible(
                entry,
                "copy the image to Amazon ECR and set `image` to \
             its address there",
            ),
            "variables" => variables::variables(context, scene, entry, &mut owner, &mut target),
            "secrets" => variables::secrets(context, scene, entry, &mut owner, &mut target),
            // Last, because the other keys override it.
            "env_file" => {}
            "mount_points" => storage::points(context, scene, entry, mounts, &mut target),
            "labels" => context.left_out(entry, "stackctl does not set container labels"),
            "depends_on" => waits(context, entry, service, &mut target),
            "entrypoint" | "command" => image::command(context, scene, entry, &mut target),
            "healthcheck" => {
                if let Some(check) = checks::command(context, entry, &format!("{key}.health")) {
                    target.map.set("health", Value::Map(check));
                }
            }
            _ => context.unknown(entry, &KEYS),
        }
    }
    if let Some(entry) = all.item.entry("env_file") {
        let mut owner = Owner { workload, service: Some(parent) };
        variables::spread(context, scene, entry, &mut owner, &mut Target { map, key });
    }
}

fn image_of(context: &mut Context, scene: &Scene, entry: &Entry, target: &mut Target) {
    let key = format!("{}.image", target.key);
    if let Some(text) = entry.item.text().or_else(|| entry.item.at(&["location"]).and_then(Item::text)) {
        target.map.set("image", context.fixed(scene, text).value());
        if entry.item.text().is_some() {
            context.carried(entry, key.clone());
        }
    }
    for entry in entry.item.entries() {
        match entry.key.as_str() {
            "location" => context.carried(entry, key.clone()),
            "build" => image::build(context, scene, entry, target),
            _ => context.unknown(entry, &["location", "build"]),
        }
    }
}

/// `depends_on` of a container.
pub(super) fn waits(context: &mut Context, all: &Entry, service: &str, target: &mut Target) {
    for entry in all.item.entries() {
        let condition = entry.item.text().unwrap_or_default().to_lowercase();
        let is_known = ["start", "healthy", "complete", "success"].contains(&condition.as_str());
        let other = context.peers.get(&entry.key).filter(|peer| peer.name == service).map(|peer| peer.name.clone());
        let waited = other.unwrap_or_else(|| name(&entry.key, service));
        let condition = if is_known { condition } else { "start".to_owned() };
        target.map.map("depends_on").set(waited, Value::text(condition));
        let to = format!("{}.depends_on", target.key);
        if is_known {
            context.carried(entry, to);
        } else {
            context.nearly(entry, &to, "this is not a condition of ECS: `start` is used");
        }
    }
}
