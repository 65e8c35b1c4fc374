//! Tasks on Fargate Spot: the move to Spot, an interruption, and the move back.

use aws_sdk_ecs::types::DesiredStatus;
use serde_json::Value;

use crate::{support::World, tiny::Tiny};

async fn providers(world: &World) -> Vec<String> {
    let tasks = world.tasks("tiny-default-main", DesiredStatus::Running).await;
    let of_service = tasks.iter().filter(|task| task.group() == Some("service:tiny-default-web"));
    let mut providers: Vec<String> =
        of_service.map(|task| task.capacity_provider_name().unwrap_or("none").to_owned()).collect();
    providers.sort();
    providers
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_move_to_spot_and_back_and_outlive_an_interruption() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    let url = world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    assert_eq!(providers(world).await, ["none", "none"]);

    // The existing cluster gets the Spot capacity provider, and the service starts a deployment.
    world.edit("stop_timeout: 2", "stop_timeout: 2\n    spot: { on_demand: 1 }");
    assert_eq!(world.changes(), ["cluster.main capacity", "cluster.main capacity", "service.web capacity"]);
    let plan = world.must(&["plan"]);
    let why = "! service.web starts a deployment because `capacity` changes: new tasks replace the running ones";
    assert!(plan.contains(why) && plan.contains("(none) → spot, 1 on demand"), "{plan}");
    world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    assert_eq!(providers(world).await, ["FARGATE", "FARGATE_SPOT"]);

    // An interruption: the on-demand task still serves, and a replacement starts.
    let before = world.tasks("tiny-default-main", DesiredStatus::Running).await.len();
    let interrupted =
        world.client.delete(format!("{}/_sandbox/spot", world.endpoint)).send().await.expect("it answers");
    assert_eq!(interrupted.json::<Value>().await.expect("a document")["interrupted"], 1);
    for _ in 0..20 {
        assert_eq!(world.get(&url).await.0, 200);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(world.settled(), Vec::<String>::new());
    assert_eq!(world.tasks("tiny-default-main", DesiredStatus::Running).await.len(), before);
    let stopped = world.tasks("tiny-default-main", DesiredStatus::Stopped).await;
    assert!(stopped.iter().any(|task| task.stop_code().is_some_and(|code| code.as_str() == "SpotInterruption")));

    // A release uses Spot too. Then the service moves back to on-demand.
    tiny.say("two");
    world.must(&["deploy"]);
    assert_eq!(providers(world).await, ["FARGATE", "FARGATE_SPOT"]);
    world.edit("spot: { on_demand: 1 }", "spot: false");
    assert_eq!(world.changes(), ["service.web capacity"]);
    world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    assert_eq!(providers(world).await, ["FARGATE", "FARGATE"]);
    world.must(&["destroy", "--confirm", "tiny/default"]);
}
