//! `http` and `nlb`: which requests come to a service.

use super::{
    checks,
    context::{Context, Scene},
    image::Target,
    sidecars,
    texts::seconds,
};
use crate::convert::{
    page::{Map, Value},
    source::{Entry, Item},
};

const KEYS: [&str; 16] = [
    "path",
    "healthcheck",
    "alias",
    "hosted_zone",
    "stickiness",
    "deregistration_delay",
    "target_container",
    "target_port",
    "allowed_source_ips",
    "redirect_to_https",
    "version",
    "additional_rules",
    "alb",
    "private",
    "public",
    "certificate",
];

/// Writes `http` of a service that is `internal` or public.
pub(super) fn http(
    context: &mut Context,
    scene: &Scene,
    http: &Entry,
    (port, internal): (Option<u16>, bool),
    target: &mut Target,
) {
    let key = target.key.to_owned();
    let mut routes = vec![Value::text("/*")];
    // The load balancer has these protocols only over HTTPS, which the internal one does not have.
    let has_tls = !internal && (scene.has_certificate || http.item.entry("alias").is_some());
    let version = http.item.at(&["version"]).and_then(Item::text).unwrap_or_default().to_lowercase();
    let protocol = ["grpc", "http2"].into_iter().find(|protocol| has_tls && *protocol == version);
    for entry in http.item.entries() {
        let text = entry.item.text().unwrap_or_default();
        match entry.key.as_str() {
            "path" => {
                routes = patterns(&context.fixed(scene, text).text);
                context.carried(entry, format!("{key}.routes"));
            }
            "healthcheck" => health(context, entry, (port, protocol == Some("grpc")), target),
            "alias" => alias(context, scene, (entry, http.item.entry("hosted_zone").is_some()), internal, target),
            "hosted_zone" => context.itself(entry, "stackctl finds the hosted zone by its name"),
            "stickiness" if entry.item.truth() == Some(true) => {
                target.map.set("sticky", Value::text("1d"));
                context.carried(entry, format!("{key}.sticky"));
            }
            "deregistration_delay" => match seconds(text) {
                Some(time) => {
                    target.map.set("stop_timeout", Value::number(time.clamp(2, 120)));
                    let how = "it is also the time between SIGTERM and SIGKILL, 2 s to 120 s";
                    context.nearly(entry, &format!("{key}.stop_timeout"), how);
                }
                None => context.left_out(entry, "it is not a duration"),
            },
            "target_container" => container(context, entry, text, target),
            "target_port" => match text.parse::<u16>() {
                Ok(number) if Some(number) == port || target.map.get("target_container").is_some() => {
                    context.carried(entry, format!("{key}.port"));
                }
                Ok(number) if number > 0 => {
                    target.map.set("port", Value::number(number));
                    context.carried(entry, format!("{key}.port"));
                }
                _ => context.left_out(entry, "it is not a port"),
            },
            "allowed_source_ips" => {
                target.map.set("allow", Value::texts(entry.item.items().iter().filter_map(Item::text)));
                context.carried(entry, format!("{key}.allow"));
            }
            "redirect_to_https" if entry.item.truth() != Some(false) => {
                context.itself(entry, "with TLS, the load balancer redirects HTTP to HTTPS");
            }
            "redirect_to_https" => context.left_out(entry, "with TLS, the load balancer redirects HTTP to HTTPS"),
            "version" if protocol.is_some() => {
                target.map.set("protocol", Value::text(text.to_lowercase()));
                context.carried(entry, format!("{key}.protocol"));
            }
            "version" if ["grpc", "http2"].contains(&text.to_lowercase().as_str()) => {
                let how = format!(
                    "`protocol: {}` needs a load balancer with a certificate: add `domains` to the service, then set it",
                    text.to_lowercase()
                );
                context.nearly(entry, &format!("{key}.protocol"), how);
            }
            "stickiness" | "version" => context.itself(entry, "this is the default"),
            "additional_rules" => more(context, scene, (entry, http), &mut routes, &key),
            "alb" => {
                let question = "the ARN of this load balancer's listener on port 443 or 80";
                context.open.ask(&scene.key("load_balancer.listener"), question, None);
                target.map.comment(
                    "cpu",
                    format!(
                        "Decide: `load_balancer: {{ listener: … }}` with {question}. Without it, the stack has \
                     its own load balancer."
                    ),
                );
                context.nearly(entry, "load_balancer.listener", format!("write {question} into `load_balancer`"));
            }
            "private" => context.carried(entry, format!("{key}.internal")),
            _ => context.unknown(entry, &KEYS),
        }
    }
    routes.dedup();
    target.map.set("routes", Value::List(routes));
    if internal {
        target.map.set("internal", Value::truth(true));
    }
}

fn health(context: &mut Context, entry: &Entry, (port, is_grpc): (Option<u16>, bool), target: &mut Target) {
    let to = format!("{}.health", target.key);
    let mut health = match target.map.get("health") {
        Some(Value::Map(map)) => map.clone(),
        _ => Map::default(),
    };
    checks::http(context, entry, (port, is_grpc), &mut health, &to);
    if health.keys().eq(["path"]) {
        let path = health.remove("path").unwrap_or_else(Value::null);
        target.map.set("health", path);
    } else if !health.is_empty() {
        target.map.set("health", Value::Map(health));
    }
    if entry.item.entries().is_empty() && entry.item.text().is_none() {
        context.left_out(entry, "the value is empty");
    }
}

