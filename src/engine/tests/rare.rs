//! A rare kind is listed only if the stack can have such a resource.

use std::sync::Arc;

use serde_json::json;

use super::{Stage, at, fake::Fake, graph, world::World};
use crate::{
    engine::observe,
    kind::{AnyKind, Context, Registry},
};

/// Returns whether `observe` finds the existing `rare.one` while the kind `common` reports the kinds `without` as
/// absent.
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
async fn absent_rare_kinds_are_not_listed() {
    assert!(!is_seen(Some(&["rare"]), |cx| cx).await);
    assert!(is_seen(Some(&["other"]), |cx| cx).await, "it had one once");
    assert!(is_seen(None, |cx| cx).await, "nobody knows");
}

#[tokio::test(start_paused = true)]
async fn rare_kinds_in_stack_yaml_or_on_destroy_are_listed() {
    assert!(is_seen(Some(&["rare"]), |cx| cx.expecting([(at("rare.one"), json!({}))])).await);
    assert!(is_seen(Some(&["rare"]), Context::deleting_all).await);
}
