//! Replacements in both orders, and plans that did not expect one.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Stage, at,
    fake::{Fake, Identity},
    graph, seconds,
    world::{Answer, World, failure},
};
use crate::{
    kind::Replacement,
    model::{Action, Cause, Graph, Input},
};

/// A graph of `a.one` with this fixed field and `b.user`, which refers to it.
fn used(fixed: u32) -> Graph {
    graph([("a.one", json!({ "fixed": fixed })), ("b.user", json!({ "of": Input::output(&at("a.one"), "id") }))])
}

/// Creates a stage where that graph is deployed with `fixed` 1.
async fn stage(replacement: Replacement, change: impl FnOnce(&mut Fake)) -> Stage {
    let world = Arc::new(World::default());
    let replaced = Fake::new("a", &world).with(|kind| {
        kind.replacement = replacement;
        change(kind);
    });
    let user = Fake::new("b", &world).with(|kind| kind.uses = &["a"]);
    let stage = Stage::new(world, [replaced, user]);
    stage.must_up(&used(1)).await;
    stage
}

#[tokio::test(start_paused = true)]
async fn create_first_updates_users_before_the_deletion() {
    let stage = stage(Replacement::CreateFirst, |_| {}).await;
    let old = stage.only("a.one").id;
    let ended = stage.up(&used(2)).await;
    assert_eq!(ended.done(), ["replace a.one", "update b.user", "delete_replaced a.one"]);
    let new = stage.only("a.one");
    assert_ne!(new.id, old);
    assert_eq!(stage.only("b.user").fields["of"], new.id);
    assert_eq!(stage.plan(&used(2)).await.steps, []);
}

#[tokio::test(start_paused = true)]
async fn delete_first_deletes_before_the_create() {
    let stage = Stage::one(|kind| {
        kind.identity = Identity::Name;
        kind.life.gone_after = seconds(40);
    });
    stage.must_up(&graph([("a.one", json!({ "fixed": 1 }))])).await;
    let ended = stage.up(&graph([("a.one", json!({ "fixed": 2 }))])).await;
    assert_eq!(ended.done(), ["delete_replaced a.one", "replace a.one"]);
    assert_eq!(stage.world.times("create a.one").len(), 2, "the name is free when it is taken again");
    assert_eq!(stage.only("a.one").fields["fixed"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_with_the_same_name_becomes_ready() {
    let stage = Stage::one(|kind| {
        kind.identity = Identity::Name;
        kind.life.ready_after = seconds(60);
    });
    stage.must_up(&graph([("a.one", json!({ "fixed": 1 }))])).await;
    let ended = stage.up(&graph([("a.one", json!({ "fixed": 2 }))])).await;
    assert_eq!(ended.done(), ["delete_replaced a.one", "replace a.one"]);
    assert!(ended.took < seconds(80), "{:?}", ended.took);
}

#[tokio::test(start_paused = true)]
async fn a_listed_old_resource_is_not_taken_for_the_new_one() {
    let stage = stage(Replacement::CreateFirst, |kind| kind.life.ready_after = seconds(60)).await;
    let ended = stage.up(&used(2)).await;
    assert_eq!(ended.done(), ["replace a.one", "update b.user", "delete_replaced a.one"]);
    // The old resource is ready from the first read.
    assert!(ended.took >= seconds(60), "{:?}", ended.took);
}

#[tokio::test(start_paused = true)]
async fn a_failed_replacement_keeps_the_old_one_for_its_users() {
    let stage = stage(Replacement::CreateFirst, |_| {}).await;
    stage.world.script("create", &at("a.one"), [Answer::Fails(failure(Cause::Refused, "Never"))]);
    let ended = stage.up(&used(2)).await;
    assert_eq!(ended.done(), Vec::<String>::new());
    assert_eq!(ended.summary.skipped, [at("b.user"), at("a.one")]);
    assert_eq!(stage.only("a.one").fields["fixed"], 1);
    stage.must_up(&used(2)).await;
    assert_eq!(stage.only("a.one").fields["fixed"], 2);
}

#[tokio::test(start_paused = true)]
async fn of_two_resources_the_desired_one_is_kept() {
    let stage = stage(Replacement::CreateFirst, |kind| kind.life.ready_after = seconds(30)).await;
    // The run is killed between the two halves of the replacement.
    assert!(!stage.kill(&stage.plan(&used(2)).await, 1).await);
    tokio::time::sleep(seconds(60)).await;
    assert_eq!(stage.world.things().len(), 3);
    let ended = stage.up(&used(2)).await;
    assert_eq!(ended.done(), ["update b.user", "delete a.one"]);
    assert_eq!(stage.only("a.one").fields["fixed"], 2);
}

#[tokio::test(start_paused = true)]
async fn an_update_ignores_an_old_resource_at_its_address() {
    let stage = stage(Replacement::CreateFirst, |kind| {
        kind.life.ready_after = seconds(30);
        kind.life.gone_after = seconds(200);
    })
    .await;
    assert!(!stage.kill(&stage.plan(&used(2)).await, 1).await);
    tokio::time::sleep(seconds(60)).await;
    let both = |desired: Value| graph([("a.one", desired)]);
    let ended = stage.up(&both(json!({ "fixed": 2, "size": 5 }))).await;
    assert_eq!(ended.done().len(), 3, "{:?}", ended.done());
    let updated = ended.events.iter().find_map(|event| match event {
        crate::engine::Event::Done { action: Action::Update, elapsed, .. } => Some(*elapsed),
        _ => None,
    });
    assert!(updated.is_some_and(|elapsed| elapsed < seconds(60)), "{updated:?}");
}

#[tokio::test(start_paused = true)]
async fn an_update_that_becomes_a_replacement_is_a_stale_plan() {
    let stage = Stage::one(|_| {});
    let stack = |size: u32| {
        graph([
            ("a.base", json!({ "fixed": size })),
            ("a.top", json!({ "fixed_of": Input::output(&at("a.base"), "id"), "size": size })),
        ])
    };
    stage.must_up(&stack(1)).await;
    let before = stage.only("a.top");
    let mut plan = stage.plan(&stack(2)).await;
    // A plan that assumed that the id does not change.
    for step in plan.steps.iter_mut().filter(|step| step.address == at("a.top")) {
        if step.action == Action::Replace {
            step.action = Action::Update;
        }
    }
    plan.steps.retain(|step| step.action != Action::DeleteReplaced);
    for (id, step) in plan.steps.iter_mut().enumerate() {
        step.needs = (0..id).collect();
    }
    let ended = stage.apply(&plan).await;
    let failure = ended.failure();
    assert!(failure.message.contains("out of date") && failure.hint.is_some(), "{failure}");
    assert_eq!(stage.only("a.top").version, before.version, "nothing was written");
}

#[tokio::test(start_paused = true)]
async fn an_update_without_changes_writes_nothing() {
    let stage = Stage::one(|kind| kind.life.ready_after = seconds(5));
    let stack = graph([("a.one", json!({ "size": 1 }))]);
    let plan = stage.plan(&stack).await;
    stage.apply(&plan).await;
    let mut again = plan;
    again.steps[0].action = Action::Update;
    again.steps[0].live = stage.plan(&stack).await.unchanged.pop();
    assert_eq!(stage.apply(&again).await.done(), ["update a.one"]);
    assert_eq!(stage.world.written(), ["create a.one"]);
}
