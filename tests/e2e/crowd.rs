//! Many concurrent runs on one stack, and a lock whose holder is dead.

use std::time::{Duration, Instant};

use aws_sdk_ssm::{error::ProvideErrorMetadata, types::ParameterType};
use serde_json::json;

use crate::{
    lines::Lines,
    support::{World, text},
    sweep,
    tiny::Tiny,
    until,
};

/// The number of concurrent runs.
const CROWD: usize = 8;

/// The lock of the stack `tiny`.
const LOCK: &str = "/stackctl/tiny/default/lock";

/// Writes the lock of a dead run, valid for `life` seconds. Its clock was years off, which must not matter.
async fn dead_lock(world: &World, life: u32) {
    let holder = json!({
        "who": "grace", "host": "elsewhere", "pid": 4242, "command": "deploy", "since": "2062-01-01T00:00:00Z",
        "life": life, "nonce": "of the dead",
    });
    let ssm = aws_sdk_ssm::Client::new(&world.sdk().await);
    let put = ssm.put_parameter().name(LOCK).value(holder.to_string()).r#type(ParameterType::String).overwrite(true);
    // For a moment, the name of a deleted lock cannot be used again.
    until::so("the name is free", async || match put.clone().send().await {
        Err(error) if error.code() == Some("TooManyUpdates") => false,
        answer => answer.is_ok_and(|answer| answer.version() > 0),
    })
    .await;
}

/// Returns the nonce of the lock's holder, if the lock is held.
async fn holder(world: &World) -> Option<String> {
    let ssm = aws_sdk_ssm::Client::new(&world.sdk().await);
    let value = ssm.get_parameter().name(LOCK).send().await.ok()?.parameter?.value?;
    let holder: serde_json::Value = serde_json::from_str(&value).expect("it is JSON");
    holder["nonce"].as_str().map(str::to_owned)
}

