//! Which services become part of the stack: profiles, helpers, and those that run once before others.

use std::collections::BTreeSet;

use super::{images::Role, program, service::Service, words, work::Work};
use crate::convert::{page::Value, source::Item};

/// Profiles that are for work on the program.
const FOR_WORK: &[&str] = &[
    "assets",
    "dev",
    "development",
    "test",
    "tests",
    "testing",
    "debug",
    "manual",
    "tools",
    "tool",
    "ci",
    "admin",
    "metrics",
    "monitoring",
];

/// Parts the services whose profiles are not asked for from the others.
pub(super) fn by_profile(
    services: Vec<Service>,
    asked: &[String],
    work: &mut Work<'_>,
) -> (Vec<Service>, Vec<Service>) {
    let profiles = |service: &Service| -> Vec<String> {
        let items = service.at(&["profiles"]).map(Item::items).unwrap_or_default();
        items.iter().filter_map(|item| item.text().map(str::to_owned)).collect()
    };
    let mut wanted: BTreeSet<String> = asked.iter().cloned().collect();
    let is_program = |service: &Service| service.role == Role::Program;
    let is_free = services.iter().any(|service| is_program(service) && profiles(service).is_empty());
    if asked.is_empty() && !is_free {
        let all: BTreeSet<String> = services.iter().flat_map(&profiles).collect();
        let default: Vec<&str> = all.iter().map(String::as_str).filter(|profile| !FOR_WORK.contains(profile)).collect();
        if !all.is_empty() {
            let default = default.join(",");
            let text = format!("Every service has a profile. The profiles to convert: {}", join(&all));
            let answer = work.open.ask("profiles", text, Some(&default)).unwrap_or(default);
            wanted.extend(answer.split(',').map(|profile| profile.trim().to_owned()));
        }
    }
    let (kept, left): (Vec<Service>, Vec<Service>) = services.into_iter().partition(|service| {
        let own = profiles(service);
        own.is_empty() || wanted.contains("*") || own.iter().any(|profile| wanted.contains(profile))
    });
    for service in &left {
        let how = format!(
            "left out: it belongs to the profile {}. To convert it, add `--profile`",
            profiles(service).join(", ")
        );
        work.ledger().approximated(service.place, None, how);
    }
    (kept, left)
}

fn join(all: &BTreeSet<String>) -> String {
    all.iter().map(String::as_str).collect::<Vec<&str>>().join(", ")
}

/// Tells of the services that are left out, and of those that AWS cannot run.
pub(super) fn tell(services: &[Service], work: &mut Work<'_>) {
    for service in services {
        match service.role {
            Role::Helper(why) => work.ledger().approximated(service.place, None, why),
            Role::Impossible(instead) => work.ledger().not_possible(service.place, instead),
            _ => {}
        }
    }
}

/// What no task has, whatever the image is.
pub(super) fn impossible(service: &Service) -> Option<&'static str> {
    if service.at(&["privileged"]).and_then(Item::truth) == Some(true) || service.at(&["devices"]).is_some() {
        return Some("Fargate has no privileged containers and no host devices: run it on your own machine");
    }
    let has_devices = service.at(&["deploy", "resources", "reservations", "devices"]).is_some();
    if has_devices || service.at(&["gpus"]).is_some() || service.text(&["runtime"]) == Some("nvidia") {
        return Some("Fargate has no GPU: run it on EC2, or use a hosted model service");
    }
    let mounts = service.at(&["volumes"]).map(Item::items).unwrap_or_default();
    let is_socket = |item: &Item| {
        let long = item.at(&["source"]).and_then(Item::text).map(str::to_owned);
        let source = item.text().and_then(|text| words::mount(text).source).or(long);
        source.is_some_and(|source| source.contains("docker.sock"))
    };
    mounts.iter().any(is_socket).then_some(
        "tasks cannot use Docker: start other containers with `stackctl run`, with `jobs` or with the \
         AWS API",
    )
}

/// Services that others wait for until they have ended: the command of a release.
pub(super) fn releases(services: &mut Vec<Service>, work: &mut Work<'_>) {
    let waited: BTreeSet<String> = services
        .iter()
        .flat_map(|service| service.at(&["depends_on"]).map(Item::entries).unwrap_or_default())
        .filter(|entry| entry.item.at(&["condition"]).and_then(Item::text) == Some("service_completed_successfully"))
        .map(|entry| entry.key.clone())
        .collect();
    let migrates = |service: &Service| {
        let name = service.name.to_lowercase();
        name.contains("migrat") && service.text(&["restart"]).is_none_or(|text| text == "no" || text == "on-failure")
    };
    let names: Vec<String> = services
        .iter()
        .filter(|service| service.role == Role::Program && (waited.contains(&service.name) || migrates(service)))
        .map(|service| service.name.clone())
        .collect();
    for name in names {
        let Some(at) = services.iter().position(|service| service.name == name) else { continue };
        let once = services[at].clone();
        let same = |other: &Service| {
            other.name != once.name
                && other.role == Role::Program
                && !waited.contains(&other.name)
                && (once.image.is_some() && once.image == other.image
                    || once.at(&["build"]).is_some() && source(&once) == source(other))
        };
        let has_release = |other: &Service| work.page.root.get("services").is_some_and(|_| other.key.is_empty());
        let target = services.iter().position(|other| same(other) && !has_release(other));
        let Some(target) = target else {
            once_by_hand(&once, work);
            continue;
        };
        let mut words = once.words("entrypoint").unwrap_or_default();
        words.extend(once.words("command").unwrap_or_default());
        let owner = services[target].clone();
        let to = format!("services.{}.release", owner.key);
        if words.is_empty() {
            let instead = "the command is in its image: add it to `release` of the service";
            work.ledger().approximated(once.place, Some(&to), instead);
        } else {
            program::set_command(&owner, "release", &words, work);
            work.ledger().approximated(
                once.place,
                Some(&to),
                "it runs once before each release, with the service's variables",
            );
        }
        // The variables of the task that ran once are those of the service as well.
        for variable in &once.variables {
            if owner.variable(&variable.name).is_none() {
                services[target].variables.push(variable.clone());
            }
        }
        services.remove(at);
        work.facts.hosts.kept.remove(&once.name);
    }
}

/// One with an image of its own is a service without tasks, for `stackctl run`.
fn once_by_hand(service: &Service, work: &mut Work<'_>) {
    let map = work.service(&service.key);
    map.set("replicas", Value::number(0));
    map.comment(
        "replicas",
        "Decide: it ran once before other services started. Start it with `stackctl run`, or \
     make it a job.",
    );
    let how = "no service uses its image, so it becomes a service without tasks: start it with `stackctl run`";
    let to = format!("services.{}.replicas", service.key);
    work.ledger().approximated(service.place, Some(&to), how);
}

/// Where an image is built, for telling whether two are the same.
fn source(service: &Service) -> Vec<Option<String>> {
    ["context", "dockerfile", "target"].iter().map(|key| service.text(&["build", key]).map(str::to_owned)).collect()
}
