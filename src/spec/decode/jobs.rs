//! Decodes `jobs`: commands that run on a schedule, with a service's image or their own.

use std::collections::BTreeMap;

use super::{
    buckets, calls, environment, files,
    image::image,
    logs, permissions, schedule, secrets, security_groups,
    service::{fits_in_definition, fits_in_overrides},
    size::size,
    volumes,
};
use crate::spec::{
    check,
    keys::{ARCH, JOB},
    limits,
    nearest::meant,
    problem::Collector,
    read::{Entries, Field, Map},
    scope::Scope,
    service::{ImageFrom, Service},
    stack::{Job, Runs},
};

/// The keys that only a job with its own image can have. A job with a service's image uses the service's settings.
const OF_OWN: [&str; 10] =
    ["entrypoint", "arch", "volumes", "secrets", "files", "calls", "security_groups", "buckets", "permissions", "logs"];

/// The parts of the stack that jobs can refer to.
struct Beside<'a> {
    /// The whole file.
    root: &'a Map<'a>,
    /// The services as written, so that a reference to an invalid service is not reported as unknown.
    services: &'a [Field<'a>],
    /// The names that values can refer to.
    scope: &'a Scope,
    /// The buckets, by name.
    buckets: &'a [&'a str],
    /// The volumes, by name.
    volumes: &'a [&'a str],
}

impl Beside<'_> {
    fn names(&self) -> Vec<&str> {
        let there = self.services.iter().filter(|service| !service.node.is_null());
        there.map(|service| service.key.text.as_str()).collect()
    }
}

/// Decodes the jobs of the stack `root`. `scope` has the names that values can refer to.
pub(super) fn jobs(field: &Field, root: &Map, scope: &Scope, problems: &mut Collector) -> BTreeMap<String, Job> {
    let Some(entries) = Entries::new(field.node, &field.path, problems) else { return BTreeMap::new() };
    let services = root.get("services");
    let services = services.iter().filter_map(|field| Entries::new(field.node, &field.path, &mut Collector::default()));
    let services: Vec<Field> = services.flat_map(|entries| entries.fields().collect::<Vec<_>>()).collect();
    let (buckets, volumes) = (&buckets::declared(root)[..], &volumes::declared(root)[..]);
    let beside = Beside { root, services: &services, scope, buckets, volumes };
    let mut jobs = BTreeMap::new();
    for field in entries.fields() {
        let name = &field.key.text;
        if !check::is_name(name, check::LONGEST_NAME) {
            let hint = "use 2 to 20 characters of a-z, 0-9 and -, beginning with a letter";
            problems.add(field.key.span, &field.path, format!("invalid job name `{name}`"), hint);
        }
        // An empty entry counts as absent: an environment removes a job with `null`.
        if field.node.is_null() {
            continue;
        }
        if let Some(job) = job(&field, &beside, problems) {
            jobs.insert(name.clone(), job);
        }
    }
    jobs
}

fn job(field: &Field, beside: &Beside, problems: &mut Collector) -> Option<Job> {
    let map = Map::new(field.node, &field.path, &JOB, problems)?;
    let has_image = map.get("build").is_some() || map.get("image").is_some();
    let runs = match map.get("service") {
        Some(of) if has_image => {
            let hint = "keep `service` to use the image of a service, or `build` or `image` for another one";
            of.wrong("found more than one of `service`, `build` and `image`", hint, problems);
            None
        }
        None if !has_image => {
            let service = beside.names().first().map_or("web", |name| *name).to_owned();
            let hint = format!(
                "add `service: {service}` to use the image of that service, or `build` or `image` for another one"
            );
            problems.add(field.key.span, &field.path, format!("`{}` has no image", field.key.text), hint);
            // Decode the rest anyway, to report its other problems.
            own(field, &map, None, beside, problems).map(|own| Runs::Own(Box::new(own)))
        }
        Some(of) => of_service(&of, &map, beside, problems),
        None => {
            let image = image(&map, field, problems);
            own(field, &map, image, beside, problems).map(|own| Runs::Own(Box::new(own)))
        }
    };
    let command = map.command("command", problems);
    if !has_image && map.get("command").is_none() {
        map.required_such_as("command", "[report]", problems);
    }
    let container = runs.as_ref().map_or("", |runs| runs.container(&field.key.text));
    fits_in_overrides(&map, "command", container, command.as_deref(), problems);
    environment::files(&map, problems);
    let schedule = map.required("schedule", problems).and_then(|field| {
        let schedule = field.text(problems)?;
        if let Some((why, hint)) = schedule::problem(&schedule) {
            field.wrong(format!("invalid schedule `{schedule}`: {why}"), hint, problems);
        }
        Some(schedule)
    });
    let timezone = map.text("timezone", problems);
    let timeout = map.seconds("timeout", problems);
    let retries = map.number("retries", problems);
    let job =
        Job { runs: runs?, command: command?, schedule: schedule?, timezone: timezone?, timeout, retries: retries? };
    if job.has_definition() && beside.names().contains(&field.key.text.as_str()) {
        let hint = "rename one of the two; both have a task definition of this name";
        problems.add(field.key.span, &field.path, format!("a service `{}` already exists", field.key.text), hint);
    }
    Some(job)
}

