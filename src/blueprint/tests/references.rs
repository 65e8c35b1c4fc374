//! Tests how references are resolved, and which dependencies they add.

use serde_json::{Value, json};

use super::*;

/// Returns the field `key` of web's task definition, in a stack with `parts` and the keys `service`.
fn told(parts: &str, service: &str, key: &str) -> (Graph, Value) {
    let graph = drawn(&format!("{parts}services: {{ web: {{ build: app, port: 3000, {service} }} }}\n"));
    let value = node(&graph, "task_definition.web").desired[key].clone();
    (graph, value)
}

const USERS: &str = "database: { users: { app: owner, reader: read-only } }\n";

#[test]
fn values_of_env_resolve_to_outputs_and_text() {
    let parts = "database: {}\ncache: {}\nbuckets: { files: {} }\nload_balancer: { tls: off }\n";
    let env = "env: { HOST: ((database.host)), USER: ((database.user)), NAME: ((database.name)), \
               CACHE: \"((cache.host)):((cache.port))\", BUCKET: ((buckets.files.name)), URL: ((stack.url))/x, \
               WHERE: ((stack.name))-((stack.environment))-((stack.region)) }";
    let (graph, environment) = told(parts, env, "environment");
    assert_eq!(environment["HOST"], input("db_instance.database", "host"));
    assert_eq!((&environment["USER"], &environment["NAME"]), (&json!("postgres"), &json!("app")));
    let cache = [input("cache.main", "host"), json!(":"), input("cache.main", "port")];
    assert_eq!(environment["CACHE"], json!({ "$join": cache }));
    assert_eq!(environment["BUCKET"], input("bucket.files", "name"));
    let url = [json!("http://"), input("load_balancer.main", "dns_name"), json!("/x")];
    assert_eq!(environment["URL"], json!({ "$join": url }));
    assert_eq!(environment["WHERE"], "demo-default-eu-west-1");
    assert!(needs(&graph, "task_definition.web").contains(&"bucket.files".to_owned()), "it makes the order");
    assert_eq!(graph.order().map(|order| order.len()), Ok(graph.len()));
    let text = "name: demo\nregion: eu-west-1\nload_balancer: { tls: acm, domain: shop.example.com }\n\
                services: { web: { build: app, port: 3000, env: { URL: ((stack.url)), HOST: ((stack.domain)) } } }\n";
    let stack = spec::parse("stack.yaml", text, spec::DEFAULT_ENVIRONMENT, &|_| None).expect("it is valid");
    let graph = sketch(&stack).expect("it is drawn");
    let environment = &node(&graph, "task_definition.web").desired["environment"];
    let told = (&environment["URL"], &environment["HOST"]);
    assert_eq!(told, (&json!("https://shop.example.com"), &json!("shop.example.com")));
}

#[test]
fn values_in_secrets_of_the_stack_are_not_stored_twice() {
    let secrets = "secrets: { A: ((database.password)), B: ((database.host)), C: ((database.users.reader.password)), \
                   D: ((cache.password)), DATABASE_URL: ((database.users.app.url)) }, without: [REDIS_URL]";
    let (graph, secrets) = told(&format!("{USERS}cache: {{}}\n"), secrets, "secrets");
    let version = input("secret.database-user-app", "version");
    let field = |key: &str| json!({ "secret": input("secret.database-url", "arn"), "key": key, "version": version });
    assert_eq!((&secrets["A"], &secrets["B"]), (&field("password"), &field("host")));
    let reader = "secret.database-user-reader";
    assert_eq!(
        secrets["C"],
        json!({ "secret": input(reader, "arn"), "key": null, "version": input(reader, "version") })
    );
    assert_eq!(secrets["D"], json!({ "secret": input("secret.cache-token", "arn"), "key": null }));
    assert_eq!(secrets["DATABASE_URL"]["secret"], input("secret.web.DATABASE_URL", "arn"));
    assert_eq!(secrets["REDIS_URL"], Value::Null);
    let role = &node(&graph, "role.web-execution").desired["statements"][3]["resources"];
    assert_eq!(role.as_array().map(Vec::len), Some(4), "each secret once: {role}");
    assert!(!role.to_string().contains("cache-url"), "{role}");
}

#[test]
fn composed_secret_changes_with_its_parts() {
    let secrets = "secrets: { DSN: \"a((database.user)):((database.password))@((database.host))b\" }";
    let (graph, secrets) = told(USERS, secrets, "secrets");
    let made = &node(&graph, "secret.web.DSN").desired["source"]["composed"];
    let password = input("secret.database-user-app", "arn");
    let host = input("db_instance.database", "host");
    assert_eq!(made["parts"], json!(["aapp:", { "value_of": password }, "@", host, "b"]));
    assert_eq!(secrets["DSN"]["version"], made["version"], "new tasks for a new value");
    assert!(made["version"].to_string().contains(r#""output":"version""#), "{}", made["version"]);
    // The URL's secret depends on the task that creates the users.
    assert!(needs(&graph, "secret.web.DSN").contains(&"secret.database-url".to_owned()));
    let (graph, _) =
        told(USERS, "secrets: { P: ((database.users.reader.password)) }, without: [DATABASE_URL]", "secrets");
    assert!(needs(&graph, "task_definition.web").contains(&"secret.database-url".to_owned()));
}

#[test]
fn variables_left_out_are_not_read_either() {
    let (graph, secrets) = told("database: {}\n", "without: [DATABASE_URL, PORT], env: { PGSSL: off }", "secrets");
    assert_eq!(secrets, json!({}));
    let environment = &node(&graph, "task_definition.web").desired["environment"];
    assert_eq!((&environment["PORT"], &environment["PGSSL"]), (&Value::Null, &json!("off")));
    let role = node(&graph, "role.web-execution").desired.to_string();
    assert!(!role.contains("secretsmanager"), "{role}");
}
