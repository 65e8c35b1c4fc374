//! Reads that still show the state before a write.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::{Stage, at, graph, seconds, world::Life};
use crate::model::{Cause, Graph};

#[tokio::test(start_paused = true)]
async fn a_resource_that_is_not_listed_yet_is_waited_for() {
    let stage = Stage::one(|kind| {
        kind.life.ready_after = seconds(3);
        kind.life.lag = seconds(8);
    });
    let ended = stage.up(&graph([("a.one", json!({}))])).await;
    assert_eq!(ended.done(), ["create a.one"]);
    assert!(seconds(8) <= ended.took && ended.took < seconds(14), "{:?}", ended.took);
}

#[tokio::test(start_paused = true)]
async fn an_outdated_state_is_not_taken_for_the_new_one() {
    let stage = Stage::one(|kind| {
        kind.knows_outdated = true;
        kind.life.lag = seconds(6);
        kind.life.ready_after = seconds(20);
    });
    stage.must_up(&graph([("a.one", json!({ "size": 1 }))])).await;
    tokio::time::sleep(seconds(60)).await;
    let ended = stage.up(&graph([("a.one", json!({ "size": 2 }))])).await;
    // The first reads show the old state, which was ready.
    assert_eq!(ended.done(), ["update a.one"]);
    assert!(ended.took >= seconds(20), "{:?}", ended.took);
}

#[tokio::test(start_paused = true)]
async fn a_state_that_stays_old_is_accepted_after_the_lag() {
    // Another client has restored the old state, so the version of the update is never visible.
    let stage = Stage::one(|kind| {
        kind.knows_outdated = true;
        kind.life.lag = seconds(12);
        kind.life.ready_after = seconds(100);
    });
    stage.must_up(&graph([("a.one", json!({ "size": 1 }))])).await;
    tokio::time::sleep(seconds(200)).await;
    let ended = stage.up(&graph([("a.one", json!({ "size": 2 }))])).await;
    assert_eq!(ended.done(), ["update a.one"]);
    assert!(seconds(10) <= ended.took && ended.took < seconds(15), "{:?}", ended.took);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_is_done_once_no_listing_shows_it() {
    let stage = Stage::one(|kind| kind.life.lag = seconds(5));
    stage.must_up(&graph([("a.one", json!({}))])).await;
    tokio::time::sleep(seconds(60)).await;
    let ended = stage.up(&Graph::new()).await;
    assert_eq!(ended.done(), ["delete a.one"]);
    assert_eq!(stage.world.times("delete a.one").len(), 1);
    assert!(ended.took >= seconds(5), "{:?}", ended.took);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_knows_what_is_gone_needs_no_listing() {
    let stage = Stage::one(|kind| {
        kind.life.lag = seconds(200);
        kind.life.gone_after = seconds(3);
        kind.knows_gone = true;
    });
    stage.must_up(&graph([("a.one", json!({}))])).await;
    tokio::time::sleep(seconds(300)).await;
    let plan = stage.plan(&Graph::new()).await;
    let listed = stage.world.times("list a").len();
    let ended = stage.apply(&plan).await;
    assert_eq!(ended.done(), ["delete a.one"]);
    assert!(seconds(3) <= ended.took && ended.took < seconds(6), "{:?}", ended.took);
    assert_eq!(stage.world.times("list a").len(), listed);
}

#[tokio::test(start_paused = true)]
async fn a_create_waits_until_the_deleted_name_is_free() {
    let stage = Stage::one(|kind| {
        kind.identity = super::fake::Identity::Name;
        kind.life.gone_after = seconds(50);
    });
    let stack = graph([("a.one", json!({ "size": 1 }))]);
    stage.must_up(&stack).await;
    // A run that is killed after it requested the deletion.
    let going = stage.begin(&stage.plan(&Graph::new()).await);
    tokio::time::sleep(seconds(10)).await;
    going.task.abort();
    let ended = stage.up(&stack).await;
    assert_eq!(ended.done(), ["create a.one"]);
    assert_eq!(stage.world.written(), ["create a.one", "delete a.one", "create a.one"]);
    assert_eq!(ended.waited_for(), ["deleting"]);
}

#[tokio::test(start_paused = true)]
async fn an_update_that_starts_late_is_waited_for() {
    let stage = Stage::one(|kind| {
        kind.begins_within = seconds(60);
        kind.life.begins_after = seconds(20);
        kind.life.ready_after = seconds(30);
    });
    stage.must_up(&graph([("a.one", json!({ "size": 1 }))])).await;
    tokio::time::sleep(seconds(60)).await;
    let ended = stage.up(&graph([("a.one", json!({ "size": 2 }))])).await;
    assert_eq!(ended.done(), ["update a.one"]);
    assert!(seconds(50) <= ended.took && ended.took < seconds(60), "{:?}", ended.took);
}

#[tokio::test(start_paused = true)]
async fn an_update_that_never_shows_is_accepted_after_a_while() {
    let stage = Stage::one(|kind| kind.begins_within = seconds(60));
    stage.must_up(&graph([("a.one", json!({ "size": 1 }))])).await;
    let ended = stage.up(&graph([("a.one", json!({ "size": 2 }))])).await;
    assert_eq!(ended.done(), ["update a.one"]);
    assert!(seconds(60) <= ended.took && ended.took < seconds(70), "{:?}", ended.took);
}

#[tokio::test(start_paused = true)]
async fn an_update_that_aws_rolls_back_fails() {
    let stage = Stage::one(|kind| kind.life.ready_after = seconds(30));
    stage.must_up(&graph([("a.one", json!({ "size": 1 }))])).await;
    let world = Arc::clone(&stage.world);
    let none = Duration::ZERO;
    let (address, life) =
        (at("a.one"), Life { begins_after: none, ready_after: seconds(1), gone_after: none, lag: none });
    let takes_back = tokio::spawn(async move {
        tokio::time::sleep(seconds(10)).await;
        let id = world.things()[0].id.clone();
        let write = world.write("take back", &address, |writing| {
            writing.find(&id).expect("it is there").change([("size".to_owned(), json!(1))], life);
            Ok(())
        });
        write.await.expect("it is done");
    });
    let ended = stage.up(&graph([("a.one", json!({ "size": 2 }))])).await;
    takes_back.await.expect("it does not panic");
    assert_eq!((ended.failure().cause, ended.failure().message.as_str()), (Cause::RolledBack, "taken back"));
}
