//! Decodes `services`: each service by itself, and conflicts between services.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    allow, buckets, calls, domains, environment, files, health,
    image::image,
    logs, permissions, protocol, scale, secrets, security_groups,
    sidecars::{self, Own},
    size::size,
    volumes,
};
use crate::spec::{
    block, check,
    keys::{ARCH, REPLACE, SERVICE, SPOT, ULIMITS},
    limits,
    problem::Collector,
    read::{Entries, Field, Map},
    scope::Scope,
    service::{Protocol, Service},
    stack::Bucket,
    yaml::Value,
};

/// Decodes the services of the stack `root`. `given` are the variables that stackctl sets in each container, and
/// `scope` has the names that values can refer to.
pub(super) fn services(
    field: &Field,
    root: &Map,
    (given, scope): (&[&str], &Scope),
    problems: &mut Collector,
) -> BTreeMap<String, Service> {
    let Some(entries) = Entries::new(field.node, &field.path, problems) else { return BTreeMap::new() };
    let all: Vec<Field> = entries.fields().collect();
    if all.is_empty() {
        field.wrong(
            "the stack has no services",
            "add one, such as services: { web: { build: app, port: 3000 } }",
            problems,
        );
    }
    let declared = (&buckets::declared(root)[..], &volumes::declared(root)[..]);
    let mut called = calls::called_by(&all);
    let jobs = root.get("jobs");
    called.extend(jobs.iter().flat_map(|jobs| calls::called_by_all(jobs.node)));
    let ways = Ways::of(&all, &called);
    let mut services = BTreeMap::new();
    for field in &all {
        let name = &field.key.text;
        if !check::is_name(name, check::LONGEST_NAME) {
            let hint = "use 2 to 20 characters of a-z, 0-9 and -, beginning with a letter";
            problems.add(field.key.span, &field.path, format!("invalid service name `{name}`"), hint);
        }
        if let Some(service) = service(field, root, (ways, &all), (given, scope), declared, problems) {
            services.insert(name.clone(), service);
        }
    }
    overlaps(&all, &services, problems);
    services
}

/// How many services can receive requests through each load balancer, and whether any of them has routes. A called
/// service without routes is not counted.
#[derive(Clone, Copy)]
struct Ways<'a> {
    /// The public load balancer, and the internal one.
    each: [Way; 2],
    called: &'a BTreeSet<String>,
}

#[derive(Clone, Copy)]
struct Way {
    ports: usize,
    routes: usize,
    domains: usize,
}

/// Whether the service has `internal: true`.
fn is_internal(service: &Field) -> bool {
    let said = service.node.entries().iter().find(|(key, _)| key.text == "internal");
    said.is_some_and(|(_, value)| value.text() == Some("true"))
}

impl<'a> Ways<'a> {
    fn of(services: &[Field], called: &'a BTreeSet<String>) -> Self {
        let outside = |service: &&Field| {
            (service.has("port") || service.has("target_container")) && !called.contains(&service.key.text)
        };
        let way = |internal: bool| {
            let those = || services.iter().filter(|service| is_internal(service) == internal);
            let with = |key: &str| those().filter(|service| service.has(key)).count();
            Way { ports: those().filter(outside).count(), routes: with("routes"), domains: with("domains") }
        };
        Self { each: [way(false), way(true)], called }
    }

    /// Returns the routes of a service with a `port` and without `routes`. It gets all requests for its `domains`, or
    /// all requests if it is the only service. Among several services, one without routes gets no requests; if none has
    /// routes, the choice is ambiguous and reported.
    fn by_default(self, field: &Field, has_domains: bool, problems: &mut Collector) -> Vec<String> {
        if has_domains {
            return vec!["/*".to_owned()];
        }
        if self.called.contains(&field.key.text) && !is_internal(field) {
            return Vec::new();
        }
        let way = self.each[usize::from(is_internal(field))];
        if way.ports > 1 && way.routes == 0 && way.domains == 0 {
            let message = "several services have a `port`, and none has `routes`";
            let hint =
                "add `routes: [\"/*\"]` to one, and patterns such as [\"/api/*\"] to others that receive requests";
            problems.add(field.key.span, &field.path, message, hint);
        }
        if way.ports == 1 { vec!["/*".to_owned()] } else { Vec::new() }
    }
}

