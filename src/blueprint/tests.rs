//! Tables from a stack.yaml to the resources that it asks for and to what each of them needs.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::{
    model::{Address, Node, Runs},
    spec,
};

const SERVICE: &str = "services: { web: { build: app, port: 3000 } }\n";

fn drawn(rest: &str) -> Graph {
    let zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"].map(str::to_owned).to_vec();
    try_drawn(rest, &Facts { zones, ..Facts::default() }).expect("the region has what it takes")
}

fn try_drawn(rest: &str, facts: &Facts) -> Result<Graph, Failure> {
    let text = format!("name: demo\nregion: eu-west-1\n{rest}");
    let stack = spec::parse("stack.yaml", &text, spec::DEFAULT_ENVIRONMENT, &|_| None);
    graph(&stack.unwrap_or_else(|problems| panic!("{text}\n{problems:?}")), facts)
}

/// The names of the resources of these kinds, as `kind.name`.
fn addresses(graph: &Graph, kinds: &[&str]) -> Vec<String> {
    let all = graph.nodes().map(|node| &node.address);
    all.filter(|address| kinds.contains(&address.kind())).map(ToString::to_string).collect()
}

fn node<'a>(graph: &'a Graph, address: &str) -> &'a Node {
    graph.get(&address.parse().expect("it is an address")).unwrap_or_else(|| panic!("there is no {address}"))
}

/// What `address` needs.
fn needs(graph: &Graph, address: &str) -> Vec<String> {
    node(graph, address).needs.iter().map(ToString::to_string).collect()
}

fn input(from: &str, output: &str) -> Value {
    json!({ "$from": from, "output": output })
}

#[test]
fn each_way_out_has_its_gateways_and_its_route_tables() {
    let kinds = ["elastic_ip", "nat_gateway", "route_table", "subnet"];
    let table = [
        ("zones: 2, nat: none", vec!["route_table.public", "subnet.public-a", "subnet.public-b"]),
        (
            "zones: 2, nat: single",
            vec![
                "elastic_ip.nat-a",
                "nat_gateway.nat-a",
                "route_table.private",
                "route_table.public",
                "subnet.private-a",
                "subnet.private-b",
                "subnet.public-a",
                "subnet.public-b",
            ],
        ),
        (
            "zones: 3, nat: per-zone",
            vec![
                "elastic_ip.nat-a",
                "elastic_ip.nat-b",
                "elastic_ip.nat-c",
                "nat_gateway.nat-a",
                "nat_gateway.nat-b",
                "nat_gateway.nat-c",
                "route_table.private-a",
                "route_table.private-b",
                "route_table.private-c",
                "route_table.public",
                "subnet.private-a",
                "subnet.private-b",
                "subnet.private-c",
                "subnet.public-a",
                "subnet.public-b",
                "subnet.public-c",
            ],
        ),
    ];
    for (network, expected) in table {
        let graph = drawn(&format!("network: {{ {network} }}\n{SERVICE}"));
        assert_eq!(addresses(&graph, &kinds), expected, "{network}");
    }
}

#[test]
fn a_database_has_private_subnets_even_where_tasks_have_none_and_they_lead_nowhere() {
    let graph = drawn(&format!("network: {{ nat: none }}\ndatabase: {{}}\n{SERVICE}"));
    assert_eq!(addresses(&graph, &["subnet"]).len(), 4);
    assert_eq!(node(&graph, "route_table.private").desired["default_route"], Value::Null);
    let private = json!([input("subnet.private-a", "id"), input("subnet.private-b", "id")]);
    assert_eq!(node(&graph, "db_subnet_group.database").desired["subnets"], private);
    let public = json!([input("subnet.public-a", "id"), input("subnet.public-b", "id")]);
    let service = &node(&graph, "service.web").desired;
    assert_eq!((&service["subnets"], &service["public_ip"]), (&public, &json!(true)));
}

