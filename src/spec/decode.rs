//! The sections of stack.yaml, from nodes to types, with defaults and checks.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::{Component, PathBuf},
};

use super::{
    check,
    problem::Collector,
    read::{Field, Map},
    stack::{Cidr, Database, ImageFrom, LoadBalancer, Nat, Network, SecretFrom, Service, Stack, Tls},
    yaml::Node,
};

/// The network's range where none is given.
const DEFAULT_CIDR: Cidr = Cidr { address: Ipv4Addr::new(10, 20, 0, 0), prefix: 16 };

/// The stack in `environment`; none if a problem leaves no stack to speak of.
pub(super) fn stack(root: &Node, environment: &str, problems: &mut Collector) -> Option<Stack> {
    let known = ["name", "region", "network", "database", "load_balancer", "services", "environments"];
    let later = ["cache", "jobs", "alarms", "bastion", "required_version"];
    let map = Map::new(root, "", &known, &later, problems)?;
    let name = map.required("name", "my-app", problems).and_then(|field| {
        let name = field.text(problems)?;
        if !check::is_name(&name, 20) {
            let hint = "2 to 20 of a-z, 0-9 and -, beginning with a letter, such as my-app";
            field.wrong(format!("`{name}` cannot name a stack"), hint, problems);
        }
        Some(name)
    });
    let region = map.required("region", "eu-west-1", problems).and_then(|field| {
        let region = field.text(problems)?;
        if !check::is_region(&region) {
            field.wrong(format!("`{region}` is no AWS region"), "such as eu-west-1 or us-east-2", problems);
        }
        Some(region)
    });
    let network = map.get("network").map_or_else(
        || Some(Network { cidr: DEFAULT_CIDR, zones: 2, nat: Nat::Single }),
        |field| network(&field, problems),
    );
    let database = map.get("database").and_then(|field| database(&field, problems));
    let services = map.required("services", "{ web: { build: app, port: 3000 } }", problems);
    let services = services.map(|field| self::services(&field, database.is_some(), problems)).unwrap_or_default();
    let mut load_balancer = map.get("load_balancer").and_then(|field| balancer(&field, problems));
    if services.values().all(|service| service.routes.is_empty()) {
        if let Some(field) = map.get("load_balancer").filter(|_| !services.is_empty()) {
            let hint = "give a service a `port`, or leave the load balancer out";
            field.wrong("no service is served by this load balancer", hint, problems);
        }
    } else if load_balancer.is_none() && map.get("load_balancer").is_none() {
        load_balancer = Some(LoadBalancer { tls: Tls::SelfSigned });
    }
    Some(Stack {
        name: name?,
        environment: environment.to_owned(),
        region: region?,
        network: network?,
        database,
        load_balancer,
        services,
    })
}

fn network(field: &Field, problems: &mut Collector) -> Option<Network> {
    let map = Map::new(
        field.node,
        &field.path,
        &["cidr", "zones", "nat"],
        &["vpc", "public_subnets", "private_subnets"],
        problems,
    )?;
    let cidr = map.get("cidr").map_or(Some(DEFAULT_CIDR), |field| cidr(&field, problems));
    let zones = map.get("zones").map_or(Some(2), |field| field.number(2, 4, problems));
    let words = [("none", Nat::None), ("single", Nat::Single), ("per-zone", Nat::PerZone)];
    let nat = map.get("nat").map_or(Some(Nat::Single), |field| field.word(&words, problems));
    Some(Network { cidr: cidr?, zones: u8::try_from(zones?).ok()?, nat: nat? })
}

