//! `permissions`: the AWS permissions of tasks, until stack.yaml removes them.

use aws_sdk_iam::Client;
use serde_json::{Value, json};

use crate::support::{World, text};

/// A stack that needs no build and runs no task.
const STACK: &str = "name: demo
region: eu-west-1
network: { nat: none }
services:
  web:
    image: \"example:1\"
    replicas: 0
    permissions:
      - { actions: [s3:GetObject, s3:PutObject], resources: [\"arn:aws:s3:::shop-files/*\"] }
";

const ROLE: &str = "demo-default-web-task";

/// Returns the statements of the role's policies, or none without a role.
async fn allowed(iam: &Client) -> Vec<Value> {
    let mut documents = Vec::new();
    let Ok(inline) = iam.list_role_policies().role_name(ROLE).send().await else { return Vec::new() };
    for name in inline.policy_names() {
        let policy = iam.get_role_policy().role_name(ROLE).policy_name(name).send().await.expect("it is there");
        documents.push(policy.policy_document().to_owned());
    }
    let attached = iam.list_attached_role_policies().role_name(ROLE).send().await.expect("the role is there");
    for arn in attached.attached_policies().iter().filter_map(|policy| policy.policy_arn()) {
        let policy = iam.get_policy().policy_arn(arn).send().await.expect("it is there").policy;
        let version = policy.and_then(|policy| policy.default_version_id).expect("one holds");
        let version = iam.get_policy_version().policy_arn(arn).version_id(version).send().await.expect("it is there");
        documents.push(version.policy_version.and_then(|version| version.document).expect("it has one"));
    }
    let statements = documents.iter().flat_map(|document| {
        let document = urlencoding::decode(document).expect("it is text");
        let document: Value = serde_json::from_str(&document).expect("it is JSON");
        document["Statement"].as_array().expect("a list").clone()
    });
    statements.collect()
}

/// Returns the number of policies for the role.
async fn policies(iam: &Client) -> usize {
    let local = aws_sdk_iam::types::PolicyScopeType::Local;
    let all = iam.list_policies().scope(local).send().await.expect("it answers");
    all.policies().iter().filter(|policy| policy.policy_name().is_some_and(|name| name.starts_with(ROLE))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_have_exactly_the_permissions_of_their_service() {
    let world = World::start();
    std::fs::write(world.project().join("stack.yaml"), STACK).expect("it can be written");
    let iam = Client::new(&world.sdk().await);
    let up = ["up", "--yes", "--target", "role.web-task"];
    world.must(&up);
    let statement =
        |actions: &[&str]| json!({ "Effect": "Allow", "Action": actions, "Resource": ["arn:aws:s3:::shop-files/*"] });
    assert_eq!(allowed(&iam).await, [statement(&["s3:GetObject", "s3:PutObject"])]);

    // Fewer permissions: only the role changes, and the plan shows how.
    world.edit("[s3:GetObject, s3:PutObject]", "[s3:GetObject]");
    let plan = world.must(&["plan", "--target", "role.web-task"]);
    for line in [
        "  ~ role.web-task",
        "statements  s3:GetObject, s3:PutObject on arn:aws:s3:::shop-files/* → (none)",
        "statements  (none) → s3:GetObject on arn:aws:s3:::shop-files/*",
        "Plan: 1 to update.",
    ] {
        assert!(plan.contains(line), "{plan}");
    }
    world.must(&up);
    assert_eq!(allowed(&iam).await, [statement(&["s3:GetObject"])]);

    assert_eq!(policies(&iam).await, 1, "the former one is gone");

    // A permission that someone added is drift.
    let everything =
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
    let call = iam.put_role_policy().role_name(ROLE).policy_name("theirs").policy_document(everything.to_string());
    call.send().await.expect("it is added");
    let plan = world.must(&["plan", "--target", "role.web-task"]);
    assert!(plan.contains("theirs"), "{plan}");
    world.must(&up);
    assert_eq!(allowed(&iam).await, [statement(&["s3:GetObject"])]);

    // Without permissions, the role is deleted with its policy.
    world.edit(
        "\n    permissions:\n      - { actions: [s3:GetObject], resources: [\"arn:aws:s3:::shop-files/*\"] }\n",
        "\n",
    );
    world.must(&up);
    assert_eq!((allowed(&iam).await, policies(&iam).await), (Vec::new(), 0));
    assert!(iam.get_role().role_name(ROLE).send().await.is_err(), "it may nothing, and has no role");
    assert!(!text(&world.stackctl(&["plan"])).contains("role.web-task"));
}
