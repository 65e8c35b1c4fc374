//! Keys that need nothing on AWS, that have another shape there, or that Compose does not know either.

use super::{service::Service, work::Work};
use crate::convert::source::{Entry, Item};

/// Keys of a service that stackctl or ECS does by itself.
const BY_ITSELF: &[(&str, &str)] = &[
    ("restart", "ECS replaces tasks that end"),
    ("depends_on", "services start in parallel: ECS restarts a task that fails in the meantime"),
    ("container_name", "stackctl chooses the names of containers"),
    ("hostname", "stackctl chooses the names of containers"),
    ("domainname", "stackctl chooses the names of containers"),
    ("links", "`calls` provides the names and allows the traffic"),
    ("external_links", "`calls` provides the names and allows the traffic"),
    ("networks", "security groups allow traffic only from services that have it in `calls`"),
    ("logging", "logs are in CloudWatch; `logs.days` sets how long"),
    ("tty", "a task has no terminal"),
    ("stdin_open", "a task has no terminal"),
    ("attach", "a task has no terminal"),
    ("profiles", "the profile was selected"),
    ("pull_policy", "ECS pulls the image for each task"),
    ("healthcheck", "the container has no health check"),
    ("develop", "for development"),
    ("annotations", "nothing on AWS reads it"),
    ("labels", "nothing on AWS reads it"),
    ("label_file", "nothing on AWS reads it"),
    ("environment", "the report has a row for each line"),
    ("env_file", "the report has a row for each line"),
    ("ports", "no port is published"),
    ("expose", "no port is open"),
    ("volumes", "nothing is mounted"),
    ("secrets", "nothing is mounted"),
    ("configs", "nothing is mounted"),
    ("tmpfs", "nothing is in memory"),
    ("ulimits", "Fargate sets the limits"),
    ("command", "the setting of the image is used"),
    ("entrypoint", "the setting of the image is used"),
    ("extends", "its keys are included"),
    ("security_opt", "Fargate isolates tasks: no process gains host privileges"),
    ("image", "the setting of the image is used"),
    ("build", "the setting of the image is used"),
];

/// Keys of a service that Fargate does not have, and without which the program runs.
const LEFT_OUT: &[(&str, &str)] = &[
    ("cap_drop", "left out: stack.yaml cannot drop Linux capabilities"),
    ("cap_add", "left out: of the Linux capabilities, Fargate can add only SYS_PTRACE"),
    ("extra_hosts", "left out: a task resolves names with DNS"),
    ("dns", "left out: a task resolves names with the DNS server of the VPC"),
    ("dns_search", "left out: a task resolves names with the DNS server of the VPC"),
    ("dns_opt", "left out: a task resolves names with the DNS server of the VPC"),
    ("sysctls", "left out: stack.yaml has no kernel parameters; the Linux defaults apply"),
    ("stop_signal", "ECS sends the STOPSIGNAL of the image: set it in the Dockerfile"),
    ("shm_size", "left out: Fargate has 64 MiB of shared memory"),
    ("pids_limit", "left out: Fargate does not limit the number of processes"),
    ("ipc", "left out: a task has its own namespace"),
    ("pid", "left out: a task has its own namespace"),
    ("userns_mode", "left out: a task has its own namespace"),
    ("cgroup", "left out: a task has its own namespace"),
    ("network_mode", "left out: a task has its own network"),
    ("mac_address", "left out: AWS assigns the address of a task"),
    ("working_dir", "set WORKDIR in the Dockerfile"),
    ("group_add", "left out: add the group to the user, `user: \"1000:1000\"`"),
    ("mem_reservation", "left out: `memory` sets the memory of a task"),
    ("memswap_limit", "left out: Fargate has no swap"),
    ("mem_swappiness", "left out: Fargate has no swap"),
    ("cpu_shares", "left out: `cpu` sets the CPU of a task"),
    ("cpuset", "left out: `cpu` sets the CPU of a task"),
    ("oom_score_adj", "left out: `memory` sets the memory of a task"),
    ("oom_kill_disable", "left out: `memory` sets the memory of a task"),
    ("blkio_config", "left out: Fargate does not limit disk throughput"),
    ("volumes_from", "add the volumes to `volumes` of the service"),
    ("post_start", "add it to the image, or make it a sidecar"),
    ("pre_stop", "let the program do it when it receives SIGTERM"),
    ("credential_spec", "left out: it applies only to Windows"),
    ("isolation", "left out: it applies only to Windows"),
    ("storage_opt", "left out: `disk` sets the size"),
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
            ledger.carried_with(entry.place, None, "an extension: services that refer to it use it");
        } else if OF_CHECK.contains(&key) {
            ledger.not_possible(entry.place, format!("`{key}` belongs to `healthcheck`: indent it by two more spaces"));
        } else if names.iter().any(|name| name == key) {
            let note = format!("`{key}` is a service and belongs to `depends_on`: indent it by two more spaces");
            ledger.not_possible(entry.place, note);
        } else {
            ledger
                .not_possible(entry.place, format!("`{key}` is not a key of a service in Compose: check the spelling"));
        }
    }
}

