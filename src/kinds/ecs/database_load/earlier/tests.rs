use std::sync::Arc;

use aws_sdk_ecs::types::{ContainerDefinition, KeyValuePair};

use super::*;
use crate::{
    aws::model::{self as aws_model, Cloud},
    kind::{AnyKind, Erased, NoImages},
    kinds::ecs::{
        database_load::DatabaseLoad,
        model::{self, Ecs},
        task::{self, Live},
    },
    model::{Phase, StackId},
};

fn id() -> StackId {
    StackId { stack: "shop".into(), environment: "test".into() }
}

/// Returns the context of another command.
fn command(cloud: &Cloud, run: &str) -> Context {
    let mut cx = Context::new(id(), Arc::new(aws_model::session(cloud)), Arc::new(NoImages));
    run.clone_into(&mut cx.run);
    cx
}

/// Registers the revision with which a command loads a dump. Returns its ARN.
fn register(cloud: &Cloud, sha256: &str, replace: &str) -> String {
    let variable = |name: &str, value: &str| KeyValuePair::builder().name(name).value(value).build();
    let container = ContainerDefinition::builder().name(CONTAINER).environment(variable(database_load::SHA256, sha256));
    let container = container.environment(variable(database_load::REPLACE, replace)).build();
    let family = ecs::family_name(&id(), &Address::new("task_definition", TASK));
    let definition = TaskDefinition::builder().family(family).container_definitions(container);
    model::register(cloud, definition)
}

/// Starts a load as the command `cx` does, without waiting for it. Returns the task as its kind lists it.
async fn start(cx: &Context, definition: &str) -> serde_json::Value {
    let desired = serde_json::json!({
        "cluster": model::CLUSTER, "task_definition": definition, "subnets": ["subnet-1"],
        "security_group": "sg-1", "public_ip": false,
    });
    let address = Address::new(TASK, "database");
    let failure = Erased::<DatabaseLoad>::new().create(cx, &address, &desired).await.expect_err("ECS prepares it");
    assert_eq!(failure.code.as_deref(), Some(task::BEING_PREPARED), "{failure}");
    let listed = cx.aws.ecs.list_tasks().cluster(model::CLUSTER).started_by(cx.started_by(TASK)).send().await;
    let task = listed.expect("it lists").task_arns().first().expect("it is there").clone();
    let live = Live { task, status: "PROVISIONING".into(), exit_code: None, ..Live::stopped(0, "") };
    serde_json::to_value(live).expect("it is plain")
}

fn left(log: bool, definition: &str) -> Left {
    Left { log, definition: Some(definition.to_owned()) }
}

fn write(cloud: &Cloud, task: &str, lines: &[&str]) {
    cloud.with(|ecs: &mut Ecs| {
        ecs.written.extend(lines.iter().map(|line| (format!("psql/psql/{task}"), (*line).to_owned())));
    });
}

/// Removes all tasks, as ECS does after an hour.
fn forget(cloud: &Cloud) {
    cloud.with(|ecs: &mut Ecs| ecs.tasks.clear());
}

fn order(sha256: &str, replaces: bool) -> Order {
    Order { sha256: sha256.into(), replaces }
}

#[tokio::test]
async fn next_command_finds_and_awaits_load_of_killed_command() {
    let cloud = model::cloud_with_cluster();
    let definition = register(&cloud, "a", "yes");
    let killed = command(&cloud, "killed");
    let started = start(&killed, &definition).await;
    let next = command(&cloud, "next");
    let kind = Erased::<DatabaseLoad>::new();
    assert_eq!(kind.list(&next).await.expect("it lists"), [], "it is not the next command's own");

    let found = begun(&next, &left(false, &definition)).await.expect("it reads");
    let [load] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((load.state, load.order.as_ref()), (State::Runs, Some(&order("a", true))));
    assert!(started["task"].as_str().expect("an ARN").ends_with(&format!("/{}", load.task)));

    // The next command waits for the load by taking over the id of the run that started it.
    let resumed = command(&cloud, load.run.as_deref().expect("ECS knows it"));
    let listed = kind.list(&resumed).await.expect("it lists");
    assert_eq!(listed[0].live["task"], started["task"]);
}

