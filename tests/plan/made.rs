//! Builds the state of a resource on AWS after its creation or update, as the kind's own `Live` data.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stackctl::{
    aws,
    model::{Address, LiveResource},
};

/// Returns the resource after `wants` was applied; `before` is its earlier state.
pub fn made(address: &Address, wants: &Value, id: &str, before: Option<&Value>) -> LiveResource {
    let live = match address.kind() {
        "vpc" => json!({ "id": id, "cidr": wants["cidr"], "available": true }),
        "internet_gateway" => json!({ "id": id, "vpc": wants["vpc"] }),
        "elastic_ip" => json!({ "id": id, "public_ip": "203.0.113.1" }),
        "cluster" => {
            let without = wants["without"].as_array().cloned().unwrap_or_default();
            json!({ "name": id, "arn": id, "status": "ACTIVE", "without": without })
        }
        "subnet" => with(wants, &json!({ "id": id, "available": true })),
        "nat_gateway" => with(wants, &json!({ "id": id, "state": "available", "failure": null })),
        "route_table" => route_table(wants, id),
        "security_group" => security_group(wants, id),
        "cache" => cache(wants, id),
        "cache_subnet_group" | "db_subnet_group" => with(wants, &json!({ "name": id })),
        "db_parameter_group" => {
            let force_tls = if wants["force_tls"] == true { "1" } else { "0" };
            json!({ "name": id, "family": format!("postgres{}", text(&wants["postgres"])), "force_tls": force_tls })
        }
        "db_instance" => db_instance(wants, id),
        "secret" => {
            json!({ "arn": id, "name": id, "inputs": fingerprint(&wants["source"]), "version": format!("v of {id}") })
        }
        "log_group" => with(wants, &json!({ "name": id, "arn": format!("arn:{id}") })),
        "namespace" => with(wants, &json!({ "id": id, "name": "demo.internal" })),
        "registry" => with(wants, &json!({ "id": id, "arn": format!("arn:{id}") })),
        "file_system" => with(
            wants,
            &json!({ "id": id, "arn": format!("arn:{id}"), "state": "available", "policy": "roles of the account, over TLS" }),
        ),
        "mount_target" => json!({
            "id": id, "file_system": wants["file_system"], "subnet": wants["subnet"], "state": "available",
            "security_groups": [wants["security_group"]],
        }),
        "access_point" => with(wants, &json!({ "id": id, "arn": format!("arn:{id}"), "state": "available" })),
        "bucket" => json!({
            "name": id, "private": true, "ownership": "BucketOwnerEnforced", "encryption": "AES256",
            "versioning": "Enabled", "policy": "TLS only", "protect": wants["protect"], "tags": [], "objects": 0, "older": 0,
            "more": false,
        }),
        "role" => role(wants, id, before),
        "repository" => repository(wants, id),
        "image" => image(wants, id, before),
        "certificate" => with(wants, &json!({ "arn": id, "expiring": false })),
        "load_balancer" => load_balancer(wants, id),
        "target_group" => with(wants, &json!({ "arn": id })),
        "listener" => listener(wants, id),
        "listener_rule" => with(wants, &listener_rule(&wants["action"], id)),
        "task_definition" => json!({ "arn": id, "family": address.name(), "fields": container(wants) }),
        "service" => service(wants, id, before),
        "scaling" => scaling(wants, id),
        "schedule_group" => json!({ "name": id, "deleting": false }),
        "schedule" => schedule(address, wants),
        "event_rule" => event_rule(wants, id),
        "topic" => json!({ "arn": id, "subscriptions": [{ "email": wants["email"], "arn": id }] }),
        "alarm" => alarm(wants, id),
        other => panic!("the model of AWS knows no {other}"),
    };
    LiveResource { address: address.clone(), id: id.to_owned(), live }
}

/// Returns `wants` with these additional fields.
fn with(wants: &Value, more: &Value) -> Value {
    let mut fields = wants.as_object().expect("a Desired has fields").clone();
    fields.extend(more.as_object().expect("they are fields").clone());
    Value::Object(fields)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(text).collect()
}

