//! Resources that never become ready and deletions that never end.

use serde_json::json;

use super::{Stage, graph, seconds};
use crate::model::{Cause, Graph};

/// Longer than any deadline of these tests.
const NEVER: u64 = 1_000_000;

#[tokio::test(start_paused = true)]
async fn a_resource_that_never_becomes_ready_fails_at_its_deadline() {
    let stage = Stage::one(|kind| {
        kind.life.ready_after = seconds(NEVER);
        kind.deadline = seconds(600);
    });
    let ended = stage.up(&graph([("a.one", json!({}))])).await;
    let failure = ended.failure();
    assert_eq!(failure.cause, Cause::Refused);
    assert!(failure.message.contains("timed out after 60") && failure.message.contains("pending"), "{failure}");
    assert!(failure.hint.as_deref().is_some_and(|hint| hint.contains("`stackctl up` again")), "{failure:?}");
    assert!(seconds(600) <= ended.took && ended.took < seconds(610), "{:?}", ended.took);
}

#[tokio::test(start_paused = true)]
async fn the_next_run_waits_for_resources_that_were_not_ready() {
    let stage = Stage::one(|kind| {
        kind.life.ready_after = seconds(100);
        kind.deadline = seconds(60);
    });
    let stack = graph([("a.one", json!({}))]);
    assert_eq!(stage.up(&stack).await.summary.failed.len(), 1);
    let ended = stage.up(&stack).await;
    assert_eq!(ended.done(), ["wait a.one"]);
    assert_eq!(stage.world.written(), ["create a.one"]);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_never_ends_fails_at_its_deadline() {
    let stage = Stage::one(|kind| {
        kind.life.gone_after = seconds(NEVER);
        kind.deadline = seconds(600);
    });
    stage.must_up(&graph([("a.one", json!({}))])).await;
    let ended = stage.up(&Graph::new()).await;
    let failure = ended.failure();
    assert!(failure.message.contains("not deleted after 60") && failure.hint.is_some(), "{failure:?}");
    assert!(seconds(600) <= ended.took && ended.took < seconds(610), "{:?}", ended.took);
}

#[tokio::test(start_paused = true)]
async fn reads_become_rarer_during_a_long_wait() {
    let stage = Stage::one(|kind| {
        kind.life.ready_after = seconds(NEVER);
        kind.deadline = seconds(600);
    });
    stage.up(&graph([("a.one", json!({}))])).await;
    let looks = stage.world.times("list a");
    let pauses: Vec<_> = looks.windows(2).map(|pair| pair[1] - pair[0]).skip(1).collect();
    // The first pause of a new length is shortened, because it ends at a moment when other steps read too.
    assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1] * 3 / 2), "{pauses:?}");
    assert!(pauses.last().is_some_and(|pause| *pause == seconds(5)), "{pauses:?}");
    assert!(looks.len() < 150, "{}", looks.len());
}
