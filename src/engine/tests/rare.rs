//! A rare kind is asked for only where the stack can have one.

use std::sync::Arc;

use serde_json::json;

use super::{Stage, at, fake::Fake, graph, world::World};
use crate::{
    engine::observe,
    kind::{AnyKind, Context, Registry},
};

/// Whether a look sees the one `rare.one` that there is, where the kind `common` says that the stack is without these.
async fn is_seen(without: Option<&'static [&'static str]>, with: impl FnOnce(Context) -> Context) -> bool {
    let world = Arc::new(World::default());
    let rare = Fake::new("rare", &world).with(|kind| kind.rare = true);
    let stage = Stage::new(Arc::clone(&world), [Fake::new("common", &world), rare.clone()]);
    stage.must_up(&graph([("common.one", json!({})), ("rare.one", json!({}))])).await;
    let common = Fake::new("common", &world).with(|kind| kind.without = without);
    let kinds = Registry::new([Arc::new(rare) as Arc<dyn AnyKind>, Arc::new(common)]);
    let live = observe(&kinds, &with(stage.cx.fresh())).await.expect("the fake cloud can be read");
    assert!(live.iter().any(|found| found.address == at("common.one")), "what is not rare is always seen");
    live.iter().any(|found| found.address == at("rare.one"))
}

#[tokio::test(start_paused = true)]
async fn what_a_stack_is_without_is_not_asked_for() {
    assert!(!is_seen(Some(&["rare"]), |cx| cx).await);
    assert!(is_seen(Some(&["other"]), |cx| cx).await, "it had one once");
    assert!(is_seen(None, |cx| cx).await, "nobody knows");
}

#[tokio::test(start_paused = true)]
async fn what_stack_yaml_has_or_destroy_may_find_is_asked_for() {
    assert!(is_seen(Some(&["rare"]), |cx| cx.expecting([(at("rare.one"), json!({}))])).await);
    assert!(is_seen(Some(&["rare"]), Context::deleting_all).await);
}
