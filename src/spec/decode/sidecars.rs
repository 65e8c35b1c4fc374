//! Decodes `sidecars` and `depends_on` of a service: the containers of its tasks, and the order in which they start.

use std::collections::{BTreeMap, BTreeSet};

use crate::spec::{
    check,
    containers::{Check, Condition, Sidecar, SidecarSecret},
    keys::{CHECK, SIDECAR},
    nearest::meant,
    problem::Collector,
    read::{Entries, Field, Map},
    scope::Scope,
    service::SecretFrom,
    template::Template,
};

use super::{environment, files, health, image::image, secrets, volumes};

/// The prefixes of container names that AWS and stackctl use themselves.
const TAKEN: [&str; 2] = ["aws-", "stackctl-"];

const CONDITIONS: [(&str, Condition); 4] = [
    ("start", Condition::Start),
    ("healthy", Condition::Healthy),
    ("complete", Condition::Complete),
    ("success", Condition::Success),
];

/// The facts about a service's main container that its sidecars are checked against.
pub(super) struct Own<'a> {
    pub(super) name: &'a str,
    pub(super) port: Option<u16>,
    pub(super) is_checked: bool,
    /// The names of the container's secrets, with those that stackctl sets.
    pub(super) secrets: BTreeSet<String>,
    /// The names that values can refer to.
    pub(super) scope: &'a Scope,
    /// The names of the stack's volumes.
    pub(super) volumes: &'a [&'a str],
}

impl<'a> Own<'a> {
    /// The container of the service `name`. `given` are the variables that stackctl sets in it.
    pub(super) fn of(
        service: &Map,
        name: &'a str,
        port: Option<u16>,
        (given, scope): (&[&str], &'a Scope),
        volumes: &'a [&'a str],
    ) -> Self {
        let given = given.iter().filter(|name| !environment::is_said(service, name));
        let secrets = secrets::names(service).chain(given.map(|name| (*name).to_owned()));
        Self { name, port, is_checked: health::has_command(service), secrets: secrets.collect(), scope, volumes }
    }
}

/// The sidecars of a service, and what its main container waits for.
pub(super) struct Beside {
    pub(super) sidecars: BTreeMap<String, Sidecar>,
    pub(super) depends_on: BTreeMap<String, Condition>,
    /// The sidecar that receives the load balancer's requests, and its port.
    pub(super) target: Option<(String, Option<u16>)>,
}

/// Decodes the sidecars of `service`, and the `depends_on` of every container.
pub(super) fn beside(service: &Map, own: &Own, problems: &mut Collector) -> Option<Beside> {
    let entries = service.get("sidecars").map(|field| Entries::new(field.node, &field.path, problems));
    let fields: Vec<Field> = match &entries {
        None => Vec::new(),
        Some(entries) => entries.as_ref()?.fields().filter(|field| !field.node.is_null()).collect(),
    };
    let names: Vec<&str> = fields.iter().map(|field| field.key.text.as_str()).collect();
    let mut ports: BTreeMap<u16, &str> = own.port.map(|port| (port, own.name)).into_iter().collect();
    let mut sidecars = BTreeMap::new();
    let mut whole = true;
    for field in &fields {
        named(field, own.name, problems);
        let others: Vec<&str> =
            names.iter().copied().filter(|name| *name != field.key.text).chain([own.name]).collect();
        let Some(sidecar) = sidecar(field, own, &others, problems) else {
            whole = false;
            continue;
        };
        if let Some(other) = sidecar.port.and_then(|port| ports.insert(port, &field.key.text)) {
            let message = format!("`{}` and `{other}` listen on the same port", field.key.text);
            let map = Map::new(field.node, &field.path, &SIDECAR, &mut Collector::default());
            let place = map.and_then(|map| map.get("port"));
            let hint = "use different ports; the containers of a task share a network";
            place.as_ref().unwrap_or(field).wrong(message, hint, problems);
        }
        sidecars.insert(field.key.text.clone(), sidecar);
    }
    let depends_on = dependencies(service, &names, own.name, problems);
    let target = target(service, &sidecars, &names, problems);
    if !whole {
        return None;
    }
    let beside = Beside { sidecars, depends_on: depends_on?, target };
    ordered(service, &beside, own, problems);
    Some(beside)
}