fn route_table(wants: &Value, id: &str) -> Value {
    let route = wants["default_route"].as_object().and_then(|route| route.values().next());
    let associations: Vec<Value> =
        texts(&wants["subnets"]).iter().map(|subnet| json!([subnet, format!("{id}+{subnet}")])).collect();
    json!({
        "id": id, "vpc": wants["vpc"], "default_route": route.map_or("", text), "other_routes": [],
        "associations": associations,
    })
}

fn security_group(wants: &Value, id: &str) -> Value {
    let rules = wants["ingress"].as_array().into_iter().flatten().map(|ingress| {
        let source = ingress["from"].as_object().and_then(|from| from.values().next()).map_or("", text);
        json!({ "protocol": "tcp", "from_port": ingress["port"], "to_port": ingress["port"], "source": source })
    });
    with(wants, &json!({ "id": id, "ingress": rules.collect::<Vec<_>>() }))
}

fn db_instance(wants: &Value, id: &str) -> Value {
    json!({
        "identifier": id, "arn": id, "host": "db.internal", "port": 5432, "version": format!("{}.4", text(&wants["version"])),
        "class": wants["class"], "storage": wants["storage"], "multi_az": wants["multi_az"],
        "backup_days": wants["backup_days"], "protect": wants["protect"], "subnet_group": wants["subnet_group"],
        "parameter_group": wants["parameter_group"].as_str().unwrap_or("default.postgres16"),
        "own_parameters": wants["parameter_group"].is_string(), "parameters": "in-sync",
        "security_groups": wants["security_groups"], "username": wants["username"], "database": wants["database"],
        "password_version": wants["password_version"], "status": "available",
    })
}

fn cache(wants: &Value, id: &str) -> Value {
    json!({
        "identifier": id, "arn": id, "host": "cache.internal", "port": 6379, "class": wants["class"], "status": "available",
        "node": {
            "version": format!("{}.1", text(&wants["version"])), "subnet_group": wants["subnet_group"],
            "security_groups": wants["security_groups"],
        },
    })
}

