use std::collections::BTreeSet;

use super::*;

const STACK: &str = "name: shop\nregion: eu-west-1\nservices: { web: { image: nginx, port: 80 } }\n";

struct Made {
    plan: (Value, Value),
    deploy: (Value, Value),
    all: Value,
}

fn made(forge: Forge, repository: &str) -> Made {
    let stack = spec::parse("stack.yaml", STACK, spec::DEFAULT_ENVIRONMENT, &|_| None).expect("it is valid");
    let repository = forge.repository(repository).expect("it is one");
    let roles = Roles { stack: &stack, account: "123456789012", forge, repository: &repository, branch: "release/one" };
    let read = |text: Result<String, Failure>| serde_json::from_str(&text.expect("it is made")).expect("it is JSON");
    Made {
        plan: (read(roles.plan_trust()), read(inline(roles.plan_policy()))),
        deploy: (read(roles.deploy_trust()), read(inline(roles.deploy_policy(false)))),
        all: read(inline(roles.deploy_policy(true))),
    }
}

fn inline(policies: Result<Policies, Failure>) -> Result<String, Failure> {
    match policies? {
        Policies::Inline(text) => Ok(text),
        Policies::Managed(parts) => Err(Failure::internal(format!("{} managed policies", parts.len()))),
    }
}

fn actions(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().expect("it has statements").iter();
    statements
        .flat_map(|statement| match &statement["Action"] {
            Value::String(action) => vec![action.clone()],
            several => {
                several.as_array().expect("a list").iter().map(|one| one.as_str().expect("text").to_owned()).collect()
            }
        })
        .collect()
}

fn condition(trust: &Value, test: &str, key: &str) -> String {
    trust["Statement"][0]["Condition"][test][key].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_plan_role_only_reads_and_a_deploy_role_only_releases() {
    let made = made(Forge::Github, "ada/shop");
    let reads = ["Describe", "List", "Get", "Filter"];
    for action in actions(&made.plan.1) {
        let (_, name) = action.split_once(':').expect("it has a service");
        assert!(reads.iter().any(|read| name.starts_with(read)), "a plan may {action}");
    }
    let deploy = actions(&made.deploy.1);
    assert!(deploy.is_superset(&actions(&made.plan.1)));
    for forbidden in ["ec2:CreateVpc", "iam:CreateRole", "ecs:DeleteService", "elasticloadbalancing:CreateRule"] {
        assert!(!deploy.contains(forbidden), "a deployment may {forbidden}");
        assert!(actions(&made.all).contains(forbidden), "`up` may not {forbidden}");
    }
    assert!(deploy.contains("ecs:UpdateService") && deploy.contains("ecs:RegisterTaskDefinition"));
}

#[test]
fn named_resources_are_limited_to_the_stack() {
    let made = made(Forge::Github, "ada/shop");
    let resources = made.all["Statement"].as_array().expect("it has statements").iter().flat_map(|statement| {
        match &statement["Resource"] {
            Value::String(one) => vec![one.clone()],
            several => {
                several.as_array().expect("a list").iter().map(|one| one.as_str().expect("text").to_owned()).collect()
            }
        }
    });
    let resources: BTreeSet<String> = resources.collect();
    assert!(
        resources.contains("arn:aws:ssm:eu-west-1:123456789012:parameter/stackctl/shop/default/*"),
        "{resources:?}"
    );
    assert!(resources.contains("arn:aws:iam::123456789012:role/stackctl/shop/default/*"), "{resources:?}");
    for resource in &resources {
        let is_narrow = resource == "*" || resource.contains("123456789012") || resource.starts_with("arn:aws:s3");
        assert!(is_narrow && !resource.contains("/stackctl/*"), "{resource}");
    }
}

#[test]
fn each_role_trusts_only_its_own_pipelines() {
    let github = made(Forge::Github, "ada/shop");
    let subject = "token.actions.githubusercontent.com:sub";
    assert_eq!(condition(&github.plan.0, "StringEquals", subject), "repo:ada/shop:pull_request");
    assert_eq!(condition(&github.deploy.0, "StringEquals", subject), "repo:ada/shop:ref:refs/heads/release/one");
    let audience = "token.actions.githubusercontent.com:aud";
    assert_eq!(condition(&github.plan.0, "StringEquals", audience), "sts.amazonaws.com");

    let gitlab = made(Forge::Gitlab, "git.example.com/team/shop");
    let subject = "git.example.com:sub";
    assert_eq!(condition(&gitlab.plan.0, "StringLike", subject), "project_path:team/shop:ref_type:branch:ref:*");
    let branch = "project_path:team/shop:ref_type:branch:ref:release/one";
    assert_eq!(condition(&gitlab.deploy.0, "StringEquals", subject), branch);
    assert_eq!(condition(&gitlab.deploy.0, "StringEquals", "git.example.com:aud"), "https://git.example.com");

    let jenkins = made(Forge::Jenkins, "https://jenkins.example.com/job/shop");
    let subject = "jenkins.example.com/oidc:sub";
    let job = "https://jenkins.example.com/job/shop/job";
    assert_eq!(condition(&jenkins.plan.0, "StringLike", subject), format!("{job}/PR-*"));
    assert_eq!(condition(&jenkins.deploy.0, "StringEquals", subject), format!("{job}/release%252Fone/"));
    let provider = &jenkins.deploy.0["Statement"][0]["Principal"]["Federated"];
    assert_eq!(provider, "arn:aws:iam::123456789012:oidc-provider/jenkins.example.com/oidc");
}
