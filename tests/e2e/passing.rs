//! Temporary refusals of ECS, after which stackctl retries.

use serde_json::json;

use crate::{
    support::{World, text},
    tiny::Tiny,
    until,
};

/// A stack that needs no build and runs no task.
const STACK: &str = "name: demo
region: eu-west-1
network: { nat: none }
services: { web: { image: \"example:1\", replicas: 0, env: { WORD: one } } }
";

#[tokio::test(flavor = "multi_thread")]
async fn revision_refused_as_concurrent_is_retried() {
    let world = World::start();
    std::fs::write(world.project().join("stack.yaml"), STACK).expect("it can be written");
    // Longer than the test takes on any machine.
    world.set(json!({ "faults": { "revision_pause": 3600.0 } })).await;
    world.up();
    world.edit("WORD: one", "WORD: two");
    world.forget_calls().await;
    let child = world.spawn(&["up", "--yes"]);
    until::so("the second revision is refused", async || !registrations(&world).await.is_empty()).await;
    world.set(json!({ "faults": null })).await;
    let ended = child.wait_with_output().expect("it ends");
    assert!(ended.status.success(), "{}", text(&ended));
    let codes = registrations(&world).await;
    let (last, refused) = codes.split_last().expect("it was called");
    assert!(!refused.is_empty() && refused.iter().all(|code| code == "ClientException"), "{codes:?}");
    assert_eq!(last, "registered");
    assert_eq!(world.plan(), Vec::<String>::new());
}

/// Returns the codes of the responses to `RegisterTaskDefinition`, in order.
async fn registrations(world: &World) -> Vec<String> {
    let calls = world.calls().await;
    let registered = calls.iter().filter(|call| call["operation"] == "RegisterTaskDefinition");
    registered.map(|call| call["code"].as_str().unwrap_or("registered").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn release_task_that_ecs_cannot_prepare_is_retried() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.set(json!({ "faults": { "unprepared": 1 } })).await;
    world.up();
    let mut reasons: Vec<String> = Vec::new();
    for task in world.release_tasks("tiny-default-main").await {
        reasons.push(task.stopped_reason().unwrap_or_default().to_owned());
    }
    reasons.sort();
    let unprepared = reasons.iter().filter(|reason| reason.starts_with("ResourceInitializationError")).count();
    assert_eq!((reasons.len(), unprepared), (2, 1), "{reasons:?}");
}
