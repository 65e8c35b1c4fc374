//! Keys that need nothing on AWS, that have another shape there, or that Compose does not know either.

use super::{service::Service, work::Work};
use crate::convert::source::{Entry, Item};

/// Keys of a service that stackctl or ECS does by itself.
const BY_ITSELF: &[(&str, &str)] = &[
    ("restart", "ECS replaces tasks that end"),
    ("depends_on", "services start side by side: a task that fails meanwhile is started anew"),
    ("container_name", "services have names of their own"),
    ("hostname", "services have names of their own"),
    ("domainname", "services have names of their own"),
    ("links", "`calls` gives names, and admits the caller"),
    ("external_links", "`calls` gives names, and admits the caller"),
    ("networks", "security groups admit those that `calls` names, and nobody else"),
    ("logging", "logs are in CloudWatch; `logs.days` says how long"),
    ("tty", "a task has no terminal"),
    ("stdin_open", "a task has no terminal"),
    ("attach", "a task has no terminal"),
    ("profiles", "the profile was asked for"),
    ("pull_policy", "ECS pulls the image for each task"),
    ("healthcheck", "no check of the container"),
    ("develop", "for development"),
    ("annotations", "nothing on AWS reads it"),
    ("labels", "nothing on AWS reads it"),
    ("label_file", "nothing on AWS reads it"),
    ("environment", "all of it is accounted for line by line"),
    ("env_file", "all of it is accounted for line by line"),
    ("ports", "no port is published"),
    ("expose", "no port is open"),
    ("volumes", "nothing is mounted"),
    ("secrets", "nothing is mounted"),
    ("configs", "nothing is mounted"),
    ("tmpfs", "nothing is in memory"),
    ("ulimits", "Fargate's own limits"),
    ("command", "the image's own"),
    ("entrypoint", "the image's own"),
    ("extends", "taken over"),
    ("security_opt", "Fargate has its own isolation: no process gains privileges of a host"),
    ("image", "the image's own"),
    ("build", "the image's own"),
];

/// Keys of a service that Fargate does not have, and without which the program runs.
const LEFT_OUT: &[(&str, &str)] = &[
    ("cap_drop", "left out: a stack.yaml cannot drop the kernel's capabilities"),
    ("cap_add", "left out: Fargate adds none of the kernel's capabilities but SYS_PTRACE"),
    ("extra_hosts", "left out: a task resolves names by DNS"),
    ("dns", "left out: a task resolves names by the VPC's DNS"),
    ("dns_search", "left out: a task resolves names by the VPC's DNS"),
    ("dns_opt", "left out: a task resolves names by the VPC's DNS"),
    ("sysctls", "left out: a stack.yaml has no kernel parameters; Linux's own defaults count"),
    ("stop_signal", "ECS sends the image's STOPSIGNAL: write it into the Dockerfile"),
    ("shm_size", "left out: Fargate has 64 MiB of shared memory"),
    ("pids_limit", "left out: Fargate has no limit of processes"),
    ("ipc", "left out: a task has its own"),
    ("pid", "left out: a task has its own"),
    ("userns_mode", "left out: a task has its own"),
    ("cgroup", "left out: a task has its own"),
    ("network_mode", "left out: a task has a network of its own"),
    ("mac_address", "left out: a task has an address of AWS"),
    ("working_dir", "write it into the Dockerfile as WORKDIR"),
    ("group_add", "left out: give the user its group, `user: \"1000:1000\"`"),
    ("mem_reservation", "left out: a task has what `memory` says"),
    ("memswap_limit", "left out: Fargate has no swap"),
    ("mem_swappiness", "left out: Fargate has no swap"),
    ("cpu_shares", "left out: a task has what `cpu` says"),
    ("cpuset", "left out: a task has what `cpu` says"),
    ("oom_score_adj", "left out: a task has what `memory` says"),
    ("oom_kill_disable", "left out: a task has what `memory` says"),
    ("blkio_config", "left out: Fargate has no limits of the disk"),
    ("volumes_from", "name the volumes in `volumes` of the service"),
    ("post_start", "write it into the image, or make it a sidecar"),
    ("pre_stop", "write it into the program: it gets SIGTERM"),
    ("credential_spec", "left out: Windows alone"),
    ("isolation", "left out: Windows alone"),
    ("storage_opt", "left out: `disk` says the size"),
];

/// Keys with a number that `limits` writes.
const SIZES: &[&str] =
    &["mem_limit", "cpus", "cpu_count", "cpu_percent", "scale", "init", "read_only", "user", "platform"];

/// Keys of a health check, which are found at the wrong indentation.
const OF_CHECK: &[&str] = &["test", "interval", "timeout", "retries", "start_period", "start_interval"];

