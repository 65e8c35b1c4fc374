//! Checks stackctl's knowledge of AWS against AWS's own data: error codes and states against botocore's models, IAM
//! policies against the service authorization reference.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};

/// A stack with a resource of every kind and with the longest possible names.
const WHOLE: &str = "
name: a-name-of-20-letters
region: ap-southeast-1
network: { nat: per-zone }
database: { users: { app: owner } }
cache: {}
buckets: { uploads: {} }
load_balancer: { tls: acm, domain: shop.example.com }
bastion: { users: { ada: { ssh_key: \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\" } }, allow: [192.0.2.1/32] }
services:
  web:
    build: app
    port: 3000
    scale: { min: 1, max: 2, cpu: 60 }
    release: [migrate]
    exec: true
    secrets: { KEY: generate }
    buckets: [uploads]
jobs: { report: { service: web, command: [report], schedule: rate(1 day) } }
alarms: { email: ops@example.com }
environments: { twelve-chars: {} }
";

const SMALL: &str = "name: shop\nregion: eu-west-1\nnetwork: { nat: none }\nservices: { web: { image: nginx } }\n";

/// A stack in an existing network.
const GUEST: &str = "
name: shop
region: eu-west-1
network:
  vpc: vpc-0123456789abcdef0
  public_subnets: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]
  private_subnets: [subnet-0123456789abcdef2, subnet-0123456789abcdef3]
database: {}
load_balancer: {}
services: { web: { image: nginx, port: 80 } }
";

/// Runs one of the check scripts below `tests/`, with the Python of the tests.
fn check(script: &str, of: &[&Path]) -> Output {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = Command::new(repository.join("scripts/python")).output().expect("it is a script");
    assert!(python.status.success(), "{}", text(&python));
    let python = String::from_utf8(python.stdout).expect("it is a path");
    Command::new(python.trim()).arg(repository.join("tests").join(script)).args(of).output().expect("it runs")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Returns the policy for these commands on a stack.
fn policy(yaml: &str, commands: &str, environment: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("stack.yaml"), yaml).expect("it can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackctl"));
    command.args(["policy", "--for", commands, "--env", environment]).current_dir(folder.path());
    let output = command.output().expect("the binary runs");
    assert!(output.status.success(), "{}", text(&output));
    String::from_utf8(output.stdout).expect("it is text")
}

/// Lints these policies.
fn lint(policies: &[(String, String)]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let files: Vec<_> = policies.iter().map(|(name, _)| folder.path().join(name)).collect();
    for (file, (_, policy)) in files.iter().zip(policies) {
        fs::write(file, policy).expect("it can be written");
    }
    check("policies/lint.py", &files.iter().map(AsRef::as_ref).collect::<Vec<_>>())
}

#[test]
fn error_codes_and_states_exist_in_aws_models() {
    let found = check("codes/check.py", &[&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")]);
    assert!(found.status.success(), "{}", text(&found));
    // A falling number means that the check no longer reads the source.
    let counted = text(&found).split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0);
    assert!(counted > 100, "{}", text(&found));
}

#[test]
fn unknown_code_or_state_is_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let kind = "
        pub(super) const NOT_YET: &[&str] = &[\"InvalidVpcID.Unheard\"];
        const NOT_FOUND: &[&str] = &[\"DBInstanceNotFound\", \"DBInstanceNotFoundFault\"];
        fn phase(live: &Live) -> Phase { match live.state { \"available\" => Ready, \"avaliable\" => Ready, _ => Pending } }
        fn passing(failure: &Failure) -> bool {
            let codes = [\"InvalidDBInstanceState\", \"InvalidDBInstanceStateFault\"];
            failure.is(&codes) || failure.is(CODES_FROM_NOWHERE) || failure.is(&[chosen(failure)])
        }
        async fn delete() { call.or_absent(\"DeleteDBInstance\", NOT_FOUND) }
    ";
    let file = folder.path().join("kinds/rds/db_instance.rs");
    fs::create_dir_all(file.parent().expect("it has one")).expect("a folder");
    fs::write(file, kind).expect("it can be written");
    let found = check("codes/check.py", &[folder.path()]);
    assert!(!found.status.success(), "{}", text(&found));
    let said = text(&found);
    for fault in [
        "kinds/rds/db_instance.rs:2: InvalidVpcID.Unheard is no code of rds",
        "DBInstanceNotFoundFault is no code of DeleteDBInstance of rds",
        "InvalidDBInstanceStateFault is no code of rds",
        "avaliable is no state of rds",
        "where is CODES_FROM_NOWHERE defined?",
        "which codes are chosen(failure)?",
    ] {
        assert!(said.contains(fault), "{fault} is not in\n{said}");
    }
    for right in ["DBInstanceNotFound is", "InvalidDBInstanceState is", " available is"] {
        assert!(!said.contains(right), "{right} no fault:\n{said}");
    }
}

#[test]
fn policies_fit_the_service_authorization_reference() {
    let mut policies = Vec::new();
    for commands in ["plan", "deploy", "destroy", "exec", "all"] {
        for (name, yaml, environment) in
            [("whole", WHOLE, "twelve-chars"), ("small", SMALL, "default"), ("guest", GUEST, "default")]
        {
            policies.push((format!("{name}-{commands}"), policy(yaml, commands, environment)));
        }
    }
    let found = lint(&policies);
    assert!(found.status.success(), "{}", text(&found));
}

#[test]
fn invalid_policy_is_reported() {
    let allow = |action: &str, resource: &str, condition: Value| json!({ "Sid": "Wrong", "Effect": "Allow", "Action": [action], "Resource": resource, "Condition": condition });
    let tagged = |key: &str| json!({ "StringEquals": { key: "shop" } });
    let table = [
        (allow("ecs:MakeService", "*", json!({})), "no such action: ecs:MakeService"),
        (
            allow("ecs:DeleteService", "arn:aws:rds:eu-west-1:1:db:a", json!({})),
            "none of its actions works on arn:aws:rds",
        ),
        (allow("ec2:DescribeVpcs", "arn:aws:ec2:eu-west-1:1:vpc/a", json!({})), "which is * alone"),
        (allow("ecs:DescribeClusters", "*", tagged("aws:RequestTag/stack")), "does not know the condition key"),
        (allow("ecs:DeleteCluster", "*", json!({ "StringIs": { "aws:SourceIp": "a" } })), "no such operator: StringIs"),
        (allow("ec2:RunInstances", "arn:aws:ec2:eu-west-1:1:subnet/a", json!({})), "ec2:RunInstances needs a image"),
    ];
    for (statement, fault) in table {
        let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
        let found = lint(&[("policy".to_owned(), policy)]);
        assert!(!found.status.success() && text(&found).contains(fault), "{fault} is not in\n{}", text(&found));
    }
}
