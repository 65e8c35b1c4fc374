//! More services than fit on a page of any list, and than one security group has rules for.

use std::fs;

use crate::{
    support::{rounds, text},
    sweep,
    tiny::Tiny,
};

/// ECS lists 100 services and task definitions per page, CloudWatch 50 log groups; a security group has 60 rules.
const SERVICES: usize = 120;

fn stack() -> String {
    let head = "name: tiny\nregion: eu-west-1\nnetwork: { nat: none }\ndatabase: { protect: false }\nload_balancer: { tls: off }";
    let services = (1..=SERVICES).map(|number| {
        // A load balancer has at most 100 target groups. No tasks run, since only the calls to AWS matter.
        let routes = if number <= 60 { format!(", port: 3000, routes: [\"/s{number}/*\"]") } else { String::new() };
        format!("  s{number}: {{ build: tiny, memory: 512, replicas: 0{routes} }}\n")
    });
    format!("{head}\nservices:\n{}", services.collect::<String>())
}

#[tokio::test(flavor = "multi_thread")]
async fn more_services_than_a_page_are_read_in_four_rounds() {
    let tiny = Tiny::start();
    fs::write(tiny.0.project().join("stack.yaml"), stack()).expect("it can be written");
    tiny.0.up();

    let calls = tiny.0.idle_up().await;
    assert!(rounds(&calls) <= 4, "{} rounds", rounds(&calls));
    let count = |operation: &str| calls.iter().filter(|call| call["operation"] == operation).count();
    assert_eq!(count("ListServices"), 2, "two pages");
    assert_eq!(count("DescribeTaskDefinition"), SERVICES, "ECS describes one at a time");
    println!("{} calls", calls.len());
    assert!(calls.len() <= SERVICES + 142, "{} calls", calls.len());

    let status = tiny.0.status();
    assert_eq!(status["services"].as_array().map(Vec::len), Some(SERVICES));
    let gone = tiny.0.stackctl(&["destroy", "--confirm", "tiny/default"]);
    assert!(gone.status.success(), "{}", text(&gone));
    assert_eq!(sweep::everything(&tiny.0).await, [""; 0]);
}
