//! Throttling, server errors, broken connections, lost responses, stale reads and expired credentials.

use serde_json::{Value, json};

use crate::{
    support::{World, text},
    sweep,
    tiny::Tiny,
};

/// How often a command may be repeated until it succeeds.
const TRIES: usize = 4;

/// Returns faults far more frequent than on AWS's worst days.
fn bad_day(seed: u64) -> Value {
    json!({ "seed": seed, "throttled": 0.3, "failed": 0.05, "reset": 0.02, "lost": 0.03 })
}

/// Repeats a command until it succeeds. A failure must give its reason and a hint.
fn until_done(world: &World, args: &[&str]) {
    for turn in 1..=TRIES {
        let output = tokio::task::block_in_place(|| world.stackctl(args));
        let said = text(&output);
        if output.status.success() {
            return;
        }
        assert!(turn < TRIES, "{} does not get through: {said}", args.join(" "));
        assert!(said.contains("error:") && !said.contains("bug in stackctl"), "{said}");
        println!("{} is repeated: {said}", args.join(" "));
        if output.status.code() == Some(4) {
            world.must(&["unlock", "--yes"]);
        }
    }
}

/// Counts the resources that a repeated create would duplicate.
async fn counts(world: &World) -> Vec<(&'static str, usize)> {
    let there = sweep::everything(world).await;
    let kinds = ["vpc", "subnet", "internet", "route", "security", "NAT", "address", "database", "load"];
    kinds.map(|kind| (kind, there.iter().filter(|one| one.starts_with(kind)).count())).to_vec()
}

/// Returns the number of calls with this error code.
async fn trouble(world: &World, code: &str) -> usize {
    world.calls().await.iter().filter(|call| call["code"] == code).count()
}

/// Runs the lifecycle of a stack under `faults` and compares it with a run without faults.
async fn lives_through(faults: Value) {
    let world = World::start();
    world.up();
    let good = counts(&world).await;
    world.must(&["destroy", "--confirm", "demo/default"]);
    world.set(json!({ "faults": faults })).await;
    until_done(&world, &["up", "--yes"]);
    world.set(json!({ "faults": null })).await;
    assert_eq!(counts(&world).await, good);
    assert_eq!(world.plan(), Vec::<String>::new());

    world.edit("cpu: 256", "cpu: 512");
    world.edit("memory: 512", "memory: 1024");
    world.set(json!({ "faults": faults })).await;
    until_done(&world, &["up", "--yes"]);
    until_done(&world, &["deploy", "--yes"]);
    world.set(json!({ "faults": null })).await;
    assert_eq!(counts(&world).await, good);
    assert_eq!(world.plan(), Vec::<String>::new());

    world.set(json!({ "faults": faults })).await;
    until_done(&world, &["destroy", "--confirm", "demo/default"]);
    world.set(json!({ "faults": null })).await;
    assert_eq!(sweep::everything(&world).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn stack_survives_throttling_failures_and_lost_responses() {
    lives_through(bad_day(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stack_survives_eventually_consistent_reads() {
    lives_through(json!({ "seed": 1, "lag": 3.0, "lost": 0.02 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_credentials_are_reported_and_next_run_resumes() {
    let world = World::start();
    world.set(json!({ "faults": { "expire_after": 80 } })).await;
    let cut = world.stackctl(&["up", "--yes"]);
    let said = text(&cut);
    assert_eq!(cut.status.code(), Some(1), "{said}");
    assert!(said.contains("the credentials have expired (") && said.contains("sign in again"), "{said}");
    let expired = trouble(&world, "ExpiredToken").await
        + trouble(&world, "RequestExpired").await
        + trouble(&world, "ExpiredTokenException").await;
    assert!((1..100).contains(&expired), "nobody goes on calling with them: {expired}");
    world.set(json!({ "faults": null })).await;
    // The failed run could not release its lock.
    world.must(&["unlock", "--yes"]);
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());
    let vpcs = counts(&world).await.into_iter().find(|(kind, _)| *kind == "vpc");
    assert_eq!(vpcs, Some(("vpc", 1)));
    world.must(&["destroy", "--confirm", "demo/default"]);
    assert_eq!(sweep::everything(&world).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn constant_throttling_ends_after_a_bounded_number_of_calls() {
    let world = World::start();
    for (operations, most) in [
        // Nothing can be read: the first call identifies the caller, and the reads in parallel stop when it fails.
        (json!([]), 400),
        (json!(["PutParameter"]), 80),
        (json!(["CreateVpc", "AllocateAddress", "CreateRole", "CreateRepository", "CreateLogGroup"]), 400),
    ] {
        world.forget_calls().await;
        world.set(json!({ "faults": { "throttled": 1.0, "operations": operations } })).await;
        let output = tokio::task::block_in_place(|| world.stackctl(&["up", "--yes"]));
        let said = text(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("throttles"), "{said}");
        let calls = world.calls().await.len();
        println!("{operations}: {calls} calls");
        assert!(calls < most, "{operations}: {calls} calls: {said}");
        world.set(json!({ "faults": null })).await;
    }
    world.up();
}

#[tokio::test(flavor = "multi_thread")]
async fn release_task_of_an_earlier_deployment_is_not_reused() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.up();
    // The previous release task succeeded and is still listed when the response about this one is lost.
    tiny.say("two");
    world.set(json!({ "faults": { "lost": 1.0, "operations": ["RunTask"] } })).await;
    world.forget_calls().await;
    world.must(&["deploy"]);
    world.set(json!({ "faults": null })).await;
    let released = world.release_tasks("tiny-default-main").await;
    let of_second = released.iter().filter(|task| task.task_definition_arn().is_some_and(|arn| arn.ends_with(":2")));
    assert_eq!(of_second.count(), 1, "the second release has a task of its own, and one only");
    assert_eq!(world.status()["services"][0]["version"], "1.0.0+2");
}
