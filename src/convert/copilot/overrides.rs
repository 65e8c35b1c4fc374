//! What changes Copilot's templates: `taskdef_overrides`, and patches in `overrides/`.

use super::{context::Context, image::Target, templates};
use crate::convert::{
    page::{Map, Value},
    source::{Entry, Item},
};

/// Writes `taskdef_overrides`.
pub(super) fn task(context: &mut Context, all: &Entry, target: &mut Target) {
    for rule in all.item.items() {
        let path = rule.at(&["path"]).and_then(Item::text).unwrap_or_default();
        let place = rule.entry("path").or(rule.entry("value")).cloned();
        if let (Some(place), Some(value)) = (place, rule.at(&["value"])) {
            patched(context, &place, path, value, target);
            for other in rule.entries().iter().filter(|entry| entry.key == "value") {
                context.itself(other, "with its `path`");
            }
        } else {
            rule.entries().iter().for_each(|entry| context.left_out(entry, "a rule needs a path and a value"));
        }
    }
    if all.item.items().is_empty() {
        context.left_out(all, "the file is empty");
    }
}

/// What a patch of a task definition says. Where its path is not known, what its value looks like tells.
fn patched(context: &mut Context, entry: &Entry, path: &str, value: &Item, target: &mut Target) {
    let key = target.key.to_owned();
    let number = || value.text().and_then(|text| text.parse::<u64>().ok());
    let has = |name: &str, value: &Item| value.entries().iter().any(|entry| entry.key.eq_ignore_ascii_case(name));
    let said = |name: &str| {
        value.entries().iter().find(|entry| entry.key.eq_ignore_ascii_case(name)).and_then(|entry| entry.item.text())
    };
    let is = |name: &str| path.to_lowercase().contains(&name.to_lowercase());
    let is_words = !value.items().is_empty() && value.items().iter().all(|item| item.text().is_some());
    let from = has("sourceContainer", value) || value.items().iter().any(|item| has("sourceContainer", item));
    if is("SystemControls") || has("namespace", value) {
        context.impossible(entry, "stack.yaml has no kernel parameters: configure the program instead");
    } else if is("VolumesFrom") || from {
        target.map.comment(
            "cpu",
            "Decide: Copilot's container uses the volumes of another container. Share one: \
         `volumes: { NAME: { shared: task } }`.",
        );
        context.nearly(
            entry,
            &format!("{key}.volumes"),
            "give both containers a volume with `shared: task`, and let the sidecar fill it",
        );
    } else if is("PortMappings") || has("ContainerPort", value) {
        let port = said("ContainerPort").or(value.text()).and_then(|text| text.parse::<u16>().ok());
        match port {
            Some(port) if target.map.get("port") != Some(&Value::number(port)) => {
                super::variables::add_value(target.map, "expose", Value::number(port));
                context.carried(entry, format!("{key}.expose"));
            }
            _ => context.itself(entry, "containers of a task reach each other on every port"),
        }
    } else if is_words
        && (is("Command") || is("EntryPoint") || value.items()[0].text().is_some_and(|word| word.starts_with('/')))
    {
        let name = if is("Command") { "command" } else { "entrypoint" };
        target.map.set(name, Value::texts(value.items().iter().filter_map(Item::text)));
        context.carried(entry, format!("{key}.{name}"));
    } else if is("Ulimits") {
        let limits: Vec<(&str, &str)> = std::iter::once(value).chain(value.items()).filter_map(limit).collect();
        let files = limits.iter().find(|(name, _)| *name == "nofile" || name.is_empty() && is("nofile"));
        match files.and_then(|(_, limit)| limit.parse::<u64>().ok()) {
            Some(limit) => {
                target.map.map("ulimits").set("nofile", Value::number(limit.clamp(1024, 1_048_576)));
                context.carried(entry, format!("{key}.ulimits"));
            }
            _ => context.left_out(entry, "Fargate sets the limits; only `ulimits: { nofile: … }` can be changed"),
        }
    } else if is("EphemeralStorage") && number().is_some() {
        target.map.set("disk", Value::number(number().unwrap_or(21).clamp(21, 200)));
        context.carried(entry, format!("{key}.disk"));
    } else if is("StopTimeout") && number().is_some() {
        target.map.set("stop_timeout", Value::number(number().unwrap_or(30).clamp(2, 120)));
        context.carried(entry, format!("{key}.stop_timeout"));
    } else if is("InitProcessEnabled") {
        target.map.set("init", Value::truth(value.truth() == Some(true)));
        context.carried(entry, format!("{key}.init"));
    } else if path.ends_with("/User") || path.ends_with(".User") || path == "User" {
        target.map.set("user", Value::text(value.text().unwrap_or("root")));
        context.carried(entry, format!("{key}.user"));
    } else if is("DockerLabels") || is("Tags") || is("Capabilities") {
        context.left_out(entry, "stackctl does not set this");
    } else {
        let path = if path.is_empty() { "it" } else { path };
        context.impossible(
            entry,
            format!(
                "stackctl does not create Copilot's CloudFormation resources: set what {path} is for in \
             stack.yaml"
            ),
        );
    }
}

