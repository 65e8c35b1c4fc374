//! Tests listeners, and the order of their rules.

use super::*;

/// The rule for all paths on all hosts.
const ALL: &str = "listener_rule.route-all-2ced4f";

#[test]
fn tls_decides_the_listeners_certificate_and_open_ports() {
    let ports = |graph: &Graph| -> Vec<u64> {
        let ingress = node(graph, "security_group.load-balancer").desired["ingress"].clone();
        ingress.as_array().expect("a list").iter().filter_map(|rule| rule["port"].as_u64()).collect()
    };
    let off = drawn(&format!("load_balancer: {{ tls: off }}\n{SERVICE}"));
    assert_eq!(addresses(&off, &["certificate", "listener"]), ["listener.http"]);
    assert_eq!(node(&off, "listener.http").desired["action"], "not_found");
    assert_eq!(node(&off, ALL).desired["listener"], input("listener.http", "arn"));
    assert_eq!(ports(&off), [80]);

    let on = drawn(&format!("load_balancer: {{ tls: self-signed }}\n{SERVICE}"));
    assert_eq!(addresses(&on, &["certificate", "listener"]), ["certificate.main", "listener.http", "listener.https"]);
    assert_eq!(node(&on, "listener.http").desired["action"], "redirect_to_https");
    assert_eq!(node(&on, "listener.https").desired["certificate"], input("certificate.main", "arn"));
    assert_eq!(node(&on, ALL).desired["listener"], input("listener.https", "arn"));
    assert_eq!(ports(&on), [80, 443]);
}

#[test]
fn condition_of_a_rule_has_at_most_three_values() {
    let blocked: Vec<String> = (0..12).map(|number| format!("/{number}")).collect();
    for (host, rules) in [("", 4), ("host: a.example.com, ", 4)] {
        let blocked = blocked.join(", ");
        let graph = drawn(&format!("services: {{ web: {{ build: app, port: 3000, {host}block: [{blocked}] }} }}\n"));
        let blocks: Vec<String> =
            addresses(&graph, &["listener_rule"]).into_iter().filter(|address| address.contains(".block-")).collect();
        assert_eq!(blocks.len(), rules, "{blocks:?}");
        let mut expressions = 0;
        for block in &blocks {
            let rule = &node(&graph, block).desired;
            let count = |key: &str| rule[key].as_array().map_or(0, Vec::len);
            assert!(count("expressions") <= 3 && count("hosts") <= 1 && count("paths") == 0, "{rule}");
            assert_eq!(rule["action"], "not_found");
            expressions += count("expressions");
        }
        assert_eq!(expressions, 12, "every path is blocked");
    }
}

#[test]
fn rules_do_not_depend_on_their_position_or_service() {
    let rules = |services: &str| -> std::collections::BTreeSet<String> {
        addresses(&drawn(&format!("services: {{ {services} }}\n")), &["listener_rule"]).into_iter().collect()
    };
    let before = rules("web: { build: app, port: 80, routes: [/b, /c], block: [/b/hidden] }");
    let after = rules("site: { build: app, port: 80, routes: [/c, /a, /b], block: [/b/hidden] }");
    let new: Vec<&String> = after.difference(&before).collect();
    assert!(before.is_subset(&after) && new.len() == 1 && new[0].contains("route-a-"), "{before:?} {after:?}");
}

#[test]
fn routes_are_created_after_all_blocks() {
    let graph = drawn(
        "services:\n  api: { build: app, port: 80, routes: [/a] }\n  web: { build: app, port: 80, routes: [/b], block: [/a/hidden] }\n",
    );
    let all = addresses(&graph, &["listener_rule"]);
    let (blocks, routes): (Vec<&String>, Vec<&String>) = all.iter().partition(|address| address.contains(".block-"));
    assert_eq!((blocks.len(), routes.len()), (1, 2), "{all:?}");
    assert!(routes.iter().all(|route| needs(&graph, route).contains(blocks[0])));
}

#[test]
fn rules_are_ordered_by_block_then_literal_path_then_host() {
    let graph = drawn(
        "services:\n  web: { build: app, port: 80, routes: [\"/*\"], block: [/hidden] }\n  api: { build: app, port: 80, routes: [\"/api/*\", /api/v1/health] }\n  admin: { build: app, port: 80, host: admin.example.com, routes: [\"/*\"] }\n",
    );
    let mut rules: Vec<(u64, String)> = addresses(&graph, &["listener_rule"])
        .into_iter()
        .map(|address| (node(&graph, &address).desired["priority"].as_u64().expect("a number"), address))
        .collect();
    rules.sort();
    // Cut off the hashes.
    let order: Vec<&str> = rules.iter().map(|(_, address)| &address[..address.len() - 7]).collect();
    assert_eq!(
        order,
        [
            "listener_rule.block-hidden",
            "listener_rule.route-api-v1-health",
            "listener_rule.route-api",
            "listener_rule.route-admin-example-com",
            "listener_rule.route-all",
        ]
    );
    assert!(rules.first().expect("there are some").0 >= 1 && rules.last().expect("there are some").0 <= 50_000);
}