fn container(context: &mut Context, entry: &Entry, text: &str, target: &mut Target) {
    let service = target.key.rsplit('.').next().unwrap_or_default().to_owned();
    let is_own = context.peers.get(text).is_some_and(|peer| peer.name == service);
    let name = sidecars::name(text, &service);
    if is_own {
        context.itself(entry, "the load balancer checks the service's own container");
        return;
    }
    // Once the sidecars are there, one without a port is taken out again.
    target.map.set("target_container", Value::text(name));
    context.carried(entry, format!("{}.target_container", target.key));
}

/// The patterns of a path of Copilot's, which stands for all below it too.
fn patterns(path: &str) -> Vec<Value> {
    let path: String = path
        .trim_matches('/')
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "_-.$/~\"'@:+&*?".contains(*c))
        .collect();
    if path.is_empty() {
        return vec![Value::text("/*")];
    }
    if path.len() > 120 || path.ends_with('*') {
        return vec![Value::text(format!("/{}", path.chars().take(126).collect::<String>()))];
    }
    vec![Value::text(format!("/{path}")), Value::text(format!("/{path}/*"))]
}

/// Host names. With a certificate of one's own and no zone, Copilot makes no record, and `host` does not either.
fn alias(context: &mut Context, scene: &Scene, (entry, has_zone): (&Entry, bool), internal: bool, target: &mut Target) {
    let items = entry.item.items();
    let mut names: Vec<String> = Vec::new();
    let mut zones = has_zone;
    let texts = entry.item.text().into_iter().chain(items.iter().filter_map(|item| {
        zones |= item.entry("hosted_zone").is_some();
        item.text().or_else(|| item.at(&["name"]).and_then(Item::text))
    }));
    for text in texts.flat_map(|text| text.split(',')) {
        let name = context.fixed(scene, text.trim()).text;
        let name = if name.contains("${") { name } else { name.to_lowercase() };
        // A variable can be the whole name.
        if (name.contains('.') || name.contains("${")) && !names.contains(&name) && !name.contains(char::is_whitespace)
        {
            names.push(name);
        }
    }
    let list = Value::List(
        names.iter().map(|name| if name.contains("${") { Value::live(name) } else { Value::text(name) }).collect(),
    );
    let key = if internal || scene.has_certificate && !zones { "host" } else { "domains" };
    let to = format!("{}.{key}", target.key);
    if names.is_empty() {
        context.left_out(entry, "it does not name a host");
    } else if key == "host" {
        target.map.set(key, list);
        let why = "stackctl creates no DNS record, as Copilot did not: point the name at the load balancer";
        context.ledger.carried_with(entry.place, Some(&to), why);
    } else {
        target.map.set(key, list);
        context.carried(entry, to);
    }
}

/// More rules for the same container become more routes.
fn more(context: &mut Context, scene: &Scene, (rules, http): (&Entry, &Entry), routes: &mut Vec<Value>, key: &str) {
    let main = |key: &str| http.item.at(&[key]).map(|item| format!("{:?}", strip(item)));
    for rule in rules.item.items() {
        let is_own = |entry: &&Entry| {
            let peer = entry.item.text().and_then(|text| context.peers.get(text));
            peer.is_some_and(|peer| key.strip_prefix("services.") == Some(&peer.name))
        };
        // The service's own container is the target of the main rule, unless that names another one.
        let container = rule.entry("target_container").filter(|entry| main(&entry.key).is_some() || !is_own(entry));
        let other = container.or(rule.entry("target_port"));
        if let Some(other) = other.filter(|other| main(&other.key) != Some(format!("{:?}", strip(&other.item)))) {
            let instead = "a service has one port for requests: create one service per port, or use a sidecar that \
             routes by path as `target_container`";
            context.impossible(other, instead);
        } else if let Some(path) = rule.at(&["path"]).and_then(Item::text) {
            for pattern in patterns(&context.fixed(scene, path).text) {
                if !routes.contains(&pattern) {
                    routes.push(pattern);
                }
            }
        }
        for entry in rule.entries() {
            match entry.key.as_str() {
                "target_container" | "target_port" => context.carried(entry, key.to_owned()),
                "path" => context.carried(entry, format!("{key}.routes")),
                known if KEYS.contains(&known) && main(known) == Some(format!("{:?}", strip(&entry.item))) => {
                    context.carried(entry, key.to_owned());
                }
                known if KEYS.contains(&known) => {
                    context.nearly(entry, key, "one setting applies to all routes of a service");
                }
                _ => context.unknown(entry, &KEYS),
            }
        }
    }
}

/// What an item says, without its places.
fn strip(item: &Item) -> serde_json::Value {
    match (item.text(), item.items()) {
        (Some(text), _) => text.into(),
        (None, []) => item.entries().iter().map(|entry| (entry.key.clone(), strip(&entry.item))).collect(),
        (None, items) => items.iter().map(strip).collect(),
    }
}

/// A network load balancer: `routes`, if the program speaks HTTP there.
pub(super) fn nlb(context: &mut Context, nlb: &Entry, port: Option<u16>, target: &mut Target) {
    let text = nlb.item.at(&["port"]).and_then(Item::text).unwrap_or_default();
    if text.ends_with("udp") {
        context.impossible(nlb, "stackctl has no load balancer for UDP: run this service elsewhere");
        return;
    }
    if target.map.get("routes").is_none() && port.is_some() {
        target.map.set("routes", Value::texts(["/*"]));
        target.map.comment(
            "routes",
            format!(
                "Decide: Copilot has a network load balancer on {text}. The load balancer here serves only HTTP \
             and HTTPS."
            ),
        );
    }
    let to = format!("{}.routes", target.key);
    let how = "the load balancer serves only HTTP and HTTPS on ports 80 and 443. A program with another protocol is not \
               reachable";
    context.nearly(nlb, &to, how);
    // What an environment adds is elsewhere in the file.
    nlb.item.entries().iter().for_each(|entry| context.nearly(entry, &to, how));
}
