//! AWS's request limits: a stack with so many services that calls must wait, and a stack in an account with heavy
//! other use.

use std::fs;

use serde_json::json;

use crate::{support::World, sweep, tiny::Tiny};

/// Returns a stack of services with routes and without tasks, since only the calls to AWS matter.
fn stack(services: usize) -> String {
    let head = "name: tiny\nregion: eu-west-1\nnetwork: { nat: none }\nload_balancer: { tls: off }";
    let services = (1..=services).map(|number| {
        format!("  s{number}: {{ build: tiny, memory: 512, replicas: 0, port: 3000, routes: [\"/s{number}/*\"] }}\n")
    });
    format!("{head}\nservices:\n{}", services.collect::<String>())
}

/// Returns the number of calls, and the operations of those that were throttled.
async fn counts(world: &World) -> (usize, Vec<String>) {
    let calls = world.calls().await;
    let codes = ["Throttling", "ThrottlingException", "RequestLimitExceeded"];
    let throttled = calls.iter().filter(|call| codes.iter().any(|code| call["code"] == *code));
    (calls.len(), throttled.map(|call| format!("{}:{}", call["service"], call["operation"])).collect())
}

/// The size of the client's smallest token bucket among the calls that each command makes per service: task
/// definitions.
const BURST: usize = 19;

#[tokio::test(flavor = "multi_thread")]
async fn many_services_stay_within_the_request_limits() {
    let tiny = Tiny::on(World::start_with(&["--limits"]));
    let world = &tiny.0;
    fs::write(world.project().join("stack.yaml"), stack(24)).expect("it can be written");
    world.forget_calls().await;
    let up = tiny.ends_with(0, &["up", "--yes", "--verbose"]);
    assert!(up.contains(" calls waited to stay within AWS's request limits"), "{up}");
    let (calls, throttled) = counts(world).await;
    assert!(throttled.len() * 100 < calls, "of {calls} calls of up were throttled: {throttled:?}");
    tiny.say("two");
    // A command does not know what the one before it took. The first answer tells it; what it sent until then is one burst.
    for command in [&["deploy", "--yes"][..], &["destroy", "--confirm", "tiny/default"]] {
        world.forget_calls().await;
        tiny.ends_with(0, command);
        let (calls, throttled) = counts(world).await;
        assert!(throttled.len() <= BURST, "of {calls} calls of {command:?} were throttled: {throttled:?}");
    }
    assert_eq!(sweep::everything(world).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn small_stack_succeeds_when_others_use_up_the_limits() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    fs::write(world.project().join("stack.yaml"), stack(8)).expect("it can be written");
    // The sandbox limits calls without telling stackctl: as with other users' calls, AWS throttles while stackctl's
    // own buckets are not empty.
    world.set(json!({ "faults": { "limits": true } })).await;
    world.forget_calls().await;
    tiny.ends_with(0, &["up", "--yes"]);
    assert_ne!(counts(world).await.1, [""; 0], "some calls are throttled");
    tiny.ends_with(0, &["destroy", "--confirm", "tiny/default"]);
    assert_eq!(sweep::everything(world).await, [""; 0]);
}
