//! Tests what a service needs to start and to be reached, and its permissions.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;

#[test]
fn services_can_read_the_cache_url_but_not_its_password() {
    let services = "services: { web: { build: app, port: 3000 }, mailer: { build: app } }\n";
    let graph = drawn(&format!("cache: {{}}\n{services}"));
    for name in ["web", "mailer"] {
        let definition = &node(&graph, &format!("task_definition.{name}")).desired;
        let reference = json!({ "secret": input("secret.cache-url", "arn"), "key": null });
        assert_eq!(definition["secrets"]["REDIS_URL"], reference, "its value is the URL itself");
        let role = node(&graph, &format!("role.{name}-execution")).desired.to_string();
        assert!(role.contains("secret.cache-url") && !role.contains("secret.cache-token"), "{role}");
    }
    let without = drawn(services);
    assert_eq!(node(&without, "task_definition.web").desired["secrets"], json!({}));
    assert_eq!(addresses(&without, &["cache", "cache_subnet_group"]), [""; 0]);
}

#[test]
fn cache_without_a_password_has_no_secret() {
    let told = |cache: &str, service: &str| {
        let graph = drawn(&format!("cache: {{ {cache} }}\nservices: {{ web: {{ build: app, {service} }} }}\n"));
        assert_eq!(addresses(&graph, &["secret"]), [""; 0]);
        assert_eq!(node(&graph, "cache.main").desired["token"], Value::Null);
        node(&graph, "task_definition.web").desired["environment"]["REDIS_URL"].clone()
    };
    let url = |before: &str, after: &str| json!({ "$join": [before, input("cache.main", "host"), ":", input("cache.main", "port"), after] });
    assert_eq!(told("password: off", ""), url("rediss://", "/0?ssl_cert_reqs=required"));
    assert_eq!(told("password: off, tls: optional", ""), url("redis://", "/0"));
    assert_eq!(told("password: off, tls: optional", "without: [REDIS_URL]"), Value::Null);
}

#[test]
fn containers_get_tls_settings_that_they_can_override() {
    let told = |service: &str| {
        let graph = drawn(&format!("database: {{}}\nservices: {{ web: {{ {service} }} }}\n"));
        let environment = node(&graph, "task_definition.web").desired["environment"].clone();
        ["PGSSLMODE", "PGSSLROOTCERT", "PGSSL", "NODE_EXTRA_CA_CERTS"].map(|name| environment[name].clone())
    };
    let (file, null) = (json!("/etc/stackctl/rds-ca.pem"), Value::Null);
    let (verified, encrypted) = (json!("verify-full"), json!("require"));
    let all = [verified.clone(), file.clone(), verified.clone(), file.clone()];
    assert_eq!(told("build: app"), all);
    assert_eq!(told("build: { dockerfile: Dockerfile }"), all);
    assert_eq!(told("image: nginx"), [encrypted.clone(), null.clone(), encrypted.clone(), null.clone()]);
    let own = told("build: app, env: { PGSSLMODE: disable, NODE_EXTRA_CA_CERTS: /mine }");
    assert_eq!(own, [json!("disable"), file.clone(), verified.clone(), json!("/mine")]);
    let own = told("image: nginx, env: { PGSSLROOTCERT: /mine }");
    assert_eq!(own, [verified.clone(), json!("/mine"), encrypted, null.clone()], "there is something to verify with");
    let secret = told("build: app, secrets: { PGSSLMODE: set }");
    assert_eq!(secret, [null, file.clone(), verified, file], "a name is not in both");
    let without = drawn("services: { web: { build: app } }\n");
    let definition = node(&without, "task_definition.web").desired.to_string();
    assert!(!definition.contains("PGSSL") && !definition.contains("rds-ca"), "{definition}");
}

