//! Checks the policy that `stackctl policy` prints against the operations in the source.

use std::{collections::BTreeSet, path::PathBuf};

use serde_json::Value;

use super::{WHOLE, files, iam::action, read, repository, stackctl};

/// Actions that AWS requires in addition to the operations themselves.
const IMPLIED: &[&str] = &[
    // Tags in create calls.
    "acm:AddTagsToCertificate",
    "ec2:CreateTags",
    "ecr:TagResource",
    "ecs:TagResource",
    "elasticache:AddTagsToResource",
    "elasticloadbalancing:AddTags",
    "events:TagResource",
    "iam:TagRole",
    "logs:TagResource",
    "rds:AddTagsToResource",
    "s3:TagResource",
    "servicediscovery:TagResource",
    // Cloud Map creates and deletes the hosted zone of a namespace on behalf of the caller.
    "ec2:DescribeRegions",
    "route53:CreateHostedZone",
    "route53:DeleteHostedZone",
    // The WebSocket of a session, and its reconnection.
    "ssm:ResumeSession",
    "ssmmessages:OpenDataChannel",
    // Load balancers and RDS make these lookups on behalf of the caller.
    "ec2:DescribeAccountAttributes",
    // ElastiCache and EFS put a node or a mount target into a subnet on behalf of the caller.
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaceAttribute",
    "ec2:DescribeNetworkInterfaces",
    "ec2:ModifyNetworkInterfaceAttribute",
    // The protocol of the registry, as IAM actions.
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
    // The roles of tasks, and the service-linked roles that AWS creates on first use.
    "iam:CreateServiceLinkedRole",
    "iam:PassRole",
    // EC2 looks up the image of the bastion on behalf of the caller.
    "ssm:GetParameters",
    // The WebSocket of a session.
    "ssmmessages:OpenDataChannel",
    // DeleteObjects with a version of an object.
    "s3:DeleteObjectVersion",
    // The final snapshot of `DeleteDBInstance`.
    "rds:CreateDBSnapshot",
];

/// Operations that need no permission.
const FREE: &[&str] = &["GetCallerIdentity"];

/// Operations in the source that no stack uses: no role of a stack has managed policies.
const NEVER: &[&str] = &["AttachRolePolicy"];

/// Returns the AWS operations in the source: the names passed to `during` and `or_absent`.
fn operations() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let is_test = |file: &PathBuf| {
        let below = file.strip_prefix(repository()).expect("it is below the repository");
        below.ends_with("tests.rs") || below.components().any(|part| part.as_os_str() == "tests")
    };
    for file in files(&repository().join("src"), "rs").into_iter().filter(|file| !is_test(file)) {
        let text = read(&file);
        for call in [".during(", ".or_absent("] {
            for (at, _) in text.match_indices(call) {
                let argument = text[at + call.len()..].trim_start();
                let name = argument.strip_prefix('"').and_then(|rest| rest.split('"').next());
                found.extend(name.map(|name| action(name).to_owned()));
            }
        }
    }
    found
}

#[test]
fn policy_allows_exactly_the_operations_in_use() {
    let printed = stackctl(&["policy"], WHOLE);
    let policy: Value = serde_json::from_slice(&printed.stdout).expect("it is JSON");
    let statements = policy["Statement"].as_array().expect("it has statements");
    let actions: BTreeSet<&str> = statements
        .iter()
        .flat_map(|statement| statement["Action"].as_array().expect("a list").iter().filter_map(Value::as_str))
        .collect();
    let operations = operations();
    assert!(operations.len() > 50, "{} operations were found; the search must be wrong", operations.len());

    let name = |action: &str| action.split_once(':').map_or("", |(_, name)| name).to_owned();
    let allowed: BTreeSet<String> = actions.iter().map(|action| name(action)).collect();
    let needless = |one: &str| FREE.contains(&one) || NEVER.contains(&one);
    let missing: Vec<&String> =
        operations.iter().filter(|one| !allowed.contains(*one) && !needless(one.as_str())).collect();
    assert!(missing.is_empty(), "no kind's permissions allow {missing:?}");
    let unused: Vec<&&str> =
        actions.iter().filter(|action| !operations.contains(&name(action)) && !IMPLIED.contains(action)).collect();
    assert!(unused.is_empty(), "nothing calls {unused:?}");
    let unknown: Vec<&&str> = IMPLIED.iter().filter(|action| !actions.contains(*action)).collect();
    assert!(unknown.is_empty(), "the policy does not have {unknown:?}");
}
