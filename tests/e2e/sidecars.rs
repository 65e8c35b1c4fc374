//! Several containers in a task: they reach each other on localhost, start in the order of `depends_on`, stop in
//! reverse order, and end with an essential container. Also container health checks.

use aws_sdk_ecs::types::DesiredStatus;

use crate::{tiny::Tiny, until};

/// A proxy that forwards requests to the application, and a process that ends before both start.
const SIDECARS: &str = "    port: 3000
    depends_on: { once: success }
    target_container: front
    sidecars:
      front:
        command: [front]
        port: 8080
        env: { UPSTREAM: \"localhost:3000\" }
        depends_on: { web: start }
        stop_timeout: 5
      once:
        image: postgres:17
        command: [sh, -c, \"echo prepared by $LEVEL\"]
        env: { LEVEL: nobody }
        essential: false
";

/// The command `front`: it forwards a request, and takes a second to end.
const FRONT: &str = r#"        Some("front") => {
            let at = format!("0.0.0.0:{}", std::env::var("PORT").unwrap());
            println!("fronting");
            for mut stream in TcpListener::bind(at).unwrap().incoming().flatten() {
                let mut request = [0; 4096];
                let length = stream.read(&mut request).unwrap_or(0);
                if request.starts_with(b"GET /end ") {
                    std::process::exit(7);
                }
                let Ok(mut up) = TcpStream::connect(std::env::var("UPSTREAM").unwrap()) else { continue };
                let mut answer = Vec::new();
                let _ = up.write_all(&request[..length]).and_then(|()| up.read_to_end(&mut answer));
                let _ = stream.write_all(&answer);
            }
        }
        _ => {}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_containers_of_a_task_start_serve_and_end_together() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    tiny.say_with("one", "        _ => {}\n", FRONT);
    world.edit("    port: 3000\n", SIDECARS);
    world.edit("replicas: 2", "replicas: 1");
    let url = world.up();
    assert_eq!(world.get(&format!("{url}/")).await, (200, "one".to_owned()), "through the front");
    assert_eq!(world.plan(), Vec::<String>::new(), "all of it is read back");

    let lines = world.must(&["logs", "web"]);
    for line in ["prepared by nobody", "fronting", "serving says=one"] {
        assert!(lines.contains(line), "no {line:?} in {lines}");
    }
    // `run` starts the sidecars too, and ends with its own command.
    let said = world.must(&["run", "web", "--", "prepare"]);
    assert!(said.contains("prepared"), "{said}");

    // A changed sidecar causes a new revision, and the plan shows the change.
    world.edit("LEVEL: nobody", "LEVEL: somebody");
    let changed = world.changes();
    assert!(changed.contains(&"task_definition.web sidecars.once.env.LEVEL".to_owned()), "{changed:?}");
    world.up();

    // The task ends when an essential container ends.
    let tasks = async || world.tasks("tiny-default-main", DesiredStatus::Running).await;
    let before = tasks().await[0].task_arn().expect("it has one").to_owned();
    let names: Vec<String> =
        tasks().await[0].containers().iter().filter_map(|one| one.name().map(str::to_owned)).collect();
    assert!(["web", "front", "once"].iter().all(|name| names.contains(&(*name).to_owned())), "{names:?}");
    world.get(&format!("{url}/end")).await;
    until::so("the task is replaced", async || {
        tasks().await.first().is_some_and(|task| task.task_arn() != Some(&before))
    })
    .await;
}

/// A worker with a health check that passes until its file says otherwise.
const CHECKED: &str = "services:
  worker:
    image: postgres:17
    command: [sh, -c, \"echo limit $(ulimit -n); exec sleep 600\"]
    health: { command: [CMD-SHELL, \"exit $FAILS\"], interval: 5, retries: 2 }
    env: { FAILS: 0 }
    user: \"999:999\"
    ulimits: { nofile: 4096 }
    stop_timeout: 2
    rollback_after: 1
";

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_fails_its_own_check_is_explained() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.edit("services:\n", CHECKED);
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());
    let tasks = world.tasks("tiny-default-main", DesiredStatus::Running).await;
    let healthy = |name: &str| {
        let worker = tasks.iter().find(|task| task.containers().iter().any(|container| container.name() == Some(name)));
        worker.and_then(|task| task.health_status()).map(|status| status.as_str().to_owned())
    };
    assert_eq!(healthy("worker").as_deref(), Some("HEALTHY"));
    let written = world.must(&["logs", "worker"]);
    assert!(written.contains("limit 4096"), "{written}");

    world.edit("FAILS: 0", "FAILS: 1");
    let said = world.ends_with(5, &["up", "--yes"]);
    for words in [
        "Task failed container health checks",
        "likely cause: The command of the container's health check failed",
        "health.start",
    ] {
        assert!(said.contains(words), "no {words:?} in {said}");
    }
}
