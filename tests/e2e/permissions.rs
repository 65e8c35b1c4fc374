//! `stackctl policy`: its policies allow every call of every command throughout the life of a stack.

use aws_sdk_route53::Client as Route53;
use serde_json::Value;

use crate::{
    iam,
    support::{World, text},
};

/// Sections that the example lacks.
const MORE: &str = "cache: {}
bastion:
  users: { ada: { sudo: true, ssh_key: \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\" } }
  allow: [203.0.113.0/24]
jobs:
  report: { service: web, command: [report], schedule: \"cron(0 3 * * ? *)\" }
alarms: { email: ops@example.com }

environments:
";

/// Operations that need no permission.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>
const FREE: &[&str] = &["sts:GetCallerIdentity"];

/// The IAM actions of the registry's own protocol.
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html>
const REGISTRY: &[(&str, &str)] = &[
    ("GetBlob", "ecr:GetDownloadUrlForLayer"),
    ("GetManifest", "ecr:BatchGetImage"),
    ("HeadBlob", "ecr:BatchCheckLayerAvailability"),
    ("HeadManifest", "ecr:BatchGetImage"),
    ("Ping", "ecr:GetAuthorizationToken"),
    ("PutBlob", "ecr:UploadLayerPart"),
    ("PutManifest", "ecr:PutImage"),
    ("StartUpload", "ecr:InitiateLayerUpload"),
];

/// Returns the IAM action of a call.
fn action(call: &Value) -> String {
    let operation = call["operation"].as_str().expect("it has an operation");
    let of_registry = REGISTRY.iter().find(|(name, _)| call["service"] == "registry" && *name == operation);
    if let Some((_, action)) = of_registry {
        return (*action).to_owned();
    }
    let service = match call["service"].as_str().expect("it has a service") {
        // The signing name of CloudWatch differs from its IAM prefix.
        "monitoring" => "cloudwatch",
        other => other,
    };
    format!("{service}:{}", iam::action(operation))
}

fn allowed(world: &World, commands: &str) -> Vec<String> {
    let policy: Value = serde_json::from_str(&world.must(&["policy", "--for", commands])).expect("it is JSON");
    let statements = policy["Statement"].as_array().expect("it has statements").iter();
    let actions = statements.flat_map(|statement| statement["Action"].as_array().expect("a list").clone());
    actions.map(|action| action.as_str().expect("it is text").to_owned()).collect()
}

/// Runs a command and asserts that the policy for `commands` allows each of its calls.
async fn within(world: &World, commands: &str, args: &[&str]) {
    let allowed = allowed(world, commands);
    world.forget_calls().await;
    let ended = world.stackctl(args);
    assert!(ended.status.success(), "{}", text(&ended));
    let mut refused: Vec<String> = world.calls().await.iter().map(action).collect();
    assert!(!refused.is_empty(), "{args:?} made no call");
    refused.retain(|action| !allowed.contains(action) && !FREE.contains(&action.as_str()));
    refused.sort();
    refused.dedup();
    assert_eq!(refused, Vec::<String>::new(), "the policy for {commands} does not allow these of {args:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_cover_every_call_of_a_stacks_life() {
    let world = World::start();
    world.edit("\nenvironments:\n", &format!("\n{MORE}"));
    world.edit("    replicas: 2\n", "    scale: { min: 2, max: 3, cpu: 60 }\n");
    // With `scale`, autoscaling sets the count in every environment.
    world.edit("    services: { web: { replicas: 1 } }\n", "");
    world.edit("    services: { web: { replicas: 3 } }\n", "");
    world.edit("  storage: 20\n", "  storage: 20\n  users: { app: owner }\n");
    within(&world, "plan", &["plan"]).await;
    within(&world, "all", &["up", "--yes"]).await;
    // The running stack costs what the estimate said.
    within(&world, "plan", &["cost", "--plan"]).await;
    let month = |args: &[&str]| -> Value { serde_json::from_str(&world.must(args)).expect("one document") };
    let asked_for = month(&["cost", "--output", "json"]);
    let difference = month(&["cost", "--plan", "--output", "json"]);
    assert_eq!(difference["difference"], 0.0, "{difference:#}");
    // Without access to AWS, the zone letters are placeholders; the resources in the zones are real.
    let whats = |estimate: &Value| {
        let lines = estimate["lines"].as_array().expect("it has lines").iter();
        let mut whats: Vec<String> = lines.map(|line| format!("{} {}", line["what"], line["month"])).collect();
        whats.sort();
        whats
    };
    assert_eq!(whats(&difference["before"]), whats(&asked_for));
    for args in [&["plan"][..], &["status"], &["logs"], &["releases"]] {
        within(&world, "plan", args).await;
    }
    within(&world, "deploy", &["run", "web", "--", "report"]).await;
    world.edit("Ada", "Grace");
    within(&world, "deploy", &["deploy"]).await;
    within(&world, "deploy", &["rollback", "--yes"]).await;
    // Forward again: a password is rotated only if the stack matches stack.yaml.
    within(&world, "deploy", &["deploy"]).await;
    within(&world, "all", &["secrets", "rotate", "database.app", "--yes"]).await;

    // Resources are changed, and some are deleted.
    world.edit("max: 3, cpu: 60", "max: 4, memory: 60");
    world.edit("block: [/prepare-for-deploy, /ready-for-deploy]", "block: [/prepare-for-deploy]");
    world.edit("health: /status", "health: /version");
    world.edit("storage: 20", "storage: 30");
    world.edit("ops@example.com", "on-call@example.com");
    world.edit("cron(0 3 * * ? *)", "cron(0 4 * * ? *)");
    world.edit("203.0.113.0/24", "198.51.100.0/24");
    within(&world, "all", &["up", "--yes"]).await;
    within(&world, "destroy", &["destroy", "--yes"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_cover_the_calls_for_a_domain() {
    let world = World::start();
    let stack = "name: demo\nregion: eu-west-1\nnetwork: { nat: none }\n\
                 load_balancer: { tls: acm, domain: shop.example.com }\n\
                 services: { web: { image: \"example:1\", port: 80, replicas: 0 } }\n";
    std::fs::write(world.project().join("stack.yaml"), stack).expect("it can be written");
    let route53 = Route53::new(&world.sdk().await);
    let zone = route53.create_hosted_zone().name("example.com").caller_reference("permissions").send().await;
    zone.expect("it is made");
    within(&world, "plan", &["plan"]).await;
    within(&world, "all", &["up", "--yes"]).await;
    within(&world, "destroy", &["destroy", "--yes"]).await;
}