/// Decodes a job that runs like a service, except for the keys that it sets.
fn of_service(of: &Field, map: &Map, beside: &Beside, problems: &mut Collector) -> Option<Runs> {
    let name = of.text(problems)?;
    let names = beside.names();
    if !names.contains(&name.as_str()) {
        let hint = meant(&name, names.iter().copied()).unwrap_or_else(|| format!("use one of: {}", names.join(", ")));
        of.wrong(format!("service `{name}` not found"), hint, problems);
    }
    for key in OF_OWN {
        let hint = format!("write it in the service `{name}`; the job uses its image, secrets and permissions");
        map.wrong(key, format!("`{key}` is not allowed in a job with `service`"), hint, problems);
    }
    let sized = map.get("cpu").is_some() || map.get("memory").is_some();
    let size = if sized { size(map, problems) } else { (None, None) };
    let env = map.get("env").map_or(Some(BTreeMap::new()), |field| environment::env(&field, beside.scope, problems));
    Some(Runs::Service { name, size: size.0.zip(size.1), env: env? })
}

/// Decodes a job with its own image: a service without a port.
fn own(
    field: &Field,
    map: &Map,
    image: Option<ImageFrom>,
    beside: &Beside,
    problems: &mut Collector,
) -> Option<Service> {
    let entrypoint = map.command("entrypoint", problems);
    let arch = map.word("arch", &ARCH, problems);
    let (cpu, memory) = size(map, problems);
    let calls = calls::calls(map, &field.key.text, beside.services, problems);
    let calling = calls.as_ref().is_some_and(|calls| !calls.is_empty());
    let security_groups = security_groups::of(map, beside.root, calling, problems);
    let scope = &calls::scope(beside.scope, calls.as_deref().unwrap_or_default(), beside.services);
    let buckets = buckets::used(map, beside.buckets, problems);
    let volumes = volumes::mounts(map, beside.volumes, problems);
    let files = files::files(map, problems);
    let env = map.get("env").map_or(Some(BTreeMap::new()), |field| environment::env(&field, scope, problems));
    let secrets = map.get("secrets").map_or(Some(BTreeMap::new()), |field| secrets::secrets(&field, scope, problems));
    if let (Some(env), Some(secrets)) = (&env, &secrets) {
        environment::apart(field, env, secrets, problems);
        let size = limits::Definition::of(env.iter(), secrets.keys(), entrypoint.iter().flatten());
        fits_in_definition(map, field, &size, problems);
    }
    let permissions = permissions::of(map, buckets.as_ref().map_or(0, Vec::len), problems);
    let log_days = logs::days(map, problems);
    Some(Service {
        entrypoint: entrypoint?,
        arch: arch?,
        cpu: cpu?,
        memory: memory?,
        calls: calls?,
        security_groups: security_groups?,
        files: files?,
        log_days: log_days?,
        env: env?,
        secrets: secrets?,
        buckets: buckets?,
        volumes: volumes?,
        permissions: permissions?,
        ..Service::without_requests(image?)
    })
}
