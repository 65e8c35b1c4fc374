//! `command` and `entrypoint`: what the tasks of a service start, and what other tasks of the image start.

use aws_sdk_ecs::types::ContainerDefinition;

use crate::{support::World, tiny::Tiny, until};

const WORKER: &str = "services:
  worker:
    build: tiny
    entrypoint: [/app/tiny, wrapped]
    command: [work]
    release: [prepare]
    stop_timeout: 2
";

/// Returns the container definition of the worker.
async fn container(world: &World) -> ContainerDefinition {
    let ecs = aws_sdk_ecs::Client::new(&world.sdk().await);
    let call = ecs.describe_services().cluster("tiny-default-main").services("tiny-default-worker").send();
    let serves = call.await.expect("it answers").services()[0].task_definition().expect("it has one").to_owned();
    let answer = ecs.describe_task_definition().task_definition(serves).send().await.expect("it answers");
    answer.task_definition().expect("it is there").container_definitions()[0].clone()
}

/// Waits until a task of the worker has logged this line.
async fn until_written(world: &World, line: &str) {
    until::so(&format!("the worker has written {line:?}"), async || {
        world.must(&["logs", "worker"]).lines().any(|written| written.ends_with(line))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_runs_another_command_of_the_same_image() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.edit("services:\n", WORKER);
    // With several services, none has the default route.
    world.edit("    port: 3000\n", "    port: 3000\n    routes: [/*]\n");
    let url = world.up();
    assert_eq!(world.get(&format!("{url}/")).await, (200, "one".to_owned()), "web has the command of the image");
    until_written(world, "started with wrapped work").await;
    until_written(world, "started with wrapped prepare").await;

    let said = world.must(&["run", "worker", "--", "say", "hello"]);
    assert!(said.contains("started with wrapped say hello"), "{said}");
    assert_eq!(world.plan(), Vec::<String>::new(), "nothing of the stack has changed");

    world.edit("command: [work]", "command: [work, faster]");
    let changed = world.changes();
    assert!(changed.contains(&"task_definition.worker command".to_owned()), "{changed:?}");
    world.up();
    until_written(world, "started with wrapped work faster").await;

    world.must(&["rollback", "worker"]);
    let back = container(world).await;
    assert_eq!((back.entry_point().join(" "), back.command().join(" ")), ("/app/tiny wrapped".into(), "work".into()));
}
