use serde_json::json;

use super::*;
use crate::{
    blueprint,
    model::{Action, Address, LiveResource, Plan, StackId, Step},
    spec,
};

fn of(yaml: &str) -> Estimate {
    let stack = spec::parse("stack.yaml", yaml, "default", &|_| None).expect("it is valid");
    let graph = blueprint::sketch(&stack).expect("it can be drawn");
    estimate(&asked_for(&graph), &stack.region, &built_in().expect("it is well formed"))
}

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
    let bastion = "bastion: { users: { ada: { ssh_key: \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\" } }, allow: [192.0.2.1/32] }";
    assert_eq!(with(bastion), "7.36");
}

#[test]
fn autoscaling_counts_with_its_least_number_of_tasks_and_the_alarms_that_aws_makes() {
    let scaled = of(&WORKER.replace("image: nginx", "image: nginx, scale: { min: 3, max: 9, cpu: 60, memory: 70 }"));
    assert_eq!(dollars(scaled.month), dollars(3.0 * of(WORKER).month + 0.4));
}

#[test]
fn what_has_no_price_is_named_and_not_taken_for_nothing() {
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
    let service = |revision: &str| json!({ "replicas": 2, "public_ip": false, "task_definition": revision });
    let revision = |arn: &str, cpu: &str| json!({ "arn": arn, "fields": { "cpu": cpu, "memory": "512" } });
    let step = |address: &str, action, desired, live| Step {
        address: address.parse().expect("it is one"),
        action,
        changes: Vec::new(),
        desired,
        live,
        needs: Vec::new(),
    };
    let secret = || found("secret.old", "s", json!({}));
    let small =
        found("db_instance.database", "d", json!({ "class": "db.t4g.micro", "storage": 20, "multi_az": false }));
    let large = json!({ "class": "db.t4g.small", "storage": 20, "multi_az": false });
    let plan = Plan {
        targets: Vec::new(),
        id: StackId { stack: "small".into(), environment: "default".into() },
        steps: vec![
            step("db_instance.database", Action::Update, Some(large), Some(small)),
            step("secret.old", Action::Delete, None, Some(secret())),
            step("nat_gateway.a", Action::Create, Some(json!({})), None),
            step("release.web", Action::Run, Some(json!({})), None),
        ],
        by_hand: Vec::new(),
        unchanged: vec![
            found("service.web", "web", service("web:10")),
            // What is found in the order of names is not in the order of time.
            found("task_definition.web", "web:10", revision("web:10", "1024")),
            found("task_definition.web", "web:9", revision("web:9", "256")),
        ],
        guarded: Vec::new(),
    };
    let prices = built_in().expect("it is well formed");
    let [before, after] = [before(&plan), after(&plan)].map(|state| estimate(&state, "us-east-1", &prices));
    let tasks = 730.0 * 2.0 * (0.04048 + 0.004_445 / 2.0);
    assert_eq!(dollars(before.month), dollars(tasks + 13.98 + 0.4));
    assert_eq!(dollars(after.month), dollars(tasks + 25.66 + 32.85));
    let addresses: Vec<&str> = after.lines.iter().map(|line| line.address.as_str()).collect();
    assert_eq!(addresses, ["db_instance.database", "nat_gateway.a", "service.web"]);
    assert_eq!(Address::new("service", "web").to_string(), addresses[2]);
}

#[test]
fn every_price_is_of_a_known_part_and_every_region_has_what_each_stack_needs() {
    let prices = built_in().expect("it is well formed");
    for (region, of_region) in &prices.regions {
        for part in ["task vCPU hour", "task GB hour", "load_balancer hour", "nat_gateway hour", "public_ipv4 hour"] {
            assert!(of_region.contains_key(part), "{region}: {part}");
        }
        assert!(of_region.values().all(|price| *price > 0.0), "{region}");
    }
}

#[test]
fn cents_are_rounded_as_people_round() {
    for (amount, text) in [(51.165, "51.17"), (0.0, "0.00"), (-0.001, "0.00"), (-1.005, "-1.01"), (93.425, "93.43")] {
        assert_eq!(dollars(amount), text);
    }
}
