use super::*;
use crate::{kinds, model::StackId, spec};

const SMALL: &str = "name: shop\nregion: eu-west-1\nnetwork: { nat: none }\nservices: { web: { image: nginx } }\n";

/// A stack with all features and the longest possible names.
const WHOLE: &str = "
name: a-name-of-20-letters
region: ap-southeast-1
network: { nat: per-zone }
database: { users: { app: owner }, tls: optional }
cache: {}
buckets: { uploads: {} }
volumes: { files: {} }
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
    volumes: { files: /data }
    calls: [api]
  api: { build: app, expose: [5672] }
jobs: { report: { service: web, command: [report], schedule: rate(1 day) } }
alarms: { email: ops@example.com }
environments: { twelve-chars: {} }
";

fn policy(yaml: &str, environment: &str, commands: Commands) -> Policy {
    let stack = spec::parse("stack.yaml", yaml, environment, &|_| None).expect("it is valid");
    of(&kinds::registry(), &stack, commands, Some("123456789012")).expect("it can be drawn")
}

fn texts(value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    value.as_array().map_or_else(|| vec![text(value)], |list| list.iter().map(text).collect())
}

fn actions(policy: &Policy) -> BTreeSet<String> {
    policy.statements.iter().flat_map(|statement| texts(&statement["Action"])).collect()
}

#[test]
fn only_kinds_of_the_stack_may_be_changed() {
    let small = actions(&policy(SMALL, "default", Commands::All));
    for part in ["rds:Create", "elasticache:Create", "elasticloadbalancing:Create", "route53:Change", "ecr:Create"] {
        assert!(!small.iter().any(|action| action.starts_with(part)), "{part}");
    }
    assert!(small.contains("ecs:CreateService") && small.contains("rds:DescribeDBInstances"), "{small:?}");
    let whole = actions(&policy(WHOLE, "twelve-chars", Commands::All));
    assert!(small.is_subset(&whole));
}

#[test]
fn plan_only_reads_and_deploy_only_releases() {
    let look = actions(&policy(WHOLE, "twelve-chars", Commands::Plan));
    let reads = ["Describe", "Filter", "Get", "List"];
    for action in &look {
        let (_, name) = action.split_once(':').expect("it has a service");
        assert!(reads.iter().any(|read| name.starts_with(read)), "a plan may {action}");
    }
    for secret in ["secretsmanager:GetSecretValue", "ssm:GetParameters"] {
        assert!(!look.contains(secret), "a plan may {secret}");
    }
    let deploy = actions(&policy(WHOLE, "twelve-chars", Commands::Deploy));
    assert!(deploy.is_superset(&look) && deploy.contains("ecs:UpdateService") && deploy.contains("ecr:PutImage"));
    for forbidden in ["ec2:CreateVpc", "rds:DeleteDBInstance", "iam:CreateRole", "ecs:DeleteService"] {
        assert!(!deploy.contains(forbidden), "a deployment may {forbidden}");
    }
    let destroy = actions(&policy(WHOLE, "twelve-chars", Commands::Destroy));
    assert!(destroy.contains("ecs:DeleteService") && !destroy.contains("ec2:CreateVpc"));
    let exec = actions(&policy(WHOLE, "twelve-chars", Commands::Exec));
    assert!(exec.is_superset(&look) && exec.contains("ecs:ExecuteCommand") && !exec.contains("ecs:RunTask"));
    assert!(deploy.is_disjoint(&exec.difference(&look).cloned().collect()), "no pipeline gets into a task");
    assert!(
        !actions(&policy(SMALL, "default", Commands::All)).contains("ecs:ExecuteCommand"),
        "nobody, without `exec`"
    );
}

#[test]
fn only_actions_that_iam_cannot_limit_apply_to_any_resource() {
    // For these actions, the service authorization reference lists no resource, or only one without the stack's names
    // and tags.
    let known = [
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeAccountAttributes",
        "ec2:DescribeNetworkAcls",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeRegions",
        "ec2:DescribeVpcEndpoints",
        "ec2:DescribeVpcPeeringConnections",
        "ec2:DescribeVpnGateways",
        "ec2:ModifyNetworkInterfaceAttribute",
        "ecr:GetAuthorizationToken",
        "ecs:DeregisterTaskDefinition",
        "rds:DescribeOrderableDBInstanceOptions",
        "route53:CreateHostedZone",
        "route53:DeleteHostedZone",
        "servicediscovery:GetOperation",
        "sns:Unsubscribe",
    ];
    for statement in policy(WHOLE, "twelve-chars", Commands::All).statements {
        let name = statement["Sid"].as_str().expect("each has a name").to_owned();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{name}");
        if name == "Change" {
            assert_eq!(texts(&statement["Action"]), known);
        } else if name != "Look" && statement["Resource"] == "*" {
            assert!(statement["Condition"].is_object(), "{statement:#}");
        }
        for resource in texts(&statement["Resource"]) {
            assert!(!resource.contains(['{', '}']), "{resource}");
        }
    }
}

