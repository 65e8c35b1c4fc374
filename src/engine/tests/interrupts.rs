//! Runs that are asked to stop: by Ctrl-C, or because their lock is lost.

use serde_json::json;

use super::{
    Stage, at, graph, millis, seconds,
    world::{Answer, WRITE, failure},
};
use crate::{
    engine::{Event, StopReason, run::WRITES_AT_ONCE},
    model::{Cause, Graph, Input},
};

fn two() -> Graph {
    graph([("a.one", json!({})), ("a.two", json!({ "of": Input::output(&at("a.one"), "id") }))])
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_before_it_begins_does_nothing() {
    let stage = Stage::one(|_| {});
    let going = stage.begin(&stage.plan(&two()).await);
    going.interrupt.stop(StopReason::Asked);
    let ended = going.end().await;
    assert_eq!(ended.summary.stopped, Some(StopReason::Asked));
    assert_eq!(ended.summary.skipped, [at("a.one"), at("a.two")]);
    assert_eq!(stage.world.written(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_write_in_flight_is_finished_and_nothing_new_begins() {
    let stage = Stage::one(|_| {});
    stage.world.script("create", &at("a.one"), [Answer::Takes(seconds(20))]);
    let going = stage.begin(&stage.plan(&two()).await);
    tokio::time::sleep(seconds(5)).await;
    going.interrupt.stop(StopReason::Asked);
    let ended = going.end().await;
    assert_eq!(ended.done(), ["create a.one"]);
    assert_eq!(ended.summary.skipped, [at("a.two")]);
    assert_eq!(ended.summary.stopped, Some(StopReason::Asked));
    assert_eq!(stage.world.written(), ["create a.one"]);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_wait_is_not_a_failure() {
    let stage = Stage::one(|kind| kind.life.ready_after = seconds(100));
    let going = stage.begin(&stage.plan(&two()).await);
    tokio::time::sleep(seconds(30)).await;
    going.interrupt.stop(StopReason::Asked);
    let ended = going.end().await;
    assert_eq!(ended.took, seconds(30));
    assert!(ended.summary.failed.is_empty() && ended.summary.done.is_empty(), "{:?}", ended.summary);
    assert!(ended.events.iter().any(|event| matches!(event, Event::Left { address, .. } if *address == at("a.one"))));
    assert_eq!(stage.up(&two()).await.done(), ["wait a.one", "create a.two"]);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_names_what_aws_continues_to_do() {
    let stage = Stage::one(|kind| (kind.lasting, kind.life.ready_after) = (false, seconds(100)));
    let mut graph = graph([("a.one", json!({}))]);
    graph.run(&at("a.one"));
    let going = stage.begin(&stage.plan(&graph).await);
    tokio::time::sleep(seconds(30)).await;
    going.interrupt.stop(StopReason::Asked);
    let ended = going.end().await;
    let left = ended.events.iter().find_map(|event| match event {
        Event::Left { runs_on, .. } => runs_on.clone(),
        _ => None,
    });
    assert_eq!(left, Some(format!("{} runs on", stage.only("a.one").id)));
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_deletion_is_reported_as_left() {
    let stage = Stage::one(|kind| kind.life.gone_after = seconds(100));
    stage.must_up(&graph([("a.one", json!({}))])).await;
    let going = stage.begin(&stage.plan(&Graph::new()).await);
    tokio::time::sleep(seconds(30)).await;
    going.interrupt.stop(StopReason::Asked);
    assert_eq!(going.end().await.summary.skipped, [at("a.one")]);
    assert_eq!(stage.up(&Graph::new()).await.done(), ["delete a.one"]);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_a_pause_before_a_retry() {
    let stage = Stage::one(|_| {});
    stage.world.script("create", &at("a.one"), vec![Answer::Fails(failure(Cause::Throttled, "Throttling")); 100]);
    let going = stage.begin(&stage.plan(&two()).await);
    tokio::time::sleep(seconds(8)).await;
    let tries = stage.world.written().len();
    going.interrupt.stop(StopReason::Asked);
    let ended = going.end().await;
    assert!(ended.summary.failed.is_empty() && ended.took < seconds(9), "{:?} {:?}", ended.summary, ended.took);
    assert_eq!(stage.world.written().len(), tries);
}

#[tokio::test(start_paused = true)]
async fn waiting_writes_do_not_start_after_an_interrupt() {
    let stage = Stage::one(|_| {});
    let mut graph = Graph::new();
    for number in 0..2 * WRITES_AT_ONCE {
        graph.add(at(&format!("a.n{number}")), &json!({}));
    }
    let going = stage.begin(&stage.plan(&graph).await);
    tokio::time::sleep(WRITE / 2).await;
    going.interrupt.stop(StopReason::Asked);
    let ended = going.end().await;
    assert_eq!((ended.summary.done.len(), ended.summary.skipped.len()), (WRITES_AT_ONCE, WRITES_AT_ONCE));
    assert_eq!(stage.world.written().len(), WRITES_AT_ONCE);
    assert_eq!(ended.took, WRITE);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_leaves_the_second_write_to_the_next_run() {
    let stage = Stage::one(|kind| kind.in_two_steps = true);
    let stack = graph([("a.one", json!({ "size": 1 }))]);
    let going = stage.begin(&stage.plan(&stack).await);
    tokio::time::sleep(millis(50)).await;
    going.interrupt.stop(StopReason::Asked);
    assert_eq!(going.end().await.summary.skipped, [at("a.one")]);
    assert_eq!(stage.world.written(), ["create a.one"]);
    assert_eq!(stage.up(&stack).await.done(), ["update a.one"]);
    assert_eq!(stage.only("a.one").fields["size"], 1);
}

#[tokio::test(start_paused = true)]
async fn what_comes_last_is_written_once_all_else_is_ready() {
    let stage = Stage::one(|kind| {
        kind.comes_last = Some("last");
        kind.life.ready_after = seconds(100);
    });
    let stack = graph([("a.one", json!({ "size": 1, "last": 1 }))]);
    let going = stage.begin(&stage.plan(&stack).await);
    tokio::time::sleep(seconds(50)).await;
    assert_eq!(stage.world.written(), ["create a.one"]);
    going.interrupt.stop(StopReason::Asked);
    assert_eq!(going.end().await.summary.skipped, [at("a.one")]);
    assert_eq!(stage.up(&stack).await.done(), ["update a.one"]);
    assert_eq!(stage.only("a.one").fields["last"], 1);

    // In one run, it is one step.
    let stack = graph([("a.one", json!({ "size": 1, "last": 1 })), ("a.two", json!({ "last": 2 }))]);
    assert_eq!(stage.up(&stack).await.done(), ["create a.two"]);
    assert_eq!(stage.only("a.two").fields["last"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_lost_lock_stops_a_run_and_is_told_apart_from_ctrl_c() {
    let stage = Stage::one(|kind| kind.life.ready_after = seconds(100));
    let going = stage.begin(&stage.plan(&two()).await);
    tokio::time::sleep(seconds(30)).await;
    going.interrupt.stop(StopReason::LockLost);
    going.interrupt.stop(StopReason::Asked);
    let ended = going.end().await;
    assert_eq!(ended.summary.stopped, Some(StopReason::LockLost), "what comes after it does not hide it");
    assert_eq!(stage.world.written(), ["create a.one"]);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_does_not_hide_failures() {
    let stage = Stage::one(|_| {});
    let slow = failure(Cause::Refused, "Never");
    stage.world.script("create", &at("a.one"), [Answer::Fails(slow.clone())]);
    let going = stage.begin(&stage.plan(&two()).await);
    tokio::time::sleep(WRITE / 2).await;
    going.interrupt.stop(StopReason::Asked);
    let ended = going.end().await;
    assert_eq!(*ended.failure(), slow.or_about(at("a.one")));
    assert_eq!(ended.summary.stopped, Some(StopReason::Asked));
}
