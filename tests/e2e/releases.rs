//! Releases: without an outage, rolled back when they fail, and skipped when nothing changed.

use serde_json::json;

use crate::{support::text, tiny::Tiny, traffic::Traffic, until};

/// The minimum number of requests during a rollout.
const REQUESTS: usize = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn release_drops_no_request_and_no_change_releases_nothing() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    // The time that requests in flight have, before scaling.
    world.edit("stop_timeout: 2", "stop_timeout: 10");
    let url = world.up();
    world.forget_calls().await;
    let unchanged = world.stackctl(&["deploy"]);
    assert!(text(&unchanged).contains("No changes."), "{}", text(&unchanged));
    let calls = world.calls().await;
    let pushed = calls.iter().filter(|call| call["service"] == "registry").count();
    assert_eq!(pushed, 0, "nothing is sent to the registry");

    tiny.say("two");
    // 8 times the configured times, so that enough requests are sent between the service update and the end of the
    // old tasks.
    world.set(json!({ "rollout_scale": 8.0 })).await;
    let traffic = Traffic::start(&format!("{url}/"));
    let mut deploying = world.spawn(&["deploy"]);
    until::so("the rollout begins", async || {
        assert!(deploying.try_wait().expect("it is our child").is_none(), "it ended before its rollout began");
        world.has_called("UpdateService").await
    })
    .await;
    let before_rollout = traffic.sent();
    let deployed = tokio::task::block_in_place(|| deploying.wait_with_output()).expect("it is our child");
    let during = traffic.sent() - before_rollout;
    assert!(deployed.status.success(), "{}", text(&deployed));
    assert!(during >= REQUESTS, "{during} requests during the rollout: {}", text(&deployed));
    let report = traffic.stop().await;
    assert_eq!(report.failures, Vec::<String>::new(), "of {} requests", report.sent);
    assert!(report.rate >= 200.0, "{} requests a second", report.rate);
    assert_eq!(world.get(&format!("{url}/")).await.1, "two");
    assert_eq!(world.status()["services"][0]["version"], "1.0.0+2");
    let calls = world.calls().await;
    let sent = calls.iter().filter(|call| call["operation"] == "PutBlob").count();
    assert_eq!(sent, 2, "the program's layer and the configuration; the base is there already");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_stays_unhealthy_is_rolled_back_and_explained() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    let url = world.up();
    tiny.say("broken");
    let traffic = Traffic::start(&format!("{url}/"));
    let deployed = tokio::task::block_in_place(|| world.stackctl(&["deploy"]));
    let report = traffic.stop().await;
    let said = text(&deployed);
    assert_eq!(deployed.status.code(), Some(5), "{said}");
    assert!(said.contains("rolled back"), "{said}");
    assert!(said.contains("Health checks failed with these codes: [500]"), "{said}");
    assert!(said.contains("serving"), "the log of the failed task is shown: {said}");
    assert_eq!(report.failures, Vec::<String>::new(), "of {} requests", report.sent);
    assert_eq!(world.status()["services"][0]["version"], "1.0.0+1");
}
