//! Deletes a stack while AWS does not list all of its resources yet.

use std::sync::Arc;

use serde_json::json;

use super::{Stage, at, fake::Fake, graph, seconds, world::World};
use crate::{engine::late, model::Graph};

#[tokio::test(start_paused = true)]
async fn a_resource_that_is_listed_late_is_deleted_at_the_end() {
    let world = Arc::new(World::default());
    let slow = Fake::new("a", &world).with(|kind| kind.life.gone_after = seconds(20));
    let unlisted = Fake::new("b", &world).with(|kind| kind.life.lag = seconds(10));
    let stage = Stage::new(world, [slow, unlisted]);
    let whole = graph([("a.one", json!({})), ("b.one", json!({}))]);
    let asked_for = || [at("a.one"), at("b.one")];

    let ended = stage.kill(&stage.plan(&whole).await, 2).await;
    assert!(!ended, "both are made, and the run waits for the list");
    let plan = stage.plan(&Graph::new()).await;
    assert_eq!(stage.apply(&plan).await.done(), ["delete a.one"], "the other one is not listed yet");
    let late = late(&stage.kinds, &stage.cx, asked_for(), &plan).await.expect("it is listed now");
    assert_eq!(stage.apply(&late).await.done(), ["delete b.one"]);
    assert!(stage.world.things().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_whole_stack_is_not_listed_again_after_its_deletion() {
    let stage = Stage::one(|_| ());
    stage.must_up(&graph([("a.one", json!({}))])).await;
    let plan = stage.plan(&Graph::new()).await;
    stage.apply(&plan).await;
    let listed = stage.world.times("list a").len();
    let late = late(&stage.kinds, &stage.cx, [at("a.one")], &plan).await.expect("nothing is asked");
    assert!(late.is_empty());
    assert_eq!(stage.world.times("list a").len(), listed);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_resource_that_is_still_listed_is_ignored() {
    let stage = Stage::one(|kind| {
        kind.life.lag = seconds(200);
        kind.knows_gone = true;
    });
    stage.must_up(&graph([("a.one", json!({}))])).await;
    tokio::time::sleep(seconds(300)).await;
    let plan = stage.plan(&Graph::new()).await;
    stage.apply(&plan).await;
    let late = late(&stage.kinds, &stage.cx, [at("a.one"), at("a.two")], &plan).await.expect("it is listed");
    assert!(late.is_empty(), "{late:?}");
}
