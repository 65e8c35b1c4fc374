//! What has to stay ready, and what is taken back when it fails.

use serde_json::json;

use super::{Stage, at, graph, seconds};
use crate::model::Cause;

#[tokio::test(start_paused = true)]
async fn what_has_to_stay_ready_is_awaited_for_so_long() {
    let stage = Stage::one(|kind| kind.stays_ready = seconds(20));
    let ended = stage.up(&graph([("a.one", json!({}))])).await;
    assert_eq!(ended.done(), ["create a.one"]);
    assert!(ended.took >= seconds(20) && ended.took < seconds(30), "{:?}", ended.took);
}

#[tokio::test(start_paused = true)]
async fn an_update_that_fails_is_taken_back_where_its_kind_can() {
    for takes_back in [true, false] {
        let stage = Stage::one(|kind| kind.takes_back = takes_back);
        stage.must_up(&graph([("a.one", json!({ "size": 1, "fails": false }))])).await;
        let ended = stage.up(&graph([("a.one", json!({ "size": 2, "fails": true }))])).await;
        let failure = ended.failure();
        let (cause, message) = if takes_back {
            (Cause::RolledBack, "it does not stay up; 1 is back")
        } else {
            (Cause::Refused, "it does not stay up")
        };
        assert_eq!((failure.cause, failure.message.as_str()), (cause, message));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_new_and_fails_is_left_to_be_looked_at() {
    let stage = Stage::one(|kind| kind.takes_back = true);
    let ended = stage.up(&graph([("a.one", json!({ "fails": true }))])).await;
    assert_eq!(ended.failure().cause, Cause::Refused);
    assert_eq!(stage.only("a.one").address, at("a.one"));
}
