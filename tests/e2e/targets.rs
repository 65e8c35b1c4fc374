//! `--target`: a part of the plan with its needs, and nothing else.

use crate::support::{World, text};

/// A stack that needs no build and runs no task.
const STACK: &str = "name: demo
region: eu-west-1
network: { nat: none }
services:
  web: { image: \"example:1\", port: 80, replicas: 0 }
";

#[tokio::test(flavor = "multi_thread")]
async fn only_targets_and_their_needs_are_created() {
    let world = World::start();
    std::fs::write(world.project().join("stack.yaml"), STACK).expect("it can be written");
    let wrong = world.stackctl(&["up", "--yes", "--target", "subnet.public-z"]);
    assert_eq!(wrong.status.code(), Some(3), "{}", text(&wrong));
    assert!(text(&wrong).contains("did you mean subnet.public-"), "{}", text(&wrong));
    assert_eq!(crate::sweep::everything(&world).await, Vec::<String>::new());

    let whole = world.plan();
    let subnet = whole.iter().find_map(|step| step.strip_prefix("create ").filter(|it| it.starts_with("subnet.")));
    let subnet = subnet.expect("there is one").to_owned();
    let made = world.stackctl(&["up", "--yes", "--target", &subnet]);
    assert!(made.status.success() && text(&made).contains("This plan covers only --target"), "{}", text(&made));
    let mut left = whole;
    left.retain(|step| *step != "create vpc.main" && *step != format!("create {subnet}"));
    assert_eq!(world.plan(), left, "a subnet needs its VPC and nothing else");

    world.must(&["up", "--yes"]);
    assert_eq!(world.plan(), Vec::<String>::new());
}
