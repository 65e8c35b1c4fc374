//! Terminated runs: a cancelled pipeline or a lost connection.

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;

use crate::{
    support::{World, text},
    tiny::Tiny,
    until,
};

fn send(child: &std::process::Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).expect("an id")), signal).expect("it runs");
}

/// Returns whether the stack's lock is held.
async fn is_locked(world: &World) -> bool {
    let ssm = aws_sdk_ssm::Client::new(&world.sdk().await);
    ssm.get_parameter().name("/stackctl/tiny/default/lock").send().await.is_ok()
}

async fn has_called(world: &World, operation: &str) -> bool {
    world.calls().await.iter().any(|call| call["operation"] == operation)
}

#[tokio::test(flavor = "multi_thread")]
async fn terminated_run_releases_its_lock() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    // Signals at two different places in the middle of its writes.
    for (signal, code, after) in [(Signal::SIGTERM, 143, "CreateVpc"), (Signal::SIGHUP, 129, "CreateLoadBalancer")] {
        world.forget_calls().await;
        let child = world.spawn(&["up", "--yes"]);
        until::so(&format!("it has called {after}"), async || has_called(world, after).await).await;
        send(&child, signal);
        let ended = child.wait_with_output().expect("it ends");
        let said = text(&ended);
        assert_eq!(ended.status.code(), Some(code), "{said}");
        assert!(said.contains(&format!("Stopping ({signal}): finishing calls in progress within 8 seconds")), "{said}");
        assert!(said.contains("Interrupted after ") && said.contains("run `stackctl up` again to resume"), "{said}");
        assert!(!is_locked(world).await, "{said}");
    }
    // A call without a response is not awaited. It may still complete, so the lock stays. The first write takes the
    // lock.
    world.set(json!({ "hold_after": 2, "answer_last": false })).await;
    let mut child = world.spawn(&["up", "--yes"]);
    assert!(world.until_held(&mut child).await, "it waits for an answer");
    send(&child, Signal::SIGTERM);
    assert_eq!(child.wait().expect("it ends").code(), Some(143));
    world.set(json!({ "hold_after": null })).await;
    assert!(is_locked(world).await);
    world.must(&["unlock", "--yes"]);
    world.must(&["up", "--yes"]);
    assert_eq!(world.plan(), Vec::<String>::new());
}
