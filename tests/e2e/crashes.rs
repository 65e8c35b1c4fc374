//! Two concurrent runs.

use serde_json::json;

use crate::{
    support::{World, text},
    until,
};

#[tokio::test(flavor = "multi_thread")]
async fn second_concurrent_run_names_the_lock_holder() {
    let world = World::start();
    world.set(json!({ "latency_ms": 100 })).await;
    let first = world.spawn(&["up", "--yes"]);
    until::so("the first one takes the lock", async || world.has_called("PutParameter").await).await;
    let second = world.stackctl(&["up", "--yes"]);
    let said = text(&second);
    assert_eq!(second.status.code(), Some(4), "{said}");
    assert!(
        said.contains("locked by `stackctl up`") && said.contains("since") && said.contains("--lock-timeout"),
        "{said}"
    );
    let first = first.wait_with_output().expect("it ends");
    assert!(first.status.success(), "{}", text(&first));
    assert_eq!(world.plan(), Vec::<String>::new());
}