/// Reports two services with the same routes and hosts.
fn overlaps(fields: &[Field], services: &BTreeMap<String, Service>, problems: &mut Collector) {
    let mut taken: BTreeMap<(bool, &str, &str), &str> = BTreeMap::new();
    for field in fields {
        let Some((name, service)) = services.get_key_value(&field.key.text) else { continue };
        let any = [String::new()];
        let hosts = if service.hosts.is_empty() { &any[..] } else { &service.hosts };
        for (host, route) in hosts.iter().flat_map(|host| service.routes.iter().map(move |route| (host, route))) {
            let host = services.values().flat_map(|one| &one.hosts).find(|one| *one == host).map_or("", String::as_str);
            if let Some(other) = taken.insert((service.internal, host, route), name).filter(|other| other != name) {
                let message = format!("`{name}` and `{other}` both have the route {route}");
                let hint = "use different path patterns, or a different `host` for each";
                problems.add(field.key.span, &format!("{}.routes", field.path), message, hint);
            }
        }
    }
}

fn service(
    field: &Field,
    root: &Map,
    (ways, all): (Ways, &[Field]),
    (given, scope): (&[&str], &Scope),
    (declared, volumes): (&[&str], &[&str]),
    problems: &mut Collector,
) -> Option<Service> {
    let map = Map::new(field.node, &field.path, &SERVICE, problems)?;
    let image = image(&map, field, problems);
    let arch = map.word("arch", &ARCH, problems);
    let files = files::files(&map, problems);
    let entrypoint = map.command("entrypoint", problems);
    let command = map.command("command", problems);
    let port = map.number("port", problems).and_then(|port| u16::try_from(port).ok());
    let (cpu, memory) = size(&map, problems);
    let calls = calls::calls(&map, &field.key.text, all, problems);
    let scope = &calls::scope(scope, calls.as_deref().unwrap_or_default(), all);
    let own = Own::of(&map, &field.key.text, port, (given, scope), volumes);
    let volumes = volumes::mounts(&map, volumes, problems);
    let beside = sidecars::beside(&map, &own, problems);
    let target = beside.as_ref().and_then(|beside| beside.target.clone());
    let port_of_target = target.as_ref().map_or(port, |(_, port)| *port);
    let served = map.get("port").is_some() || map.get("target_container").is_some();
    if !served {
        for key in ["health", "routes", "internal", "host", "domains", "sticky", "block", "allow", "protocol"] {
            if key == "health" && own.is_checked {
                continue;
            }
            let hint = "add `port: 3000`, or remove this for a worker";
            map.wrong(key, format!("`{key}` needs a `port`"), hint, problems);
        }
    }
    let routes = match map.get("routes") {
        Some(_) => patterns(&map, "routes", problems),
        None if served => Some(ways.by_default(field, map.get("domains").is_some(), problems)),
        None => Some(Vec::new()),
    };
    let routed = routes.as_ref().is_none_or(|routes| !routes.is_empty());
    let count = scale::count(&map, served && routed, problems);
    let protocol = protocol::of(&map, served && !routed, problems);
    let spoken = protocol.unwrap_or(Protocol::Http1);
    let health = health::health(&map, (port_of_target, spoken), routed, problems);
    let sticky = map.seconds("sticky", problems);
    if served && !routed {
        map.wrong(
            "sticky",
            "this service receives no requests",
            "add `routes: [\"/*\"]`, or remove `sticky`",
            problems,
        );
    }
    let internal = map.truth("internal", problems);
    if internal == Some(true) {
        let hint = "remove it, or remove `internal`; the internal load balancer has a DNS name from AWS";
        map.wrong("domains", "`domains` cannot be used with `internal`", hint, problems);
    }
    let hosts = domains::of_service(&map, problems);
    let block = blocked(&map, problems);
    let allow = allow::of(&map, routes.as_deref(), hosts.as_ref().map(|(hosts, _)| hosts.as_slice()), problems);
    let expose = calls::exposed(&map, port, problems);
    let security_groups =
        security_groups::of(&map, root, calls.as_ref().is_some_and(|calls| !calls.is_empty()), problems);
    let release = map.command("release", problems);
    fits_in_overrides(&map, "release", &field.key.text, release.as_deref(), problems);
    if let (Some(routes), Some((hosts, _))) = (&routes, &hosts) {
        wildcards(&map, routes, hosts, problems);
    }
    let stop_timeout = map.seconds("stop_timeout", problems);
    let log_days = logs::days(&map, problems);
    let exec = map.truth("exec", problems);
    let (user, nofile, init) = process(&map, problems);
    let spot = spot(&map, problems);
    let stop_first = map.word("replace", &REPLACE, problems);
    let read_only = map.truth("read_only", problems);
    if (exec, read_only) == (Some(true), Some(true)) {
        let hint = "remove one of them; the agent of `exec` writes to the root file system";
        map.wrong("read_only", "`read_only` cannot be used with `exec`", hint, problems);
    }
    let disk = map.number("disk", problems);
    let tmpfs = volumes::tmpfs(&map, volumes.as_ref(), memory, problems);
    let rollback_after = map.number("rollback_after", problems);
    let buckets = buckets::used(&map, declared, problems);
    let named: Vec<String> = buckets.iter().flatten().map(|name| Bucket::variable(name)).collect();
    let given = given.iter().copied().chain(named.iter().map(String::as_str)).chain(port.map(|_| "PORT"));
    let without = environment::without(&map, &given.collect::<Vec<_>>(), problems);
    environment::files(&map, problems);
    let env = map.get("env").map_or(Some(BTreeMap::new()), |field| environment::env(&field, scope, problems));
    let secrets = map.get("secrets").map_or(Some(BTreeMap::new()), |field| secrets::secrets(&field, scope, problems));
    if let (Some(env), Some(secrets)) = (&env, &secrets) {
        environment::apart(field, env, secrets, problems);
    }
    if let (Some(env), Some(secrets)) = (&env, &secrets) {
        let words = entrypoint.iter().chain(&command).flatten();
        let mut size = limits::Definition::of(env.iter(), secrets.keys(), words);
        beside.iter().for_each(|beside| beside.sidecars.values().for_each(|sidecar| size.add_sidecar(sidecar)));
        fits_in_definition(&map, field, &size, problems);
    }
    let permissions = permissions::of(&map, buckets.as_ref().map_or(0, Vec::len), problems);
    let (replicas, scale) = count?;
    let (health, check) = health?;
    let sidecars::Beside { sidecars, depends_on, .. } = beside?;
    let (hosts, domains) = hosts?;
    Some(Service {
        image: image?,
        entrypoint: entrypoint?,
        command: command?,
        port,
        protocol: protocol?,
        cpu: cpu?,
        memory: memory?,
        arch: arch?,
        files: files?,
        replicas,
        scale,
        health,
        check,
        sidecars,
        depends_on,
        target_container: target.map(|(name, _)| name),
        routes: routes?,
        internal: internal?,
        hosts,
        domains,
        sticky,
        block: block?,
        allow: allow?,
        calls: calls?,
        expose: expose?,
        security_groups: security_groups?,
        release: release?,
        stop_timeout: stop_timeout?,
        log_days: log_days?,
        exec: exec?,
        user,
        nofile,
        init: init?,
        spot: spot?,
        stop_first: stop_first?,
        read_only,
        disk,
        tmpfs: tmpfs?,
        rollback_after,
        env: env?,
        secrets: secrets?,
        without: without?,
        buckets: buckets?,
        volumes: volumes?,
        permissions: permissions?,
    })
}

