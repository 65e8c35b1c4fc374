//! Tests services behind the internal load balancer.

use super::*;

const BOTH: &str = "name: demo\nregion: eu-west-1\nservices:\n  web: { build: app, port: 80 }\n  \
                    admin: { build: app, port: 80, internal: true }\n";

#[test]
fn public_and_internal_load_balancers_have_separate_routes() {
    let stack = read(BOTH).expect("it is valid");
    assert!(stack.load_balancer.is_some() && stack.has_internal());
    for service in ["web", "admin"] {
        assert_eq!(stack.services[service].routes, ["/*"], "{service} is the only one on its load balancer");
    }
    let stack = read(&BOTH.replace("port: 80 }", "port: 80, internal: true, routes: [/a] }")).expect("it is valid");
    assert!(stack.load_balancer.is_none() && stack.has_internal());
}

#[test]
fn keys_that_exclude_internal_are_reported() {
    let found = problems(&BOTH.replace("internal: true", "internal: true, domains: [a.example.com]"));
    assert!(found[1].starts_with("5:59 `domains` cannot be used with `internal`"), "{found:?}");
    let found = problems("name: demo\nregion: eu-west-1\nservices: { web: { build: app, internal: true } }\n");
    assert!(found[0].contains("`internal` needs a `port`"), "{found:?}");
    let all = BOTH.replace("  web: { build: app, port: 80 }\n", "") + "load_balancer: { idle_timeout: 2m }\n";
    assert!(problems(&all)[0].contains("no service uses this load balancer"));
    let given = "network: { vpc: vpc-0000000f, public_subnets: [subnet-0000000a, subnet-0000000b], private_subnets: [subnet-0000000c] }\n";
    assert!(problems(&format!("{BOTH}{given}"))[0].contains("needs two private subnets"));
}

#[test]
fn idle_timeout_is_decoded() {
    let idle = |said: &str| {
        let stack = read(&format!("{ONE_SERVICE}load_balancer: {{ tls: off{said} }}\n")).expect("it is valid");
        stack.load_balancer.expect("there is one").idle_timeout
    };
    assert_eq!((idle(""), idle(", idle_timeout: 2m")), (60, 120));
}
