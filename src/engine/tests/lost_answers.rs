//! Writes whose response is lost: they may have succeeded, and must not take effect twice.

use std::sync::Arc;

use serde_json::json;

use super::{
    Ended, Stage, at,
    fake::{Fake, Identity},
    graph, seconds,
    world::{Answer, World, failure},
};
use crate::{
    engine::attempt::ATTEMPTS,
    kind::Replacement,
    model::{Cause, Graph},
};

const IDENTITIES: [Identity; 3] = [Identity::Name, Identity::Token, Identity::Many];

/// Runs `up` for `a.one`, whose creates get these answers first.
async fn created(change: impl FnOnce(&mut Fake), answers: impl IntoIterator<Item = Answer>) -> (Stage, Ended) {
    let stage = Stage::one(change);
    stage.world.script("create", &at("a.one"), answers);
    let ended = stage.up(&graph([("a.one", json!({ "size": 1 }))])).await;
    (stage, ended)
}

#[tokio::test(start_paused = true)]
async fn a_create_with_a_lost_response_makes_one_resource() {
    for identity in IDENTITIES {
        for lost in [Answer::LostBefore, Answer::LostAfter] {
            let (stage, ended) = created(|kind| kind.identity = identity, [lost.clone()]).await;
            assert_eq!(ended.done(), ["create a.one"], "{identity:?} {lost:?}");
            assert_eq!(stage.only("a.one").fields["size"], 1, "{identity:?} {lost:?}");
            assert_eq!(ended.waited_for(), ["waiting for a response to Write"]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_that_succeeded_without_response_is_not_repeated() {
    for identity in IDENTITIES {
        let (stage, _) = created(|kind| kind.identity = identity, [Answer::LostAfter]).await;
        assert_eq!(stage.world.written(), ["create a.one"], "{identity:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_create_is_searched_for_while_reads_lag() {
    let change = |kind: &mut Fake| {
        kind.identity = Identity::Many;
        kind.life.lag = seconds(8);
    };
    let (stage, ended) = created(change, [Answer::LostAfter]).await;
    assert_eq!(ended.done(), ["create a.one"]);
    assert_eq!(stage.world.written(), ["create a.one"]);
    assert!(ended.took >= seconds(8), "{:?}", ended.took);
}

#[tokio::test(start_paused = true)]
async fn a_name_taken_by_the_lost_create_is_recognized() {
    let change = |kind: &mut Fake| {
        kind.identity = Identity::Name;
        kind.life.lag = seconds(8);
    };
    let (stage, ended) = created(change, [Answer::LostAfter]).await;
    assert_eq!(ended.done(), ["create a.one"]);
    // AWS refuses the repeated create with `AlreadyExists`.
    assert_eq!(stage.world.written(), ["create a.one", "create a.one"]);
    assert_eq!(stage.only("a.one").version, 1);
}

#[tokio::test(start_paused = true)]
async fn a_name_taken_by_another_owner_fails() {
    let world = Arc::new(World::default());
    let kind = Fake::new("a", &world).with(|kind| kind.identity = Identity::Name);
    let stage = Stage::new(world, [kind]);
    stage.world.script(
        "create",
        &at("a.one"),
        [Answer::LostBefore, Answer::Fails(failure(Cause::Refused, "AlreadyExists"))],
    );
    let ended = stage.up(&graph([("a.one", json!({}))])).await;
    assert_eq!(ended.failure().code.as_deref(), Some("AlreadyExists"));
}

#[tokio::test(start_paused = true)]
async fn both_of_two_writes_may_lose_their_responses() {
    for identity in IDENTITIES {
        for lost in [Answer::LostBefore, Answer::LostAfter] {
            let stage = Stage::one(|kind| {
                kind.identity = identity;
                kind.in_two_steps = true;
            });
            stage.world.script("create", &at("a.one"), [lost.clone()]);
            stage.world.script("update", &at("a.one"), [lost.clone()]);
            let ended = stage.up(&graph([("a.one", json!({ "fixed": 1, "size": 1 }))])).await;
            assert_eq!(ended.done(), ["create a.one"], "{identity:?} {lost:?}");
            let one = stage.only("a.one");
            assert_eq!((&one.fields["fixed"], &one.fields["size"]), (&json!(1), &json!(1)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_partly_done_lost_create_is_completed() {
    // A kind that creates its resource with several calls, interrupted after the first one.
    let stage = Stage::one(|kind| kind.identity = Identity::Many);
    let wanted = graph([("a.one", json!({ "size": 2 }))]);
    stage.must_up(&graph([("a.one", json!({ "size": 1 }))])).await;
    let mut plan = Stage::one(|_| {}).plan(&wanted).await;
    plan.id = stage.cx.id.clone();
    stage.world.script("create", &at("a.one"), [Answer::LostBefore]);
    let ended = stage.apply(&plan).await;
    assert_eq!(ended.done(), ["create a.one"]);
    assert_eq!(stage.only("a.one").fields["size"], 2);
    assert_eq!(stage.world.written(), ["create a.one", "create a.one", "update a.one"]);
}

#[tokio::test(start_paused = true)]
async fn an_update_with_a_lost_response_is_repeated() {
    for lost in [Answer::LostBefore, Answer::LostAfter] {
        let stage = Stage::one(|_| {});
        stage.must_up(&graph([("a.one", json!({ "size": 1 }))])).await;
        stage.world.script("update", &at("a.one"), [lost]);
        let ended = stage.up(&graph([("a.one", json!({ "size": 2 }))])).await;
        assert_eq!(ended.done(), ["update a.one"]);
        assert_eq!(stage.only("a.one").fields["size"], 2);
        assert_eq!(stage.world.times("update a.one").len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_with_a_lost_response_is_repeated() {
    for lost in [Answer::LostBefore, Answer::LostAfter] {
        let stage = Stage::one(|_| {});
        stage.must_up(&graph([("a.one", json!({})), ("a.two", json!({}))])).await;
        stage.world.script("delete", &at("a.one"), [lost]);
        let ended = stage.up(&graph([("a.two", json!({}))])).await;
        assert_eq!(ended.done(), ["delete a.one"]);
        assert_eq!(stage.only("a.two").version, 1);
        assert_eq!(stage.world.things().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn endlessly_lost_responses_fail() {
    let (stage, ended) = created(|_| {}, vec![Answer::LostBefore; 100]).await;
    assert_eq!(ended.failure().cause, Cause::Ambiguous);
    assert_eq!(stage.world.times("create a.one").len(), 1 + ATTEMPTS as usize);
    assert_eq!(stage.world.things().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lost_create_ignores_the_replaced_resource() {
    let stage = Stage::one(|kind| {
        kind.replacement = Replacement::CreateFirst;
        kind.identity = Identity::Many;
    });
    stage.must_up(&graph([("a.one", json!({ "fixed": 1 }))])).await;
    let old = stage.only("a.one").id;
    stage.world.script("create", &at("a.one"), [Answer::LostBefore]);
    let ended = stage.up(&graph([("a.one", json!({ "fixed": 2 }))])).await;
    assert_eq!(ended.done(), ["replace a.one", "delete_replaced a.one"]);
    let new = stage.only("a.one");
    assert!(new.id != old && new.fields["fixed"] == 2, "{new:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_create_ignores_all_old_resources() {
    let stage = Stage::one(|kind| {
        kind.replacement = Replacement::CreateFirst;
        kind.identity = Identity::Many;
        kind.life.gone_after = seconds(100);
    });
    let stack = |fixed: u32| graph([("a.one", json!({ "fixed": fixed }))]);
    // Two old resources: only the first half of a replacement was done.
    stage.must_up(&stack(1)).await;
    assert!(!stage.kill(&stage.plan(&stack(2)).await, 1).await);
    assert_eq!(stage.world.things().len(), 2);
    stage.world.script("create", &at("a.one"), [Answer::LostBefore]);
    let ended = stage.up(&stack(3)).await;
    assert!(ended.summary.failed.is_empty(), "{:?}", ended.summary.failed);
    assert_eq!(stage.only("a.one").fields["fixed"], 3);
    assert_eq!(stage.up(&Graph::new()).await.done(), ["delete a.one"]);
}