fn named(field: &Field, service: &str, problems: &mut Collector) {
    let name = &field.key.text;
    let mut wrong = |message: String, hint: &str| problems.add(field.key.span, &field.path, message, hint);
    if !check::is_name(name, check::LONGEST_NAME) {
        wrong(
            format!("invalid sidecar name `{name}`"),
            "use 2 to 20 characters of a-z, 0-9 and -, beginning with a letter",
        );
    } else if name == service {
        wrong(format!("`{name}` is already the name of the container of the service"), "use another name");
    } else if TAKEN.iter().any(|taken| name.starts_with(taken)) {
        wrong(format!("invalid sidecar name `{name}`"), "use another name; `aws-…` and `stackctl-…` are reserved");
    }
}

fn sidecar(field: &Field, own: &Own, others: &[&str], problems: &mut Collector) -> Option<Sidecar> {
    let map = Map::new(field.node, &field.path, &SIDECAR, problems)?;
    let has_image = map.get("image").is_some() || map.get("build").is_some();
    let image = has_image.then(|| image(&map, field, problems));
    let files = files::files(&map, problems);
    if !has_image {
        let hint = format!("write it in `{}`; the sidecar runs the image of the service", own.name);
        map.wrong("files", "`files` needs `image` or `build`", hint, problems);
    }
    let (entrypoint, command) = (map.command("entrypoint", problems), map.command("command", problems));
    let port = map.number("port", problems).and_then(|port| u16::try_from(port).ok());
    let env = map.get("env").map_or(Some(BTreeMap::new()), |field| env(&field, own.scope, problems));
    let secrets = map.get("secrets").map_or(Some(BTreeMap::new()), |field| own_secrets(&field, own, problems));
    if let (Some(env), Some(secrets)) = (&env, &secrets) {
        for name in secrets.keys().filter(|name| env.contains_key(*name)) {
            map.wrong("secrets", format!("{name} is both in `env` and in `secrets`"), "keep one of them", problems);
        }
    }
    let volumes = volumes::mounts(&map, own.volumes, problems);
    let essential = map.truth("essential", problems);
    let depends_on = dependencies(&map, others, own.name, problems);
    let check = map.get("health").map(|field| {
        let map = Map::new(field.node, &field.path, &CHECK, problems)?;
        let _ = map.required("command", problems);
        check_of(&map, problems)
    });
    let stop_timeout = map.seconds("stop_timeout", problems);
    Some(Sidecar {
        image: image.map_or(Some(None), |image| image.map(Some))?,
        files: files?,
        entrypoint: entrypoint?,
        command: command?,
        port,
        env: env?,
        secrets: secrets?,
        volumes: volumes?,
        essential: essential?,
        depends_on: depends_on?,
        check: check.map_or(Some(None), |check| check.map(Some))?,
        stop_timeout: stop_timeout?,
    })
}

/// Decodes a sidecar's health check.
fn check_of(map: &Map, problems: &mut Collector) -> Option<Check> {
    let command = map.command("command", problems);
    let (interval, timeout) = (map.seconds("interval", problems), map.seconds("timeout", problems));
    let (retries, start) = (map.number("retries", problems), map.seconds("start", problems));
    Some(Check { command: command?, interval: interval?, timeout: timeout?, retries: retries?, start: start? })
}

