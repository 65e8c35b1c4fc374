//! Foreign resources in the same account and region: the calls of a plan depend on the stack, not on them.

use std::{collections::BTreeMap, future::Future};

use aws_config::SdkConfig;
use aws_sdk_elasticloadbalancingv2::types::{ProtocolEnum, TargetTypeEnum};
use futures::{StreamExt, stream};

use crate::{
    support::{World, text},
    tiny::Tiny,
};

/// More than a page: SNS lists 100 topics, and IAM 100 roles by default.
const MANY: usize = 110;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}"#;

/// Creates one resource for each number.
async fn each<F: Future<Output = ()>>(make: impl Fn(String) -> F) {
    stream::iter(0..MANY).map(|number| make(format!("other-{number}"))).buffer_unordered(4).collect::<Vec<()>>().await;
}

async fn move_in(config: &SdkConfig) {
    let iam = aws_sdk_iam::Client::new(config);
    each(async |name| {
        let role = iam.create_role().role_name(&name).path("/teams/").assume_role_policy_document(TRUST).send().await;
        role.expect("it is made");
        let policy = iam.create_policy().policy_name(&name).path("/teams/").policy_document(POLICY).send().await;
        policy.expect("it is made");
    })
    .await;
    let (sns, ecr) = (aws_sdk_sns::Client::new(config), aws_sdk_ecr::Client::new(config));
    let (secrets, logs) = (aws_sdk_secretsmanager::Client::new(config), aws_sdk_cloudwatchlogs::Client::new(config));
    each(async |name| {
        sns.create_topic().name(&name).send().await.expect("it is made");
        ecr.create_repository().repository_name(format!("teams/{name}")).send().await.expect("it is made");
        secrets.create_secret().name(&name).secret_string("x").send().await.expect("it is made");
        logs.create_log_group().log_group_name(format!("/teams/{name}")).send().await.expect("it is made");
    })
    .await;
    let ec2 = aws_sdk_ec2::Client::new(config);
    let vpc = ec2.create_vpc().cidr_block("10.99.0.0/16").send().await.expect("it is made").vpc;
    let vpc = vpc.and_then(|vpc| vpc.vpc_id).expect("it has one");
    let subnet = ec2.create_subnet().vpc_id(&vpc).cidr_block("10.99.0.0/24").send().await.expect("it is made").subnet;
    let subnet = subnet.and_then(|subnet| subnet.subnet_id).expect("it has one");
    let elb = aws_sdk_elasticloadbalancingv2::Client::new(config);
    let cache = aws_sdk_elasticache::Client::new(config);
    let (cloudwatch, scheduler) = (aws_sdk_cloudwatch::Client::new(config), aws_sdk_scheduler::Client::new(config));
    each(async |name| {
        let group = elb.create_target_group().name(&name).protocol(ProtocolEnum::Http).port(80).vpc_id(&vpc);
        group.target_type(TargetTypeEnum::Ip).send().await.expect("it is made");
        let group = cache.create_cache_subnet_group().cache_subnet_group_name(&name);
        let group = group.cache_subnet_group_description("of a team").subnet_ids(&subnet).send().await;
        group.expect("it is made");
        let group = ec2.create_security_group().group_name(&name).description("of a team").vpc_id(&vpc);
        group.send().await.expect("it is made");
        scheduler.create_schedule_group().name(&name).send().await.expect("it is made");
        let alarm = cloudwatch.put_metric_alarm().alarm_name(&name).namespace("n").metric_name("m").period(60);
        let alarm = alarm.evaluation_periods(1).threshold(1.0).statistic(aws_sdk_cloudwatch::types::Statistic::Sum);
        let above = aws_sdk_cloudwatch::types::ComparisonOperator::GreaterThanThreshold;
        alarm.comparison_operator(above).send().await.expect("it is made");
    })
    .await;
}

/// Returns the calls of a plan without changes, by operation. Each page is a call.
async fn plan(world: &World) -> BTreeMap<String, usize> {
    world.forget_calls().await;
    let plan = world.must(&["plan"]);
    assert!(plan.contains("No changes."), "{plan}");
    let mut counts = BTreeMap::new();
    for call in world.calls().await {
        let part = |key: &str| call[key].as_str().unwrap_or_default().to_owned();
        *counts.entry(format!("{}:{}", part("service"), part("operation"))).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_costs_no_more_among_neighbours() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.edit("services:\n", "cache: {}\nalarms: { email: ops@example.com }\nservices:\n");
    world.up();
    let alone = plan(world).await;
    let of_iam: Vec<&str> = alone.keys().map(String::as_str).filter(|name| name.starts_with("iam:")).collect();
    assert_eq!(of_iam, ["iam:ListPolicies", "iam:ListRoles"], "no call for a single role");
    move_in(&world.sdk().await).await;
    assert_eq!(plan(world).await, alone);
    let permissions = text(&world.stackctl(&["policy", "--for", "plan"]));
    for whole in ["iam:GetAccountAuthorizationDetails", "sns:ListTopics", "iam:*"] {
        assert!(!permissions.contains(whole), "{permissions}");
    }
}
