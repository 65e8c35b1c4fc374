//! Tests the network: gateways, subnets and security groups.

use serde_json::{Value, json};

use super::*;

#[test]
fn each_nat_setting_has_its_gateways_and_route_tables() {
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
fn database_is_in_private_subnets_without_a_default_route() {
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
fn cache_is_in_private_subnets_and_admits_only_services() {
    let services = "services: { web: { build: app, port: 3000 }, mailer: { build: app } }\n";
    let graph = drawn(&format!("network: {{ nat: none }}\ncache: {{ class: cache.m7g.large }}\n{services}"));
    let private = json!([input("subnet.private-a", "id"), input("subnet.private-b", "id")]);
    assert_eq!(node(&graph, "cache_subnet_group.main").desired["subnets"], private);
    assert_eq!(node(&graph, "cache.main").desired["class"], "cache.m7g.large");
    let from = |group: &str| json!({ "port": 6379, "from": { "group": input(group, "id") } });
    let both = json!([from("security_group.service-mailer"), from("security_group.service-web")]);
    assert_eq!(node(&graph, "security_group.cache").desired["ingress"], both);
    let expected = ["cache_subnet_group.main", "cluster.main", "secret.cache-token", "security_group.cache"];
    assert_eq!(needs(&graph, "cache.main"), expected);
    assert_eq!(needs(&graph, "secret.cache-url"), ["cache.main", "secret.cache-token"]);
}

#[test]
fn private_subnets_use_the_nat_gateway_of_their_zone() {
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
fn adding_a_zone_keeps_ranges_and_no_subnets_overlap() {
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
fn region_with_too_few_zones_is_an_error_with_both_numbers() {
    let facts = Facts { zones: vec!["us-west-1a".into(), "us-west-1c".into()], ..Facts::default() };
    let failure = try_drawn(&format!("network: {{ zones: 3 }}\n{SERVICE}"), &facts).expect_err("it has two");
    let said = failure.to_string();
    assert!(said.contains("network.zones: expected 3 zones") && said.contains("has 2 for"), "{said}");
    assert!(failure.hint.is_some());
}

/// Returns the zones of the public subnets in the order of their ranges. `zones` are those that the region offers, and
/// `there` are the places of existing subnets with their zones.
fn places(wanted: usize, zones: &str, there: &[(u8, &str)]) -> Result<String, Failure> {
    let zone = |letter: char| format!("eu-west-1{letter}");
    let range = |place: u8| format!("10.20.{}.0/20", place * 64);
    let subnets = there.iter().map(|(place, letter)| (range(*place), format!("eu-west-1{letter}"))).collect();
    let facts = Facts { zones: zones.chars().map(zone).collect(), subnets, ..Facts::default() };
    let network = format!("network: {{ cidr: 10.20.0.0/16, zones: {wanted} }}\n{SERVICE}");
    let graph = try_drawn(&network, &facts)?;
    let of_place = |place: u8| {
        let mut subnets = graph.nodes().filter(|node| node.address.kind() == "subnet");
        let subnet = subnets.find(|subnet| subnet.desired["cidr"] == range(place))?;
        subnet.desired["zone"].as_str()?.chars().last()
    };
    Ok((0..4).filter_map(of_place).collect())
}

#[test]
fn zones_of_existing_subnets_are_kept_in_any_state() {
    let stands = [(0, "a"), (1, "b")];
    for offered in ["abc", "bc", "ac", "c", ""] {
        assert_eq!(places(2, offered, &stands).as_deref(), Ok("ab"), "the region offers {offered:?}");
    }
    assert_eq!(places(3, "bc", &stands).as_deref(), Ok("abc"), "a third zone is one of those that the region offers");
    assert!(places(3, "b", &stands).is_err());
    assert!(places(2, "b", &[]).is_err(), "a new stack takes only what the region offers");
}

#[test]
fn zones_keep_their_place_when_others_become_available() {
    // Zone `a` was not available when the stack was created.
    assert_eq!(places(2, "abc", &[(0, "b"), (1, "c")]).as_deref(), Ok("bc"));
    assert_eq!(places(3, "abc", &[(0, "b"), (1, "c")]).as_deref(), Ok("bca"));
    assert_eq!(places(2, "abc", &[(0, "b"), (1, "c"), (2, "a")]).as_deref(), Ok("bc"), "the last place goes");
    // The subnets of one zone have been deleted by hand.
    assert_eq!(places(3, "abc", &[(0, "a"), (2, "c")]).as_deref(), Ok("abc"));
    assert_eq!(places(2, "abc", &[(1, "b"), (2, "c")]).as_deref(), Ok("ab"));
}

#[test]
fn each_group_admits_only_its_caller_on_one_port() {
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
fn many_services_are_split_among_groups_without_interruption() {
    let services = |count: usize| -> String {
        let services = (0..count).map(|number| format!("  s{number:03}: {{ build: app }}\n"));
        format!("database: {{}}\ncache: {{}}\nservices:\n{}", services.collect::<String>())
    };
    let few = drawn(&services(57));
    assert_eq!(
        node(&few, "db_instance.database").desired["security_groups"],
        json!([input("security_group.database", "id")])
    );
    let many = drawn(&services(200));
    for (of, name) in [("db_instance.database", "database"), ("cache.main", "cache")] {
        let names: Vec<String> =
            ["", "-2", "-3", "-4"].iter().map(|number| format!("security_group.{name}{number}")).collect();
        let inputs: Vec<Value> = names.iter().map(|name| input(name, "id")).collect();
        assert_eq!(node(&many, of).desired["security_groups"], json!(inputs));
        let rules: Vec<usize> =
            names.iter().map(|name| node(&many, name).desired["ingress"].as_array().map_or(0, Vec::len)).collect();
        assert_eq!(rules, [57, 60, 60, 23]);
        assert!(needs(&many, &names[0]).contains(&names[1]) && needs(&many, &names[2]).contains(&names[3]));
    }
}