fn env(field: &Field, scope: &Scope, problems: &mut Collector) -> Option<BTreeMap<String, Template>> {
    let entries = Entries::new(field.node, &field.path, problems)?;
    let mut env = BTreeMap::new();
    for field in entries.fields() {
        environment::is_variable(&field, problems);
        let hint = |name: &str, text: &str| {
            format!("write `secrets: {{ {name}: {text} }}` in the service, and `secrets: {{ {name}: shared }}` here")
        };
        if let Some(value) = environment::plain(&field, scope, hint, problems) {
            env.insert(field.key.text.clone(), value);
        }
    }
    Some(env)
}

fn own_secrets(field: &Field, own: &Own, problems: &mut Collector) -> Option<BTreeMap<String, SidecarSecret>> {
    let entries = Entries::new(field.node, &field.path, problems)?;
    let mut all = BTreeMap::new();
    for field in entries.fields() {
        environment::is_variable(&field, problems);
        let name = field.key.text.clone();
        if field.node.what() == "a mapping" {
            match secrets::kept(&field, problems)? {
                SecretFrom::SecretsManager { arn, key } => {
                    drop(all.insert(name, SidecarSecret::SecretsManager { arn, key }));
                }
                SecretFrom::Parameter { id } => drop(all.insert(name, SidecarSecret::Parameter { id })),
                SecretFrom::Generate | SecretFrom::Set | SecretFrom::Composed(_) => {}
            }
            continue;
        }
        if field.text(problems)? != "shared" {
            let hint = format!(
                "write `shared` for the secret of this name of the service, or `{{ from: … }}` with an ARN or a parameter name; declare \
                 others in `secrets` of `{}`",
                own.name
            );
            field.wrong("stack.yaml cannot contain the value of a secret", hint, problems);
        } else if !own.secrets.contains(&name) {
            let hint = meant(&name, own.secrets.iter().map(String::as_str))
                .unwrap_or_else(|| format!("add `{name}` to `secrets` of `{}`", own.name));
            field.wrong(format!("`{}` has no secret {name}", own.name), hint, problems);
        }
        all.insert(name, SidecarSecret::Shared);
    }
    Some(all)
}

/// Decodes `depends_on` of one container; `others` are the containers that it can wait for.
fn dependencies(
    map: &Map,
    others: &[&str],
    service: &str,
    problems: &mut Collector,
) -> Option<BTreeMap<String, Condition>> {
    const SIDE_BY_SIDE: &str = "remove it; services start in parallel, and `release` runs a command before new tasks serve. \
         `depends_on` is for the containers of one task, such as `depends_on: { proxy: healthy }`";
    let Some(field) = map.get("depends_on") else { return Some(BTreeMap::new()) };
    if field.node.what() == "a list" {
        let hint =
            if others.is_empty() { SIDE_BY_SIDE } else { "write a mapping such as `depends_on: { proxy: start }`" };
        field.wrong("expected a mapping, found a list", hint, problems);
        return None;
    }
    let mut all = BTreeMap::new();
    for field in Entries::new(field.node, &field.path, problems)?.fields() {
        let name = field.key.text.clone();
        if !others.contains(&name.as_str()) {
            let hint = meant(&name, others.iter().copied()).unwrap_or_else(|| SIDE_BY_SIDE.to_owned());
            let message = format!("container `{name}` not found in the tasks of `{service}`");
            problems.add(field.key.span, &field.path, message, hint);
            continue;
        }
        all.insert(name, field.word(&CONDITIONS, problems)?);
    }
    Some(all)
}

/// Decodes `target_container`: the sidecar that receives the load balancer's requests.
fn target(
    service: &Map,
    sidecars: &BTreeMap<String, Sidecar>,
    names: &[&str],
    problems: &mut Collector,
) -> Option<(String, Option<u16>)> {
    let name = service.text("target_container", problems)?;
    match sidecars.get(&name) {
        Some(sidecar) if sidecar.port.is_none() => {
            let hint = format!("add `port: 8080` to the sidecar `{name}`");
            service.wrong("target_container", format!("the sidecar `{name}` has no `port`"), hint, problems);
        }
        None if !names.contains(&name.as_str()) => {
            let hint = meant(&name, names.iter().copied())
                .unwrap_or_else(|| "name one of `sidecars`, or remove it for the container of the service".to_owned());
            service.wrong("target_container", format!("sidecar `{name}` not found"), hint, problems);
        }
        _ => {}
    }
    let port = sidecars.get(&name).and_then(|sidecar| sidecar.port);
    Some((name, port))
}

