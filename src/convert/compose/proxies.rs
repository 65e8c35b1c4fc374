//! Proxies of the files: those that only pass requests on give way to the load balancer, the others stay with their configuration.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{
    images::{Proxy, Role},
    marks,
    ports::published,
    proxy::{self, Passed},
    rewrite::{Facts, hosts_of},
    service::Service,
    words,
    work::Work,
};
use crate::convert::source::Item;

/// The most files of a folder that are read, and their length in bytes.
const MOST: usize = 50;
const LONGEST: u64 = 256 * 1024;

/// Lets the load balancer take the place of proxies that only pass requests on. Those that do more stay.
pub(super) fn replace(services: &mut [Service], work: &mut Work<'_>) {
    let proxies: Vec<usize> =
        services.iter().enumerate().filter(|(_, one)| matches!(one.role, Role::Proxy(_))).map(|(at, _)| at).collect();
    for at in proxies {
        let proxy = services[at].clone();
        let is_behind = |one: &&Service| matches!(one.role, Role::Program | Role::Server(_));
        let kept: Vec<&Service> = services.iter().filter(is_behind).collect();
        let configuration = configuration(&proxy, work);
        let passed = match &configuration {
            Some(text) => simple(&proxy, text),
            None => guessed(&proxy, &kept, &work.facts),
        };
        let is_known = |one: &Passed| kept.iter().any(|service| service.hosts.contains(&one.upstream));
        let Some(passed) = passed.filter(|passed| passed.iter().all(is_known)) else {
            stays(&proxy, configuration.as_deref().unwrap_or_default(), work);
            continue;
        };
        for one in &passed {
            let Some(service) = kept.iter().find(|service| service.hosts.contains(&one.upstream)) else { continue };
            let reach = work.reach.entry(service.key.clone()).or_default();
            reach.is_public = true;
            reach.port = one.port.or(reach.port);
            reach
                .hosts
                .extend(one.hosts.iter().filter(|host| !reach.hosts.contains(host)).cloned().collect::<Vec<_>>());
            if !one.path.is_empty() && !reach.paths.contains(&one.path) {
                reach.paths.push(one.path.clone());
            }
        }
        services[at].role = Role::Helper("left out: the load balancer replaces it, with a certificate from ACM");
        // Its ports are those of the load balancer.
        published(&proxy).iter().for_each(|(_, place)| work.ledger().take_back(*place));
        work.facts.hosts.kept.retain(|host, _| !proxy.hosts.contains(host));
        work.facts.hosts.gone.extend(proxy.hosts.iter().map(|host| (host.clone(), false)));
        work.reach.remove(&proxy.key);
    }
}

/// What a configuration passes on, if it does nothing else.
fn simple(proxy: &Service, text: &str) -> Option<Vec<Passed>> {
    match proxy.role {
        Role::Proxy(Proxy::Nginx) => proxy::nginx(text),
        Role::Proxy(Proxy::Caddy) => proxy::caddy(text, &|name| proxy.variable(name).map(str::to_owned)),
        _ => None,
    }
}

/// The names that a proxy answers to are those of the load balancer.
fn stays(proxy: &Service, text: &str, work: &mut Work<'_>) {
    let hosts = match proxy.role {
        Role::Proxy(Proxy::Nginx) => proxy::nginx_hosts(text),
        Role::Proxy(Proxy::Caddy) => proxy::caddy_hosts(text, &|name| proxy.variable(name).map(str::to_owned)),
        _ => Vec::new(),
    };
    let reach = work.reach.entry(proxy.key.clone()).or_default();
    for host in hosts {
        if !reach.hosts.contains(&host) {
            reach.hosts.push(host);
        }
    }
}

/// Its configuration, if all of it is here.
fn configuration(service: &Service, work: &Work<'_>) -> Option<String> {
    let mounts = service.at(&["volumes"]).map(Item::items).unwrap_or_default();
    let paths: Vec<String> = mounts
        .iter()
        .filter_map(words::mounted)
        .filter(|mount| {
            mount.target.contains("/etc/nginx") || mount.target.ends_with("Caddyfile") || mount.target == "/etc/caddy"
        })
        .filter(|mount| !["ssl", "certs", "dhparam"].iter().any(|word| mount.target.contains(word)))
        .filter_map(|mount| mount.source)
        .collect();
    let texts: Vec<String> = paths.iter().filter_map(|path| text_of(&work.folder, path)).collect();
    if texts.is_empty() || texts.len() != paths.len() {
        return None;
    }
    let text = texts.join("\n");
    // Templates of nginx's image have variables of the container.
    let filled = service.variables.iter().filter(|variable| marks::is_whole(&variable.value));
    Some(filled.fold(text, |text, variable| text.replace(&format!("${{{}}}", variable.name), &variable.value)))
}

/// The text of a file of the project, or of the files of a folder.
pub(super) fn text_of(folder: &Path, path: &str) -> Option<String> {
    let path = folder.join(path.trim_start_matches("./"));
    let read = |path: &Path| {
        let is_short = std::fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() <= LONGEST);
        is_short.then(|| std::fs::read_to_string(path).ok()).flatten()
    };
    if !path.is_dir() {
        return read(&path);
    }
    let mut files: Vec<PathBuf> = std::fs::read_dir(&path).ok()?.flatten().map(|entry| entry.path()).collect();
    files.sort_unstable();
    let texts: Vec<String> = files.iter().take(MOST).filter_map(|path| read(path)).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// Without its configuration: the only service that it can be before, if it serves no files of that.
fn guessed(proxy: &Service, kept: &[&Service], facts: &Facts) -> Option<Vec<Passed>> {
    let sources = |service: &Service| -> BTreeSet<String> {
        let items = service.at(&["volumes"]).map(Item::items).unwrap_or_default();
        items.iter().filter_map(|item| item.text().and_then(|text| words::mount(text).source)).collect()
    };
    let own = sources(proxy);
    let shares = |service: &&&Service| {
        sources(service)
            .iter()
            .any(|source| own.iter().any(|other| other == source || other.starts_with(&format!("{source}/"))))
    };
    let depends = proxy.at(&["depends_on"]).map(Item::entries).unwrap_or_default();
    let mut before: Vec<&&Service> =
        kept.iter().filter(|service| depends.iter().any(|entry| entry.key == service.name)).collect();
    if before.is_empty() {
        let networks = |service: &Service| -> BTreeSet<String> {
            let entries = service.at(&["networks"]).map(Item::entries).unwrap_or_default();
            entries.iter().map(|entry| entry.key.clone()).collect()
        };
        let own = networks(proxy);
        before = kept.iter().filter(|service| networks(service).intersection(&own).next().is_some()).collect();
    }
    let [one] = before.as_slice() else { return None };
    let variables = proxy.variables.iter().flat_map(|variable| hosts_of(&variable.value, facts));
    let named: BTreeSet<String> = variables.map(|(host, _)| host).collect();
    if kept.iter().any(|other| other.name != one.name && other.hosts.iter().any(|host| named.contains(host))) {
        return None;
    }
    if kept.iter().filter(shares).count() > 0 {
        return None;
    }
    let path = "/*".to_owned();
    Some(vec![Passed { hosts: Vec::new(), path, upstream: one.name.clone(), port: None }])
}
