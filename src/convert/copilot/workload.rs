//! One workload: a service or a job.

use super::{
    context::{Context, Scene},
    count, http,
    image::{self, Target},
    network, overrides, schedule, sidecars,
    storage::{self, Mounts},
    variables::{self, Owner},
};
use crate::convert::{
    page::{Map, Value},
    source::{Entry, Item},
};

const KEYS: [&str; 24] = [
    "name",
    "type",
    "image",
    "http",
    "nlb",
    "cpu",
    "memory",
    "platform",
    "count",
    "exec",
    "deployment",
    "entrypoint",
    "command",
    "network",
    "variables",
    "env_file",
    "secrets",
    "storage",
    "publish",
    "logging",
    "observability",
    "taskdef_overrides",
    "sidecars",
    "environments",
];

/// The types of Copilot's.
pub(super) const LBWS: &str = "Load Balanced Web Service";
pub(super) const BACKEND: &str = "Backend Service";
pub(super) const APP_RUNNER: &str = "Request-Driven Web Service";
pub(super) const WORKER: &str = "Worker Service";
pub(super) const JOB: &str = "Scheduled Job";
pub(super) const SITE: &str = "Static Site";

/// A workload's port.
pub(super) fn port(manifest: &Item) -> Option<u16> {
    manifest.at(&["image", "port"]).and_then(Item::text).and_then(|text| text.parse().ok()).filter(|port| *port > 0)
}

/// Converts the workload that Copilot calls `workload` into its place of `root`. `manifest` is as it is in the scene.
pub(super) fn workload(context: &mut Context, scene: &mut Scene, workload: &str, manifest: &Item, root: &mut Map) {
    let kind = manifest.at(&["type"]).and_then(Item::text).unwrap_or_default().to_owned();
    let name = context.peers.get(workload).map_or_else(|| workload.to_owned(), |peer| peer.name.clone());
    let is_idle = kind == JOB && schedule::of(manifest).is_none();
    let section = if kind == JOB && !is_idle { "jobs" } else { "services" };
    let key = format!("{section}.{name}");
    if let Some(entry) = manifest.entry("name") {
        context.carried(entry, key.clone());
    }
    if kind == SITE {
        for entry in manifest.entries().iter().filter(|entry| entry.key != "name") {
            context.impossible(
                entry,
                "stackctl does not host static sites: serve the files from a service, or from \
             S3 and CloudFront with another tool",
            );
        }
        return;
    }
    let mut map = Map::default();
    let mut volumes = match root.get("volumes") {
        Some(Value::Map(volumes)) => volumes.clone(),
        _ => Map::default(),
    };
    let mut target = Target { map: &mut map, key: &key };
    image::size(context, scene, manifest, &mut target);
    image::image(context, scene, manifest, &mut target);
    if let Some(entry) = manifest.entry("type") {
        described(context, entry, &kind, &key);
    }
    let own = ported(context, manifest, (&kind, section), &mut target);
    served(context, scene, manifest, (&kind, own), &mut target);
    let mut mounts = Mounts { workload: &name, volumes: &mut volumes, named: std::collections::BTreeMap::new() };
    if let Some(exec) = manifest.entry("exec") {
        if section == "jobs" {
            context.left_out(exec, "a job does not need `exec`");
        } else {
            if exec.item.truth() == Some(true) {
                target.map.set("exec", Value::truth(true));
            }
            context.carried(exec, format!("{key}.exec"));
        }
    }
    if let Some(storage) = manifest.entry("storage") {
        storage::storage(context, scene, storage, &mut mounts, &mut target);
    }
    for entry in manifest.entries() {
        said(context, scene, entry, (workload, &kind, is_idle), &mut target);
    }
    if let Some(entry) = manifest.entry("sidecars") {
        if section == "jobs" {
            context.impossible(entry, "a job has one container: make it a job of a service that has the sidecars");
        } else {
            sidecars::sidecars(context, scene, entry, (&mounts, own), (workload, &name), &mut target);
        }
    }
    if let Some(order) = manifest.at(&["image"]).and_then(|image| image.entry("depends_on")) {
        sidecars::waits(context, order, &name, &mut target);
    }
    if is_idle {
        target.map.set("replicas", Value::number(0));
    }
    tidy(context, manifest, &name, target.map);
    if !volumes.is_empty() {
        root.set("volumes", Value::Map(volumes));
    }
    root.map(section).set(name, Value::Map(map));
}