fn cidr(field: &Field, problems: &mut Collector) -> Option<Cidr> {
    let text = field.text(problems)?;
    let parsed = text.split_once('/').and_then(|(address, prefix)| {
        Some(Cidr { address: address.parse().ok()?, prefix: prefix.parse().ok().filter(|prefix| *prefix <= 32)? })
    });
    let Some(cidr) = parsed else {
        field.wrong(format!("`{text}` is no range of addresses"), "such as 10.20.0.0/16", problems);
        return None;
    };
    let host_bits = u32::from(cidr.address) & u32::MAX.checked_shr(u32::from(cidr.prefix)).unwrap_or(0);
    if !(16..=20).contains(&cidr.prefix) {
        let hint = "AWS takes no larger network than /16, and four zones need at least /20";
        field.wrong(format!("`{text}` is not from /16 to /20"), hint, problems);
    } else if host_bits != 0 {
        let base = Ipv4Addr::from(u32::from(cidr.address) & !host_bits);
        field.wrong(
            format!("`{text}` does not begin where its prefix says"),
            format!("write {base}/{}", cidr.prefix),
            problems,
        );
    } else if !cidr.address.is_private() {
        let hint = "take a part of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16";
        field.wrong(format!("`{text}` is not private"), hint, problems);
    }
    Some(cidr)
}

fn database(field: &Field, problems: &mut Collector) -> Option<Database> {
    let known = ["version", "class", "storage", "multi_az", "backup_days", "protect"];
    let map = Map::new(field.node, &field.path, &known, &["users"], problems)?;
    let version = map.get("version").map_or(Some("16".to_owned()), |field| {
        let version = field.text(problems)?;
        let parts: Vec<Option<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
        if !matches!(parts.as_slice(), [Some(13..=18)] | [Some(13..=18), Some(_)]) {
            field.wrong(
                format!("`{version}` is no version of PostgreSQL that RDS has"),
                "from \"13\" to \"18\", or in full such as \"16.4\"",
                problems,
            );
        }
        Some(version)
    });
    let class = map.get("class").map_or(Some("db.t4g.micro".to_owned()), |field| {
        let class = field.text(problems)?;
        if !(class.starts_with("db.") && class.split('.').count() == 3) {
            field.wrong(format!("`{class}` is no DB instance class"), "such as db.t4g.micro or db.m7g.large", problems);
        }
        Some(class)
    });
    let storage = map.get("storage").map_or(Some(20), |field| field.number(20, 65536, problems));
    let multi_az = map.get("multi_az").map_or(Some(false), |field| field.truth(problems));
    let backup_days = map.get("backup_days").map_or(Some(7), |field| field.number(0, 35, problems));
    let protect = map.get("protect").map_or(Some(true), |field| field.truth(problems));
    Some(Database {
        version: version?,
        class: class?,
        storage: storage?,
        multi_az: multi_az?,
        backup_days: backup_days?,
        protect: protect?,
    })
}

fn balancer(field: &Field, problems: &mut Collector) -> Option<LoadBalancer> {
    let map = Map::new(field.node, &field.path, &["tls"], &["domain"], problems)?;
    let Some(field) = map.get("tls") else { return Some(LoadBalancer { tls: Tls::SelfSigned }) };
    let text = field.text(problems)?;
    if text == "acm" || text.starts_with("arn:") {
        field.wrong(format!("`tls: {text}` is not supported yet"), "`off` and `self-signed` are", problems);
        return None;
    }
    let tls = field.word(&[("off", Tls::Off), ("self-signed", Tls::SelfSigned)], problems)?;
    Some(LoadBalancer { tls })
}

