//! When steps start: after the steps they need, at the same time where possible, within the limit on writes.

use std::sync::Arc;

use serde_json::json;

use super::{
    Stage, at,
    fake::Fake,
    graph, millis, seconds,
    world::{Answer, WRITE, World, failure},
};
use crate::{
    engine::run::WRITES_AT_ONCE,
    model::{Cause, Graph, Input},
};

#[tokio::test(start_paused = true)]
async fn a_step_begins_once_all_it_needs_is_ready() {
    let world = Arc::new(World::default());
    let slow = Fake::new("slow", &world).with(|kind| kind.life.ready_after = seconds(20));
    let stage = Stage::new(Arc::clone(&world), [slow, Fake::new("a", &world), Fake::new("b", &world)]);
    let graph = graph([
        ("slow.one", json!({})),
        ("a.one", json!({})),
        ("b.one", json!({ "of": Input::output(&at("slow.one"), "id"), "and": Input::output(&at("a.one"), "id") })),
    ]);
    let ended = stage.up(&graph).await;
    assert_eq!(ended.done(), ["create a.one", "create slow.one", "create b.one"]);
    assert_eq!(stage.only("b.one").fields["of"], stage.only("slow.one").id, "it was told the id");
    let (slow, last) = (world.times("create slow.one")[0], world.times("create b.one")[0]);
    assert_eq!(world.times("create a.one")[0], slow, "what needs nothing begins at once");
    assert!(last - slow >= seconds(20), "{:?}", last - slow);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_outlives_others_is_deleted_after_they_change() {
    let world = Arc::new(World::default());
    let kept = Fake::new("kept", &world).with(|kind| kind.outlives = &["user"]);
    let user = Fake::new("user", &world).with(|kind| kind.life.ready_after = seconds(20));
    let stage = Stage::new(Arc::clone(&world), [kept, user]);
    stage.up(&graph([("kept.one", json!({})), ("user.one", json!({ "size": 1 }))])).await;
    let ended = stage.up(&graph([("user.one", json!({ "size": 2 }))])).await;
    assert_eq!(ended.done(), ["update user.one", "delete kept.one"]);
}

/// A stage with two kinds, such as a role and a service that uses it.
fn counted_on() -> Stage {
    let world = Arc::new(World::default());
    let role = Fake::new("role", &world).with(|kind| kind.counted_on_by = &["user"]);
    let user = Fake::new("user", &world).with(|kind| kind.life.ready_after = seconds(20));
    Stage::new(world, [role, user])
}

fn with_role(allows: &str, size: u32) -> Graph {
    let role = Input::output(&at("role.one"), "id");
    graph([("role.one", json!({ "allows": allows })), ("user.one", json!({ "role": role, "size": size }))])
}

#[tokio::test(start_paused = true)]
async fn a_permission_in_use_is_removed_last() {
    let stage = counted_on();
    stage.must_up(&with_role("ab", 1)).await;
    let ended = stage.up(&with_role("bc", 2)).await;
    assert_eq!(ended.done(), ["update role.one", "update user.one", "narrow role.one"]);
    assert_eq!(stage.only("role.one").fields["allows"], "bc");
    assert_eq!(stage.plan(&with_role("bc", 2)).await.steps, []);
}

#[tokio::test(start_paused = true)]
async fn a_permission_in_use_stays_if_the_change_fails() {
    let stage = counted_on();
    stage.must_up(&with_role("ab", 1)).await;
    stage.world.script("update", &at("user.one"), [Answer::Fails(failure(Cause::Refused, "Never"))]);
    let ended = stage.up(&with_role("b", 2)).await;
    // Nothing is added, so no step comes before the update.
    assert_eq!(ended.done(), [""; 0]);
    assert_eq!(ended.summary.skipped, [at("role.one")]);
    assert_eq!(stage.only("role.one").fields["allows"], "ab");
    assert_eq!(stage.up(&with_role("b", 2)).await.done(), ["update user.one", "narrow role.one"]);
    // No dependent resource changes, so one step is enough.
    assert_eq!(stage.up(&with_role("", 2)).await.done(), ["update role.one"]);
}

/// Rules and the users behind them. Each user needs its rule.
fn with_rules(names: &[&str]) -> Graph {
    let mut graph = Graph::new();
    for name in names {
        let rule = graph.add(at(&format!("rule.{name}")), &json!({ "open": true }));
        graph.add(at(&format!("user.{name}")), &json!({ "rule": Input::output(&rule, "id") }));
    }
    graph
}

#[tokio::test(start_paused = true)]
async fn a_new_rule_is_opened_after_its_target_is_ready() {
    let world = Arc::new(World::default());
    let rule = Fake::new("rule", &world).with(|kind| (kind.takes_over, kind.counted_on_by) = (true, &["user"]));
    let user = Fake::new("user", &world).with(|kind| kind.life.ready_after = seconds(20));
    let stage = Stage::new(world, [rule, user]);
    assert_eq!(stage.up(&with_rules(&["one"])).await.done(), ["create rule.one", "create user.one", "narrow rule.one"]);
    let both = with_rules(&["one", "two"]);
    stage.world.script("create", &at("user.two"), [Answer::Fails(failure(Cause::Refused, "Never"))]);
    assert_eq!(stage.up(&both).await.done(), ["create rule.two"]);
    assert_eq!(stage.only("rule.two").fields["open"], false);
    assert_eq!(stage.up(&both).await.done(), ["create user.two", "narrow rule.two"]);
    assert_eq!(stage.only("rule.two").fields["open"], true);
    // The same in one run; the old rule is deleted only after the new one is open.
    let other = stage.up(&with_rules(&["one", "three"])).await;
    let (opened, gone) = ("narrow rule.three".to_owned(), "delete rule.two".to_owned());
    let place = |step: &String| other.done().iter().position(|done| done == step).expect("it is done");
    assert!(place(&opened) < place(&gone), "{:?}", other.done());
    assert_eq!(stage.plan(&with_rules(&["one", "three"])).await.steps, []);
}

#[tokio::test(start_paused = true)]
async fn a_blocking_rule_is_deleted_after_the_blocked_ones() {
    let world = Arc::new(World::default());
    let rule = Fake::new("rule", &world).with(|kind| (kind.takes_over, kind.closes) = (true, true));
    let stage = Stage::new(world, [rule]);
    let both = [("rule.block", json!({ "closes": true })), ("rule.route", json!({ "closes": false }))];
    stage.must_up(&graph(both)).await;
    let ended = stage.up(&graph([("rule.other", json!({ "closes": false }))])).await;
    assert_eq!(ended.done(), ["create rule.other", "delete rule.route", "delete rule.block"]);
}

#[tokio::test(start_paused = true)]
async fn independent_steps_do_not_wait_for_each_other() {
    let stage = Stage::one(|kind| kind.life.ready_after = seconds(60));
    let ended = stage.up(&graph([("a.one", json!({})), ("a.two", json!({})), ("a.three", json!({}))])).await;
    assert_eq!(ended.summary.done.len(), 3);
    assert!(ended.took < seconds(70), "{:?}", ended.took);
}

#[tokio::test(start_paused = true)]
async fn at_most_sixteen_writes_run_at_once() {
    let stage = Stage::one(|_| {});
    let mut graph = Graph::new();
    for number in 0..3 * WRITES_AT_ONCE {
        graph.add(at(&format!("a.n{number}")), &json!({}));
    }
    let ended = stage.up(&graph).await;
    assert_eq!(ended.summary.done.len(), 3 * WRITES_AT_ONCE);
    assert_eq!((stage.world.most_under_way(), WRITES_AT_ONCE), (16, 16));
    assert_eq!(ended.took, 3 * WRITE);
}

#[tokio::test(start_paused = true)]
async fn waiting_steps_do_not_count_as_writes() {
    let stage = Stage::one(|kind| kind.life.ready_after = seconds(100));
    let mut graph = Graph::new();
    for number in 0..2 * WRITES_AT_ONCE {
        graph.add(at(&format!("a.n{number}")), &json!({}));
    }
    let ended = stage.up(&graph).await;
    assert_eq!(ended.summary.done.len(), 2 * WRITES_AT_ONCE);
    assert!(ended.took < seconds(106), "{:?}", ended.took);
}

#[tokio::test(start_paused = true)]
async fn a_failure_skips_only_the_steps_that_need_it() {
    let stage = Stage::one(|_| {});
    let needs = |address: &str| json!({ "of": Input::output(&at(address), "id") });
    let graph =
        graph([("a.bad", json!({})), ("a.after", needs("a.bad")), ("a.good", json!({})), ("a.too", needs("a.good"))]);
    stage.world.script("create", &at("a.bad"), [Answer::Fails(failure(Cause::Refused, "Never"))]);
    let ended = stage.up(&graph).await;
    assert_eq!(ended.done(), ["create a.good", "create a.too"]);
    assert_eq!(ended.summary.skipped, [at("a.after")]);
    assert_eq!(ended.failure().code.as_deref(), Some("Never"));
    // The next run does the remaining steps.
    assert_eq!(stage.up(&graph).await.done(), ["create a.bad", "create a.after"]);
    assert_eq!(stage.plan(&graph).await.steps, []);
}

#[tokio::test(start_paused = true)]
async fn a_used_resource_is_deleted_after_its_users() {
    let world = Arc::new(World::default());
    let user = Fake::new("b", &world).with(|kind| {
        kind.uses = &["a"];
        kind.life.gone_after = seconds(30);
    });
    let stage = Stage::new(Arc::clone(&world), [Fake::new("a", &world), user]);
    stage.must_up(&graph([("a.one", json!({})), ("b.one", json!({ "of": Input::output(&at("a.one"), "id") }))])).await;
    let ended = stage.up(&Graph::new()).await;
    assert_eq!(ended.done(), ["delete b.one", "delete a.one"]);
    let (user, used) = (world.times("delete b.one"), world.times("delete a.one"));
    assert_eq!((user.len(), used.len()), (1, 1), "the order spares AWS a refusal");
    assert!(used[0] - user[0] >= seconds(30), "a deletion is done once the resource is gone");
    assert_eq!(world.things().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn steps_that_wait_for_one_kind_share_its_listings() {
    let stage = Stage::one(|kind| kind.life.ready_after = seconds(60));
    let mut graph = Graph::new();
    for number in 0..10 {
        graph.add(at(&format!("a.n{number}")), &json!({}));
    }
    stage.must_up(&graph).await;
    let many = stage.world.times("list a").len();
    let alone = Stage::one(|kind| kind.life.ready_after = seconds(60));
    alone.must_up(&super::graph([("a.one", json!({}))])).await;
    let one = alone.world.times("list a").len();
    assert!(one > 5, "{one}");
    assert_eq!(many, one, "ten resources take as many listings as one");
}

#[tokio::test(start_paused = true)]
async fn steps_started_at_different_times_share_reads() {
    let looks = async |count: u64| {
        let stage = Stage::one(|kind| kind.life.ready_after = seconds(100));
        let mut graph = Graph::new();
        for number in 0..count {
            let address = at(&format!("a.n{number}"));
            let write = millis(100 + 170 * number);
            stage.world.script("create", &address, [Answer::Takes(write)]);
            graph.add(address, &json!({}));
        }
        stage.must_up(&graph).await;
        stage.world.times("list a").len()
    };
    let (one, many) = (looks(1).await, looks(10).await);
    assert!(many < one * 2, "{many} looks for ten resources, and {one} for one");
}

#[tokio::test(start_paused = true)]
async fn slow_work_starts_with_the_run() {
    let world = Arc::new(World::default());
    let first = Fake::new("a", &world).with(|kind| kind.life.ready_after = seconds(60));
    let built = Fake::new("image", &world).with(|kind| kind.prepares = Some(seconds(50)));
    let stage = Stage::new(Arc::clone(&world), [first, built]);
    let mut graph = graph([("a.one", json!({})), ("image.one", json!({}))]);
    graph.need(&at("image.one"), &at("a.one"));
    let ended = stage.up(&graph).await;
    assert_eq!(ended.done(), ["create a.one", "create image.one"]);
    assert_eq!(world.times("prepare image"), [world.times("create a.one")[0]]);
    assert!(ended.took < seconds(70), "{:?}", ended.took);
}

#[tokio::test(start_paused = true)]
async fn slow_work_stops_when_the_run_fails() {
    let world = Arc::new(World::default());
    let built = Fake::new("image", &world).with(|kind| kind.prepares = Some(seconds(500)));
    let stage = Stage::new(Arc::clone(&world), [Fake::new("a", &world), built]);
    let mut graph = graph([("a.one", json!({})), ("image.one", json!({}))]);
    graph.need(&at("image.one"), &at("a.one"));
    world.script("create", &at("a.one"), [Answer::Fails(failure(Cause::Refused, "Never"))]);
    let ended = stage.up(&graph).await;
    assert_eq!(ended.summary.skipped, [at("image.one")]);
    assert!(ended.took < millis(500), "{:?}", ended.took);
}
