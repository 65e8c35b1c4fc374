//! Tests `load_balancer.listener`, an existing listener.

use super::*;

const LISTENER: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/shared/0123456789abcdef/fedcba9876543210";

const NETWORK: &str = "network: { vpc: vpc-0000000f, private_subnets: [subnet-0000000c] }\n";

fn with(keys: &str) -> String {
    format!("{ONE_SERVICE}{NETWORK}load_balancer: {{ listener: \"{LISTENER}\"{keys} }}\n")
}

#[test]
fn existing_listener_replaces_the_load_balancer() {
    let stack = read(&with("")).expect("it is valid, without public subnets too");
    let balancer = stack.load_balancer.expect("services are served by it");
    assert_eq!(balancer.listener.as_deref(), Some(LISTENER));
}

#[test]
fn keys_that_exclude_a_listener_are_reported() {
    let found = problems(&with(", tls: acm, idle_timeout: 2m"));
    assert!(found[0].contains("`tls` cannot be used with `listener`"), "{found:?}");
    assert!(found[1].contains("`idle_timeout` cannot be used with `listener`"), "{found:?}");
    let found = problems(&with("").replace("    port: 80\n", "    port: 80\n    domains: [a.example.com]\n"));
    assert!(found[0].contains("`domains` cannot be used with `load_balancer.listener`: `a.example.com`"), "{found:?}");
    let found = problems(&with("").replace(NETWORK, ""));
    assert!(found[0].contains("a load balancer reaches only tasks in its own network"), "{found:?}");
    let found = problems(&with("").replace("listener/app/shared", "loadbalancer/app/shared"));
    assert!(found[0].contains("of an Application Load Balancer listener"), "{found:?}");
    let found = problems(&with("").replace(":eu-west-1:", ":us-east-1:"));
    assert!(found[0].contains("this listener is in us-east-1, and the stack is in another region"), "{found:?}");
}