#[tokio::test]
async fn stopped_task_is_still_recognized() {
    let cloud = model::cloud_with_cluster();
    let definition = register(&cloud, "a", "no");
    let cx = command(&cloud, "one");
    let live = start(&cx, &definition).await;
    let kind = Erased::<DatabaseLoad>::new();
    kind.delete(&cx, &live).await.expect("it is stopped");
    let stopped = async || {
        kind.list(&cx).await.expect("it lists");
        kind.list(&cx).await.expect("it lists").pop().expect("it is still known")
    };
    let found = stopped().await;
    assert_eq!(found.address, Address::new(TASK, "database"), "ECS has deleted its tags");
    let Phase::Failed(why) = kind.phase(&found.live, None).expect("it is plain") else { panic!("{found:?}") };
    assert!(why.contains("the database is unchanged"), "{why}");
    let found = begun(&cx, &left(true, &definition)).await.expect("it reads");
    assert_eq!(found[0].state, State::Undone);
}

#[tokio::test]
async fn finished_command_leaves_no_load_behind() {
    let cloud = model::cloud_with_cluster();
    let before = register(&cloud, "a", "no");
    let cx = command(&cloud, "one");
    start(&cx, &before).await;
    let states = async |left: &Left| {
        let found = begun(&cx, left).await.expect("it reads");
        found.iter().map(|load| load.state).collect::<Vec<_>>()
    };
    assert_eq!(states(&Left::default()).await, [State::Runs]);
    assert_eq!(states(&Left::default()).await, [State::Runs]);
    // The command was killed before it deleted anything.
    assert_eq!(states(&left(true, &before)).await, [State::Loaded]);
    // Everything was deleted. Another command for the same dump was killed before it started a task.
    let after = register(&cloud, "a", "no");
    assert_eq!(states(&Left::default()).await, []);
    assert_eq!(states(&left(true, &after)).await, []);
}

#[tokio::test]
async fn load_is_found_in_the_log_after_ecs_forgets_the_task() {
    let cloud = model::cloud_with_cluster();
    let definition = register(&cloud, "a", "no");
    let cx = command(&cloud, "one");
    start(&cx, &definition).await;
    forget(&cloud);
    write(&cloud, "1", &["stackctl: dump a no", "stackctl: fetching 1 of 1", "stackctl: loading 1 of 1"]);
    let states = async || {
        let found = begun(&cx, &left(true, &definition)).await.expect("it reads");
        found.into_iter().map(|load| (load.task, load.order, load.state)).collect::<Vec<_>>()
    };
    let one = |state| ("1".to_owned(), Some(order("a", false)), state);
    assert_eq!(states().await, [one(State::Unknown)]);
    for (said, state) in [("interrupted", State::Killed), ("undone", State::Undone), ("loaded", State::Loaded)] {
        write(&cloud, "1", &[&format!("stackctl: {said}")]);
        assert_eq!(states().await, [one(state)], "{said}");
    }
    assert!(!begun(&cx, &left(true, &definition)).await.expect("it reads")[0].leaves_old);
    write(&cloud, "2", &["stackctl: dump b yes", "psql:<stdin>:3: ERROR:  loaded", "stackctl: replaced"]);
    write(&cloud, "2", &["stackctl: left app_replaced"]);
    assert!(begun(&cx, &left(true, &definition)).await.expect("it reads")[0].leaves_old);
    assert_eq!(states().await, [("2".to_owned(), Some(order("b", true)), State::Loaded), one(State::Loaded)]);
    assert_eq!(begun(&cx, &Left::default()).await.expect("it reads"), [], "without a log group, nothing is left");
}

#[test]
fn killed_load_is_distinguished_from_an_undone_one() {
    let began = Said { order: Some(order("a", true)), ..Said::default() };
    let said = |end| Said { end: Some(end), ..Said { order: Some(order("a", true)), ..Said::default() } };
    assert_eq!(ended(Some(0), &Said::default()), State::Loaded);
    assert_eq!(ended(Some(3), &began), State::Undone);
    assert_eq!(ended(Some(143), &began), State::Undone);
    assert_eq!(ended(Some(143), &said(State::Killed)), State::Killed, "it could not clean up");
    assert_eq!(ended(Some(137), &began), State::Killed);
    assert_eq!(ended(Some(137), &said(State::Loaded)), State::Loaded, "the old database was being dropped");
    assert_eq!(ended(None, &Said::default()), State::Undone, "it was never started");
    assert_eq!(ended(None, &began), State::Killed);
}

#[test]
fn killed_load_does_not_claim_an_unchanged_database() {
    use crate::kinds::ecs::{database_load::Load, database_task::Purpose};
    let failed = |code| Load::failed(&Live::stopped(code, "container psql ended"));
    assert!(failed(3).contains("the database is unchanged: container psql ended"));
    assert_eq!(failed(137), "the load was killed before it finished: container psql ended");
}
