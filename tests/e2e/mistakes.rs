//! Typical mistakes of newcomers: each ends with a hint and without partial changes.

use std::process::Output;

use aws_sdk_ssm::types::ParameterType;

use crate::support::{World, text};

fn refused(world: &World, change: impl Fn(&mut std::process::Command)) -> Output {
    let mut command = world.command(&["up", "--yes"]);
    command.env_remove("STACKCTL_SANDBOX").env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("AWS_CONFIG_FILE", "/nonexistent").env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
    change(&mut command);
    let output = world.started(&mut command).wait_with_output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    output
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_credentials_and_endpoints_give_a_hint() {
    let world = World::start();
    let with_keys = |key: &'static str| {
        let endpoint = world.endpoint.clone();
        move |command: &mut std::process::Command| {
            command.env("AWS_ACCESS_KEY_ID", key).env("AWS_SECRET_ACCESS_KEY", "x").env("AWS_ENDPOINT_URL", &endpoint);
        }
    };
    let none = text(&refused(&world, |_| {}));
    assert!(none.contains("no AWS credentials") && none.contains("aws sso login"), "{none}");
    let expired = text(&refused(&world, with_keys("EXPIRED")));
    assert!(expired.contains("the credentials have expired"), "{expired}");
    let invalid = text(&refused(&world, with_keys("INVALID")));
    assert!(invalid.contains("AWS rejects these credentials"), "{invalid}");
    let unreachable = text(&refused(&world, |command| {
        command.env("AWS_ACCESS_KEY_ID", "x").env("AWS_SECRET_ACCESS_KEY", "x");
        command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    }));
    assert!(unreachable.contains("cannot reach AWS"), "{unreachable}");
    world.edit("region: eu-west-1", "region: eu-nowhere-9");
    let region = text(&refused(&world, |command| {
        command.env("AWS_ACCESS_KEY_ID", "x").env("AWS_SECRET_ACCESS_KEY", "x");
    }));
    assert!(region.contains("`region:`"), "{region}");
    let calls = world.calls().await;
    assert!(calls.iter().all(|call| call["mutating"] == false), "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn port_in_use_and_missing_sandbox_give_a_hint() {
    let world = World::start();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("it has one").port().to_string();
    let other = tempfile::tempdir().expect("a folder");
    let dir = other.path().display().to_string();
    let started = world.stackctl(&["sandbox", "start", "--dir", &dir, "--port", &port]);
    let said = text(&started);
    assert_eq!(started.status.code(), Some(1), "{said}");
    assert!(said.contains("is in use") && said.contains("--port"), "{said}");
    let mut command = world.command(&["status"]);
    let missing = world.started(command.env("STACKCTL_SANDBOX_DIR", other.path()));
    let missing = missing.wait_with_output().expect("the binary runs");
    assert!(text(&missing).contains("stackctl sandbox start"), "{}", text(&missing));
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_file_is_reported_with_its_position() {
    let world = World::start();
    world.edit("memory: 512", "memmory: 512");
    let output = world.stackctl(&["up", "--yes"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("stack.yaml:28:5") || said.contains("did you mean `memory`?"), "{said}");
    assert_eq!(world.calls().await.len(), 0);
    let missing = world.stackctl(&["up", "--file", "none.yaml"]);
    assert!(text(&missing).contains("none.yaml not found"), "{}", text(&missing));
    let environment = world.stackctl(&["validate", "--env", "stagin"]);
    assert_eq!(environment.status.code(), Some(3), "{}", text(&environment));
}

#[tokio::test(flavor = "multi_thread")]
async fn unavailable_rds_options_are_reported_first() {
    let world = World::start();
    world.edit("  version: \"16\"", "  version: \"16.29\"");
    let said = world.ends_with(1, &["up", "--yes"]);
    assert!(
        said.contains("db_instance.database: RDS does not offer PostgreSQL 16.29 for db.t4g.micro in eu-west-1"),
        "{said}"
    );
    assert!(
        said.contains("nothing was changed") && said.contains("set `database.version` to an available version"),
        "{said}"
    );
    assert!(world.calls().await.iter().all(|call| call["mutating"] == false), "nothing was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_lock_does_not_hide_the_state() {
    let world = World::start();
    let ssm = aws_sdk_ssm::Client::new(&world.sdk().await);
    let put = ssm.put_parameter().name("/stackctl/demo/default/lock").value("somebody's").r#type(ParameterType::String);
    put.send().await.expect("it is written");
    let said = world.ends_with(0, &["status"]);
    assert!(
        said.contains("cannot read: the lock: GetParameter: ") && said.contains("is not a valid stackctl lock"),
        "{said}"
    );
    assert!(said.contains("aws ssm delete-parameter") && said.contains("Run `stackctl up` to create it"), "{said}");
    let state = world.status();
    assert!(state["locked_by"].is_null() && state["resources"].as_array().is_some_and(Vec::is_empty), "{state}");
    assert_eq!(state["unreadable"][0]["operation"], "GetParameter", "{state}");
}

#[tokio::test(flavor = "multi_thread")]
async fn verbose_names_the_endpoint_that_the_environment_sets() {
    let world = World::start();
    let mut command = world.command(&["status", "-v"]);
    command.env_remove("STACKCTL_SANDBOX").env("AWS_ENDPOINT_URL", &world.endpoint);
    let other = world.endpoint.replace("127.0.0.1", "localhost");
    command.env("AWS_ENDPOINT_URL_SSM", other.replace("://", "://user:secret@"));
    command.env("AWS_CONFIG_FILE", "/nonexistent").env("AWS_ACCESS_KEY_ID", "x").env("AWS_SECRET_ACCESS_KEY", "x");
    let said = text(&world.started(&mut command).wait_with_output().expect("the binary runs"));
    let place = format!("demo/default in eu-west-1 at {}, but SSM at {other}\n", world.endpoint);
    assert!(said.contains(&place) && !said.contains("at AWS"), "{said}");
}