/// Returns the fingerprint of a URL's sources, as in the tag of its secret.
fn fingerprint(source: &Value) -> String {
    let made_of =
        |url: &Value, parts: &[&str]| -> Vec<String> { parts.iter().map(|part| text(&url[part]).to_owned()).collect() };
    let mut parts = match (&source["database_url"], &source["cache_url"]) {
        (Value::Null, Value::Null) => return String::new(),
        (Value::Null, url) => made_of(url, &["token", "host", "port"]),
        (url, _) => {
            let mut parts = made_of(url, &["user", "password", "host", "port", "database"]);
            parts.extend(texts(&url["renewed_with"]).into_iter().map(str::to_owned));
            parts
        }
    };
    // The form of the URL without its parts.
    let of_cache = source["database_url"].is_null();
    parts.push(if of_cache { "rediss://:@:/0?ssl_cert_reqs=required" } else { "postgresql://:@:/" }.to_owned());
    Sha256::digest(parts.join("\n")).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn listener_rule(action: &Value, id: &str) -> Value {
    let beside = &action["beside"];
    let (words, serving) = if action.is_string() {
        ("return 404".to_owned(), Value::Null)
    } else if beside.is_null() {
        (format!("forward to {}", text(&action["forward"])), action["forward"].clone())
    } else {
        let (serving, joining) = (text(&beside["serving"]), text(&beside["joining"]));
        (format!("forward to {serving} and {joining} (no requests yet)"), beside["serving"].clone())
    };
    json!({ "arn": id, "other_conditions": [], "action": words, "serving": serving })
}

fn role(wants: &Value, id: &str, before: Option<&Value>) -> Value {
    let statements = wants["statements"].as_array().into_iter().flatten().map(|statement| {
        let sorted = |key: &str| {
            let mut items = texts(&statement[key]);
            items.sort_unstable();
            items.join(", ")
        };
        format!("{} on {}", sorted("actions"), sorted("resources"))
    });
    let mut lines: Vec<String> = statements.collect();
    lines.sort_unstable();
    let name = format!("{id}-{}", aws::digest(&lines.join("\n"), 16));
    let own = json!({
        "name": name, "arn": format!("policy/{name}"), "version": "v1", "attached": true, "lines": lines,
        "allows": wants["statements"],
    });
    let keeps = texts(&wants["keeps"]);
    let kept = before.into_iter().flat_map(|before| before["policies"].as_array().into_iter().flatten());
    let kept = kept.filter(|policy| keeps.contains(&text(&policy["name"])) && policy["name"] != own["name"]).cloned();
    let policies: Vec<Value> = (!lines.is_empty()).then(|| own.clone()).into_iter().chain(kept).collect();
    let more = json!({
        "name": id, "arn": id, "description": "", "described": "", "policies": policies, "managed": [], "inline": [],
        "whole": true, "region": null, "here": "",
    });
    with(wants, &more)
}

fn repository(wants: &Value, id: &str) -> Value {
    let keep = &wants["keep"];
    let lifecycle = json!({ "rules": [{
        "rulePriority": 1, "description": format!("Keep the newest {keep} images"),
        "selection": { "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": keep },
        "action": { "type": "expire" },
    }] });
    json!({
        "name": id, "arn": id, "uri": format!("registry/{id}"), "scanned": true, "immutable": true,
        "lifecycle": lifecycle.to_string(),
    })
}

fn image(wants: &Value, id: &str, before: Option<&Value>) -> Value {
    let build = before.and_then(|before| before["build"].as_u64()).unwrap_or_default() + 1;
    let digest = wants["digest"].as_str().unwrap_or("sha256:first");
    json!({
        "repository": id, "uri": wants["repository"], "digest": digest, "tag": format!("0.1.0-{build}"),
        "version": "0.1.0", "build": build,
    })
}

fn load_balancer(wants: &Value, id: &str) -> Value {
    json!({
        "arn": id, "dns_name": "lb.example.com", "zone_id": "Z1", "zones": wants["zones"], "subnets": wants["subnets"],
        "security_groups": groups(wants), "state": "active", "reason": null,
        "internal": wants["internal"] == true,
        "attributes": {
            "idle_timeout.timeout_seconds": "60",
            "routing.http.drop_invalid_header_fields.enabled": "true",
            "routing.http2.enabled": "true",
        },
    })
}

fn listener(wants: &Value, id: &str) -> Value {
    let action = match text(&wants["action"]) {
        "redirect_to_https" => "redirect 301 to HTTPS://#{host}:443/#{path}?#{query}",
        "not_found" => "return 404",
        other => panic!("a listener does not do {other}"),
    };
    let policy = if wants["protocol"] == "HTTPS" { "ELBSecurityPolicy-TLS13-1-2-2021-06" } else { "" };
    with(
        wants,
        &json!({ "arn": id, "certificate": text(&wants["certificate"]), "tls_policy": policy, "action": action }),
    )
}

/// Returns the fields of a revision as its kind shows them.
fn container(wants: &Value) -> BTreeMap<String, String> {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut fields = BTreeMap::new();
    for name in [
        "container",
        "cpu",
        "memory",
        "execution_role",
        "task_role",
        "image",
        "log_group",
        "stop_timeout",
        "read_only",
        "init",
        "essential",
        "port",
    ] {
        if !wants[name].is_null() {
            fields.insert(name.to_owned(), plain(&wants[name]));
        }
    }
    for name in ["entry_point", "command"] {
        let words = texts(&wants[name]).into_iter().map(|word| {
            let is_plain = !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c == '"');
            if is_plain { word.to_owned() } else { format!("{word:?}") }
        });
        let line = words.collect::<Vec<_>>().join(" ");
        if !line.is_empty() {
            fields.insert(name.to_owned(), line);
        }
    }
    for (name, sidecar) in wants["sidecars"].as_object().into_iter().flatten() {
        fields.extend(container(sidecar).into_iter().map(|(field, value)| (format!("sidecars.{name}.{field}"), value)));
    }
    if !wants["disk"].is_null() {
        fields.insert("disk".to_owned(), plain(&wants["disk"]));
    }
    for (path, size) in wants["tmpfs"].as_object().into_iter().flatten() {
        fields.insert(format!("tmpfs.{path}"), format!("{size} MiB"));
    }
    for (name, volume) in wants["volumes"].as_object().into_iter().flatten() {
        let efs = &volume["efs"];
        let by = || format!("{} through {}", text(&efs["file_system"]), text(&efs["access_point"]));
        fields.insert(format!("volumes.{name}"), if efs.is_null() { "of the task".to_owned() } else { by() });
    }
    for (name, mount) in wants["mounts"].as_object().into_iter().flatten() {
        let read_only = if mount["read_only"] == true { ", read-only" } else { "" };
        fields.insert(format!("mounts.{name}"), format!("{}{read_only}", text(&mount["path"])));
    }
    for (name, condition) in wants["depends_on"].as_object().into_iter().flatten() {
        fields.insert(format!("depends_on.{name}"), plain(condition));
    }
    for (name, value) in wants["environment"].as_object().into_iter().flatten() {
        fields.insert(format!("env.{name}"), plain(value));
    }
    for (name, value) in wants["secrets"].as_object().into_iter().flatten() {
        let arn = text(&value["secret"]);
        let from = value["key"].as_str().map_or_else(|| arn.to_owned(), |key| format!("{arn}:{key}::"));
        fields.insert(format!("secrets.{name}"), from);
        if let Some(version) = value["version"].as_str() {
            fields.insert(format!("secrets.{name}.version"), version.to_owned());
        }
    }
    fields
}

