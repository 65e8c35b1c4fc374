//! What ECS refuses for a moment: stackctl tries it once more.

use serde_json::json;

use crate::{support::World, tiny::Tiny};

/// Nothing of it has to be built or runs.
const STACK: &str = "name: demo
region: eu-west-1
network: { nat: none }
services: { web: { image: \"example:1\", replicas: 0, env: { WORD: one } } }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_that_ecs_gets_too_fast_is_sent_again() {
    let world = World::start();
    std::fs::write(world.project().join("stack.yaml"), STACK).expect("it can be written");
    world.set(json!({ "faults": { "revision_pause": 25.0 } })).await;
    world.up();
    world.edit("WORD: one", "WORD: two");
    world.forget_calls().await;
    world.up();
    let calls = world.calls().await;
    let registered = calls.iter().filter(|call| call["operation"] == "RegisterTaskDefinition");
    let codes: Vec<&str> = registered.map(|call| call["code"].as_str().unwrap_or("registered")).collect();
    let (last, refused) = codes.split_last().expect("it was called");
    assert!(!refused.is_empty() && refused.iter().all(|code| *code == "ClientException"), "{codes:?}");
    assert_eq!(*last, "registered");
    world.set(json!({ "faults": null })).await;
    assert_eq!(world.plan(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_task_that_ecs_cannot_prepare_is_started_again() {
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
