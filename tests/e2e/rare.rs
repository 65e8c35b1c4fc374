//! Kinds that most stacks do not use: they cost no call before they can exist, and none is left behind.

use serde_json::Value;

use crate::{support::World, sweep, tiny::Tiny};

/// The first list call of each rare kind.
const LISTINGS: [&str; 8] = [
    "DescribeAlarms",
    "DescribeCacheSubnetGroups",
    "DescribeFileSystems",
    "DescribeInstances",
    "DescribeScalableTargets",
    "ListNamespaces",
    "ListScheduleGroups",
    "ListSubscriptionsByTopic",
];

fn named<'a>(calls: &'a [Value], operations: &[&str]) -> Vec<&'a str> {
    let names = calls.iter().filter_map(|call| call["operation"].as_str());
    names.filter(|name| operations.contains(name)).collect()
}

/// Returns the cluster's tag that lists unused kinds, and the cluster's ARN.
async fn without(world: &World) -> (String, String) {
    let ecs = aws_sdk_ecs::Client::new(&world.sdk().await);
    let call = ecs.describe_clusters().clusters("tiny-default-main").include("TAGS".into());
    let answer = call.send().await.expect("it answers");
    let cluster = &answer.clusters()[0];
    let tag = cluster.tags().iter().find(|tag| tag.key() == Some("stackctl:without")).expect("it has the tag");
    (tag.value().unwrap_or_default().to_owned(), cluster.cluster_arn().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn unused_kinds_cost_no_call_and_destroy_finds_leftovers() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.up();
    let calls = world.idle_up().await;
    assert_eq!(named(&calls, &LISTINGS), [""; 0], "it has none of them");

    // The kind is removed from the tag before its first resource is created.
    world.edit("    replicas: 2\n", "    scale: { min: 2, max: 3, cpu: 60 }\n");
    world.forget_calls().await;
    world.must(&["up", "--yes"]);
    let writes = world.calls().await;
    assert_eq!(named(&writes, &["TagResource", "RegisterScalableTarget"]), ["TagResource", "RegisterScalableTarget"]);
    let (before, arn) = without(world).await;
    assert!(before.contains("schedule_group") && !before.contains("scaling"), "{before}");

    // The resource is found even if stack.yaml no longer has it, and the kind is not added to the tag again.
    world.edit("    scale: { min: 2, max: 3, cpu: 60 }\n", "    replicas: 2\n");
    assert_eq!(world.plan(), ["delete scaling.web"]);
    assert_eq!(named(&world.calls().await, &["ListNamespaces"]), [""; 0]);

    // Someone sets the tag to a kind that the stack has.
    let ecs = aws_sdk_ecs::Client::new(&world.sdk().await);
    let tag = aws_sdk_ecs::types::Tag::builder().key("stackctl:without").value(format!("{before} scaling")).build();
    ecs.tag_resource().resource_arn(arn).tags(tag).send().await.expect("it is done");
    world.forget_calls().await;
    world.must(&["destroy", "--confirm", "tiny/default"]);
    assert_eq!(named(&world.calls().await, &["DescribeTaskDefinition"]), [""; 0], "what goes need not be read");
    assert_eq!(sweep::everything(world).await, [""; 0]);
}