#[test]
fn service_gets_access_to_its_buckets_and_their_names() {
    let graph = drawn(
        "buckets: { uploads: {}, old-reports: { protect: false } }\nservices:\n  web: { build: app, buckets: [uploads, old-reports] }\n  worker: { build: app }\n",
    );
    assert_eq!(node(&graph, "bucket.uploads").desired, json!({ "protect": true }));
    assert_eq!(node(&graph, "bucket.old-reports").desired, json!({ "protect": false }));
    let environment = &node(&graph, "task_definition.web").desired["environment"];
    assert_eq!(environment["BUCKET_UPLOADS"], input("bucket.uploads", "name"));
    assert_eq!(environment["BUCKET_OLD_REPORTS"], input("bucket.old-reports", "name"));
    let statements = node(&graph, "role.web-task").desired["statements"].clone();
    let on = |output: &str| json!([input("bucket.uploads", output), input("bucket.old-reports", output)]);
    assert_eq!((&statements[0]["resources"], &statements[1]["resources"]), (&on("arn"), &on("objects")));
    let actions = statements.to_string();
    assert!(actions.contains("s3:ListBucket") && actions.contains("s3:PutObject") && !actions.contains("Version"));
    // The check of `permissions` reserves this much space.
    let arn = format!("arn:aws:s3:::{}", "x".repeat(63));
    let written: usize = [&statements[0], &statements[1]]
        .iter()
        .map(|statement| {
            json!({ "Effect": "Allow", "Action": statement["actions"], "Resource": [] }).to_string().len() + 1
        })
        .sum();
    assert!(written <= 270, "{written}");
    assert!(json!([arn, format!("{arn}/*")]).to_string().len() <= 162);
    let other = node(&graph, "task_definition.worker").desired.to_string();
    assert!(!other.contains("BUCKET_"), "{other}");
    assert_eq!(graph.get(&Address::new("role", "worker-task")).map(|_| ()), None, "it may nothing, and has no role");
}

#[test]
fn log_retention_is_that_of_the_service() {
    let graph = drawn("services:\n  web: { build: app, logs: { days: 14 } }\n  api: { build: app }\n");
    let days = |name: &str| node(&graph, &format!("log_group.{name}")).desired["retention_days"].clone();
    assert_eq!((days("web"), days("api")), (json!(14), json!(30)));
}

#[test]
fn worker_admits_no_connections() {
    let graph = drawn("services: { worker: { build: app } }\n");
    assert_eq!(addresses(&graph, &["load_balancer", "listener", "listener_rule", "target_group"]), [""; 0]);
    let service = &node(&graph, "service.worker").desired;
    assert_eq!((&service["target"], &service["grace_seconds"]), (&Value::Null, &json!(0)));
    assert_eq!(node(&graph, "security_group.service-worker").desired["ingress"], json!([]));
    let definition = &node(&graph, "task_definition.worker").desired;
    assert_eq!(definition["port"], Value::Null);
    assert_eq!(definition["environment"].get("PORT"), None);
}

#[test]
fn health_check_is_configured_as_in_stack_yaml() {
    let from = input("security_group.load-balancer", "id");
    let ingress = |port: u16| json!({ "port": port, "from": { "group": from } });
    let of = |health: &str| {
        let graph = drawn(&format!("services: {{ web: {{ build: app, port: 3000, health: {health} }} }}\n"));
        let has = |address: &str, field: &str| node(&graph, address).desired[field].clone();
        let needs_group = needs(&graph, "target_group.web").contains(&"security_group.service-web".to_owned());
        let grace = has("service.web", "grace_seconds");
        (has("target_group.web", "health"), has("security_group.service-web", "ingress"), grace, needs_group)
    };
    let usual = json!({ "path": "/up", "interval": 5, "timeout": 4, "healthy": 2, "unhealthy": 3, "matcher": "200" });
    assert_eq!(of("/up"), (usual, json!([ingress(3000)]), json!(60), false));
    let own = json!({
        "path": "/live", "interval": 30, "timeout": 10, "healthy": 3, "unhealthy": 5, "matcher": "200-299", "port": 8081,
    });
    let written =
        "{ path: /live, codes: 200-299, grace: 2m, interval: 30, timeout: 10, healthy: 3, unhealthy: 5, port: 8081 }";
    assert_eq!(of(written), (own, json!([ingress(3000), ingress(8081)]), json!(120), true));
}

