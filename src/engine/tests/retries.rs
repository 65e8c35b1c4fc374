//! Each class of failure: whether it is retried, for how long, and what the user sees at the end.

use serde_json::json;

use super::{
    Ended, Stage, at,
    fake::PATIENCE,
    graph, millis, seconds,
    world::{Answer, WRITE, failure},
};
use crate::{
    engine::attempt::ATTEMPTS,
    model::{Cause, Graph},
};

fn fails(cause: Cause, code: &str, times: usize) -> Vec<Answer> {
    vec![Answer::Fails(failure(cause, code)); times]
}

/// Runs `up` for `a.one`, whose creates get these answers first.
async fn created(answers: Vec<Answer>) -> (Stage, Ended) {
    let stage = Stage::one(|_| {});
    stage.world.script("create", &at("a.one"), answers);
    let ended = stage.up(&graph([("a.one", json!({}))])).await;
    (stage, ended)
}

#[tokio::test(start_paused = true)]
async fn a_throttled_write_is_repeated_with_growing_pauses() {
    let (stage, ended) = created(fails(Cause::Throttled, "Throttling", 5)).await;
    assert_eq!(ended.done(), ["create a.one"]);
    assert_eq!(ended.waited_for(), ["waiting because AWS throttles calls"]);
    let times = stage.world.times("create a.one");
    for (turn, pair) in times.windows(2).enumerate() {
        let pause = (pair[1] - pair[0]).saturating_sub(WRITE);
        let longest = millis(200) * (1 << turn);
        // The clock of the tests has a resolution of 1 ms.
        assert!(longest / 2 <= pause && pause <= longest + millis(1), "{turn}: {pause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn endless_throttling_fails_with_the_message_of_aws() {
    let (stage, ended) = created(fails(Cause::Throttled, "Throttling", 100)).await;
    assert_eq!(ended.failure().code.as_deref(), Some("Throttling"));
    assert_eq!(stage.world.times("create a.one").len(), 1 + ATTEMPTS as usize);
    assert!(seconds(16) < ended.took && ended.took < seconds(40), "{:?}", ended.took);
}

#[tokio::test(start_paused = true)]
async fn a_temporary_refusal_is_waited_for_and_named() {
    let (stage, ended) = created(fails(Cause::Refused, "NotYet", 7)).await;
    assert_eq!(ended.done(), ["create a.one"]);
    assert_eq!(ended.waited_for(), ["waiting for it to pass"]);
    assert_eq!(stage.world.times("create a.one").len(), 8);
}

#[tokio::test(start_paused = true)]
async fn an_unspecific_code_is_shown_with_its_message() {
    let (_, ended) = created(fails(Cause::Refused, "ClientException", 3)).await;
    assert_eq!(ended.waited_for(), ["waiting for it to pass (AWS says: the script says so)"]);
}

#[tokio::test(start_paused = true)]
async fn a_temporary_refusal_that_stays_fails_after_a_minute() {
    let (_, ended) = created(fails(Cause::Refused, "NotYet", 1000)).await;
    let hint = ended.failure().hint.clone().expect("it says how long it waited");
    assert!(hint.contains("for it to pass"), "{hint}");
    assert!(PATIENCE <= ended.took && ended.took < PATIENCE + seconds(12), "{:?}", ended.took);
}

#[tokio::test(start_paused = true)]
async fn patience_begins_with_the_first_refusal() {
    let late = Answer::FailsAfter(2 * PATIENCE, failure(Cause::Refused, "NotYet"));
    let (_, ended) = created([vec![late], fails(Cause::Refused, "NotYet", 2)].concat()).await;
    assert_eq!(ended.done(), ["create a.one"]);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_is_not_visible_yet_is_retried() {
    let (_, ended) = created(fails(Cause::Refused, "InvalidSubnetID.NotFound", 3)).await;
    assert_eq!(ended.done(), ["create a.one"]);
    assert_eq!(ended.waited_for(), ["waiting for the new resource to become visible on AWS"]);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_is_retried_until_the_deadline_of_its_kind() {
    let stage = Stage::one(|kind| kind.deadline = seconds(200));
    stage.must_up(&graph([("a.one", json!({}))])).await;
    stage.world.script("delete", &at("a.one"), fails(Cause::Refused, "DependencyViolation", 1000));
    let ended = stage.up(&Graph::new()).await;
    assert_eq!(ended.failure().code.as_deref(), Some("DependencyViolation"));
    assert!(seconds(200) <= ended.took && ended.took < seconds(215), "{:?}", ended.took);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_does_not_retry_an_unknown_id() {
    let stage = Stage::one(|_| {});
    stage.must_up(&graph([("a.one", json!({}))])).await;
    stage.world.script("delete", &at("a.one"), fails(Cause::Refused, "InvalidSubnetID.NotFound", 1));
    let ended = stage.up(&Graph::new()).await;
    assert_eq!(ended.failure().code.as_deref(), Some("InvalidSubnetID.NotFound"));
}

#[tokio::test(start_paused = true)]
async fn refusals_and_defects_are_never_repeated() {
    for cause in [Cause::Refused, Cause::Unreachable, Cause::Internal] {
        let (stage, ended) = created(fails(cause, "Never", 1)).await;
        assert_eq!(*ended.failure(), failure(cause, "Never").or_about(at("a.one")));
        assert_eq!(stage.world.times("create a.one").len(), 1, "{cause:?}");
        assert_eq!(ended.took, WRITE, "{cause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pausing_write_frees_its_place() {
    let stage = Stage::one(|_| {});
    let mut graph = Graph::new();
    for number in 0..17 {
        graph.add(at(&format!("a.n{number:02}")), &json!({}));
    }
    for number in 0..16 {
        let throttled = fails(Cause::Throttled, "Throttling", 6);
        stage.world.script("create", &at(&format!("a.n{number:02}")), throttled);
    }
    let ended = stage.up(&graph).await;
    assert_eq!(ended.summary.done.len(), 17);
    assert_eq!(ended.done()[0], "create a.n16", "the one that AWS takes is not held up by those it does not");
}