/// Decodes `user`, `ulimits` and `init`: how the container's processes run.
fn process(map: &Map, problems: &mut Collector) -> (Option<String>, Option<u32>, Option<bool>) {
    let user = map.text("user", problems);
    let nofile = map.get("ulimits").and_then(|field| {
        let map = Map::new(field.node, &field.path, &ULIMITS, problems)?;
        map.required("nofile", problems)?;
        map.number("nofile", problems)
    });
    (user, nofile, map.truth("init", problems))
}

/// Decodes how many tasks of a service on Spot run on demand; the inner value is none for a service that is not on
/// Spot.
#[expect(clippy::option_option, reason = "none for a wrong value, and none within for a service that is not on Spot")]
fn spot(map: &Map, problems: &mut Collector) -> Option<Option<u32>> {
    let Some(field) = map.get("spot") else { return Some(None) };
    if matches!(field.node.value, Value::Scalar { .. }) {
        return Some(map.truth("spot", problems)?.then_some(0));
    }
    let map = Map::new(field.node, &field.path, &SPOT, problems)?;
    Some(Some(map.number("on_demand", problems)?))
}

/// Checks the number of wildcards in a rule, which are those of its route and of its host.
fn wildcards(map: &Map, routes: &[String], hosts: &[String], problems: &mut Collector) {
    const HINT: &str = "use fewer wildcards; a load balancer rule has at most 5 `*` and `?`";
    let host = hosts.iter().max_by_key(|host| limits::wildcards(host)).map_or("", String::as_str);
    let of_host = limits::wildcards(host);
    let over = |pattern: &str| limits::wildcards(pattern) + of_host > limits::WILDCARDS;
    let told = |what: &str, with: &str| format!("`{what}`{with} has more than {} wildcards", limits::WILDCARDS);
    let with = if of_host > 0 { format!(" with the host `{host}`") } else { String::new() };
    if of_host >= limits::WILDCARDS && routes.iter().any(|route| over(route)) {
        map.wrong("host", told(host, " with a route"), HINT, problems);
        return;
    }
    for (field, pattern) in map.texts("routes", problems).unwrap_or_default() {
        if over(&pattern) {
            field.wrong(told(&pattern, &with), HINT, problems);
        }
    }
}