/// One key of the manifest that stands for itself.
fn said(
    context: &mut Context,
    scene: &Scene,
    entry: &Entry,
    (workload, kind, is_idle): (&str, &str, bool),
    target: &mut Target,
) {
    let key = target.key.to_owned();
    let section = key.split('.').next().unwrap_or_default();
    let mut owner = Owner { workload, service: None };
    match entry.key.as_str() {
        "name" | "type" | "image" | "cpu" | "memory" | "platform" | "exec" | "storage" | "http" | "nlb"
        | "sidecars" => {}
        "on" | "true" if kind == JOB => schedule::on(context, entry, is_idle, target),
        "retries" | "timeout" if kind == JOB => schedule::more(context, entry, is_idle, target),
        "count" if kind == APP_RUNNER => {
            context.left_out(entry, "App Runner scales differently: set `scale`");
        }
        "count" if section == "services" => {
            let routed = target.map.get("routes").is_some();
            count::count(context, entry, routed, target);
        }
        "entrypoint" | "command" => image::command(context, scene, entry, target),
        "variables" => variables::variables(context, scene, entry, &mut owner, target),
        "secrets" => variables::secrets(context, scene, entry, &mut owner, target),
        "env_file" => variables::file(context, scene, entry, target),
        "network" => network::of_workload(context, scene, entry, target),
        "logging" => logging(context, entry, target),
        "deployment" => deployment(context, entry, target),
        "observability" => observability(context, entry),
        "tags" => context.left_out(entry, "stackctl sets its own tags and no others"),
        "publish" | "subscribe" if kind != LBWS || entry.key == "publish" => {
            context.impossible(
                entry,
                "stackctl creates no topics or queues: create them with another tool, add \
             their names to `env`, and set `permissions`",
            );
        }
        "taskdef_overrides" => overrides::task(context, entry, target),
        _ => context.unknown(entry, &KEYS),
    }
}

/// The port that a service listens on.
fn ported(context: &mut Context, manifest: &Item, (kind, section): (&str, &str), target: &mut Target) -> Option<u16> {
    let key = target.key.to_owned();
    let mut own = port(manifest);
    if section == "services" {
        if kind == LBWS && own.is_none() {
            let answer = context.open.ask(&format!("{key}.port"), "The port that the program listens on", Some("80"));
            own = answer.and_then(|answer| answer.parse().ok()).or(Some(80));
            target.map.set("port", Value::number(80)).note("port", "Decide: the manifest has no port.");
        }
        if let Some(port) = own {
            target.map.set("port", Value::number(port));
        }
    }
    if let Some(entry) = manifest.at(&["image"]).and_then(|image| image.entry("port")) {
        match (section, own) {
            ("services", Some(443)) => {
                context.impossible(
                    entry,
                    "the load balancer sends HTTP to tasks: let the program listen without TLS on another port",
                );
            }
            ("services", Some(_)) => context.carried(entry, format!("{key}.port")),
            _ => context.left_out(entry, "no other service calls it on this port"),
        }
    }
    own
}

/// How requests come to a service.
fn served(
    context: &mut Context,
    scene: &Scene,
    manifest: &Item,
    (kind, own): (&str, Option<u16>),
    target: &mut Target,
) {
    let is_off = |entry: &&Entry| entry.item.truth() == Some(false) && entry.item.entries().is_empty();
    let (http, nlb) = (manifest.entry("http"), manifest.entry("nlb"));
    let internal =
        kind == BACKEND || manifest.at(&["http", "private"]).is_some_and(|private| private.truth() != Some(false));
    match http {
        Some(entry) if is_off(&entry) => context.itself(entry, "the service has no HTTP load balancer"),
        Some(entry) if [LBWS, BACKEND, APP_RUNNER].contains(&kind) => {
            http::http(context, scene, entry, (own, internal), target);
        }
        Some(entry) => context.unknown(entry, &KEYS),
        None if kind == APP_RUNNER => drop(target.map.set("routes", Value::texts(["/*"]))),
        None => {}
    }
    if let Some(nlb) = nlb {
        http::nlb(context, nlb, own, target);
    }
}

