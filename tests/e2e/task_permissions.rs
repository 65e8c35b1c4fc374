//! What tasks may do on AWS: what stack.yaml gives them, until it takes it away again.

use aws_sdk_iam::Client;
use serde_json::{Value, json};

use crate::support::{World, text};

/// Nothing of it has to be built or runs.
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

/// The statements of the role's policies; none without a policy.
async fn allowed(iam: &Client) -> Vec<Value> {
    let mut statements = Vec::new();
    for name in iam.list_role_policies().role_name(ROLE).send().await.expect("it answers").policy_names() {
        let policy = iam.get_role_policy().role_name(ROLE).policy_name(name).send().await.expect("it is there");
        let document = urlencoding::decode(policy.policy_document()).expect("it is text");
        let document: Value = serde_json::from_str(&document).expect("it is JSON");
        statements.extend(document["Statement"].as_array().expect("a list").clone());
    }
    statements
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

    // Less of it: the role alone is changed, and the plan says how.
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

    // What somebody adds beside it is more than stack.yaml says.
    let everything =
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
    let call = iam.put_role_policy().role_name(ROLE).policy_name("theirs").policy_document(everything.to_string());
    call.send().await.expect("it is added");
    let plan = world.must(&["plan", "--target", "role.web-task"]);
    assert!(plan.contains("theirs"), "{plan}");
    world.must(&up);
    assert_eq!(allowed(&iam).await, [statement(&["s3:GetObject"])]);

    // Nothing.
    world.edit(
        "\n    permissions:\n      - { actions: [s3:GetObject], resources: [\"arn:aws:s3:::shop-files/*\"] }\n",
        "\n",
    );
    world.must(&up);
    assert_eq!(allowed(&iam).await, [json!(null); 0]);
    assert!(text(&world.stackctl(&["plan", "--target", "role.web-task"])).contains("No changes"));
}