fn services(field: &Field, database: bool, problems: &mut Collector) -> BTreeMap<String, Service> {
    let Some(map) = Map::open(field.node, &field.path, problems) else { return BTreeMap::new() };
    let all: Vec<Field> = map.fields().collect();
    if all.is_empty() {
        field.wrong("there is no service", "add one: services: { web: { build: app, port: 3000 } }", problems);
    }
    let mut services = BTreeMap::new();
    for field in &all {
        let name = &field.key.text;
        if !check::is_name(name, 20) {
            let hint = "2 to 20 of a-z, 0-9 and -, beginning with a letter";
            problems.add(field.key.span, &field.path, format!("`{name}` cannot name a service"), hint);
        }
        if let Some(service) = service(field, all.len() == 1, database, problems) {
            services.insert(name.clone(), service);
        }
    }
    overlaps(&all, &services, problems);
    services
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

fn service(field: &Field, alone: bool, database: bool, problems: &mut Collector) -> Option<Service> {
    let known = [
        "build",
        "image",
        "port",
        "cpu",
        "memory",
        "replicas",
        "health",
        "routes",
        "host",
        "block",
        "release",
        "stop_timeout",
        "env",
        "secrets",
    ];
    let map = Map::new(field.node, &field.path, &known, &["scale"], problems)?;
    let image = image(&map, field, problems);
    let port =
        map.get("port").and_then(|field| field.number(1, 65535, problems)).and_then(|port| u16::try_from(port).ok());
    let (cpu, memory) = size(&map, problems);
    let replicas = map.get("replicas").map_or(Some(1), |field| field.number(0, 1000, problems));
    let served = map.get("port").is_some();
    for key in ["health", "routes", "host", "block"] {
        if let Some(field) = map.get(key).filter(|_| !served) {
            field.wrong(
                format!("`{key}` needs a `port`"),
                "add `port: 3000`, or leave this out for a worker",
                problems,
            );
        }
    }
    let health = map.get("health").map_or(Some("/".to_owned()), |field| {
        let path = field.text(problems)?;
        if !path.starts_with('/') || path.len() > 1024 || path.contains(char::is_whitespace) {
            field.wrong(format!("`{path}` is no path"), "such as /status", problems);
        }
        Some(path)
    });
    let default_routes = if served && alone { vec!["/*".to_owned()] } else { Vec::new() };
    let routes = map.get("routes").map_or(Some(default_routes), |field| patterns(&field, problems));
    let host = map.get("host").and_then(|field| {
        let host = field.text(problems)?;
        if !check::is_host(&host) {
            field.wrong(format!("`{host}` is no host name"), "such as api.example.com", problems);
        }
        Some(host)
    });
    let block = map.get("block").map_or(Some(Vec::new()), |field| patterns(&field, problems));
    let release = map.get("release").map_or(Some(Vec::new()), |field| {
        let words: Vec<String> = field.texts(problems)?.into_iter().map(|(_, text)| text).collect();
        if words.is_empty() {
            field.wrong("there is no command", "such as [migrate], or leave `release` out", problems);
        }
        Some(words)
    });
    let stop_timeout = map.get("stop_timeout").map_or(Some(30), |field| field.seconds(2, 120, problems));
    let env = map.get("env").map_or(Some(BTreeMap::new()), |field| env(&field, database, problems));
    let secrets = map.get("secrets").map_or(Some(BTreeMap::new()), |field| secrets(&field, database, problems));
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
    Some(Service {
        image: image?,
        port,
        cpu: cpu?,
        memory: memory?,
        replicas: replicas?,
        health: health?,
        routes: routes?,
        host,
        block: block?,
        release: release?,
        stop_timeout: stop_timeout?,
        env: env?,
        secrets: secrets?,
    })
}

fn image(map: &Map, service: &Field, problems: &mut Collector) -> Option<ImageFrom> {
    match (map.get("build"), map.get("image")) {
        (Some(build), Some(_)) => {
            build.wrong("a service has `build` or `image`, not both", "keep one of them", problems);
            None
        }
        (None, None) => {
            let hint = "add `build: app` for a Cargo package, or `image: nginx:1.27`";
            problems.add(service.key.span, &service.path, format!("`{}` has no image", service.key.text), hint);
            None
        }
        (None, Some(field)) => {
            let name = field.text(problems)?;
            if name.is_empty() || name.contains(char::is_whitespace) {
                field.wrong(format!("`{name}` is no image"), "such as nginx:1.27", problems);
            }
            Some(ImageFrom::Named(name))
        }
        (Some(field), None) => {
            if field.node.what() == "a mapping" {
                let hint = "name the folder of a Cargo package: `build: app`";
                field.wrong("`build` from a Dockerfile is not supported yet", hint, problems);
                return None;
            }
            let folder = PathBuf::from(field.text(problems)?);
            let inside = folder.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
            if !inside || folder.as_os_str().is_empty() {
                field.wrong(
                    format!("`{}` is not below the folder of stack.yaml", folder.display()),
                    "name the package's folder, such as app",
                    problems,
                );
            }
            Some(ImageFrom::Package(folder))
        }
    }
}

fn size(map: &Map, problems: &mut Collector) -> (Option<u32>, Option<u32>) {
    let cpus = check::cpus();
    let most = cpus.last().copied().unwrap_or_default();
    let cpu = map.get("cpu").map_or(Some(256), |field| {
        let cpu = field.number(cpus[0], most, problems)?;
        if !cpus.contains(&cpu) {
            let known = list(&cpus);
            field.wrong(format!("Fargate has no {cpu} CPU units"), format!("it has: {known}"), problems);
            return None;
        }
        Some(cpu)
    });
    let memories = cpu.and_then(check::memory_for).unwrap_or_default();
    let Some(field) = map.get("memory") else { return (cpu, memories.first().copied().or(Some(512))) };
    let memory = field.number(512, 122_880, problems);
    if let (Some(cpu), Some(wanted)) = (cpu, memory)
        && !memories.contains(&wanted)
    {
        let near = memories.iter().min_by_key(|memory| memory.abs_diff(wanted)).copied().unwrap_or_default();
        let known = if memories.len() > 8 {
            format!("{} to {} in steps of {}", memories[0], memories[memories.len() - 1], memories[1] - memories[0])
        } else {
            list(&memories)
        };
        let message = format!("Fargate has no {wanted} MiB of memory with {cpu} CPU units");
        field.wrong(message, format!("with {cpu} it has {known}; the nearest is {near}"), problems);
    }
    (cpu, memory)
}

fn patterns(field: &Field, problems: &mut Collector) -> Option<Vec<String>> {
    let mut patterns = Vec::new();
    for (field, pattern) in field.texts(problems)? {
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

/// What stackctl gives every container itself.
fn reserved(name: &str, database: bool) -> bool {
    matches!(name, "PORT" | "APP_VERSION" | "STACK_NAME" | "STACK_ENVIRONMENT") || (database && name == "DATABASE_URL")
}

fn variable(field: &Field, database: bool, problems: &mut Collector) -> String {
    let name = field.key.text.clone();
    if !check::is_variable(&name) {
        let hint = "letters, digits and _, not beginning with a digit";
        problems.add(field.key.span, &field.path, format!("`{name}` cannot name an environment variable"), hint);
    } else if reserved(&name, database) {
        let hint = "leave it out, or take another name";
        problems.add(field.key.span, &field.path, format!("{name} is given to every container by stackctl"), hint);
    }
    name
}

fn env(field: &Field, database: bool, problems: &mut Collector) -> Option<BTreeMap<String, String>> {
    let map = Map::open(field.node, &field.path, problems)?;
    let mut env = BTreeMap::new();
    for field in map.fields() {
        let name = variable(&field, database, problems);
        env.insert(name, field.loose_text(problems)?);
    }
    Some(env)
}

fn secrets(field: &Field, database: bool, problems: &mut Collector) -> Option<BTreeMap<String, SecretFrom>> {
    let map = Map::open(field.node, &field.path, problems)?;
    let mut secrets = BTreeMap::new();
    for field in map.fields() {
        let name = variable(&field, database, problems);
        if field.node.what() == "a mapping" {
            field.wrong("a secret from an ARN is not supported yet", "`generate` is", problems);
            continue;
        }
        if field.text(problems)? == "generate" {
            secrets.insert(name, SecretFrom::Generate);
        } else {
            let hint = "write `generate`; a value itself never belongs into stack.yaml";
            field.wrong("a secret's value is not written here", hint, problems);
        }
    }
    Some(secrets)
}

fn list(numbers: &[u32]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
