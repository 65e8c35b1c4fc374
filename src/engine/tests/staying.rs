//! Resources that must stay ready for a while, and updates that are rolled back when they fail.

use serde_json::json;

use super::{Stage, at, graph, seconds};
use crate::model::Cause;

#[tokio::test(start_paused = true)]
async fn a_step_waits_until_the_resource_stays_ready() {
    let stage = Stage::one(|kind| kind.stays_ready = seconds(20));
    let ended = stage.up(&graph([("a.one", json!({}))])).await;
    assert_eq!(ended.done(), ["create a.one"]);
    assert!(ended.took >= seconds(20) && ended.took < seconds(30), "{:?}", ended.took);
}

#[tokio::test(start_paused = true)]
async fn a_failed_update_is_rolled_back_if_the_kind_can() {
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
async fn a_failed_new_resource_is_kept_for_inspection() {
    let stage = Stage::one(|kind| kind.takes_back = true);
    let ended = stage.up(&graph([("a.one", json!({ "fails": true }))])).await;
    assert_eq!(ended.failure().cause, Cause::Refused);
    assert_eq!(stage.only("a.one").address, at("a.one"));
}