fn scaling(wants: &Value, id: &str) -> Value {
    let policies = wants["policies"].as_array().into_iter().flatten().map(|policy| {
        let requests = &policy["measure"]["requests"];
        let (name, metric) = match policy["measure"].as_str() {
            Some("cpu") => ("cpu", "ECSServiceAverageCPUUtilization"),
            Some("memory") => ("memory", "ECSServiceAverageMemoryUtilization"),
            _ => ("requests", "ALBRequestCountPerTarget"),
        };
        let label = match requests.as_object() {
            Some(_) => format!("{}/{}", text(&requests["load_balancer"]), text(&requests["target_group"])),
            None => String::new(),
        };
        json!({
            "name": name, "metric": metric, "label": label, "target": policy["target"].as_f64(), "out_cooldown": 60,
            "in_cooldown": 300,
        })
    });
    json!({
        "resource": id, "min": wants["min"], "max": wants["max"], "policies": policies.collect::<Vec<_>>(),
        "schedule": wants["schedule"].as_array().cloned().unwrap_or_default(),
    })
}

fn schedule(address: &Address, wants: &Value) -> Value {
    let overrides = json!({ "containerOverrides": [{ "name": wants["container"], "command": wants["command"] }] });
    with(
        wants,
        &json!({
            "name": address.name(), "enabled": true, "window": 0, "retries": [185, 900], "over": false,
            "overrides": overrides.to_string(), "task_group": format!("job:{}", address.name()),
            "security_groups": groups(wants),
        }),
    )
}

