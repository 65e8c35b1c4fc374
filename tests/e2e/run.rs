//! One-off tasks with a service's image, environment and secrets.

use serde_json::Value;

use crate::support::{World, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_in_its_own_task_and_gives_its_exit_code() {
    let world = World::start();
    let before_up = world.stackctl(&["run", "web", "--", "migrate"]);
    assert_eq!(before_up.status.code(), Some(1), "{}", text(&before_up));
    assert!(text(&before_up).contains("has no service.web"), "{}", text(&before_up));

    world.up();
    // The migration needs the service's secret DATABASE_URL.
    let migrated = world.stackctl(&["run", "web", "--", "migrate"]);
    assert!(migrated.status.success(), "{}", text(&migrated));
    assert!(String::from_utf8_lossy(&migrated.stdout).contains("migrat"), "{}", text(&migrated));

    let wrong = world.stackctl(&["run", "web", "--", "make", "tea"]);
    assert_eq!(wrong.status.code(), Some(2), "the application's own code for a wrong command: {}", text(&wrong));
    assert!(String::from_utf8_lossy(&wrong.stdout).contains("there is no command `make tea`"), "{}", text(&wrong));

    let unknown = world.stackctl(&["run", "wbe", "--", "migrate"]);
    assert_eq!(unknown.status.code(), Some(3), "{}", text(&unknown));
    assert!(text(&unknown).contains("services: web"), "{}", text(&unknown));

    let events = world.must(&["run", "web", "--output", "json", "--", "migrate"]);
    let events: Vec<Value> =
        events.lines().map(|line| serde_json::from_str(line).expect("one document a line")).collect();
    assert_eq!(events.first().map(|event| &event["event"]), Some(&Value::from("task")));
    assert_eq!(events.last().map(|event| &event["exit_code"]), Some(&Value::from(0)));
    assert_eq!(world.plan(), Vec::<String>::new(), "nothing of the stack has changed");
}