/// Reports dependencies that can never be fulfilled.
fn ordered(service: &Map, beside: &Beside, own: &Own, problems: &mut Collector) {
    let all: BTreeMap<&str, &BTreeMap<String, Condition>> = beside
        .sidecars
        .iter()
        .map(|(name, sidecar)| (name.as_str(), &sidecar.depends_on))
        .chain([(own.name, &beside.depends_on)])
        .collect();
    for (waiting, dependencies) in &all {
        for (name, condition) in *dependencies {
            let sidecar = beside.sidecars.get(name);
            let is_checked = sidecar.map_or(own.is_checked, |sidecar| sidecar.check.is_some());
            match condition {
                Condition::Healthy if !is_checked => {
                    let message =
                        format!("`{waiting}` waits for `{name}` to be healthy, and `{name}` has no health check");
                    let hint = format!("add `health: {{ command: [check] }}` to `{name}`, or wait for `start`");
                    place(service, waiting, own, name).wrong(message, hint, problems);
                }
                Condition::Complete | Condition::Success if sidecar.is_none_or(|sidecar| sidecar.essential) => {
                    let message =
                        format!("`{waiting}` waits for `{name}` to exit, and the task stops when `{name}` exits");
                    let hint = match sidecar {
                        Some(_) => format!("add `essential: false` to `{name}`"),
                        None => {
                            "wait for `start` or `healthy`; the container of the service is always essential".to_owned()
                        }
                    };
                    place(service, waiting, own, name).wrong(message, hint, problems);
                }
                _ => {}
            }
        }
    }
    if let Some(circle) = circle(&all) {
        let message = format!("these containers wait for each other: {}", circle.join(" \u{2192} "));
        let place = place(service, circle[0], own, circle[1]);
        place.wrong(message, "remove one of them from `depends_on`", problems);
    }
}

/// Returns the field in which the container `waiting` depends on `name`.
fn place<'a>(service: &Map<'a>, waiting: &str, own: &Own, name: &str) -> Field<'a> {
    let within = |field: Field<'a>, key: &str| {
        let entries = Entries::new(field.node, &field.path, &mut Collector::default());
        entries.and_then(|entries| entries.fields().find(|field| field.key.text == key)).unwrap_or(field)
    };
    let of_service = |key: &str| service.fields().find(|field| field.key.text == key);
    let field = if waiting == own.name {
        of_service("depends_on")
    } else {
        of_service("sidecars").map(|field| within(within(field, waiting), "depends_on"))
    };
    within(field.expect("who waits says so"), name)
}

/// Returns a dependency cycle, if there is one.
fn circle<'a>(all: &BTreeMap<&'a str, &'a BTreeMap<String, Condition>>) -> Option<Vec<&'a str>> {
    fn walk<'a>(all: &BTreeMap<&'a str, &'a BTreeMap<String, Condition>>, way: &mut Vec<&'a str>) -> bool {
        let Some(last) = way.last() else { return false };
        for name in all.get(last).into_iter().flat_map(|dependencies| dependencies.keys()) {
            if let Some(begin) = way.iter().position(|known| known == name) {
                way.drain(..begin);
                way.push(name);
                return true;
            }
            way.push(name);
            if walk(all, way) {
                return true;
            }
            way.pop();
        }
        false
    }
    all.keys().find_map(|name| {
        let mut way = vec![*name];
        walk(all, &mut way).then_some(way)
    })
}
