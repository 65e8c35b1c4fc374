//! An existing listener of a foreign load balancer: rules are added next to those of others, and nothing else of it
//! changes.

use aws_sdk_elasticloadbalancingv2::{
    Client,
    types::{
        Action, ActionTypeEnum, FixedResponseActionConfig, PathPatternConditionConfig, ProtocolEnum, RuleCondition,
    },
};

use crate::{given_network::Theirs, sweep::everything, tiny::Tiny};

/// Returns a fixed response action.
fn answer(code: &str) -> Action {
    let answer = FixedResponseActionConfig::builder().status_code(code).build();
    Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(answer).build()
}

/// Creates a load balancer in that network, with a listener that already has a rule. Returns the listener's ARN and
/// the URL.
async fn shared(elb: &Client, ec2: &aws_sdk_ec2::Client, theirs: &Theirs) -> (String, String) {
    let group = ec2.create_security_group().group_name("shared").description("shared").vpc_id(&theirs.vpc);
    let group = group.send().await.expect("it is made").group_id.expect("it has one");
    let call =
        elb.create_load_balancer().name("shared").set_subnets(Some(theirs.public.clone())).security_groups(group);
    let made = call.send().await.expect("it is made").load_balancers.expect("one").remove(0);
    let call =
        elb.create_listener().set_load_balancer_arn(made.load_balancer_arn).port(80).protocol(ProtocolEnum::Http);
    let listener =
        call.default_actions(answer("404")).send().await.expect("it is made").listeners.expect("one").remove(0);
    let arn = listener.listener_arn.expect("it has one");
    let path = PathPatternConditionConfig::builder().values("/theirs").build();
    let path = RuleCondition::builder().field("path-pattern").path_pattern_config(path).build();
    let rule = elb.create_rule().listener_arn(&arn).priority(5).conditions(path).actions(answer("418"));
    rule.send().await.expect("it is made");
    (arn, format!("http://{}", made.dns_name.expect("it has one")))
}

#[tokio::test(flavor = "multi_thread")]
async fn services_use_an_existing_listener() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    let config = world.sdk().await;
    let (ec2, elb) = (aws_sdk_ec2::Client::new(&config), Client::new(&config));
    let theirs = Theirs::made(&ec2).await;
    let (listener, origin) = shared(&elb, &ec2, &theirs).await;
    let before = everything(world).await;

    world.edit("network: { nat: none }\n", &theirs.with(&[], &theirs.private));
    world.edit("load_balancer: { tls: off }", &format!("load_balancer: {{ listener: \"{listener}x\" }}"));
    world.edit("replicas: 2", "replicas: 1\n    block: [/env/PATH]\n    env: { NAME: web, ADDRESS: ((stack.url)) }");
    let refused = world.ends_with(1, &["up", "--yes"]);
    assert!(refused.contains(&format!("load_balancer.listener: {listener}x not found")), "{refused}");
    assert_eq!(everything(world).await, before);

    world.edit(&format!("{listener}x"), &listener);
    assert_eq!(world.up(), origin);
    assert_eq!(world.settled(), Vec::<String>::new());
    assert_eq!(world.get(&format!("{origin}/env/NAME")).await, (200, "web".to_owned()));
    assert_eq!(world.get(&format!("{origin}/env/ADDRESS")).await, (200, origin.clone()));
    assert_eq!(world.get(&format!("{origin}/env/PATH")).await.0, 404, "it is blocked");
    assert_eq!(world.get(&format!("{origin}/theirs")).await.0, 418, "the rule of others is asked as before");
    assert!(everything(world).await.iter().all(|one| !one.starts_with("load balancer ") || before.contains(one)));

    // The rules are found by their target group even when stack.yaml no longer names the listener.
    world.edit(&format!("load_balancer: {{ listener: \"{listener}\" }}\n"), "");
    world.edit("    health: /status\n", "");
    world.edit("    block: [/env/PATH]\n", "");
    world.edit("    port: 3000\n", "");
    world.edit("ADDRESS: ((stack.url))", "PORT: \"3000\"");
    world.must(&["up", "--yes"]);
    assert_eq!(world.settled(), Vec::<String>::new());
    assert_eq!(world.get(&format!("{origin}/env/NAME")).await.0, 404);
    assert_eq!(world.get(&format!("{origin}/theirs")).await.0, 418);
    world.must(&["destroy", "--yes"]);
    assert_eq!(everything(world).await, before);
}