#[test]
fn service_depends_on_what_it_needs_to_start_and_serve() {
    let graph = drawn(
        "database: {}\nservices: { web: { build: app, port: 3000, block: [/hidden], release: [migrate], secrets: { KEY: generate } } }\n",
    );
    let expected = [
        "cluster.main",
        "listener_rule.route-all-2ced4f",
        "release.web",
        "route_table.private",
        "route_table.public",
        "security_group.service-web",
        "subnet.private-a",
        "subnet.private-b",
        "target_group.web",
        "task_definition.web",
    ];
    assert_eq!(needs(&graph, "service.web"), expected);
    assert_eq!(
        node(&graph, "release.web").runs,
        Some(Runs::Before { target: Address::new("service", "web"), field: "task_definition" })
    );
    let expected = [
        "image.app",
        "log_group.web",
        "role.web-execution",
        "secret.database-password",
        "secret.database-url",
        "secret.web/KEY",
    ];
    assert_eq!(needs(&graph, "task_definition.web"), expected);
    assert_eq!(needs(&graph, "secret.database-url"), ["db_instance.database", "secret.database-password"]);
}

#[test]
fn tasks_have_only_the_permissions_of_their_service() {
    let graph = drawn(
        "services:\n  web:\n    build: app\n    exec: true\n    permissions: [{ actions: [s3:GetObject], resources: [\"arn:aws:s3:::b/*\"] }]\n  api: { build: app }\n",
    );
    let statements = &node(&graph, "role.web-task").desired["statements"];
    assert_eq!(statements.as_array().map(Vec::len), Some(2), "that of exec, and the one that was given: {statements}");
    assert_eq!(statements[1], json!({ "actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::b/*"] }));
    assert_eq!(node(&graph, "task_definition.web").desired["task_role"], input("role.web-task", "arn"));
    assert_eq!(graph.get(&Address::new("role", "api-task")).map(|_| ()), None, "it may nothing, and has no role");
    assert_eq!(node(&graph, "task_definition.api").desired["task_role"], json!(null));
    let execution = node(&graph, "role.web-execution").desired.to_string();
    assert!(!execution.contains("s3:"), "ECS itself needs none of it: {execution}");
}

#[test]
fn execution_role_allows_only_its_secrets_and_image() {
    let graph = drawn(
        "database: {}\nservices:\n  web: { build: app, secrets: { KEY: generate } }\n  api: { build: api, secrets: { KEY: generate } }\n",
    );
    let statements = node(&graph, "role.web-execution").desired["statements"].clone();
    let allowed: BTreeSet<(String, String)> = statements
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(|statement| {
            let resources = statement["resources"].as_array().expect("a list").iter();
            let actions = statement["actions"].as_array().expect("a list").clone();
            resources.flat_map(move |resource| {
                let resource = resource["$from"].as_str().or(resource.as_str()).unwrap_or_default().to_owned();
                actions
                    .clone()
                    .into_iter()
                    .map(move |action| (resource.clone(), action.as_str().unwrap_or("").to_owned()))
            })
        })
        .collect();
    let agent = "arn:aws:ecr:*:*:repository/aws-guardduty-agent-fargate";
    let expected = [
        ("*", "ecr:GetAuthorizationToken"),
        (agent, "ecr:BatchCheckLayerAvailability"),
        (agent, "ecr:BatchGetImage"),
        (agent, "ecr:GetDownloadUrlForLayer"),
        ("arn:aws:logs:*:*:log-group:/stackctl/demo/default/web:*", "logs:CreateLogStream"),
        ("arn:aws:logs:*:*:log-group:/stackctl/demo/default/web:*", "logs:PutLogEvents"),
        ("repository.app", "ecr:BatchCheckLayerAvailability"),
        ("repository.app", "ecr:BatchGetImage"),
        ("repository.app", "ecr:GetDownloadUrlForLayer"),
        ("secret.database-url", "secretsmanager:GetSecretValue"),
        ("secret.web/KEY", "secretsmanager:GetSecretValue"),
    ];
    assert_eq!(allowed, expected.map(|(resource, action)| (resource.to_owned(), action.to_owned())).into());
    assert_eq!(node(&graph, "task_definition.web").desired["task_role"], json!(null), "the task itself may nothing");
}
