//! Tests the resources that `database.users` adds, and their order.

use serde_json::json;

use crate::{
    blueprint::{Facts, graph},
    kinds::secretsmanager::secret,
    model::{Graph, Node, Runs},
    spec,
};

const USERS: &str = "users: { developer: read-only, app: owner }";

fn drawn(database: &str, had_users: bool) -> Graph {
    let text = format!(
        "name: demo\nregion: eu-west-1\ndatabase: {{ {database} }}\nservices: {{ web: {{ build: app, release: [migrate] }} }}\n"
    );
    let stack = spec::parse("stack.yaml", &text, spec::DEFAULT_ENVIRONMENT, &|_| None).expect("it is valid");
    let zones = ["a", "b"].map(str::to_owned).to_vec();
    graph(&stack, &Facts { zones, had_users, ..Facts::default() }).expect("the region has what it takes")
}

fn node<'a>(graph: &'a Graph, address: &str) -> &'a Node {
    graph.get(&address.parse().expect("it is an address")).unwrap_or_else(|| panic!("there is no {address}"))
}

fn has(graph: &Graph, address: &str) -> bool {
    graph.get(&address.parse().expect("it is an address")).is_some()
}

fn input(from: &str, output: &str) -> serde_json::Value {
    json!({ "$from": from, "output": output })
}

#[test]
fn containers_connect_as_the_master_without_users() {
    let graph = drawn("", false);
    assert!(graph.nodes().all(|node| !node.address.to_string().contains("database_users")));
    let url = &node(&graph, "secret.database-url").desired["source"]["database_url"];
    let version = input("secret.database-password", "version");
    assert_eq!((&url["user"], &url["renewed_with"]), (&json!("postgres"), &json!([version])));
    let own = &node(&graph, "task_definition.web").desired["secrets"]["DATABASE_URL"];
    assert_eq!(own["version"], version);
}

#[test]
fn containers_connect_as_the_first_owner_with_its_password() {
    let graph = drawn(USERS, false);
    let url = &node(&graph, "secret.database-url").desired["source"]["database_url"];
    assert_eq!((&url["user"], &url["password"]), (&json!("app"), &input("secret.database-user-app", "arn")));
    let follows = json!([input("secret.database-user-app", "version"), input("task_definition.database_users", "arn")]);
    assert_eq!(url["renewed_with"], follows);
    let own = &node(&graph, "task_definition.web").desired["secrets"]["DATABASE_URL"];
    assert_eq!(own["version"], input("secret.database-user-app", "version"));
}

#[test]
fn containers_connect_as_the_master_without_an_owner() {
    let graph = drawn("users: { developer: read-only }", false);
    let url = &node(&graph, "secret.database-url").desired["source"]["database_url"];
    assert_eq!(url["user"], "postgres");
    let follows = json!([input("secret.database-password", "version"), input("task_definition.database_users", "arn")]);
    assert_eq!(url["renewed_with"], follows, "the task runs for it");
}

#[test]
fn users_are_created_after_the_database_and_before_the_url() {
    let graph = drawn(USERS, false);
    let run = node(&graph, "database_users.database");
    let url = "secret.database-url".parse().expect("it is an address");
    assert_eq!(run.runs, Some(Runs::Before { target: url, field: secret::Field::Value.name() }));
    for need in ["security_group.database", "task_definition.database_users", "route_table.private", "cluster.main"] {
        assert!(run.needs.contains(&need.parse().expect("it is an address")), "{need}");
    }
    assert!(node(&graph, "secret.database-url").needs.contains(&run.address));
    let order: Vec<String> = graph.order().expect("no circle").iter().map(|node| node.address.to_string()).collect();
    let place = |address: &str| order.iter().position(|one| one == address).expect("it is there");
    assert!(place("database_users.database") < place("secret.database-url"));
    assert!(place("secret.database-url") < place("release.web"), "and so before any migration");
    let admitted = node(&graph, "security_group.database").desired["ingress"].to_string();
    assert!(admitted.contains("security_group.database_users"), "{admitted}");
}

#[test]
fn users_task_gets_the_passwords_and_no_other_rights() {
    let graph = drawn(USERS, false);
    let definition = &node(&graph, "task_definition.database_users").desired;
    let secrets: Vec<&String> = definition["secrets"].as_object().expect("a mapping").keys().collect();
    assert_eq!(secrets, ["PASSWORD_APP", "PASSWORD_DEVELOPER", "PGPASSWORD"]);
    assert_eq!(definition["environment"]["USERS"], "developer=read-only app=owner");
    let role = &node(&graph, "role.database_users-execution").desired;
    let read = json!([
        input("secret.database-user-app", "arn"),
        input("secret.database-user-developer", "arn"),
        input("secret.database-password", "arn"),
    ]);
    assert_eq!(role["statements"][3]["resources"], read);
    assert_eq!(node(&graph, "task_definition.database_users").desired["task_role"], json!(null));
}

#[test]
fn users_task_is_kept_to_remove_former_users() {
    let graph = drawn("", true);
    assert_eq!(node(&graph, "task_definition.database_users").desired["environment"]["USERS"], "none");
    assert!(!has(&graph, "secret.database-user-app"));
    let url = &node(&graph, "secret.database-url").desired["source"]["database_url"];
    assert_eq!(url["user"], "postgres");
}