/// The name and the soft limit of an entry of `Ulimits`.
fn limit(item: &Item) -> Option<(&str, &str)> {
    let said = |name: &str| {
        item.entries().iter().find(|entry| entry.key.eq_ignore_ascii_case(name)).and_then(|entry| entry.item.text())
    };
    said("SoftLimit").map(|limit| (said("Name").unwrap_or_default(), limit))
}

/// The key of `health` that is a property of the target group.
fn health_key(property: &str) -> Option<&'static str> {
    Some(match property {
        "HealthCheckIntervalSeconds" => "interval",
        "HealthCheckTimeoutSeconds" => "timeout",
        "HealthyThresholdCount" => "healthy",
        "UnhealthyThresholdCount" => "unhealthy",
        _ => return None,
    })
}

/// Sets a number in `health`, which may be a path alone.
fn set_health(map: &mut Map, key: &str, number: u64) {
    let path = map.get("health").filter(|value| !matches!(value, Value::Map(_))).cloned();
    let health = map.map("health");
    if let Some(path) = path {
        health.set("path", path);
    }
    health.set(key, Value::number(number));
}

/// Converts the patches in a file, which are for the workload that `target` is, or for an environment.
pub(super) fn patches(context: &mut Context, file: &Item, mut target: Option<Target>) {
    for patch in file.items() {
        let said = |key: &str| patch.at(&[key]).and_then(Item::text).unwrap_or_default();
        let (path, op) = (said("path").to_owned(), said("op").to_owned());
        let Some(entry) = patch.entry("path").or(patch.entries().first()) else { continue };
        for other in patch.entries().iter().filter(|other| other.key != entry.key) {
            context.itself(other, "with its `path`");
        }
        let nothing = Item { value: crate::convert::source::Value::Map(Vec::new()), ..patch.clone() };
        let value = patch.at(&["value"]).unwrap_or(&nothing);
        if let Some(target) = &mut target {
            of_workload(context, entry, &path, value, target);
        } else {
            of_environment(context, entry, (&op, &path));
        }
    }
}

fn of_workload(context: &mut Context, entry: &Entry, path: &str, value: &Item, target: &mut Target) {
    let key = target.key.to_owned();
    if path.contains("/Tags") || path.contains("AccessPointTags") {
        context.left_out(entry, "stackctl sets its own tags and no others");
    } else if path.starts_with("/Resources/LogGroup/Properties/RetentionInDays") {
        let days = value.text().and_then(|text| text.parse::<u64>().ok()).unwrap_or(30);
        let is = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731]
            .into_iter()
            .find(|one| *one >= days)
            .unwrap_or(731);
        target.map.map("logs").set("days", Value::number(is));
        context.carried(entry, format!("{key}.logs.days"));
    } else if path.starts_with("/Resources/TaskRole/") {
        let statements = templates::statements(value);
        let to = format!("{key}.permissions");
        if statements.is_empty() {
            target.map.comment("cpu", "Decide: `permissions` for what Copilot's patch of the task role allows.");
            context.nearly(entry, &to, "add what it allows to `permissions`");
        } else {
            statements
                .into_iter()
                .for_each(|one| super::variables::add_value(target.map, "permissions", Value::Map(one)));
            context.carried(entry, to);
        }
    } else if let Some(number) = value.text().and_then(|text| text.parse::<u64>().ok())
        && let Some(name) = path.strip_prefix("/Resources/TargetGroup/Properties/").and_then(health_key)
    {
        set_health(target.map, name, number);
        context.carried(entry, format!("{key}.health.{name}"));
    } else if path.starts_with("/Resources/Service/Properties/HealthCheckGracePeriodSeconds") {
        context.nearly(entry, &format!("{key}.health.grace"), "set `health: { grace: … }`");
    } else {
        patched(context, entry, path, value, target);
    }
}

/// What only Copilot makes.
const OWN: [&str; 5] =
    ["AppRunner", "LogResourcePolicy", "FromSelf", "ServiceDiscovery", "CloudformationExecutionRole"];

fn of_environment(context: &mut Context, entry: &Entry, (op, path): (&str, &str)) {
    if path.contains("Tags") {
        context.left_out(entry, "stackctl sets its own tags and no others");
    } else if op == "remove" && OWN.iter().any(|own| path.contains(own)) {
        context.itself(entry, "stackctl creates no such resource");
    } else if path.contains("LoadBalancer/Properties/Name") {
        context.left_out(entry, "the load balancer's name contains the stack and the environment");
    } else if path.contains("SecurityGroupIngress") || path.contains("SecurityGroup/") {
        context.left_out(
            entry,
            "the load balancer accepts traffic on ports 80 and 443, and tasks accept traffic \
         from the load balancer",
        );
    } else if path.contains("idle_timeout") || path.contains("LoadBalancerAttributes") {
        context.nearly(
            entry,
            "load_balancer.idle_timeout",
            "set the timeout with `idle_timeout`. Other attributes have AWS's defaults",
        );
    } else {
        context.impossible(
            entry,
            format!(
                "stackctl does not create Copilot's CloudFormation resources: set what {path} is for in \
             stack.yaml"
            ),
        );
    }
}
