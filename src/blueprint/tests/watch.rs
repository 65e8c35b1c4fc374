//! Tests autoscaling and alarms.

use serde_json::{Value, json};

use super::*;

#[test]
fn autoscaling_keeps_the_task_count_of_the_service() {
    let graph = drawn(
        "services:\n  web: { build: app, port: 80, routes: [/*], scale: { min: 2, max: 9, cpu: 60, requests: 1000 } }\n  mail: { build: mail, replicas: 3 }\n",
    );
    assert_eq!(addresses(&graph, &["scaling"]), ["scaling.web"]);
    let requests = json!({ "requests": {
        "load_balancer": input("load_balancer.main", "dimension"),
        "target_group": input("target_group.web", "dimension"),
    } });
    let policies = json!([{ "measure": "cpu", "target": 60 }, { "measure": requests, "target": 1000 }]);
    assert_eq!(node(&graph, "scaling.web").desired, json!({ "min": 2, "max": 9, "policies": policies }));
    assert_eq!(needs(&graph, "scaling.web"), ["cluster.main", "load_balancer.main", "service.web", "target_group.web"]);
    let count = |address: &str| {
        let service = &node(&graph, address).desired;
        (service["replicas"].clone(), service["most"].clone())
    };
    assert_eq!(count("service.web"), (json!(2), json!(9)));
    assert_eq!(count("service.mail"), (json!(3), Value::Null));
}

#[test]
fn alarms_cover_exactly_the_parts_of_the_stack() {
    let alarms = "alarms: { email: ops@example.com }\n";
    let everything = format!("database: {{ storage: 50 }}\n{SERVICE}{alarms}");
    let graph = drawn(&everything);
    let expected = [
        "alarm.database-connections",
        "alarm.database-cpu",
        "alarm.database-storage",
        "alarm.load-balancer-5xx",
        "alarm.service-web-5xx",
        "alarm.service-web-cpu",
        "alarm.service-web-unhealthy",
        "topic.alarms",
    ];
    assert_eq!(addresses(&graph, &["alarm", "topic"]), expected);
    for alarm in &expected[..7] {
        assert_eq!(node(&graph, alarm).desired["topic"], input("topic.alarms", "arn"), "{alarm}");
    }
    assert_eq!(needs(&graph, "alarm.service-web-cpu"), ["cluster.main", "service.web", "topic.alarms"]);
    let tenth_of_50_gib = 5_368_709_120.0;
    assert_eq!(node(&graph, "alarm.database-storage").desired["bad"], json!({ "up_to": tenth_of_50_gib }));
    let worker = drawn(&format!("services: {{ mail: {{ build: app }} }}\n{alarms}"));
    assert_eq!(addresses(&worker, &["alarm"]), ["alarm.service-mail-cpu"]);
    assert_eq!(addresses(&drawn(SERVICE), &["alarm", "topic"]), [""; 0]);
}

#[test]
fn services_named_like_other_parts_share_no_alarm() {
    let graph = drawn(
        "database: {}\nservices:\n  database: { build: app, port: 80, routes: [/a] }\n  load-balancer: { build: app, port: 80, routes: [/b] }\nalarms: { email: ops@example.com }\n",
    );
    assert_eq!(addresses(&graph, &["alarm"]).len(), 3 + 1 + 2 * 3);
}