#[test]
fn names_shortened_for_aws_limits_are_covered() {
    let whole = policy(WHOLE, "twelve-chars", Commands::All).document().to_string();
    let id = StackId { stack: "a-name-of-20-letters".into(), environment: "twelve-chars".into() };
    for (limit, before) in [(32, "targetgroup/"), (40, "*:"), (63, "*:")] {
        let begins = aws::may_begin(&id, limit);
        assert!(whole.contains(&format!("{before}{begins}*")), "{before}{begins}");
        let address = crate::model::Address::new("target_group", "web");
        assert!(aws::discriminated(&id, &address, "3000", limit).starts_with(&begins));
        assert!(aws::derived(&id, &address, limit).starts_with(&begins));
    }
}

#[test]
fn rules_are_allowed_only_on_the_existing_listener() {
    let arn =
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/shared/0123456789abcdef/fedcba9876543210";
    let text = format!(
        "name: demo\nregion: eu-west-1\nnetwork: {{ vpc: vpc-0000000f, private_subnets: [subnet-0000000c] }}\n\
         load_balancer: {{ listener: \"{arn}\" }}\nservices: {{ web: {{ build: app, port: 80 }} }}\n"
    );
    let stack = spec::parse("stack.yaml", &text, spec::DEFAULT_ENVIRONMENT, &|_| None).expect("it is valid");
    let of = |commands| {
        serde_json::to_string(&of(&kinds::registry(), &stack, commands, None).expect("it is drawn").statements)
    };
    let resource = format!("\"Resource\":[\"{arn}\",\"{}/*\"]", arn.replace(":listener/", ":listener-rule/"));
    let all = of(Commands::All).expect("it is JSON");
    assert!(all.contains(&resource) && all.contains("elasticloadbalancing:SetRulePriorities"), "{all}");
    assert!(of(Commands::Destroy).expect("it is JSON").contains(&resource));
    assert!(!of(Commands::Deploy).expect("it is JSON").contains("ChangeRules"));
}

#[test]
fn records_of_all_domains_are_allowed() {
    let text = "name: demo\nregion: eu-west-1\nload_balancer: { tls: acm, domains: [shop.example.com, \"*.example.org\"] }\n\
                services: { web: { build: app, port: 80 } }\n";
    let stack = spec::parse("stack.yaml", text, spec::DEFAULT_ENVIRONMENT, &|_| None).expect("it is valid");
    let policy = of(&kinds::registry(), &stack, Commands::All, None).expect("it is drawn");
    let records = policy.statements.iter().find(|statement| statement["Sid"] == "ChangeRecords").expect("there is one");
    let names =
        &records["Condition"]["ForAllValues:StringLike"]["route53:ChangeResourceRecordSetsNormalizedRecordNames"];
    assert_eq!(*names, json!(["example.org", "*.example.org", "shop.example.com", "*.shop.example.com"]));
}

#[test]
fn largest_policies_fit_the_limits_of_iam() {
    // A usual stack fits into the inline policies of a role. A stack with all features needs three managed policies.
    let usual =
        WHOLE.replace("a-name-of-20-letters", "shop").replace("twelve-chars", "prod").replace(", tls: optional", "");
    let is_unusual =
        |line: &&str| ["bastion:", "calls: [api]", "files: ", "alarms:"].iter().any(|word| line.contains(word));
    let usual: String = usual.lines().filter(|line| !is_unusual(line)).map(|line| format!("{line}\n")).collect();
    let usual = policy(&usual, "prod", Commands::All);
    assert!(usual.length() <= LONGEST_INLINE, "{}", usual.length());
    let whole = policy(WHOLE, "twelve-chars", Commands::All);
    let parts = whole.split(LONGEST_MANAGED);
    assert_eq!(parts.len(), 3);
    let of_parts: BTreeSet<String> = parts.iter().flat_map(actions).collect();
    assert_eq!(of_parts, actions(&whole));
    for part in parts {
        assert!(part.length() <= LONGEST_MANAGED, "{}", part.length());
    }
}
