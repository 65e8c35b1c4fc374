//! Tests the resources for calls between services: names, security groups, variables and handover containers.

use serde_json::{Value, json};

use super::*;

const SERVICES: &str = "services:
  web: { build: app, port: 3000, calls: [api, mail-queue], routes: [\"/*\"], release: [migrate], env: { API_URL: http://proxy } }
  api: { build: app, port: 8080, calls: [web], stop_timeout: 60 }
  mail-queue: { image: \"rabbitmq:4\", expose: [5672, 15672] }
jobs: { tidy: { service: web, command: [tidy], schedule: rate(1 day) } }
";

fn ingress(graph: &Graph, service: &str) -> Vec<(u64, String)> {
    let rules = node(graph, &format!("security_group.service-{service}")).desired["ingress"].clone();
    let rules = rules.as_array().expect("it is a list").clone();
    rules.iter().map(|rule| (rule["port"].as_u64().unwrap_or_default(), rule["from"].to_string())).collect()
}

#[test]
fn only_callers_are_admitted_and_only_on_called_ports() {
    let graph = drawn(SERVICES);
    let from = |caller: &str| json!({ "group": input(&format!("security_group.caller-{caller}"), "id") }).to_string();
    assert_eq!(ingress(&graph, "api"), [(8080, from("web"))]);
    assert_eq!(ingress(&graph, "mail-queue"), [(5672, from("web")), (15672, from("web"))]);
    let of_web = ingress(&graph, "web");
    assert_eq!((of_web.len(), &of_web[1]), (2, &(3000, from("api"))), "the load balancer, and who calls back");
    // All tasks of a caller have the caller's group.
    for address in ["service.web", "release.web", "schedule.tidy"] {
        let groups = &node(&graph, address).desired["other_groups"];
        assert_eq!(groups, &json!([input("security_group.caller-web", "id")]), "{address}");
    }
    assert_eq!(node(&graph, "service.mail-queue").desired["other_groups"], Value::Null);
}

#[test]
fn callers_get_variables_that_they_can_override() {
    let graph = drawn(SERVICES);
    let told = |service: &str, name: &str| {
        node(&graph, &format!("task_definition.{service}")).desired["environment"][name].clone()
    };
    assert_eq!(told("web", "API_HOST"), json!("api.demo.internal"));
    assert_eq!(told("web", "API_URL"), json!("http://proxy"), "what `env` says counts");
    assert_eq!(told("web", "MAIL_QUEUE_HOST"), json!("mail-queue.demo.internal"));
    assert_eq!(told("web", "MAIL_QUEUE_URL"), Value::Null, "it has no `port`");
    let other = drawn(
        "services:\n  web: { build: app, port: 3000, calls: [api], env: { BACKEND: \"((services.api.host)):((services.api.port))\" } }\n  \
         api: { build: app, port: 8080 }\n",
    );
    let environment = &node(&other, "task_definition.web").desired["environment"];
    assert_eq!(environment["BACKEND"], json!("api.demo.internal:8080"));
    assert_eq!(told("api", "WEB_URL"), json!("http://web.demo.internal:3000"));
}

#[test]
fn called_services_have_a_name_and_handover_containers() {
    let graph = drawn(SERVICES);
    assert_eq!(
        addresses(&graph, &["namespace", "registry"]),
        ["namespace.names", "registry.api", "registry.mail-queue", "registry.web"]
    );
    let service = &node(&graph, "service.api").desired;
    assert_eq!(service["registry"], input("registry.api", "arn"));
    let sidecars = &node(&graph, "task_definition.api").desired["sidecars"];
    let (ready, drain) = (&sidecars["stackctl-ready"], &sidecars["stackctl-drain"]);
    assert!(ready["command"].to_string().contains("at=127.0.0.1:8080;"), "{ready}");
    assert_eq!((&drain["environment"]["DRAIN"], &drain["stop_timeout"]), (&json!("60"), &json!(65)));
    assert_eq!(drain["depends_on"], json!({ "api": "start", "stackctl-ready": "success" }));
    assert_eq!((&ready["essential"], &drain["essential"]), (&json!(false), &json!(false)));
    let of_queue = &node(&graph, "task_definition.mail-queue").desired["sidecars"]["stackctl-ready"]["command"];
    assert!(of_queue.to_string().contains("at=127.0.0.1:5672;"), "the first of several: {of_queue}");
    let without = drawn("services: { web: { build: app, port: 3000 } }\n");
    assert_eq!(addresses(&without, &["namespace", "registry"]), [""; 0]);
    assert_eq!(node(&without, "task_definition.web").desired["sidecars"], Value::Null);
}
