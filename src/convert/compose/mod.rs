//! Compose files as a stack.yaml: they are read by Compose's own rules, each service is given a role, and each of its keys a verdict.

mod choice;
mod cron;
mod extensions;
mod images;
mod known;
mod labels;
mod load;
mod marks;
mod ports;
mod processes;
mod program;
mod proxies;
mod proxy;
mod reach;
mod rest;
mod rewrite;
mod routes;
mod schedule;
mod service;
mod stores;
mod words;
mod work;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use self::{
    images::Role,
    load::Request,
    rewrite::{Called, Facts},
    service::Service,
    work::Work,
};
use super::{
    conversion::{Answers, Conversion, Open, Options},
    page::{Map, Page, Value},
    secrecy::is_secret,
    source::Item,
};
use crate::document::problem::Problems;

/// The order of a service's keys.
const ORDER: &[&str] = &[
    "build",
    "image",
    "entrypoint",
    "command",
    "arch",
    "port",
    "expose",
    "cpu",
    "memory",
    "replicas",
    "replace",
    "host",
    "domains",
    "routes",
    "health",
    "release",
    "calls",
    "user",
    "init",
    "read_only",
    "ulimits",
    "stop_timeout",
    "env_file",
    "env",
    "secrets",
    "without",
    "files",
    "buckets",
    "volumes",
    "tmpfs",
    "depends_on",
    "sidecars",
];

/// The order of the keys at the top.
const TOP: &[&str] =
    &["name", "region", "load_balancer", "database", "cache", "buckets", "volumes", "services", "jobs"];

/// What is asked for beside the files.
pub(crate) struct Asked<'a> {
    /// The files, or their folder; none for those that Compose takes by itself.
    pub(crate) files: &'a [PathBuf],
    pub(crate) profiles: &'a [String],
    /// The caller's environment.
    pub(crate) caller: &'a dyn Fn(&str) -> Option<String>,
}

/// Converts Compose files.
///
/// # Errors
/// A file is missing, is not YAML, or is none that Compose reads.
pub(crate) fn convert(asked: &Asked<'_>, options: &Options, answers: &dyn Answers) -> Result<Conversion, Problems> {
    let request = Request { files: asked.files, folder: &options.folder, caller: asked.caller };
    let mut project = load::load(&request)?;
    let services = service::read(&mut project, &options.folder)?;
    let named = project.root.at(&["name"]).and_then(Item::text).map(str::to_owned);
    let named = named.filter(|name| marks::is_whole(name)).or_else(|| project.variables.value("COMPOSE_PROJECT_NAME"));
    let named = named.or_else(|| {
        let folder = project.home.canonicalize().ok()?;
        folder.file_name().map(|name| name.to_string_lossy().into_owned())
    });
    let name = options.stack_name(named.as_deref());
    let mut page = Page { head: head(&project), root: Map::default() };
    page.root.set("name", Value::text(name.clone()));
    let mut open = Open::new(answers);
    open.settle_region(options, &mut page.root);
    let mut work = Work {
        project,
        open,
        page,
        facts: Facts::default(),
        folder: options.folder.clone(),
        name,
        secrets: BTreeMap::new(),
        volumes: BTreeMap::new(),
        reach: BTreeMap::new(),
        other_names: BTreeSet::new(),
        users: BTreeSet::new(),
    };
    stack(services, asked.profiles, &mut work)?;
    Ok(finished(work))
}

/// Writes all of the stack.
fn stack(services: Vec<Service>, profiles: &[String], work: &mut Work<'_>) -> Result<(), Problems> {
    let all_names: Vec<String> = services.iter().map(|service| service.name.clone()).collect();
    let (mut services, left) = choice::by_profile(services, profiles, work);
    for service in &mut services {
        if !matches!(service.role, Role::Helper(_) | Role::Scheduler | Role::Impossible(_))
            && let Some(instead) = choice::impossible(service)
        {
            service.role = Role::Impossible(instead);
        }
        if reach::takes_mail(service) {
            service.role =
                Role::Helper("left out: the stack cannot receive mail. Use SES, or a mail provider that calls a URL");
        }
    }
    facts(&services, &left, work);
    reach::find(&services, work);
    proxies::replace(&mut services, work);
    choice::releases(&mut services, work);
    schedule::write(&services, work);
    choice::tell(&services, work);
    stores::write(&services, work);

    let builders: Vec<&Service> = services.iter().filter(|service| service.entry("build").is_some()).collect();
    let kept: Vec<&Service> = services.iter().filter(|service| service.is_kept()).collect();
    routes::ask_for_a_port(&kept, work);
    let mut calls: BTreeMap<String, Vec<Called>> = BTreeMap::new();
    for service in &kept {
        work.service(&service.key);
    }
    // Others refer to the secrets of servers.
    let (servers, others): (Vec<&Service>, Vec<&Service>) =
        kept.iter().partition(|service| matches!(service.role, Role::Server(_)));
    for service in servers.into_iter().chain(others) {
        let called = program::write(service, &builders, work);
        calls.insert(service.key.clone(), called);
        if service.role == Role::Program {
            cron::write(service, work);
        }
        if matches!(service.role, Role::Server(server) if server.keeps_state) {
            work.service(&service.key).set("replace", Value::text("stop-first"));
            let how = "one task, which stops before the next one starts: each release of this service is an outage";
            work.ledger().approximated(service.place, Some(&format!("services.{}", service.key)), how);
        }
    }
    if !work.other_names.is_empty() {
        let names: Vec<&str> = work.other_names.iter().map(String::as_str).collect();
        let had = if names.len() == 1 { "was a separate database" } else { "were separate databases" };
        let names = names.join(", ");
        let comment = format!(
            "Decide: {names} {had}. All programs now share this one: give each a schema, a stack, or a database that \
             you create on this instance (CREATE DATABASE) and name in its variables."
        );
        work.page.root.comment("database", comment);
    }
    called_by_order(&kept, &mut calls, work);
    let mut ports: BTreeMap<String, Vec<u16>> = BTreeMap::new();
    for called in calls.values().flatten() {
        ports.entry(called.key.clone()).or_default().extend(called.port);
    }
    let proxies = kept.iter().filter(|service| matches!(service.role, Role::Proxy(_)));
    let behind: BTreeSet<String> =
        proxies.filter_map(|proxy| calls.get(&proxy.key)).flatten().map(|called| called.key.clone()).collect();
    routes::write(&kept, &ports, &behind, work);
    for (key, mut called) in calls {
        called.sort_unstable();
        let mut keys: Vec<String> = called.into_iter().map(|called| called.key).collect();
        keys.dedup();
        if !keys.is_empty() {
            work.service(&key).set("calls", Value::texts(keys));
        }
    }
    processes::write(&kept, work)?;
    for service in &services {
        if service.is_kept() {
            rest::of_service(service, &all_names, work);
        }
    }
    rest::of_env(&services, work);
    rest::at_the_top(&services, work);
    for service in &kept {
        work.service(&service.key).order(ORDER);
    }
    Ok(())
}