/// Checks that a command fits into the overrides with which its task is started.
pub(super) fn fits_in_overrides(
    map: &Map,
    key: &str,
    container: &str,
    command: Option<&[String]>,
    problems: &mut Collector,
) {
    let length = limits::overrides(container, command.unwrap_or_default());
    if length > limits::OVERRIDES {
        let message = format!(
            "the command is too long: {length} characters in the request to ECS, at most {} are allowed",
            limits::OVERRIDES
        );
        let hint = "move the text into a script in the image, or into a variable of `env`, and run a short command";
        map.wrong(key, message, hint, problems);
    }
}

/// Checks that the settings of a service's containers fit into a task definition.
pub(super) fn fits_in_definition(map: &Map, service: &Field, size: &limits::Definition, problems: &mut Collector) {
    let whole = size.whole();
    if whole <= limits::DEFINITION {
        return;
    }
    let parts = [(size.environment, "env"), (size.secrets, "secrets"), (size.command, "command")];
    let largest = parts.into_iter().max().and_then(|(_, key)| map.get(key)).or_else(|| map.get("entrypoint"));
    let message = format!(
        "the task definition of `{}` is too large: about {} KiB, and ECS allows {}",
        service.key.text,
        whole.div_ceil(1024),
        limits::DEFINITION / 1024
    );
    let hint = "move large values to a bucket or into the image, and let the container read them there";
    largest.as_ref().unwrap_or(service).wrong(message, hint, problems);
}

/// Decodes `block`: path patterns that are short enough to be blocked in every spelling.
fn blocked(map: &Map, problems: &mut Collector) -> Option<Vec<String>> {
    for (field, pattern) in map.texts("block", problems)? {
        if check::pattern_problem(&pattern).is_none() && block::expressions(&pattern).is_none() {
            let message = format!("the pattern `{pattern}` is too long to be blocked in every spelling");
            field.wrong(message, "use about 20 letters at most, and end it with *", problems);
        }
    }
    patterns(map, "block", problems)
}

fn patterns(map: &Map, key: &str, problems: &mut Collector) -> Option<Vec<String>> {
    let mut patterns = Vec::new();
    for (field, pattern) in map.texts(key, problems)? {
        if let Some(problem) = check::pattern_problem(&pattern) {
            field.wrong(format!("invalid pattern `{pattern}`: {problem}"), "use a pattern such as /api/*", problems);
        }
        if patterns.contains(&pattern) {
            field.wrong(format!("duplicate pattern `{pattern}`"), "keep one of them", problems);
        }
        patterns.push(pattern);
    }
    Some(patterns)
}