fn described(context: &mut Context, entry: &Entry, kind: &str, key: &str) {
    match kind {
        APP_RUNNER => context.nearly(
            entry,
            key,
            "a service on ECS behind a load balancer replaces App Runner. At least one task always runs",
        ),
        WORKER => context.nearly(
            entry,
            key,
            "a service without `port`. The queue that Copilot creates for it (COPILOT_QUEUE_URI) is not created",
        ),
        JOB if key.starts_with("services.") => {
            context.nearly(
                entry,
                key,
                "a job without a schedule becomes a service without tasks: start it with \
             `stackctl run`",
            );
        }
        _ => context.carried(entry, key),
    }
}

/// What does not go together is put right.
fn tidy(context: &mut Context, manifest: &Item, name: &str, map: &mut Map) {
    let sidecars = match map.get("sidecars") {
        Some(Value::Map(sidecars)) => sidecars.clone(),
        _ => Map::default(),
    };
    if let Some(Value::Text(container)) = map.get("target_container").cloned() {
        let has_port = matches!(sidecars.get(&container), Some(Value::Map(sidecar)) if sidecar.get("port").is_some());
        if !has_port {
            map.remove("target_container");
            map.comment(
                "routes",
                format!(
                    "Decide: Copilot sends the requests to the container `{container}`, which is not a sidecar \
                 with a port here."
                ),
            );
            if let Some(entry) = manifest.at(&["http"]).and_then(|http| http.entry("target_container")) {
                context.nearly(
                    entry,
                    &format!("services.{name}.target_container"),
                    "no sidecar with this name has a port: name a sidecar that has one",
                );
            }
        }
    }
    if let Some(Value::Map(order)) = map.get("depends_on").cloned() {
        let order_of = map.map("depends_on");
        for key in order.keys().filter(|key| sidecars.get(key).is_none()) {
            order_of.remove(key);
        }
        if order_of.is_empty() {
            map.remove("depends_on");
        }
    }
    if let (Some(Value::Map(env)), Some(Value::Map(secrets))) = (map.get("env").cloned(), map.get("secrets").cloned()) {
        for key in secrets.keys().filter(|key| env.get(key).is_some()) {
            map.map("env").remove(key);
        }
    }
    if matches!(map.get("env"), Some(Value::Map(env)) if env.is_empty()) {
        map.remove("env");
    }
}

fn logging(context: &mut Context, all: &Entry, target: &mut Target) {
    const DAYS: [u64; 22] =
        [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];
    for entry in all.item.entries() {
        match entry.key.as_str() {
            "retention" => {
                let wanted = entry.item.text().and_then(|text| text.parse::<u64>().ok()).unwrap_or(30);
                let is = DAYS.into_iter().find(|days| *days >= wanted).unwrap_or(3653);
                target.map.map("logs").set("days", Value::number(is));
                let to = format!("{}.logs.days", target.key);
                if is == wanted {
                    context.carried(entry, to);
                } else {
                    context.nearly(entry, &to, format!("{is} days is the next value that CloudWatch Logs supports"));
                }
            }
            "image" | "destination" | "secretOptions" | "configFilePath" | "env_file" => {
                context.impossible(
                    entry,
                    "logs go to CloudWatch Logs: forward them with a subscription filter, or \
                 let the program send them",
                );
            }
            "enableMetadata" => context.left_out(entry, "stackctl runs no log router"),
            _ => context.unknown(
                entry,
                &["retention", "image", "destination", "enableMetadata", "secretOptions", "configFilePath", "env_file"],
            ),
        }
    }
}

fn deployment(context: &mut Context, all: &Entry, target: &mut Target) {
    if all.item.entries().is_empty() {
        context.left_out(all, "the value is empty");
    }
    for entry in all.item.entries() {
        match (entry.key.as_str(), entry.item.text()) {
            ("rolling", Some("recreate")) => {
                target.map.set("replace", Value::text("stop-first"));
                context.carried(entry, format!("{}.replace", target.key));
            }
            ("rolling", _) => context.itself(entry, "new tasks start before old tasks stop"),
            ("rollback_alarms", _) => {
                context.left_out(
                    entry,
                    "a release is rolled back if its tasks fail their health checks; `alarms` \
                     sends emails",
                );
            }
            _ => context.unknown(entry, &["rolling", "rollback_alarms"]),
        }
    }
}

fn observability(context: &mut Context, all: &Entry) {
    for entry in all.item.entries() {
        match entry.key.as_str() {
            "tracing" => context.left_out(entry, "stackctl does not run X-Ray next to the tasks"),
            _ => context.unknown(entry, &["tracing"]),
        }
    }
}
