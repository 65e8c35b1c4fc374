//! Secrets with a manually set value: required before anything is created, stored only in Secrets Manager, and
//! deployed to the tasks that use them.

use std::{
    io::Write,
    process::{Output, Stdio},
};

use serde_json::Value;

use crate::{
    support::{World, text},
    sweep::everything,
    users::secret,
};

/// Runs the command with `input` on standard input.
fn with_input(world: &World, args: &[&str], input: &str) -> Output {
    let mut command = world.command(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    let mut stdin = child.stdin.take().expect("it is a pipe");
    // A command that refuses its arguments does not read its input.
    drop(stdin.write_all(input.as_bytes()));
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_given_by_hand_is_requested_kept_and_followed() {
    let world = World::start();
    world.edit("replicas: 2", "replicas: 1");
    world.edit("ADMIN_PASSWORD: generate", "ADMIN_PASSWORD: set");

    // Without its value nothing starts, and every command shows how to set it.
    let command = "stackctl secrets set web.ADMIN_PASSWORD";
    let plan = world.must(&["plan"]);
    assert!(plan.contains("+ secret.web/ADMIN_PASSWORD") && plan.contains(command), "{plan}");
    let refused = world.stackctl(&["up", "--yes"]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    assert!(text(&refused).contains(command) && text(&refused).contains("Nothing was changed"), "{}", text(&refused));
    let listed = world.must(&["secrets", "list"]);
    assert!(listed.contains("web.ADMIN_PASSWORD") && listed.contains("no value yet"), "{listed}");

    // A value in an argument, an empty value and an unknown name are refused.
    let argument = world.stackctl(&["secrets", "set", "web.ADMIN_PASSWORD", "hunter2"]);
    assert_eq!(argument.status.code(), Some(3), "{}", text(&argument));
    let said = text(&argument);
    assert!(said.contains("shell history") && !said.contains("hunter2"), "{said}");
    for (name, input) in [("web.ADMIN_PASSWORD", "\n"), ("web.OTHER", "hunter2"), ("ADMIN_PASSWORD", "hunter2")] {
        let wrong = with_input(&world, &["secrets", "set", name], input);
        assert_eq!(wrong.status.code(), Some(3), "{name}: {}", text(&wrong));
    }
    let calls = world.calls().await;
    assert!(calls.iter().all(|call| call["mutating"] == false), "nothing was changed");

    // The value can be set through standard input before anything else exists.
    let set = with_input(&world, &["secrets", "set", "web.ADMIN_PASSWORD"], "first-value\n");
    assert!(set.status.success(), "{}", text(&set));
    assert!(text(&set).contains("`stackctl up` uses it") && !text(&set).contains("first-value"), "{}", text(&set));
    assert_eq!(secret(&world, "web/ADMIN_PASSWORD").await, "first-value");
    let url = world.up();
    assert_eq!(world.plan(), Vec::<String>::new());
    let admin = async |password: &str| {
        let call = world.client.get(format!("{url}/admin")).basic_auth("developer", Some(password));
        call.send().await.expect("it answers").status().as_u16()
    };
    assert_eq!((admin("first-value").await, admin("second-value").await), (200, 401));

    // Another value without --redeploy: the tasks stay, and the plan shows the pending redeployment.
    let set = with_input(&world, &["secrets", "set", "web.ADMIN_PASSWORD", "--output", "json"], "second-value");
    assert!(set.status.success(), "{}", text(&set));
    let event: Value = serde_json::from_slice(&set.stdout).expect("one document");
    assert_eq!((event["event"].as_str(), event["to_redeploy"][0].as_str()), (Some("set"), Some("web")), "{event}");
    assert_eq!(admin("second-value").await, 401);
    assert_eq!(world.plan(), ["update task_definition.web", "run release.web", "update service.web"]);
    assert!(world.changes().contains(&"task_definition.web secrets.ADMIN_PASSWORD.version".to_owned()));

    // A third value, with its redeployment.
    let set = with_input(&world, &["secrets", "set", "web.ADMIN_PASSWORD", "--redeploy"], "third-value\n");
    assert!(set.status.success() && !text(&set).contains("third-value"), "{}", text(&set));
    assert_eq!((admin("third-value").await, admin("second-value").await), (200, 401));
    assert_eq!(world.plan(), Vec::<String>::new());
    let listed: Value = serde_json::from_str(&world.must(&["secrets", "list", "--output", "json"])).expect("JSON");
    let own = &listed["secrets"][0];
    assert_eq!((own["name"].as_str(), own["source"].as_str()), (Some("web.ADMIN_PASSWORD"), Some("set")), "{listed}");
    assert_eq!(own["services"], serde_json::json!(["web"]));
    assert!(own["changed"].is_string() && !listed.to_string().contains("third-value"), "{listed}");

    // What stackctl cannot make again can be had back for a week, by the next `secrets set` too.
    world.must(&["destroy", "--confirm", "demo/default"]);
    assert_eq!(everything(&world).await, ["secret demo/default/web/ADMIN_PASSWORD"]);
    assert!(text(&world.stackctl(&["up", "--yes"])).contains(command));
    let set = with_input(&world, &["secrets", "set", "web.ADMIN_PASSWORD"], "fourth-value");
    assert!(set.status.success(), "{}", text(&set));
    assert_eq!(secret(&world, "web/ADMIN_PASSWORD").await, "fourth-value");
    assert!(!world.plan().contains(&"create secret.web/ADMIN_PASSWORD".to_owned()));
}
