//! `allow`: a service that only some addresses can reach.

use crate::{support::World, sweep, tiny::Tiny};
use aws_sdk_elasticloadbalancingv2::{
    Client,
    types::{PathPatternConditionConfig, Rule, RuleCondition},
};

/// Returns the status for a client with this address, whatever its headers claim.
async fn ask(address: [u8; 4], url: &str) -> u16 {
    let client = reqwest::Client::builder().local_address(std::net::IpAddr::from(address));
    let call = client.build().expect("a client").get(format!("{url}/status"));
    call.header("x-forwarded-for", "127.0.0.1").send().await.expect("it answers").status().as_u16()
}

/// Returns the ARNs of the stack's rules that are limited to some addresses.
async fn for_some(elb: &Client) -> Vec<String> {
    let balancers = elb.describe_load_balancers().send().await.expect("it answers");
    let arn = balancers.load_balancers()[0].load_balancer_arn().expect("it has one");
    let listeners = elb.describe_listeners().load_balancer_arn(arn).send().await.expect("it answers");
    let listener = listeners.listeners()[0].listener_arn().expect("it has one");
    let rules = elb.describe_rules().listener_arn(listener).send().await.expect("it answers");
    let is_for_some = |rule: &&Rule| rule.conditions().iter().any(|one| one.field() == Some("source-ip"));
    rules.rules().iter().filter(is_for_some).filter_map(|rule| rule.rule_arn().map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_from_other_addresses_get_404() {
    let tiny = Tiny::start();
    let world: &World = &tiny.0;
    let ranges = "198.51.100.0/24, 203.0.113.0/24, \"2001:db8::/32\"";
    world.edit("replicas: 2", &format!("replicas: 1\n    allow: [127.0.0.1/32, {ranges}]"));
    let url = world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    let elb = Client::new(&world.sdk().await);
    assert_eq!(for_some(&elb).await.len(), 2, "a rule has three ranges at most");
    assert_eq!(ask([127, 0, 0, 1], &url).await, 200);
    assert_eq!(ask([127, 0, 0, 2], &url).await, 404, "what the client says of itself does not count");

    // The ranges fit into one rule again, and the rule is updated in place. No task is replaced.
    world.edit("127.0.0.1/32, 198", "127.0.0.2/32, 198");
    world.edit(", \"2001:db8::/32\"", "");
    assert!(world.changes().iter().all(|change| change.starts_with("listener_rule.")), "{:?}", world.changes());
    world.up();
    let rules = for_some(&elb).await;
    assert_eq!(rules.len(), 1);
    assert_eq!((ask([127, 0, 0, 1], &url).await, ask([127, 0, 0, 2], &url).await), (404, 200));
    world.edit("127.0.0.2/32, 198", "127.0.0.0/31, 198");
    assert!(world.changes().iter().all(|change| change.ends_with(" sources")), "{:?}", world.changes());
    world.up();
    assert_eq!(for_some(&elb).await, rules);
    assert_eq!((ask([127, 0, 0, 1], &url).await, ask([127, 0, 0, 2], &url).await), (200, 404));

    // A rule that someone opened to all addresses is drift.
    let paths = PathPatternConditionConfig::builder().values("/*").build();
    let paths = RuleCondition::builder().field("path-pattern").path_pattern_config(paths).build();
    elb.modify_rule().rule_arn(&rules[0]).conditions(paths).send().await.expect("it is changed");
    assert_eq!(ask([127, 0, 0, 2], &url).await, 200);
    assert!(world.changes().iter().all(|change| change.ends_with(" sources")), "{:?}", world.changes());
    world.up();
    assert_eq!(ask([127, 0, 0, 2], &url).await, 404);

    // Without the key, all addresses have access.
    world.edit("\n    allow: [127.0.0.0/31, 198.51.100.0/24, 203.0.113.0/24]", "");
    world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    assert_eq!(ask([127, 0, 0, 2], &url).await, 200);
    world.must(&["destroy", "--confirm", "tiny/default"]);
    assert_eq!(sweep::everything(world).await, Vec::<String>::new());
}
