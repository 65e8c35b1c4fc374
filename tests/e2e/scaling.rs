//! Autoscaling and alarms: their registration, the task count that autoscaling chose, and the recipients.

use serde_json::Value;

use crate::{
    support::{World, text},
    sweep, until,
};

const CLUSTER: &str = "demo-default-main";
const SERVICE: &str = "demo-default-web";

/// The stack with autoscaling between 2 and 4 tasks.
fn scaled(world: &World) {
    world.edit("    replicas: 2\n", "    scale: { min: 2, max: 4, cpu: 60, requests: 1000 }\n");
    world.edit("web: { replicas: 1 }", "web: { scale: { min: 1 } }");
    world.edit("web: { replicas: 3 }", "web: { scale: { max: 6 } }");
}

/// Returns the desired and the running task count from `status`.
fn counted(world: &World) -> (Option<u64>, Option<u64>) {
    let status = world.status();
    (status["services"][0]["desired"].as_u64(), status["services"][0]["running"].as_u64())
}

/// Sets the task count as autoscaling does under load, and waits until the tasks run.
async fn choose(world: &World, ecs: &aws_sdk_ecs::Client, count: i32) {
    ecs.update_service().cluster(CLUSTER).service(SERVICE).desired_count(count).send().await.expect("it is done");
    let wanted = u64::try_from(count).ok();
    until::so(&format!("{count} tasks run"), async || counted(world) == (wanted, wanted)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn up_and_deploy_keep_the_count_of_autoscaling() {
    let world = World::start();
    scaled(&world);
    world.up();
    let config = world.sdk().await;
    let ecs = aws_sdk_ecs::Client::new(&config);
    let scaling = aws_sdk_applicationautoscaling::Client::new(&config);

    // The state on AWS.
    let targets = scaling.describe_scalable_targets().service_namespace("ecs".into()).send().await.expect("it answers");
    let [target] = targets.scalable_targets() else { panic!("{targets:?}") };
    assert_eq!(target.resource_id(), format!("service/{CLUSTER}/{SERVICE}"));
    assert_eq!((target.min_capacity(), target.max_capacity()), (2, 4));
    let policies =
        scaling.describe_scaling_policies().service_namespace("ecs".into()).send().await.expect("it answers");
    let mut held: Vec<(String, f64)> = policies
        .scaling_policies()
        .iter()
        .filter_map(|policy| {
            let tracking = policy.target_tracking_scaling_policy_configuration()?;
            let metric = tracking.predefined_metric_specification()?.predefined_metric_type().as_str().to_owned();
            Some((metric, tracking.target_value()))
        })
        .collect();
    held.sort_by(|one, other| one.0.cmp(&other.0));
    let expected = [("ALBRequestCountPerTarget", 1000.0), ("ECSServiceAverageCPUUtilization", 60.0)];
    assert_eq!(held, expected.map(|(metric, value)| (metric.to_owned(), value)));
    assert_eq!(counted(&world), (Some(2), Some(2)), "it begins with the fewest");
    assert_eq!(world.plan(), Vec::<String>::new());

    // Autoscaling chooses three tasks. This is not drift, and no change of the service reverts it.
    choose(&world, &ecs, 3).await;
    assert_eq!(world.plan(), Vec::<String>::new());
    world.edit("USER_NAME: Ada", "USER_NAME: Grace");
    assert_eq!(world.changes(), ["task_definition.web env.USER_NAME", "service.web task_definition"]);
    world.must(&["deploy"]);
    assert_eq!(counted(&world), (Some(3), Some(3)), "deploy leaves the number alone");
    world.edit("cpu: 60, requests: 1000", "cpu: 70, response_time: 500, cooldown: { in: 10m }");
    let changes =
        ["scaling.web cpu", "scaling.web cpu.in_cooldown", "scaling.web response_time", "scaling.web other_policies"];
    assert_eq!(world.changes(), changes);
    world.edit("USER_NAME: Grace", "USER_NAME: Ada");
    world.up();
    assert_eq!(counted(&world), (Some(3), Some(3)), "up leaves the number alone");
    assert_eq!(world.plan(), Vec::<String>::new());

    // Drift of the limits is corrected, and the service moves between the new limits.
    world.edit("min: 2, max: 4", "min: 1, max: 2");
    assert_eq!(world.changes(), ["service.web replicas", "scaling.web min", "scaling.web max"]);
    world.up();
    assert_eq!(counted(&world), (Some(2), Some(2)));

    // Drift of the policies.
    let call = scaling.delete_scaling_policy().service_namespace("ecs".into()).policy_name("cpu");
    let call = call.resource_id(format!("service/{CLUSTER}/{SERVICE}"));
    call.scalable_dimension("ecs:service:DesiredCount".into()).send().await.expect("it is done");
    assert_eq!(world.changes(), ["scaling.web cpu"]);
    world.up();

    // Without autoscaling, the count comes from stack.yaml again.
    world.edit("scale: { min: 1, max: 2, cpu: 70, response_time: 500, cooldown: { in: 10m } }", "replicas: 1");
    world.edit("web: { scale: { min: 1 } }", "web: { replicas: 1 }");
    world.edit("web: { scale: { max: 6 } }", "web: { replicas: 1 }");
    assert_eq!(world.plan(), ["update service.web", "delete scaling.web"]);
    world.up();
    assert_eq!(counted(&world), (Some(1), Some(1)));
    assert_eq!(world.plan(), Vec::<String>::new());
    world.must(&["destroy", "--confirm", "demo/default"]);
    assert_eq!(sweep::everything(&world).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn alarms_cover_the_stack_and_show_pending_subscriptions() {
    let world = World::start();
    scaled(&world);
    world.edit("\nenvironments:\n", "\nalarms: { email: ops@example.com }\n\nenvironments:\n");
    let up = world.stackctl(&["up", "--yes"]);
    assert!(up.status.success(), "{}", text(&up));
    assert!(text(&up).contains("ops@example.com is not confirmed"), "{}", text(&up));

    let config = world.sdk().await;
    let (cloudwatch, sns) = (aws_sdk_cloudwatch::Client::new(&config), aws_sdk_sns::Client::new(&config));
    let elb = aws_sdk_elasticloadbalancingv2::Client::new(&config);
    let topics = sns.list_topics().send().await.expect("it answers");
    let topic = topics.topics()[0].topic_arn().expect("it has one").to_owned();
    let prefix = "/stackctl/demo/default/";
    let alarms = cloudwatch.describe_alarms().alarm_name_prefix(prefix).send().await.expect("it answers");
    let mut names: Vec<&str> = alarms.metric_alarms().iter().filter_map(|alarm| alarm.alarm_name()).collect();
    names.sort_unstable();
    let expected = [
        "database-connections",
        "database-cpu",
        "database-storage",
        "load-balancer-5xx",
        "service-web-5xx",
        "service-web-cpu",
        "service-web-unhealthy",
    ];
    assert_eq!(names, expected.map(|name| format!("{prefix}{name}")));
    let groups = elb.describe_target_groups().send().await.expect("it answers");
    let group = groups.target_groups()[0].target_group_arn().expect("it has one").to_owned();
    for alarm in alarms.metric_alarms() {
        let name = alarm.alarm_name().expect("it has one");
        assert_eq!((alarm.alarm_actions(), alarm.ok_actions()), (&[topic.clone()][..], &[topic.clone()][..]), "{name}");
        let of = |name: &str| alarm.dimensions().iter().find(|of| of.name() == Some(name)).and_then(|of| of.value());
        if let Some(watched) = of("TargetGroup") {
            assert!(group.ends_with(&format!(":{watched}")), "{name} watches {watched}");
        }
        if let Some(watched) = of("ServiceName") {
            assert_eq!((watched, of("ClusterName")), (SERVICE, Some(CLUSTER)), "{name}");
        }
        assert!(!alarm.dimensions().is_empty(), "{name} watches something");
    }
    assert_eq!(world.plan(), Vec::<String>::new());

    // `status` shows the pending subscription until someone confirms it, and shows active alarms.
    let detail = |address: &str| {
        let status = world.status();
        let resources = status["resources"].as_array().expect("a list").clone();
        let resource = resources.into_iter().find(|resource| resource["address"] == address);
        resource.unwrap_or_else(|| panic!("there is no {address}"))["detail"].clone()
    };
    assert_eq!(detail("topic.alarms"), "not yet confirmed: ops@example.com");
    assert_eq!(detail("alarm.service-web-cpu"), "no data yet");
    sns.confirm_subscription().topic_arn(&topic).token("ops@example.com").send().await.expect("it is confirmed");
    assert_eq!(detail("topic.alarms"), Value::Null);
    let ring = cloudwatch.set_alarm_state().alarm_name(format!("{prefix}service-web-cpu"));
    ring.state_value("ALARM".into()).state_reason("it is tried").send().await.expect("it rings");
    assert_eq!(detail("alarm.service-web-cpu"), "ALARM: it is tried");
    let again = world.stackctl(&["up", "--yes"]);
    assert!(text(&again).contains("No changes.") && !text(&again).contains("confirmed"), "{}", text(&again));

    // Drift: a threshold that someone changed, and an alarm that someone deleted.
    let moved = cloudwatch.put_metric_alarm().alarm_name(format!("{prefix}service-web-cpu")).threshold(99.0);
    let moved = moved.alarm_description("mine").namespace("AWS/ECS").metric_name("CPUUtilization");
    let moved = moved.statistic("Average".into()).period(300).evaluation_periods(3);
    let moved = moved.comparison_operator("GreaterThanOrEqualToThreshold".into()).treat_missing_data("missing");
    let of = |name: &str, value: &str| aws_sdk_cloudwatch::types::Dimension::builder().name(name).value(value).build();
    let moved = moved.dimensions(of("ClusterName", CLUSTER)).dimensions(of("ServiceName", SERVICE));
    moved.alarm_actions(&topic).ok_actions(&topic).send().await.expect("it is done");
    cloudwatch.delete_alarms().alarm_names(format!("{prefix}database-cpu")).send().await.expect("it is done");
    // A foreign alarm stays.
    let foreign = cloudwatch.put_metric_alarm().alarm_name("demo-default-mine").namespace("AWS/ECS");
    let foreign = foreign.metric_name("CPUUtilization").statistic("Average".into()).period(60).evaluation_periods(1);
    let foreign = foreign.threshold(1.0).comparison_operator("GreaterThanOrEqualToThreshold".into());
    foreign.send().await.expect("it is done");
    let mut plan = world.plan();
    plan.sort();
    assert_eq!(plan, ["create alarm.database-cpu", "update alarm.service-web-cpu"]);
    assert_eq!(world.changes(), ["alarm.service-web-cpu threshold", "alarm.service-web-cpu description"]);
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());

    // Another address: the new one gets a confirmation request, the old one gets no more mail.
    world.edit("ops@example.com", "all@example.com");
    assert_eq!(world.changes(), ["topic.alarms email", "topic.alarms email"]);
    world.up();
    let listed = sns.list_subscriptions_by_topic().topic_arn(&topic).send().await.expect("it answers");
    let listed: Vec<&str> = listed.subscriptions().iter().filter_map(|one| one.endpoint()).collect();
    assert_eq!(listed, ["all@example.com"]);
    assert_eq!(world.plan(), Vec::<String>::new());

    world.must(&["destroy", "--confirm", "demo/default"]);
    cloudwatch.delete_alarms().alarm_names("demo-default-mine").send().await.expect("it was left alone");
    assert_eq!(sweep::everything(&world).await, Vec::<String>::new());
}
