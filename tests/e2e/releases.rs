//! Releases: without outage, rolled back when they fail, and not at all when nothing changed.

use std::fs;

use serde_json::json;

use crate::{
    support::{World, text},
    traffic::Traffic,
    until,
};

/// The requests that have to be sent during a rollout.
const REQUESTS: usize = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_release_drops_no_request_and_the_same_source_releases_nothing() {
    let world = World::start();
    let app = world.copy_sources();
    let url = world.up();
    world.forget_calls().await;
    let unchanged = world.stackctl(&["deploy"]);
    assert!(text(&unchanged).contains("No changes."), "{}", text(&unchanged));
    let calls = world.calls().await;
    let pushed = calls.iter().filter(|call| call["service"] == "registry").count();
    assert_eq!(pushed, 0, "nothing is sent to the registry");

    let page = app.join("templates/page.html");
    let before = fs::read_to_string(&page).expect("it is there");
    fs::write(&page, before.replace("Hello, <a", "Welcome, <a")).expect("it can be written");
    // About as slow as AWS, so that enough is sent between the change of the service and the end of its old tasks.
    world.set(json!({ "rollout_scale": 8.0 })).await;
    let traffic = Traffic::start(&format!("{url}/version"));
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
    assert!(during >= REQUESTS, "{during} requests during the rollout");
    let report = traffic.stop().await;
    assert!(deployed.status.success(), "{}", text(&deployed));
    assert_eq!(report.failures, Vec::<String>::new(), "of {} requests", report.sent);
    assert!(report.rate >= 200.0, "{} requests a second", report.rate);
    assert!(world.get(&format!("{url}/")).await.1.contains("Welcome"));
    assert_eq!(world.status()["services"][0]["version"], "0.1.0+2");
    let calls = world.calls().await;
    let sent = calls.iter().filter(|call| call["operation"] == "PutBlob").count();
    assert_eq!(sent, 2, "the program's layer and the configuration; the base is there already");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_never_gets_healthy_is_rolled_back_and_explained() {
    let world = World::start();
    let app = world.copy_sources();
    let url = world.up();
    let status = app.join("src/http/status.rs");
    let before = fs::read_to_string(&status).expect("it is there");
    fs::write(&status, before.replace("StatusCode::OK, \"OK\"", "StatusCode::INTERNAL_SERVER_ERROR, \"broken\""))
        .expect("it can be written");
    let traffic = Traffic::start(&format!("{url}/version"));
    let deployed = tokio::task::block_in_place(|| world.stackctl(&["deploy"]));
    let report = traffic.stop().await;
    let said = text(&deployed);
    assert_eq!(deployed.status.code(), Some(5), "{said}");
    assert!(said.contains("rolled back"), "{said}");
    assert!(said.contains("Health checks failed with these codes: [500]"), "{said}");
    assert!(said.contains("serving"), "the log of the failed task is shown: {said}");
    assert_eq!(report.failures, Vec::<String>::new(), "of {} requests", report.sent);
    assert_eq!(world.status()["services"][0]["version"], "0.1.0+1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_whose_migration_fails_rolls_nothing() {
    let world = World::start();
    let app = world.copy_sources();
    let url = world.up();
    fs::write(app.join("migrations/0009_broken.sql"), "SELECT no_such_column FROM visitors;")
        .expect("it can be written");
    // The migrations are compiled into the program, and cargo sees a new one only by a changed source.
    let source = app.join("src/db.rs");
    let before = fs::read_to_string(&source).expect("it is there");
    fs::write(&source, format!("{before}\n// One more migration.\n")).expect("it can be written");
    let deployed = world.stackctl(&["deploy"]);
    let said = text(&deployed);
    assert_eq!(deployed.status.code(), Some(1), "{said}");
    assert!(said.contains("exit code 1") && said.contains("no_such_column"), "{said}");
    assert_eq!(world.status()["services"][0]["version"], "0.1.0+1");
    assert!(world.get(&format!("{url}/version")).await.1.contains("0.1.0+1"));
}