fn deploy(service: &Service, entry: &Entry, work: &mut Work<'_>) {
    let ledger = &mut work.project.ledger;
    let to = format!("services.{}", service.key);
    for one in entry.item.entries() {
        match one.key.as_str() {
            "replicas" => ledger.carried(one.place, format!("{to}.replicas")),
            "resources" => ledger.carried_with(
                one.place,
                Some(&format!("{to}.cpu")),
                "the nearest size that \
             Fargate offers",
            ),
            "restart_policy" => ledger.carried_with(one.place, None, "ECS replaces tasks that end"),
            "update_config" | "rollback_config" => {
                ledger.carried_with(
                    one.place,
                    None,
                    "new tasks are ready before old tasks stop; a failed release is rolled back",
                );
            }
            "placement" => ledger.approximated(one.place, None, "left out: Fargate has no nodes to choose from"),
            "mode" | "endpoint_mode" => ledger.carried_with(one.place, None, "the tasks share one name"),
            "labels" => {}
            key => ledger.not_possible(one.place, format!("`{key}` is not a key of `deploy` in Compose")),
        }
    }
    if entry.item.entries().is_empty() {
        ledger.carried_with(entry.place, None, "it sets nothing");
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
            format!("its value replaces `${{{name}}}` in the files")
        } else {
            "no file uses it, so no container got it".to_owned()
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
                    "the network `{}` is not declared. A stack has one network, so the name is not needed",
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
            "version" => ledger.carried_with(entry.place, None, "Compose ignores it too"),
            "name" => ledger.carried(entry.place, "name"),
            "include" => ledger.carried_with(entry.place, None, "the files are included"),
            "networks" => {
                for one in entry.item.entries() {
                    ledger.carried_with(
                        one.place,
                        None,
                        "a stack has one VPC; security groups allow the traffic of \
                     `calls`",
                    );
                }
                ledger.carried_with(
                    entry.place,
                    None,
                    "a stack has one VPC; security groups allow the traffic of \
                 `calls`",
                );
            }
            "volumes" => {
                let volumes = &work.volumes;
                for one in entry.item.entries() {
                    match volumes.get(&one.key) {
                        Some(name) => ledger.carried(one.place, format!("volumes.{name}")),
                        None => ledger.carried_with(one.place, None, "its service needs no volume on AWS"),
                    }
                }
                ledger.carried_with(entry.place, None, "volumes on EFS");
            }
            "secrets" | "configs" => {
                for one in entry.item.entries() {
                    ledger.carried_with(one.place, None, "see the services that use it");
                }
                ledger.carried_with(entry.place, None, "see the services that use it");
            }
            "models" => ledger.not_possible(entry.place, "Fargate has no GPU: use a hosted model service"),
            key if key.starts_with("x-") => {
                ledger.carried_with(entry.place, None, "an extension: services that refer to it use it");
            }
            key => ledger.not_possible(entry.place, format!("`{key}` is not a key of Compose: check the spelling")),
        }
    }
}