/// A service that another waits for, and that is not reached from outside, is called by it.
fn called_by_order(kept: &[&Service], calls: &mut BTreeMap<String, Vec<Called>>, work: &Work<'_>) {
    for service in kept {
        for entry in service.at(&["depends_on"]).map(Item::entries).unwrap_or_default() {
            let Some(other) = kept.iter().find(|other| other.name == entry.key) else { continue };
            let reach = work.reach.get(&other.key).cloned().unwrap_or_default();
            let is_known = reach.port.or(reach.assumed).is_some() || !reach.expose.is_empty();
            let list = calls.entry(service.key.clone()).or_default();
            let is_before = matches!(service.role, Role::Proxy(_));
            if !reach.is_public && (is_known || is_before) && !list.iter().any(|called| called.key == other.key) {
                list.push(Called { key: other.key.clone(), port: None });
            }
        }
    }
}

fn facts(services: &[Service], left: &[Service], work: &mut Work<'_>) {
    let mut facts = Facts::of(services);
    facts.leave_out(left);
    if !facts.has_database {
        let kept = services.iter().filter(|service| service.is_kept());
        let named = kept.flat_map(|service| &service.variables).any(|one| rewrite::names_database(&one.value, &facts));
        facts.has_database = named;
        for service in services.iter().filter(|service| service.is_kept() && named) {
            for variable in &service.variables {
                facts.hosts.database.extend(rewrite::database_host(&variable.value, &facts));
            }
        }
    }
    facts.is_cache_plain = rewrite::has_plain_cache(services, &facts);
    let variables = services.iter().flat_map(|service| &service.variables);
    for (name, value) in
        variables.map(|variable| (variable.name.clone(), variable.value.clone())).chain(work.project.variables.known())
    {
        if is_secret(&name, &value) && !value.contains("://") {
            facts.known.add(&value);
        }
    }
    for service in services.iter().filter(|service| matches!(service.role, Role::Server(_))) {
        let words = service.words("command").unwrap_or_default();
        let values = service.variables.iter().map(|variable| variable.value.clone());
        let flags = words.iter().filter_map(|word| word.split_once('=').map(|(_, value)| value.to_owned()));
        let all: Vec<String> = values.chain(flags).filter(|value| !value.is_empty()).collect();
        if let Role::Server(server) = service.role {
            for (flag, _) in server.flags {
                let of_flag = words.iter().find_map(|word| word.strip_prefix(&format!("{flag}=")));
                of_flag.into_iter().for_each(|value| facts.known.add(value));
            }
        }
        facts.of_servers.extend(all);
    }
    work.facts = facts;
}

/// The comment at the top of stack.yaml.
fn head(project: &load::Project<'_>) -> Vec<String> {
    let names: Vec<String> = project
        .files
        .iter()
        .map(|path| path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()))
        .collect();
    let mut head = vec![format!("Converted from {}.", names.join(", "))];
    if let Some(example) = project.variables.example.as_deref().and_then(|path| path.file_name()) {
        head.push(format!("Decide: no .env found. The values come from {}.", example.to_string_lossy()));
    }
    head
}

fn finished(work: Work<'_>) -> Conversion {
    let Work { mut project, open, mut page, .. } = work;
    if let Some(Value::Map(volumes)) = page.root.get("volumes")
        && volumes.is_empty()
    {
        page.root.remove("volumes");
    }
    if page.root.get("services").is_none() {
        page.head.push("Decide: stackctl can run none of the services on AWS.".to_owned());
    }
    page.root.order(TOP);
    project.twins.settle(&mut project.ledger);
    let roots: Vec<&Item> = project.roots.iter().collect();
    let report = project.ledger.close(&project.sources, &roots);
    Conversion { page, report, open: open.questions }
}