/// Gives each key of a service that nobody spoke of its verdict.
pub(super) fn of_service(service: &Service, names: &[String], work: &mut Work<'_>) {
    for entry in service.item.entries() {
        let key = entry.key.as_str();
        let ledger = &mut work.project.ledger;
        if key == "deploy" {
            deploy(service, entry, work);
            continue;
        }
        if ledger.has(entry.place) {
            continue;
        }
        let below = !entry.item.entries().is_empty() || !entry.item.items().is_empty();
        if let Some((_, note)) = BY_ITSELF.iter().find(|(known, _)| *known == key) {
            // What is accounted for item by item needs no verdict as a whole.
            let by_item = [
                "environment",
                "ports",
                "volumes",
                "secrets",
                "configs",
                "tmpfs",
                "labels",
                "env_file",
                "expose",
                "ulimits",
                "build",
            ];
            // A text that is short for a list or a mapping stands at the place of what it is short for.
            let inside = entry.item.entries().first().map(|one| one.place);
            let inside = inside.or_else(|| entry.item.items().first().map(|one| one.place));
            if inside == Some(entry.item.place) && by_item.contains(&key) {
                ledger.share(entry.item.place, entry.place);
            } else if !(below && by_item.contains(&key)) {
                ledger.carried_with(entry.place, None, *note);
            }
        } else if let Some((_, how)) = LEFT_OUT.iter().find(|(known, _)| *known == key) {
            ledger.approximated(entry.place, None, *how);
        } else if SIZES.contains(&key) {
            ledger.carried(entry.place, format!("services.{}", service.key));
        } else if key.starts_with("x-") {
            ledger.carried_with(entry.place, None, "an extension: what is used of it counts");
        } else if OF_CHECK.contains(&key) {
            ledger.not_possible(entry.place, format!("`{key}` belongs below `healthcheck`: indent it by two more"));
        } else if names.iter().any(|name| name == key) {
            let note = format!("`{key}` is a service: it belongs below `depends_on`, indented by two more");
            ledger.not_possible(entry.place, note);
        } else {
            ledger.not_possible(
                entry.place,
                format!("Compose does not know `{key}` in a service: check how it is written"),
            );
        }
    }
}

fn deploy(service: &Service, entry: &Entry, work: &mut Work<'_>) {
    let ledger = &mut work.project.ledger;
    let to = format!("services.{}", service.key);
    for one in entry.item.entries() {
        match one.key.as_str() {
            "replicas" => ledger.carried(one.place, format!("{to}.replicas")),
            "resources" => ledger.carried_with(one.place, Some(&format!("{to}.cpu")), "the nearest size of Fargate's"),
            "restart_policy" => ledger.carried_with(one.place, None, "ECS replaces tasks that end"),
            "update_config" | "rollback_config" => {
                ledger.carried_with(
                    one.place,
                    None,
                    "new tasks serve before old ones stop; a release that fails is rolled back",
                );
            }
            "placement" => ledger.approximated(one.place, None, "left out: Fargate has no machines to choose"),
            "mode" | "endpoint_mode" => ledger.carried_with(one.place, None, "tasks behind one name"),
            "labels" => {}
            key => ledger.not_possible(one.place, format!("Compose does not know `{key}` in `deploy`")),
        }
    }
    if entry.item.entries().is_empty() {
        ledger.carried_with(entry.place, None, "nothing is said");
    }
}

/// Gives the lines of `.env` their rows, unless a service has that file as its own.
pub(super) fn of_env(services: &[Service], work: &mut Work<'_>) {
    let home = work.project.variables.example.clone().unwrap_or_else(|| work.project.home.join(".env"));
    let files = services.iter().flat_map(|service| &service.env_files);
    let mut paths = files.map(|file| work.folder.join(file.example.as_ref().unwrap_or(&file.path)));
    if paths.any(|path| path == home) {
        return;
    }
    for (name, place) in work.project.variables.lines.clone() {
        let note = if work.project.variables.is_used(&name) {
            format!("its value is where the files have `${{{name}}}`")
        } else {
            "no file takes it, so no program got it".to_owned()
        };
        let ledger = &mut work.project.ledger;
        ledger.name(place, name);
        ledger.carried_with(place, None, note);
    }
}

/// Gives the keys at the top of the files their verdicts.
pub(super) fn at_the_top(services: &[Service], work: &mut Work<'_>) {
    let networks: Vec<String> = work
        .project
        .root
        .at(&["networks"])
        .map(Item::entries)
        .unwrap_or_default()
        .iter()
        .map(|entry| entry.key.clone())
        .collect();
    for service in services {
        for entry in service.at(&["networks"]).map(Item::entries).unwrap_or_default() {
            if entry.key != "default" && !networks.contains(&entry.key) {
                let note = format!(
                    "no file declares the network `{}`; a stack has one network, and needs none of its names",
                    entry.key
                );
                work.ledger().approximated(entry.place, None, note);
            }
        }
    }
    let mut top: Vec<Entry> = Vec::new();
    for root in &work.project.roots {
        top.extend(root.entries().iter().cloned());
    }
    for entry in top {
        let ledger = &mut work.project.ledger;
        if ledger.has(entry.place) {
            continue;
        }
        match entry.key.as_str() {
            "services" => {}
            "version" => ledger.carried_with(entry.place, None, "Compose does not read it either"),
            "name" => ledger.carried(entry.place, "name"),
            "include" => ledger.carried_with(entry.place, None, "read as well"),
            "networks" => {
                for one in entry.item.entries() {
                    ledger.carried_with(one.place, None, "one VPC; security groups admit those that `calls` names");
                }
                ledger.carried_with(entry.place, None, "one VPC; security groups admit those that `calls` names");
            }
            "volumes" => {
                let volumes = &work.volumes;
                for one in entry.item.entries() {
                    match volumes.get(&one.key) {
                        Some(name) => ledger.carried(one.place, format!("volumes.{name}")),
                        None => ledger.carried_with(one.place, None, "of a service that needs no volume on AWS"),
                    }
                }
                ledger.carried_with(entry.place, None, "volumes of EFS");
            }
            "secrets" | "configs" => {
                for one in entry.item.entries() {
                    ledger.carried_with(one.place, None, "the services that have it say what becomes of it");
                }
                ledger.carried_with(entry.place, None, "the services that have it say what becomes of it");
            }
            "models" => ledger.not_possible(entry.place, "Fargate has no GPU: use a service with models of its own"),
            key if key.starts_with("x-") => {
                ledger.carried_with(entry.place, None, "an extension: what services take of it counts");
            }
            key => ledger.not_possible(entry.place, format!("Compose does not know `{key}`: check how it is written")),
        }
    }
}
