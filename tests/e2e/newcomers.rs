//! What somebody who is new tries: `deploy` before `up`, one service alone, `plan --destroy`, another name for the stack.

use serde_json::Value;

use crate::{support::text, tiny::Tiny};

const OTHER: &str = "services:
  other:
    build: tiny
    entrypoint: [/app/tiny, wrapped]
    command: [work]
    stop_timeout: 2
    memory: 512
";

/// The revisions that the services run, such as `tiny-default-web:1`.
fn revisions(status: &Value) -> Vec<String> {
    let resources = status["resources"].as_array().cloned().unwrap_or_default();
    let of_services = resources.iter().filter(|one| one["kind"] == "task_definition");
    of_services.map(|one| one["id"].as_str().expect("it has an id").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_service_is_released_alone() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.edit("services:\n", OTHER);

    let early = world.stackctl(&["deploy"]);
    assert_eq!(early.status.code(), Some(1), "{}", text(&early));
    assert!(text(&early).contains("run `stackctl up` first"), "{}", text(&early));
    assert!(text(&early).contains("nothing was built"), "{}", text(&early));
    assert!(world.calls().await.iter().all(|call| call["mutating"] == false), "nothing was changed");

    tiny.commit();
    world.up();
    let before = revisions(&world.status());
    let unknown = world.ends_with(3, &["deploy", "production"]);
    assert!(unknown.contains("services: other, web") && unknown.contains("--env production"), "{unknown}");

    tiny.say("two");
    let said = world.must(&["deploy", "web", "--yes"]);
    let after = revisions(&world.status());
    assert_eq!(before, ["tiny-default-other:1", "tiny-default-web:1"]);
    assert_eq!(after, ["tiny-default-other:1", "tiny-default-web:2"], "{said}");
    assert_eq!(world.plan(), [""; 0], "the image of each service is the one that it runs");

    let planned = world.must(&["plan", "--destroy"]);
    assert!(planned.contains("service.web") && planned.contains("to delete"), "{planned}");
    assert_eq!(revisions(&world.status()), after, "a plan deletes nothing");

    // The history of the file knows the earlier name.
    world.edit("name: tiny", "name: large");
    let renamed = text(&world.stackctl(&["plan"]));
    assert!(renamed.contains("stack.yaml had the name tiny before, and tiny/default still exists"), "{renamed}");
}
