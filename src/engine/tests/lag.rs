//! Reads that show what was before a write.

use serde_json::json;

use super::{Stage, graph, seconds};
use crate::model::Graph;

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
async fn an_older_state_is_not_taken_for_the_new_one() {
    let stage = Stage::one(|kind| {
        kind.knows_outdated = true;
        kind.life.lag = seconds(6);
        kind.life.ready_after = seconds(20);
    });
    stage.must_up(&graph([("a.one", json!({ "size": 1 }))])).await;
    tokio::time::sleep(seconds(60)).await;
    let ended = stage.up(&graph([("a.one", json!({ "size": 2 }))])).await;
    // The state before the update was ready, and it is what the first looks show.
    assert_eq!(ended.done(), ["update a.one"]);
    assert!(ended.took >= seconds(20), "{:?}", ended.took);
}

#[tokio::test(start_paused = true)]
async fn a_state_that_stays_old_is_believed_in_the_end() {
    // Somebody else has gone back to the state before: the version that the update gave is never seen.
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
async fn a_name_that_is_still_going_is_waited_for_before_it_is_taken() {
    let stage = Stage::one(|kind| {
        kind.identity = super::fake::Identity::Name;
        kind.life.gone_after = seconds(50);
    });
    let stack = graph([("a.one", json!({ "size": 1 }))]);
    stage.must_up(&stack).await;
    // A run that was killed after it had asked for the deletion.
    let going = stage.begin(&stage.plan(&Graph::new()).await);
    tokio::time::sleep(seconds(10)).await;
    going.task.abort();
    let ended = stage.up(&stack).await;
    assert_eq!(ended.done(), ["create a.one"]);
    assert_eq!(stage.world.written(), ["create a.one", "delete a.one", "create a.one"]);
    assert_eq!(ended.waited_for(), ["deleting"]);
}
