//! Steps that panic: a defect in one kind must not stop the other steps.

use serde_json::json;

use super::{Stage, at, graph, seconds, world::Answer};
use crate::{
    engine::{Event, run::WRITES_AT_ONCE},
    model::{Cause, Graph, Input},
};

#[tokio::test(start_paused = true)]
async fn a_step_that_panics_fails_alone() {
    let stage = Stage::one(|kind| kind.life.ready_after = seconds(30));
    let graph = graph([
        ("a.bad", json!({})),
        ("a.after", json!({ "of": Input::output(&at("a.bad"), "id") })),
        ("a.good", json!({})),
    ]);
    stage.world.script("create", &at("a.bad"), [Answer::Panics]);
    let ended = stage.up(&graph).await;
    assert_eq!(ended.done(), ["create a.good"]);
    assert_eq!(ended.summary.skipped, [at("a.after")]);
    let [(address, failure)] = ended.summary.failed.as_slice() else { panic!("{:?}", ended.summary) };
    assert_eq!((address, failure.cause), (&at("a.bad"), Cause::Internal));
    assert!(failure.message.contains("create of a.bad panics"), "{failure}");
    let told = |event: &Event| matches!(event, Event::Failed { address, .. } if *address == at("a.bad"));
    assert_eq!(ended.events.iter().filter(|event| told(event)).count(), 1);
    assert_eq!(stage.up(&graph).await.done(), ["create a.bad", "create a.after"]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_frees_its_place_among_the_writes() {
    let stage = Stage::one(|_| {});
    let mut graph = Graph::new();
    for number in 0..2 * WRITES_AT_ONCE {
        let address = at(&format!("a.n{number:02}"));
        if number < WRITES_AT_ONCE {
            stage.world.script("create", &address, [Answer::Panics]);
        }
        graph.add(address, &json!({}));
    }
    let ended = stage.up(&graph).await;
    assert_eq!((ended.summary.failed.len(), ended.summary.done.len()), (WRITES_AT_ONCE, WRITES_AT_ONCE));
}
