//! Resources that a plan updates are read in full if the list leaves something out.

use std::sync::Arc;

use serde_json::json;

use super::{Stage, fake::Fake, graph, world::World};
use crate::engine::{observe, plan, whole};

#[tokio::test(start_paused = true)]
async fn a_resource_with_a_shared_id_is_read_in_full() {
    let world = Arc::new(World::default());
    let kinds = [Fake::new("a", &world).with(|kind| kind.leaves_out = true), Fake::new("b", &world)];
    let stage = Stage::new(world, kinds);
    let with = |size: u32| graph([("a.one", json!({ "size": size })), ("b.one", json!({ "size": size }))]);
    stage.apply(&stage.plan(&with(1)).await).await;
    let mut live = observe(&stage.kinds, &stage.cx).await.expect("they are there");
    live.iter_mut().for_each(|found| found.id = "same".to_owned());
    let read = async |size: u32| {
        let plan = plan(&stage.kinds, &stage.cx.id, &with(size), live.clone()).expect("it can be drawn");
        whole(&stage.kinds, &stage.cx, &plan, &live).await.expect("they are read")
    };
    let read_whole = read(2).await.expect("one has more to it");
    let left_out = |at: usize| read_whole[at].live["left_out"].clone();
    assert_eq!((left_out(0), left_out(1)), (json!(true), json!(null)));
    assert_eq!(read(1).await, None, "nothing is updated");
}
