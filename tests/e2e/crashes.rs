//! Killed in the middle, and two at once.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    support::{World, text},
    sweep,
};

/// At how many points of a first `up` the binary is killed.
const POINTS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn an_up_that_was_killed_is_completed_by_the_next_one() {
    let world = World::start();
    world.up();
    // The lock is renewed as often as an `up` is slow; that is left out.
    let counts = |call: &&serde_json::Value| call["mutating"] == true && call["operation"] != "PutParameter";
    let mutations = 1 + world.calls().await.iter().filter(counts).count();
    world.must(&["destroy", "--confirm", "demo"]);
    let mut held = 0;
    for point in 0..POINTS {
        // The first and the last call among them, which give the lock and take it back.
        let after = 1 + point * (mutations - 1) / (POINTS - 1);
        world.set(json!({ "hold_after": after, "answer_last": point % 2 == 0 })).await;
        let mut child = world.spawn(&["up", "--yes"]);
        held += usize::from(world.until_held(&mut child).await);
        child.kill().expect("it is killed");
        child.wait().expect("it is gone");
        world.set(json!({ "hold_after": null })).await;
        // Its lock stands for a minute; a human who knows that it is dead removes it.
        world.must(&["unlock", "--yes"]);
        let next = world.stackctl(&["up", "--yes"]);
        assert!(next.status.success(), "killed after {after}: {}", text(&next));
        assert_eq!(world.plan(), Vec::<String>::new(), "killed after {after}");
        let there = sweep::everything(&world).await;
        let count = |kind: &str| there.iter().filter(|one| one.starts_with(kind)).count();
        let counts = [count("vpc"), count("subnet"), count("NAT"), count("address"), count("database"), count("load")];
        assert_eq!(counts, [1, 4, 1, 1, 1, 1], "killed after {after}: {there:?}");
        world.must(&["destroy", "--confirm", "demo"]);
        assert_eq!(sweep::everything(&world).await, Vec::<String>::new(), "killed after {after}");
    }
    // A call that AWS made wait is repeated, so one `up` makes a few calls more than another.
    assert!(held >= POINTS - 2, "it was killed at {held} points of {POINTS}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_at_once_one_works_and_the_other_says_who_does() {
    let world = World::start();
    world.set(json!({ "latency_ms": 100 })).await;
    let first = world.spawn(&["up", "--yes"]);
    let deadline = Instant::now() + Duration::from_secs(60);
    while !world.calls().await.iter().any(|call| call["operation"] == "PutParameter") {
        assert!(Instant::now() < deadline, "the first one takes the lock");
        sleep(Duration::from_millis(50)).await;
    }
    let second = world.stackctl(&["up", "--yes"]);
    let said = text(&second);
    assert_eq!(second.status.code(), Some(4), "{said}");
    assert!(
        said.contains("locked by `stackctl up`") && said.contains("since") && said.contains("--lock-timeout"),
        "{said}"
    );
    let first = first.wait_with_output().expect("it ends");
    assert!(first.status.success(), "{}", text(&first));
    assert_eq!(world.plan(), Vec::<String>::new());
}