/// Returns when each run took and released the lock, in milliseconds, as the sandbox saw it.
async fn held(world: &World) -> Vec<(f64, f64)> {
    let mut spans = Vec::new();
    let mut taken = None;
    for call in world.calls().await.iter().filter(|call| call["status"] == 200) {
        let ended = call["ended_ms"].as_f64().expect("a time");
        match call["operation"].as_str() {
            // A renewal is a further PutParameter while the lock is held.
            Some("PutParameter") => drop(taken.get_or_insert(ended)),
            Some("DeleteParameter") => spans.push((taken.take().expect("it was taken before"), ended)),
            _ => {}
        }
    }
    assert_eq!(taken, None, "everybody gives it back");
    spans
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_concurrent_runs_take_turns_and_release_once() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.up();
    tiny.say("two");
    // A change that `deploy` can apply as well as `up`. It would refuse a pending change of its dependencies.
    world.edit("memory: 512", "memory: 1024");
    world.forget_calls().await;
    let crowd: Vec<_> = (0..CROWD)
        .map(|one| world.spawn(&[if one % 2 == 0 { "deploy" } else { "up" }, "--yes", "--lock-timeout", "10m"]))
        .collect();
    for one in crowd {
        let output = one.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", text(&output));
    }
    let calls = world.calls().await;
    let count =
        |operation: &str| calls.iter().filter(|call| call["operation"] == operation && call["status"] == 200).count();
    // Every write happened while its run held the lock.
    let spans = held(world).await;
    let locks = ["PutParameter", "DeleteParameter"];
    for call in
        calls.iter().filter(|call| call["mutating"] == true && !locks.iter().any(|lock| call["operation"] == *lock))
    {
        let began = call["started_ms"].as_f64().expect("a time");
        assert!(spans.iter().any(|(from, to)| (*from..*to).contains(&began)), "outside of the lock: {call}");
    }
    // One release task before each rollout of a new revision: for the edit, for the image, or for both together.
    assert_eq!(world.image_tags("tiny/default/tiny").await, ["1.0.0-1", "1.0.0-2"], "one number each for two images");
    assert!((1..=2).contains(&count("UpdateService")), "{}", count("UpdateService"));
    assert_eq!(world.plan(), Vec::<String>::new(), "no edit is lost");
    assert_eq!(world.status()["services"][0]["version"], "1.0.0+2");
    let parameters = sweep::everything(world).await.into_iter().filter(|one| one.starts_with("parameter")).count();
    assert_eq!(parameters, 0, "no lock is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn lock_of_a_dead_run_is_taken_over_only_after_expiry() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    // If the lock lasts too long, a run fails at once and names the holder.
    dead_lock(world, 600).await;
    let refused = world.stackctl(&["up", "--yes"]);
    assert_eq!(refused.status.code(), Some(4), "{}", text(&refused));
    assert!(text(&refused).contains("locked by `stackctl deploy` of grace on elsewhere"), "{}", text(&refused));

    // A waiting run names the holder, and continues once the lock is released.
    let stackctl = env!("CARGO_BIN_EXE_stackctl");
    let (_keys, mut waiting) = Lines::at_a_terminal(world, &format!("exec {stackctl} up --yes --lock-timeout 10m"));
    let line = waiting.until(" for the lock: ");
    assert!(line.contains("Waiting up to 10m") && line.contains("of grace on elsewhere"), "{line}");
    world.must(&["unlock", "--yes"]);
    let (code, said) = waiting.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains(" for the lock: "), "once: {said}");

    // Two runs wait for a lock that expires soon.
    world.edit("stop_timeout: 2", "stop_timeout: 3");
    let life = 12;
    let written = Instant::now();
    dead_lock(world, life).await;
    let until = written + Duration::from_secs(life.into());
    world.forget_calls().await;
    let waiting = [(); 2].map(|()| world.spawn(&["up", "--yes", "--lock-timeout", "10m"]));
    let taken = |calls: &[serde_json::Value]| {
        calls.iter().any(|call| call["operation"] == "PutParameter" && call["status"] == 200)
    };
    while Instant::now() < until {
        if taken(&world.calls().await) {
            assert!(Instant::now() >= until, "it was taken before its time, after {:?}", written.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for one in waiting {
        let output = one.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", text(&output));
    }
    assert!(taken(&world.calls().await));
    assert_eq!(world.plan(), Vec::<String>::new());

    // An expired lock does not block.
    dead_lock(world, 600).await;
    assert!(world.status()["locked_by"].as_str().is_some_and(|who| who.contains("of grace")), "{}", world.status());
    dead_lock(world, 0).await;
    until::so("nobody is said to hold it", async || world.status()["locked_by"].is_null()).await;
    world.must(&["destroy", "--yes"]);
    assert_eq!(sweep::everything(world).await, Vec::<String>::new());

    // A `destroy` that was killed after its last deletion leaves its lock. The next `destroy` removes it.
    dead_lock(world, 600).await;
    let refused = world.stackctl(&["destroy", "--yes"]);
    assert_eq!(refused.status.code(), Some(4), "it may be at work: {}", text(&refused));
    dead_lock(world, 0).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.must(&["destroy", "--yes"]);
    assert_eq!(sweep::everything(world).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn run_that_lost_its_lock_stops_and_leaves_the_lock() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.up();
    // The run waits for its rollout until the gate opens.
    world.set(json!({ "rollout_scale": 8.0 })).await;
    let gate = tiny.say_behind_a_gate("two");
    let deploying = world.spawn(&["deploy"]);
    until::so("the rollout begins", async || world.has_called("UpdateService").await).await;
    // Another run takes the lock, as if this one had slept for an hour.
    dead_lock(world, 600).await;
    let deployed = tokio::task::block_in_place(|| deploying.wait_with_output().expect("it ends"));
    let said = text(&deployed);
    assert_eq!(deployed.status.code(), Some(4), "{said}");
    assert!(said.contains("The stack's lock is now held by `stackctl deploy` of grace on elsewhere"), "{said}");
    assert!(said.contains("service.web updating: continues on AWS"), "{said}");
    assert_eq!(holder(world).await.as_deref(), Some("of the dead"), "it is not this run's to give back");

    world.must(&["unlock", "--yes"]);
    assert_eq!(holder(world).await, None);
    drop(gate);
    world.set(json!({ "rollout_scale": 0.1 })).await;
    world.must(&["deploy"]);
    assert_eq!(world.status()["services"][0]["version"], "1.0.0+2");
    world.must(&["destroy", "--yes"]);
}
