//! `services`: each on its own, and what they must not want twice.

use std::collections::BTreeMap;

use super::{buckets, environment, image::image, permissions, scale, secrets, size::size};
use crate::spec::{
    block, check,
    keys::SERVICE,
    problem::Collector,
    read::{Entries, Field, Map},
    stack::{Bucket, Service},
};

/// The services of the stack that `root` is. `given` are the variables that each container gets from stackctl.
pub(super) fn services(
    field: &Field,
    root: &Map,
    given: &[&str],
    problems: &mut Collector,
) -> BTreeMap<String, Service> {
    let Some(entries) = Entries::new(field.node, &field.path, problems) else { return BTreeMap::new() };
    let all: Vec<Field> = entries.fields().collect();
    if all.is_empty() {
        field.wrong("there is no service", "add one: services: { web: { build: app, port: 3000 } }", problems);
    }
    let buckets = buckets::declared(root);
    let ways = Ways::of(&all);
    let mut services = BTreeMap::new();
    for field in &all {
        let name = &field.key.text;
        if !check::is_name(name, check::LONGEST_NAME) {
            let hint = "2 to 20 of a-z, 0-9 and -, beginning with a letter";
            problems.add(field.key.span, &field.path, format!("`{name}` cannot name a service"), hint);
        }
        if let Some(service) = service(field, ways, given, &buckets, problems) {
            services.insert(name.clone(), service);
        }
    }
    overlaps(&all, &services, problems);
    services
}

/// How many services requests can get to, and whether any says which.
#[derive(Clone, Copy)]
struct Ways {
    ports: usize,
    routes: usize,
}

impl Ways {
    fn of(services: &[Field]) -> Self {
        let has = |service: &&Field, key: &str| {
            service.node.entries().iter().any(|(known, value)| known.text == key && !value.is_null())
        };
        let with = |key: &str| services.iter().filter(|service| has(service, key)).count();
        Self { ports: with("port"), routes: with("routes") }
    }

    /// The routes of a service with a `port` that names none. All requests are for the only one; of several, one that is left
    /// out gets none, and if all are, nobody can know which one is meant.
    fn by_default(self, field: &Field, problems: &mut Collector) -> Vec<String> {
        if self.ports > 1 && self.routes == 0 {
            let message =
                "several services have a `port`, and none has `routes`: it is unknown which one gets the requests";
            let hint =
                "add `routes: [\"/*\"]` to one, and path patterns such as [\"/api/*\"] to others that get requests";
            problems.add(field.key.span, &field.path, message, hint);
        }
        if self.ports == 1 { vec!["/*".to_owned()] } else { Vec::new() }
    }
}

/// Two services must not ask for the same requests.
fn overlaps(fields: &[Field], services: &BTreeMap<String, Service>, problems: &mut Collector) {
    let mut taken: BTreeMap<(Option<&str>, &str), &str> = BTreeMap::new();
    for field in fields {
        let Some((name, service)) = services.get_key_value(&field.key.text) else { continue };
        for route in &service.routes {
            if let Some(other) = taken.insert((service.host.as_deref(), route), name).filter(|other| other != name) {
                let message = format!("`{name}` and `{other}` both want the route {route}");
                let hint = "give each its own path patterns, or a `host` of its own";
                problems.add(field.key.span, &format!("{}.routes", field.path), message, hint);
            }
        }
    }
}

fn service(field: &Field, ways: Ways, given: &[&str], declared: &[&str], problems: &mut Collector) -> Option<Service> {
    let map = Map::new(field.node, &field.path, &SERVICE, problems)?;
    let image = image(&map, field, problems);
    let entrypoint = map.command("entrypoint", problems);
    let command = map.command("command", problems);
    let port = map.number("port", problems).and_then(|port| u16::try_from(port).ok());
    let (cpu, memory) = size(&map, problems);
    let served = map.get("port").is_some();
    if !served {
        for key in ["health", "routes", "host", "block"] {
            let hint = "add `port: 3000`, or leave this out for a worker";
            map.wrong(key, format!("`{key}` needs a `port`"), hint, problems);
        }
    }
    let routes = match map.get("routes") {
        Some(_) => patterns(&map, "routes", problems),
        None if served => Some(ways.by_default(field, problems)),
        None => Some(Vec::new()),
    };
    let routed = routes.as_ref().is_none_or(|routes| !routes.is_empty());
    let count = scale::count(&map, served && routed, problems);
    let health = map.text("health", problems);
    let host = map.text("host", problems);
    let block = blocked(&map, problems);
    let release = map.command("release", problems);
    let stop_timeout = map.seconds("stop_timeout", problems);
    let exec = map.truth("exec", problems);
    let rollback_after = map.number("rollback_after", problems);
    let buckets = buckets::used(&map, declared, problems);
    let named: Vec<String> = buckets.iter().flatten().map(|name| Bucket::variable(name)).collect();
    let given: Vec<&str> = given.iter().copied().chain(named.iter().map(String::as_str)).collect();
    let env = map.get("env").map_or(Some(BTreeMap::new()), |field| environment::env(&field, &given, problems));
    let secrets = map.get("secrets").map_or(Some(BTreeMap::new()), |field| secrets::secrets(&field, &given, problems));
    if let (Some(env), Some(secrets)) = (&env, &secrets) {
        for name in secrets.keys().filter(|name| env.contains_key(*name)) {
            problems.add(
                field.key.span,
                &field.path,
                format!("{name} is both in `env` and in `secrets`"),
                "keep one of them",
            );
        }
    }
    let count_of_buckets = buckets.as_ref().map_or(0, Vec::len);
    let permissions = map.get("permissions");
    let permissions =
        permissions.map_or(Some(Vec::new()), |field| permissions::list(&field, count_of_buckets, problems));
    let (replicas, scale) = count?;
    Some(Service {
        image: image?,
        entrypoint: entrypoint?,
        command: command?,
        port,
        cpu: cpu?,
        memory: memory?,
        replicas,
        scale,
        health: health?,
        routes: routes?,
        host,
        block: block?,
        release: release?,
        stop_timeout: stop_timeout?,
        exec: exec?,
        rollback_after,
        env: env?,
        secrets: secrets?,
        buckets: buckets?,
        permissions: permissions?,
    })
}

/// Path patterns that the load balancer can be told in every way in which they can be written.
fn blocked(map: &Map, problems: &mut Collector) -> Option<Vec<String>> {
    for (field, pattern) in map.texts("block", problems)? {
        if check::pattern_problem(&pattern).is_none() && block::expressions(&pattern).is_none() {
            let message = format!("`{pattern}` is too long to be blocked in every spelling");
            field.wrong(message, "about twenty letters are possible: end it sooner, with *", problems);
        }
    }
    patterns(map, "block", problems)
}

fn patterns(map: &Map, key: &str, problems: &mut Collector) -> Option<Vec<String>> {
    let mut patterns = Vec::new();
    for (field, pattern) in map.texts(key, problems)? {
        if let Some(problem) = check::pattern_problem(&pattern) {
            field.wrong(format!("`{pattern}`: {problem}"), "such as /api/*", problems);
        }
        if patterns.contains(&pattern) {
            field.wrong(format!("`{pattern}` stands here twice"), "keep one of them", problems);
        }
        patterns.push(pattern);
    }
    Some(patterns)
}
