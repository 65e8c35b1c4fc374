use serde_json::{Value, json};

use super::*;
use crate::{
    blueprint,
    kind::AnyKind,
    kinds,
    model::{Action, Address, LiveResource, Plan, StackId, Step},
    spec,
};

fn of(yaml: &str) -> Estimate {
    let stack = spec::parse("stack.yaml", yaml, "default", &|_| None).expect("it is valid");
    let graph = blueprint::sketch(&stack).expect("it can be drawn");
    let prices = built_in().expect("it is well formed");
    estimate(&kinds::registry(), &asked_for(&graph), &stack.region, &prices).expect("each kind reads its own")
}

/// Returns the live state of a database of class `class`.
fn database(class: &str) -> Value {
    json!({
        "identifier": "d", "arn": "d", "version": "16.4", "class": class, "storage": 20, "multi_az": false,
        "backup_days": 7, "protect": false, "subnet_group": "s", "security_groups": [], "username": "postgres",
        "database": "app", "status": "available",
    })
}

/// Returns the live state of a service with two tasks of `revision`.
fn service(revision: &str) -> Value {
    json!({
        "name": "web", "arn": "web", "cluster": "main", "status": "ACTIVE", "task_definition": revision, "replicas": 2,
        "running": 2, "subnets": [], "security_groups": [], "public_ip": false, "target_groups": [],
        "grace_seconds": 0, "circuit_breaker": true, "rollouts": [], "events": [],
    })
}

const BASTION: &str = "bastion: { users: { ada: { ssh_key: \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\" } }, allow: [192.0.2.1/32] }";

const WORKER: &str = "name: small\nregion: us-east-1\nnetwork: { nat: none }\nservices: { web: { image: nginx } }\n";

#[test]
fn each_part_of_a_stack_has_its_price() {
    let worker = of(WORKER);
    assert_eq!(dollars(worker.month), "12.66", "{worker:#?}");
    assert_eq!(worker.lines[0].what, "1 task of 256 / 512, a public address");

    let with = |more: &str| dollars(of(&format!("{WORKER}{more}\n")).month - worker.month);
    assert_eq!(with("database: {}"), "14.78");
    assert_eq!(with("database: { multi_az: true }"), "28.76");
    assert_eq!(with("cache: {}"), "10.14");
    assert_eq!(with(BASTION), "7.36");
}

#[test]
fn autoscaling_costs_its_fewest_tasks_and_the_alarms_of_aws() {
    let scaled = of(&WORKER.replace("image: nginx", "image: nginx, scale: { min: 3, max: 9, cpu: 60, memory: 70 }"));
    assert_eq!(dollars(scaled.month), dollars(3.0 * of(WORKER).month + 0.4));
}

#[test]
fn resource_without_price_is_reported_as_unknown() {
    let large = of(&format!("{WORKER}database: {{ class: db.r6g.16xlarge }}\n"));
    let database = large.lines.iter().find(|line| line.address == "db_instance.database").expect("it is listed");
    assert_eq!(database.month, None);
    assert_eq!(large.unknown, ["database db.r6g.16xlarge hour"]);

    let own = r#"{ "date": "2026-01-01", "hours_a_month": 730,
        "regions": { "us-east-1": { "database db.r6g.16xlarge hour": 7.2 }, "ap-south-2": { "secret month": 0.4 } } }"#;
    let prices = Prices::parse(own).expect("it is well formed").or(&built_in().expect("it is well formed"));
    assert_eq!(prices.a_month("us-east-1", "database db.r6g.16xlarge hour"), Some(5256.0));
    assert_eq!(prices.a_month("us-east-1", "secret month"), Some(0.4));
    assert!(prices.regions.contains_key("ap-south-2"));
    for bad in [own.replace("7.2", "-1"), own.replace(" hour\"", "\""), own.replace("date", "day")] {
        assert!(Prices::parse(&bad).is_err(), "{bad}");
    }
}

