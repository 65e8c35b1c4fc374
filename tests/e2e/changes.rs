//! Drift, which `up` corrects, and edits, each of which plans only the necessary steps.

use crate::{
    support::{World, text},
    tiny::Tiny,
};

#[tokio::test(flavor = "multi_thread")]
async fn only_changing_resources_are_read_again_under_the_lock() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.up();
    world.edit("memory: 512", "memory: 1024");
    world.forget_calls().await;
    world.must(&["up", "--yes"]);
    let calls = world.calls().await;
    let count = |operation: &str| calls.iter().filter(|call| call["operation"] == operation).count();
    for operation in ["DescribeVpcs", "DescribeSecurityGroups", "ListRoles", "ListPolicies", "DescribeLoadBalancers"] {
        assert_eq!(count(operation), 1, "{operation}");
    }
    assert!(count("ListServices") >= 2, "the service changes");
    for unneeded in ["DescribeAvailabilityZones", "DescribeReplicationGroups", "GetCallerIdentity"] {
        assert_eq!(count(unneeded), 0, "{unneeded}: the stack stands, has no cache, and nobody asks who calls");
    }
    assert_eq!(world.settled(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_shown_exactly_and_up_corrects_it() {
    let world = World::start();
    world.up();
    let config = world.sdk().await;
    let (ec2, elb) = (aws_sdk_ec2::Client::new(&config), aws_sdk_elasticloadbalancingv2::Client::new(&config));
    let logs = aws_sdk_cloudwatchlogs::Client::new(&config);
    assert_eq!(world.plan(), Vec::<String>::new());

    // Someone adds a rule to the database's security group.
    let groups = ec2.describe_security_groups().send().await.expect("it answers");
    let database = groups.security_groups().iter().find(|group| group.group_name() == Some("demo-default-database"));
    let database = database.and_then(|group| group.group_id()).expect("it is there");
    let call = ec2.authorize_security_group_ingress().group_id(database).ip_protocol("tcp");
    call.from_port(22).to_port(22).cidr_ip("0.0.0.0/0").send().await.expect("it is allowed");
    assert_eq!(world.changes(), ["security_group.database ingress"]);
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());

    // Someone changes the health check.
    let found = elb.describe_target_groups().send().await.expect("it answers");
    let group = found.target_groups()[0].target_group_arn().expect("it has one").to_owned();
    elb.modify_target_group().target_group_arn(&group).health_check_path("/nowhere").send().await.expect("it is done");
    assert_eq!(world.changes(), ["target_group.web health.path"]);
    world.up();

    // Someone deletes a rule.
    let status = world.status();
    let rule = status["resources"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|one| one["address"] == "listener_rule.block-prepare-for-deploy-3bb59a");
    let rule = rule.and_then(|rule| rule["id"].as_str()).expect("it is there").to_owned();
    elb.delete_rule().rule_arn(rule).send().await.expect("it is done");
    assert_eq!(world.settled(), ["create listener_rule.block-prepare-for-deploy-3bb59a"]);
    world.up();

    // Someone deletes a log group.
    logs.delete_log_group().log_group_name("/stackctl/demo/default/web").send().await.expect("it is done");
    assert_eq!(world.settled(), ["create log_group.web"]);
    world.must(&["plan", "--out", "logs.plan"]);
    world.up();
    assert_eq!(world.settled(), Vec::<String>::new());

    // The earlier plan is stale. A new plan is applied without a question.
    let stale = world.stackctl(&["up", "logs.plan"]);
    assert_eq!(stale.status.code(), Some(1), "{}", text(&stale));
    assert!(text(&stale).contains("the plan is out of date"), "{}", text(&stale));
    elb.modify_target_group().target_group_arn(&group).health_check_path("/nowhere").send().await.expect("it is done");
    world.must(&["plan", "--out", "health.plan"]);
    world.must(&["up", "health.plan"]);
    assert_eq!(world.settled(), Vec::<String>::new());
    let other = world.stackctl(&["up", "health.plan", "--env", "staging"]);
    assert_eq!(other.status.code(), Some(3), "{}", text(&other));
    assert!(text(&other).contains("is a plan for demo/default"), "{}", text(&other));
    let none = world.stackctl(&["up", "stack.yaml"]);
    assert_eq!(none.status.code(), Some(3), "{}", text(&none));
}

#[tokio::test(flavor = "multi_thread")]
async fn edit_plans_only_its_own_steps_and_converges() {
    let world = World::start();
    world.up();

    // More CPU: a new revision and therefore a release.
    world.edit("cpu: 256", "cpu: 512");
    world.edit("memory: 512", "memory: 1024");
    assert_eq!(world.plan(), ["update task_definition.web", "run release.web", "update service.web"]);
    assert_eq!(
        world.changes(),
        ["task_definition.web cpu", "task_definition.web memory", "service.web task_definition"]
    );
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());

    // A third zone: its subnets, and the resources that span all subnets.
    world.edit("zones: 2", "zones: 3");
    let mut plan = world.plan();
    plan.sort();
    let created: Vec<&String> = plan.iter().filter(|step| step.starts_with("create")).collect();
    assert_eq!(created.len(), 2, "{plan:?}");
    assert!(created.iter().all(|step| step.contains("subnet.")), "{plan:?}");
    let updated: Vec<&str> = plan.iter().filter_map(|step| step.strip_prefix("update ")).collect();
    let follow =
        ["db_subnet_group.database", "load_balancer.main", "route_table.private", "route_table.public", "service.web"];
    assert_eq!(updated, follow);
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());

    // A second service with its own route is added and removed again.
    let second = "services:\n  api: { build: app, port: 3000, routes: [\"/api/*\"], health: /status }\n";
    world.edit("services:\n", second);
    let plan = world.plan();
    assert!(plan.iter().all(|step| step.contains("api") || *step == "update security_group.database"), "{plan:?}");
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());
    world.edit(second, "services:\n");
    let plan = world.plan();
    let foreign = plan.iter().filter(|step| !step.starts_with("delete ") || !step.contains("api"));
    assert_eq!(foreign.collect::<Vec<_>>(), ["narrow security_group.database"]);
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());
    let left = crate::sweep::everything(&world).await;
    assert!(left.iter().all(|resource| !resource.contains("api")), "{left:?}");
}
