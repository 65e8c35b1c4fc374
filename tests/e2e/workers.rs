//! Services without a health check: a task that runs only for a moment is not a success.

use crate::tiny::Tiny;

const WORKER: &str = "services:
  worker:
    build: tiny
    entrypoint: [/app/tiny, wrapped]
    command: [work]
    stop_timeout: 2
";

#[tokio::test(flavor = "multi_thread")]
async fn crashing_worker_is_rolled_back_and_explained() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.edit("services:\n", WORKER);
    world.up();
    let revision = || world.status()["services"].as_array().cloned().unwrap_or_default();
    let before = revision();

    world.edit("command: [work]", "command: [break]");
    let said = world.ends_with(5, &["up", "--yes"]);
    assert!(said.contains("its tasks keep stopping") && said.contains("; rolling back to "), "{said}");
    assert!(said.contains("started with wrapped break"), "the last lines of its log are shown: {said}");
    crate::until::so("the old one runs", async || {
        revision().iter().any(|service| service["name"] == "worker" && service["running"] == 1)
    })
    .await;
    assert_eq!(before.len(), revision().len());

    // A new service has no previous version to roll back to.
    let other = WORKER.replace("services:\n", "").replace("worker", "other").replace("[work]", "[break]");
    world.edit("command: [break]", "command: [work]");
    world.edit("services:\n", &format!("services:\n{other}"));
    let said = world.ends_with(1, &["up", "--yes"]);
    assert!(said.contains("service.other") && said.contains("its tasks keep stopping"), "{said}");
}