#[test]
fn a_plan_is_counted_before_and_after() {
    let found = |address: &str, id: &str, live| LiveResource {
        address: address.parse().expect("it is one"),
        id: id.to_owned(),
        live,
    };
    let revision =
        |arn: &str, cpu: &str| json!({ "arn": arn, "family": "web", "fields": { "cpu": cpu, "memory": "512" } });
    let step = |address: &str, action, desired, live| Step {
        address: address.parse().expect("it is one"),
        action,
        changes: Vec::new(),
        desired,
        live,
        needs: Vec::new(),
    };
    let secret = || found("secret.old", "s", json!({}));
    let small = found("db_instance.database", "d", database("db.t4g.micro"));
    let large = json!({
        "version": "16", "class": "db.t4g.small", "storage": 20, "multi_az": false, "backup_days": 7, "protect": false,
        "vpc": "v", "subnet_group": "s", "security_groups": [], "username": "postgres", "password": "p",
        "password_version": "v1", "database": "app",
    });
    let plan = Plan {
        targets: Vec::new(),
        id: StackId { stack: "small".into(), environment: "default".into() },
        steps: vec![
            step("db_instance.database", Action::Update, Some(large), Some(small)),
            step("secret.old", Action::Delete, None, Some(secret())),
            step("nat_gateway.a", Action::Create, Some(json!({})), None),
            step("release.web", Action::Run, Some(json!({})), None),
        ],
        parts: Vec::new(),
        place: None,
        by_hand: Vec::new(),
        warnings: Vec::new(),
        unchanged: vec![
            found("service.web", "web", service("web:10")),
            // What is found in the order of names is not in the order of time.
            found("task_definition.web", "web:10", revision("web:10", "1024")),
            found("task_definition.web", "web:9", revision("web:9", "256")),
        ],
        guarded: Vec::new(),
    };
    let prices = built_in().expect("it is well formed");
    let [before, after] =
        [before(&plan), after(&plan)].map(|state| estimate(&kinds::registry(), &state, "us-east-1", &prices));
    let (before, after) = (before.expect("each kind reads its own"), after.expect("each kind reads its own"));
    let tasks = 730.0 * 2.0 * (0.04048 + 0.004_445 / 2.0);
    assert_eq!(dollars(before.month), dollars(tasks + 13.98 + 0.4));
    assert_eq!(dollars(after.month), dollars(tasks + 25.66 + 32.85));
    let addresses: Vec<&str> = after.lines.iter().map(|line| line.address.as_str()).collect();
    assert_eq!(addresses, ["db_instance.database", "nat_gateway.a", "service.web"]);
    assert_eq!(Address::new("service", "web").to_string(), addresses[2]);
}

#[test]
fn unreadable_resource_is_an_error() {
    let unreadable = LiveResource { address: Address::new("cache", "main"), id: "c".into(), live: json!({}) };
    let mut resources = Resources::default();
    resources.add_live(&unreadable);
    let failure = estimate(&kinds::registry(), &resources, "us-east-1", &built_in().expect("it is well formed"));
    assert!(failure.is_err_and(|failure| failure.message.starts_with("cache: ")));
}

/// Returns whether `price` matches a name in `of`. A `*` in a name matches any instance class.
fn is_one(of: &[&str], price: &str) -> bool {
    of.iter().any(|known| match known.split_once('*') {
        Some((before, after)) => price.starts_with(before) && price.ends_with(after),
        None => *known == price,
    })
}

/// The region for which the table is complete except for instance classes. Other regions can lack prices.
const COMPLETE: &str = "us-east-1";

#[test]
fn table_has_every_price_that_a_kind_names() {
    let prices = built_in().expect("it is well formed");
    let kinds = kinds::registry();
    let mut known: Vec<&str> = Vec::new();
    for kind in kinds.iter() {
        let own = kind.prices();
        assert_eq!(own.is_empty(), kind.free().is_some(), "{} has a price or says why it is free", kind.name());
        for price in &own {
            let is_there = prices.regions[COMPLETE].keys().any(|key| is_one(&[price], key));
            assert!(is_there, "{}: {COMPLETE} has no price `{price}`", kind.name());
        }
        known.extend(own);
    }
    for (region, of_region) in &prices.regions {
        for price in of_region.keys() {
            assert!(is_one(&known, price), "{region}: no kind asks for `{price}`");
        }
    }
}

#[test]
fn a_charge_has_only_prices_that_its_kind_names() {
    let everything = format!(
        "{WORKER}database: {{}}\ncache: {{}}\nalarms: {{ email: ops@example.com }}\nload_balancer: {{ tls: off }}\nvolumes: {{ files: {{}} }}\n"
    );
    let everything = everything
        .replace("{ web:", "{ api: { image: other, port: 81 }, web:")
        .replace("nat: none", "nat: single")
        .replace("image: nginx", "image: nginx, port: 80, routes: [\"/*\"], calls: [api], scale: { max: 2, cpu: 60 }")
        + BASTION;
    let stack = spec::parse("stack.yaml", &everything, "default", &|_| None).expect("it is valid");
    let resources = asked_for(&blueprint::sketch(&stack).expect("it can be drawn"));
    let kinds = kinds::registry();
    let mut charged = std::collections::BTreeSet::new();
    for (address, charge) in resources.charges(&kinds).expect("each kind reads its own") {
        let kind = kinds.of(address).expect("it is registered");
        charged.insert(kind.name());
        for (price, _) in &charge.parts {
            assert!(is_one(&kind.prices(), price), "{}: {price}", kind.name());
        }
    }
    let with_price: Vec<&str> = kinds.iter().filter(|kind| kind.free().is_none()).map(AnyKind::name).collect();
    assert_eq!(charged, with_price.into_iter().collect(), "each kind with a price is in this stack and is charged for");
}

#[test]
fn every_region_has_the_prices_that_each_stack_needs() {
    let prices = built_in().expect("it is well formed");
    for (region, of_region) in &prices.regions {
        for part in ["task vCPU hour", "task GB hour", "load_balancer hour", "nat_gateway hour", "public_ipv4 hour"] {
            assert!(of_region.contains_key(part), "{region}: {part}");
        }
        assert!(of_region.values().all(|price| *price > 0.0), "{region}");
    }
}

#[test]
fn half_a_cent_is_rounded_away_from_zero() {
    for (amount, text) in [(51.165, "51.17"), (0.0, "0.00"), (-0.001, "0.00"), (-1.005, "-1.01"), (93.425, "93.43")] {
        assert_eq!(dollars(amount), text);
    }
}
