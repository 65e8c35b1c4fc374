//! Calls between services: by name, to a port that only the caller can reach, and without a failed call while the
//! called service is released.

use crate::{sweep::everything, tiny::Tiny, traffic::Traffic};

/// A service for each side. `api` is called and calls back.
const SERVICES: &str = "services:
  web:
    build: tiny
    port: 3000
    memory: 512
    health: /status
    routes: [\"/*\"]
    release: [call, API]
    stop_timeout: 2
    calls: [api]
  api:
    build: tiny
    port: 4000
    memory: 512
    stop_timeout: 2
    calls: [web]
";

fn two() -> Tiny {
    let tiny = Tiny::start();
    let world = &tiny.0;
    let services = "services:\n  web:\n    build: tiny\n    port: 3000\n    memory: 512\n    replicas: 2\n    health: /status\n    release: [prepare]\n    stop_timeout: 2\n";
    world.edit(services, SERVICES);
    tiny
}

#[tokio::test(flavor = "multi_thread")]
async fn services_and_their_commands_call_others_by_name() {
    let tiny = two();
    let world = &tiny.0;
    // The release command of the first `up` runs before any service can be called.
    world.edit("    release: [call, API]\n", "");
    let url = world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    let answer = async |path: &str| world.get(&format!("{url}{path}")).await.1;
    assert_eq!(answer("/env/API_HOST").await, "api.tiny.internal");
    assert_eq!(answer("/env/API_URL").await, "http://api.tiny.internal:4000");
    assert_eq!(answer("/call/API").await, "one");
    let said = world.must(&["run", "api", "--", "call", "WEB"]);
    assert!(said.contains("one"), "{said}");

    // A rule that someone removed is restored.
    let ec2 = aws_sdk_ec2::Client::new(&world.sdk().await);
    let groups = ec2.describe_security_groups().send().await.expect("it answers").security_groups.unwrap_or_default();
    let of_api =
        groups.iter().find(|group| group.group_name() == Some("tiny-default-service-api")).expect("it is there");
    let id = of_api.group_id().expect("it has one");
    let admitted = of_api.ip_permissions().to_vec();
    assert_eq!(admitted.len(), 1, "one rule for the caller and the port: {admitted:?}");
    let revoked = ec2.revoke_security_group_ingress().group_id(id).set_ip_permissions(Some(admitted)).send().await;
    revoked.expect("it is revoked");
    let plan = tiny.ends_with(2, &["plan", "--detailed-exitcode"]);
    assert!(plan.contains("security_group.service-api"), "{plan}");
    world.up();

    // Without callers, the names are removed and the tasks stay.
    world.edit("    calls: [api]\n", "");
    world.edit("    calls: [web]\n", "");
    let url = world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    assert_eq!(world.get(&format!("{url}/")).await.1, "one");
    let left = everything(world).await;
    assert!(!left.iter().any(|one| one.starts_with("namespace") || one.starts_with("registry")), "{left:?}");
    tiny.ends_with(0, &["destroy", "--confirm", "tiny/default"]);
    assert_eq!(everything(world).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn releasing_a_called_service_fails_no_call() {
    let tiny = two();
    let world = &tiny.0;
    world.edit("    release: [call, API]\n", "");
    let url = world.up();
    // This program starts slowly. In the sandbox, a name resolves to a deregistered task for some more seconds.
    let serving = "    if GATE != 0 {";
    tiny.say_with("two", serving, &format!("    std::thread::sleep(std::time::Duration::from_secs(3));\n{serving}"));
    let traffic = Traffic::start(&format!("{url}/call/API"));
    let deployed = tokio::task::block_in_place(|| world.stackctl(&["deploy", "--yes"]));
    let report = traffic.stop().await;
    assert!(deployed.status.success(), "{}", crate::support::text(&deployed));
    assert_eq!(report.failures, Vec::<String>::new(), "of {} calls", report.sent);
    assert_eq!(world.get(&format!("{url}/call/API")).await.1, "two");
}