fn event_rule(wants: &Value, id: &str) -> Value {
    let (start, tell) = (&wants["then"]["start"], &wants["then"]["tell"]);
    let overrides = json!({ "containerOverrides": [{ "name": start["container"], "command": start["command"] }] });
    let none = json!([]);
    let list = |name: &str| if start.is_null() { &none } else { &start[name] };
    let word = |value: &Value| Value::from(value.as_str().unwrap_or_default());
    let groups: Vec<&String> = wants["runs"].as_object().expect("it has runs").keys().collect();
    let mut containers: Vec<&Value> = wants["runs"].as_object().expect("it has runs").values().collect();
    containers.sort_by_key(|name| name.as_str());
    containers.dedup();
    let by_itself = json!([{ "anything-but": ["UserInitiated"] }]);
    let pattern = json!({
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {
            "clusterArn": [wants["cluster"]],
            "group": groups,
            "lastStatus": ["STOPPED"],
            "$or": [
                { "containers": { "name": containers, "exitCode": [{ "anything-but": [0] }] }, "stopCode": by_itself },
                { "containers": { "name": ["stackctl-timeout"], "exitCode": [124] }, "stopCode": by_itself },
                { "stopCode": ["TaskFailedToStart"] },
            ],
        },
    });
    json!({
        "name": id, "pattern": pattern.to_string(), "enabled": true, "targets": ["main"],
        "target": {
            "arn": if start.is_null() { &tell["topic"] } else { &wants["cluster"] }, "role": wants["role"],
            "input": if start.is_null() { tell["message"].to_string() } else { overrides.to_string() },
            "retries": [185, 900], "task_definition": word(&start["task_definition"]), "group": word(&start["group"]),
            "subnets": list("subnets"), "security_groups": list("security_groups"),
            "public_ip": start["public_ip"] == true,
        },
    })
}

fn alarm(wants: &Value, id: &str) -> Value {
    let (bad, threshold) = wants["bad"].as_object().and_then(|bad| bad.iter().next()).expect("it says when it is bad");
    let comparison = match bad.as_str() {
        "from" => "GreaterThanOrEqualToThreshold",
        _ => "LessThanOrEqualToThreshold",
    };
    let statistic = text(&wants["statistic"]);
    let missing = if wants["missing"] == "good" { "notBreaching" } else { "missing" };
    json!({
        "name": id, "description": wants["description"], "dimensions": wants["dimensions"],
        "metric": format!("{} {}", text(&wants["namespace"]), text(&wants["metric"])),
        "statistic": format!("{}{}", statistic[..1].to_uppercase(), &statistic[1..]),
        "periods": format!("{} of {} × {} s", wants["bad_periods"], wants["periods"], wants["period"]),
        "comparison": comparison, "threshold": threshold, "missing": missing, "rings_at": [wants["topic"]],
        "calms_at": [wants["topic"]], "enabled": true, "state": "OK", "reason": "",
    })
}

/// Returns the security groups of tasks.
fn groups(wants: &Value) -> Vec<&str> {
    let others = wants["other_groups"].as_array().into_iter().flatten().filter_map(Value::as_str);
    wants["security_group"].as_str().into_iter().chain(others).collect()
}

fn service(wants: &Value, id: &str, before: Option<&Value>) -> Value {
    let target_groups: Vec<&str> = wants["target"]["group"].as_str().into_iter().collect();
    // Autoscaling has chosen a count between its limits, if they allow one.
    let (least, most) = (wants["replicas"].as_u64().unwrap_or_default(), wants["most"].as_u64());
    let chosen = before.and_then(|before| before["replicas"].as_u64()).unwrap_or(least + 1);
    let replicas = chosen.clamp(least, most.unwrap_or(least));
    let groups = groups(wants);
    json!({
        "name": id, "arn": id, "cluster": wants["cluster"], "status": "ACTIVE",
        "task_definition": wants["task_definition"], "image": null, "version": null, "replicas": replicas,
        "running": replicas, "subnets": wants["subnets"], "security_groups": groups,
        "registries": wants["registry"].as_str().into_iter().collect::<Vec<_>>(),
        "public_ip": wants["public_ip"], "target_groups": target_groups, "grace_seconds": wants["grace_seconds"],
        "exec": wants["exec"] == true, "circuit_breaker": true, "events": [],
        "rollback_after": wants["rollback_after"].as_u64().map_or(String::new(), |count| count.to_string()),
        "rollouts": [{
            "id": "now", "status": "PRIMARY", "task_definition": wants["task_definition"], "state": "COMPLETED",
            "reason": "", "desired": replicas, "running": replicas, "failed": 0,
        }],
    })
}
