//! A configured health check: other codes, another port, times and grace period.

use std::{fs, net::TcpListener};

use aws_sdk_ecs::types::DesiredStatus;

use crate::tiny::Tiny;

/// A thread that answers on a second port with 204. The previous task may still have the port.
const CHECKS: &str = r#"
fn checks() {
    let at = format!("0.0.0.0:{}", std::env::var("CHECKS").unwrap());
    let listener = loop {
        match TcpListener::bind(&at) {
            Ok(listener) => break listener,
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(50)),
        }
    };
    for mut stream in listener.incoming().flatten() {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    }
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn health_check_uses_the_codes_and_port_of_the_service() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    let source = world.project().join("tiny/src/main.rs");
    let program = fs::read_to_string(&source).expect("it is there");
    let program = program.replace("\"200 OK\"", "\"404 Not Found\"");
    let program = program.replace("    let listener", "    std::thread::spawn(checks);\n    let listener") + CHECKS;
    fs::write(&source, program).expect("it can be written");
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = free.local_addr().expect("it is bound").port();
    drop(free);
    let env = format!("replicas: 1\n    rollback_after: 1\n    env: {{ CHECKS: {port} }}");
    world.edit("replicas: 2", &env);

    // With only a path, the check uses the port of the requests and expects 200.
    let said = world.ends_with(1, &["up", "--yes"]);
    for words in [
        "1 of 1 new tasks running, still starting (grace period: 60 s left)",
        "service.web: the rollout failed: ",
        "Health checks failed with these codes: [404]",
        "health check: GET /status on port 3000 must return 200. A task is replaced after 3 failures in a row, 5 s apart",
        "likely cause: GET /status on port 3000 returned 404: the program does not serve this path.",
        "next: Set `health` in stack.yaml to a path that returns 200 once the program is ready.",
    ] {
        assert!(said.contains(words), "no {words:?} in: {said}");
    }

    let own = format!("health: {{ path: /live, codes: 201-299, grace: 2m, interval: 10, timeout: 3, port: {port} }}");
    world.edit("health: /status", &own);
    let url = world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    assert_eq!(world.get(&url).await.0, 404, "requests go to the other port");
    let config = world.sdk().await;
    let elb = aws_sdk_elasticloadbalancingv2::Client::new(&config);
    let ecs = aws_sdk_ecs::Client::new(&config);
    let groups = elb.describe_target_groups().send().await.expect("it answers");
    let group = &groups.target_groups()[0];
    assert_eq!(group.health_check_port(), Some(port.to_string().as_str()));
    assert_eq!(group.matcher().and_then(|matcher| matcher.http_code()), Some("201-299"));
    let tasks = async || -> Vec<String> {
        let tasks = world.tasks("tiny-default-main", DesiredStatus::Running).await;
        tasks.iter().filter_map(|task| task.task_arn().map(str::to_owned)).collect()
    };

    // Drift is shown as such and corrected in place.
    let before = tasks().await;
    let service = ecs.update_service().cluster("tiny-default-main").service("tiny-default-web");
    service.health_check_grace_period_seconds(600).send().await.expect("it is done");
    let arn = group.target_group_arn().expect("it has one");
    let call = elb.modify_target_group().target_group_arn(arn).health_check_port("traffic-port");
    call.healthy_threshold_count(10).send().await.expect("it is done");
    let changes = world.changes();
    assert_eq!(
        changes,
        ["target_group.web health.healthy", "target_group.web health.port", "service.web grace_seconds"]
    );
    world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    assert_eq!(tasks().await, before, "no task is replaced");

    world.must(&["destroy", "--confirm", "tiny/default"]);
}