#[test]
fn a_cache_stands_in_private_subnets_and_admits_the_services_alone() {
    let services = "services: { web: { build: app, port: 3000 }, mailer: { build: app } }\n";
    let graph = drawn(&format!("network: {{ nat: none }}\ncache: {{ class: cache.m7g.large }}\n{services}"));
    let private = json!([input("subnet.private-a", "id"), input("subnet.private-b", "id")]);
    assert_eq!(node(&graph, "cache_subnet_group.main").desired["subnets"], private);
    assert_eq!(node(&graph, "cache.main").desired["class"], "cache.m7g.large");
    let from = |group: &str| json!({ "port": 6379, "from": { "group": input(group, "id") } });
    let both = json!([from("security_group.service-mailer"), from("security_group.service-web")]);
    assert_eq!(node(&graph, "security_group.cache").desired["ingress"], both);
    assert_eq!(needs(&graph, "cache.main"), ["cache_subnet_group.main", "secret.cache-token", "security_group.cache"]);
    assert_eq!(needs(&graph, "secret.cache-url"), ["cache.main", "secret.cache-token"]);
}

#[test]
fn every_service_gets_the_caches_url_as_a_secret_and_may_read_it_and_not_the_password() {
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
fn each_private_subnet_leaves_by_its_own_zones_gateway() {
    let graph = drawn(&format!("network: {{ zones: 3, nat: per-zone }}\n{SERVICE}"));
    for zone in ["a", "b", "c"] {
        let table = &node(&graph, &format!("route_table.private-{zone}")).desired;
        assert_eq!(table["default_route"], json!({ "nat": input(&format!("nat_gateway.nat-{zone}"), "id") }));
        assert_eq!(table["subnets"], json!([input(&format!("subnet.private-{zone}"), "id")]));
        let gateway = &node(&graph, &format!("nat_gateway.nat-{zone}")).desired;
        assert_eq!(gateway["subnet"], input(&format!("subnet.public-{zone}"), "id"), "it stands in the same zone");
    }
}

#[test]
fn another_zone_renumbers_nothing_and_no_two_subnets_overlap() {
    let ranges = |zones: usize| -> Vec<(String, String)> {
        let graph = drawn(&format!("network: {{ cidr: 10.20.0.0/16, zones: {zones} }}\n{SERVICE}"));
        let subnets = addresses(&graph, &["subnet"]).into_iter();
        subnets
            .map(|address| {
                let cidr = node(&graph, &address).desired["cidr"].as_str().expect("it has a range").to_owned();
                (address, cidr)
            })
            .collect()
    };
    let (two, three) = (ranges(2), ranges(3));
    assert!(two.iter().all(|subnet| three.contains(subnet)), "{two:?} {three:?}");
    let expected = [
        ("subnet.private-a", "10.20.32.0/19"),
        ("subnet.private-b", "10.20.96.0/19"),
        ("subnet.private-c", "10.20.160.0/19"),
        ("subnet.public-a", "10.20.0.0/20"),
        ("subnet.public-b", "10.20.64.0/20"),
        ("subnet.public-c", "10.20.128.0/20"),
    ];
    assert_eq!(three, expected.map(|(address, cidr)| (address.to_owned(), cidr.to_owned())));
}

#[test]
fn a_region_with_too_few_zones_is_refused_with_both_numbers() {
    let facts = Facts { zones: vec!["us-west-1a".into(), "us-west-1c".into()], ..Facts::default() };
    let failure = try_drawn(&format!("network: {{ zones: 3 }}\n{SERVICE}"), &facts).expect_err("it has two");
    assert!(failure.message.contains("network.zones is 3") && failure.message.contains("has 2 zones"), "{failure}");
    assert!(failure.hint.is_some());
}

#[test]
fn tls_decides_over_listeners_certificate_and_open_ports() {
    let ports = |graph: &Graph| -> Vec<u64> {
        let ingress = node(graph, "security_group.load-balancer").desired["ingress"].clone();
        ingress.as_array().expect("a list").iter().filter_map(|rule| rule["port"].as_u64()).collect()
    };
    let off = drawn(&format!("load_balancer: {{ tls: off }}\n{SERVICE}"));
    assert_eq!(addresses(&off, &["certificate", "listener"]), ["listener.http"]);
    assert_eq!(node(&off, "listener.http").desired["action"], "not_found");
    assert_eq!(node(&off, "listener_rule.web-route-1").desired["listener"], input("listener.http", "arn"));
    assert_eq!(ports(&off), [80]);

    let on = drawn(&format!("load_balancer: {{ tls: self-signed }}\n{SERVICE}"));
    assert_eq!(addresses(&on, &["certificate", "listener"]), ["certificate.main", "listener.http", "listener.https"]);
    assert_eq!(node(&on, "listener.http").desired["action"], "redirect_to_https");
    assert_eq!(node(&on, "listener.https").desired["certificate"], input("certificate.main", "arn"));
    assert_eq!(node(&on, "listener_rule.web-route-1").desired["listener"], input("listener.https", "arn"));
    assert_eq!(ports(&on), [80, 443]);
}

#[test]
fn a_worker_is_reached_by_nobody() {
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
fn each_group_admits_exactly_its_caller_on_exactly_its_port() {
    let graph = drawn(
        "database: {}\nservices:\n  web: { build: app, port: 3000, routes: [\"/*\"] }\n  api: { image: x:1, port: 8080, routes: [/api/*] }\n",
    );
    let ingress = |name: &str| node(&graph, &format!("security_group.{name}")).desired["ingress"].clone();
    let from = |port: u16, group: &str| json!({ "port": port, "from": { "group": input(group, "id") } });
    assert_eq!(ingress("service-web"), json!([from(3000, "security_group.load-balancer")]));
    assert_eq!(ingress("service-api"), json!([from(8080, "security_group.load-balancer")]));
    let both = [from(5432, "security_group.service-api"), from(5432, "security_group.service-web")];
    assert_eq!(ingress("database"), json!(both), "and the world not at all");
}

#[test]
fn two_services_of_one_source_share_its_image_and_have_all_else_of_their_own() {
    let graph = drawn(
        "services:\n  web: { build: app, port: 3000, routes: [\"/*\"] }\n  api: { build: app, port: 3000, routes: [/api/*] }\n",
    );
    assert_eq!(addresses(&graph, &["image", "repository", "cluster"]), ["cluster.main", "image.app", "repository.app"]);
    for name in ["web", "api"] {
        for kind in ["log_group", "service", "target_group", "task_definition"] {
            assert!(graph.get(&Address::new(kind, name)).is_some(), "{kind}.{name}");
        }
        for role in ["task", "execution"] {
            assert!(graph.get(&Address::new("role", format!("{name}-{role}"))).is_some(), "{name}-{role}");
        }
        assert_eq!(node(&graph, &format!("task_definition.{name}")).desired["image"], input("image.app", "image"));
    }
}

#[test]
fn a_named_image_has_no_repository_and_its_tag_is_the_version() {
    let table = [
        ("nginx:1.27", "1.27"),
        ("nginx", "latest"),
        ("host:5000/nginx", "latest"),
        ("nginx@sha256:abc", "sha256:abc"),
    ];
    for (image, version) in table {
        let graph = drawn(&format!("services: {{ web: {{ image: \"{image}\", port: 80 }} }}\n"));
        assert_eq!(addresses(&graph, &["image", "repository"]), [""; 0]);
        let definition = &node(&graph, "task_definition.web").desired;
        assert_eq!(definition["image"], image);
        assert_eq!(definition["environment"]["APP_VERSION"], version, "{image}");
        assert_eq!(definition["read_only"], false, "its file system is not ours to close");
    }
}

#[test]
fn a_dockerfile_is_a_source_like_a_package_and_its_repository_is_named_after_its_folder() {
    let table = [
        ("{ dockerfile: Dockerfile }", "demo", "."),
        ("{ dockerfile: services/api/Dockerfile }", "services-api", "services/api"),
        ("{ dockerfile: docker/api.Dockerfile, context: . }", "docker-api-dockerfile", "."),
    ];
    for (build, name, context) in table {
        let graph = drawn(&format!("services: {{ web: {{ build: {build}, port: 80 }} }}\n"));
        let (image, repository) = (format!("image.{name}"), format!("repository.{name}"));
        assert_eq!(addresses(&graph, &["image", "repository"]), [image.clone(), repository]);
        assert_eq!(node(&graph, &image).desired["source"]["dockerfile"]["context"], context, "{build}");
        let definition = &node(&graph, "task_definition.web").desired;
        assert_eq!(definition["image"], input(&image, "image"));
        assert_eq!(definition["read_only"], false, "its file system is not ours to close");
    }
}

#[test]
fn sources_whose_names_would_meet_in_one_repository_are_refused() {
    let facts = Facts { zones: vec!["a".into(), "b".into()], ..Facts::default() };
    let services = "services: { one: { build: services/api }, two: { build: services-api } }\n";
    let failure = try_drawn(services, &facts).expect_err("both would be services-api");
    assert!(failure.message.contains("`services/api`") && failure.message.contains("`services-api`"), "{failure}");
}

#[test]
fn a_services_needs_are_what_it_takes_to_start_and_to_be_reached() {
    let graph = drawn(
        "database: {}\nservices: { web: { build: app, port: 3000, block: [/hidden], release: [migrate], secrets: { KEY: generate } } }\n",
    );
    let expected = [
        "cluster.main",
        "listener_rule.web-block-1",
        "listener_rule.web-route-1",
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
        Some(Runs::Before { target: Address::new("service", "web"), field: "task_definition".into() })
    );
    let expected =
        ["image.app", "log_group.web", "role.web-execution", "role.web-task", "secret.database-url", "secret.web/KEY"];
    assert_eq!(needs(&graph, "task_definition.web"), expected);
    assert_eq!(needs(&graph, "secret.database-url"), ["db_instance.database", "secret.database-password"]);
}

#[test]
fn a_service_may_read_its_own_secrets_and_pull_its_own_image_and_no_more() {
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
    let expected = [
        ("*", "ecr:GetAuthorizationToken"),
        ("arn:aws:logs:*:*:log-group:/stackctl/demo/default/web:*", "logs:CreateLogStream"),
        ("arn:aws:logs:*:*:log-group:/stackctl/demo/default/web:*", "logs:PutLogEvents"),
        ("repository.app", "ecr:BatchCheckLayerAvailability"),
        ("repository.app", "ecr:BatchGetImage"),
        ("repository.app", "ecr:GetDownloadUrlForLayer"),
        ("secret.database-url", "secretsmanager:GetSecretValue"),
        ("secret.web/KEY", "secretsmanager:GetSecretValue"),
    ];
    assert_eq!(allowed, expected.map(|(resource, action)| (resource.to_owned(), action.to_owned())).into());
    assert_eq!(node(&graph, "role.web-task").desired["statements"], json!([]), "the task itself may nothing");
}

#[test]
fn the_rules_of_a_service_stay_within_the_five_values_that_a_rule_takes() {
    let blocked: Vec<String> = (0..12).map(|number| format!("/{number}")).collect();
    for (host, rules) in [("", 3), ("host: a.example.com, ", 3)] {
        let blocked = blocked.join(", ");
        let graph = drawn(&format!("services: {{ web: {{ build: app, port: 3000, {host}block: [{blocked}] }} }}\n"));
        let blocks: Vec<String> =
            addresses(&graph, &["listener_rule"]).into_iter().filter(|address| address.contains("-block-")).collect();
        assert_eq!(blocks.len(), rules, "{blocks:?}");
        let mut expressions = 0;
        for block in &blocks {
            let rule = &node(&graph, block).desired;
            let count = |key: &str| rule[key].as_array().map_or(0, Vec::len);
            assert!(count("expressions") + count("hosts") <= 5 && count("paths") == 0, "{rule}");
            assert_eq!(rule["action"], "not_found");
            expressions += count("expressions");
        }
        assert_eq!(expressions, 12, "every path is blocked");
    }
}

#[test]
fn services_whose_names_end_alike_share_no_rule() {
    let graph = drawn(
        "services:\n  web: { build: app, port: 80, routes: [/a], block: [/b] }\n  web-block: { build: app, port: 80, routes: [/c] }\n  web-route: { build: app, port: 80, routes: [/d], block: [/e] }\n",
    );
    assert_eq!(addresses(&graph, &["listener_rule"]).len(), 5);
}

#[test]
fn rules_are_asked_blocks_first_then_the_more_literal_and_within_that_those_with_a_host() {
    let graph = drawn(
        "services:\n  web: { build: app, port: 80, routes: [\"/*\"], block: [/hidden] }\n  api: { build: app, port: 80, routes: [\"/api/*\", /api/v1/health] }\n  admin: { build: app, port: 80, host: admin.example.com, routes: [\"/*\"] }\n",
    );
    let mut rules: Vec<(u64, String)> = addresses(&graph, &["listener_rule"])
        .into_iter()
        .map(|address| (node(&graph, &address).desired["priority"].as_u64().expect("a number"), address))
        .collect();
    rules.sort();
    let order: Vec<&str> = rules.iter().map(|(_, address)| address.as_str()).collect();
    assert_eq!(
        order,
        [
            "listener_rule.web-block-1",
            "listener_rule.api-route-2",
            "listener_rule.api-route-1",
            "listener_rule.admin-route-1",
            "listener_rule.web-route-1",
        ]
    );
    assert!(rules.first().expect("there are some").0 >= 1 && rules.last().expect("there are some").0 <= 50_000);
}

#[test]
fn every_stack_of_the_table_has_an_order_and_names_only_what_it_has() {
    for network in ["zones: 2, nat: none", "zones: 2, nat: single", "zones: 3, nat: per-zone"] {
        for database in ["", "database: {}\n"] {
            for tls in ["off", "self-signed"] {
                let text = format!("network: {{ {network} }}\n{database}load_balancer: {{ tls: {tls} }}\n{SERVICE}");
                let graph = drawn(&text);
                assert_eq!(graph.order().map(|order| order.len()), Ok(graph.len()), "{text}");
            }
        }
    }
}

#[test]
fn a_release_names_the_digest_of_its_own_source_only() {
    let built = ImageSource::Package("app".into());
    let facts = Facts {
        zones: vec!["a".into(), "b".into()],
        releases: BTreeMap::from([(built, "sha256:new".to_owned())]),
        ..Facts::default()
    };
    let graph = try_drawn("services: { web: { build: app }, api: { build: api } }\n", &facts).expect("it is drawn");
    assert_eq!(node(&graph, "image.app").desired["digest"], "sha256:new");
    assert_eq!(node(&graph, "image.api").desired["digest"], Value::Null);
}

#[test]
fn autoscaling_is_drawn_for_a_service_that_has_it_and_the_service_is_left_its_number() {
    let graph = drawn(
        "services:\n  web: { build: app, port: 80, routes: [/*], scale: { min: 2, max: 9, cpu: 60, requests: 1000 } }\n  mail: { build: mail, replicas: 3 }\n",
    );
    assert_eq!(addresses(&graph, &["scaling"]), ["scaling.web"]);
    let requests = json!({ "requests": {
        "load_balancer": input("load_balancer.main", "dimension"),
        "target_group": input("target_group.web", "dimension"),
    } });
    let policies = json!([{ "measure": "cpu", "target": 60 }, { "measure": requests, "target": 1000 }]);
    assert_eq!(node(&graph, "scaling.web").desired, json!({ "min": 2, "max": 9, "policies": policies }));
    assert_eq!(needs(&graph, "scaling.web"), ["load_balancer.main", "service.web", "target_group.web"]);
    let count = |address: &str| {
        let service = &node(&graph, address).desired;
        (service["replicas"].clone(), service["most"].clone())
    };
    assert_eq!(count("service.web"), (json!(2), json!(9)));
    assert_eq!(count("service.mail"), (json!(3), Value::Null));
}

#[test]
fn all_that_a_stack_has_is_watched_and_no_more() {
    let alarms = "alarms: { email: ops@example.com }\n";
    let everything = format!("database: {{ storage: 50 }}\n{SERVICE}{alarms}");
    let graph = drawn(&everything);
    let expected = [
        "alarm.database-connections",
        "alarm.database-cpu",
        "alarm.database-storage",
        "alarm.load-balancer-5xx",
        "alarm.service-web-5xx",
        "alarm.service-web-cpu",
        "alarm.service-web-unhealthy",
        "topic.alarms",
    ];
    assert_eq!(addresses(&graph, &["alarm", "topic"]), expected);
    for alarm in &expected[..7] {
        assert_eq!(node(&graph, alarm).desired["topic"], input("topic.alarms", "arn"), "{alarm}");
    }
    assert_eq!(needs(&graph, "alarm.service-web-cpu"), ["cluster.main", "service.web", "topic.alarms"]);
    let tenth_of_50_gib = 5_368_709_120.0;
    assert_eq!(node(&graph, "alarm.database-storage").desired["bad"], json!({ "up_to": tenth_of_50_gib }));
    let worker = drawn(&format!("services: {{ mail: {{ build: app }} }}\n{alarms}"));
    assert_eq!(addresses(&worker, &["alarm"]), ["alarm.service-mail-cpu"]);
    assert_eq!(addresses(&drawn(SERVICE), &["alarm", "topic"]), [""; 0]);
}

#[test]
fn services_with_the_names_of_other_parts_share_no_alarm() {
    let graph = drawn(
        "database: {}\nservices:\n  database: { build: app, port: 80, routes: [/a] }\n  load-balancer: { build: app, port: 80, routes: [/b] }\nalarms: { email: ops@example.com }\n",
    );
    assert_eq!(addresses(&graph, &["alarm"]).len(), 3 + 1 + 2 * 3);
}
