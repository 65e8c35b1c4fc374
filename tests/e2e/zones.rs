//! Availability zones: zonal resources spread over all zones, over more zones, and over fewer again.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::Filter;
use aws_sdk_ecs::types::{Attachment, Task};
use aws_sdk_elasticloadbalancingv2::types::LoadBalancer;
use aws_sdk_rds::types::DbSubnetGroup;

use crate::{
    support::{World, text},
    sweep,
    traffic::Traffic,
    visitors::Visitor,
};

/// Returns the zones of each kind of resource, such as `tasks: a b b`.
async fn spread(world: &World) -> Vec<String> {
    let config = world.sdk().await;
    let (ec2, ecs) = (aws_sdk_ec2::Client::new(&config), aws_sdk_ecs::Client::new(&config));
    let rds = aws_sdk_rds::Client::new(&config);
    let elb = aws_sdk_elasticloadbalancingv2::Client::new(&config);
    let ours = Filter::builder().name("tag:stackctl:stack").values("demo").build();
    let subnets = ec2.describe_subnets().filters(ours.clone()).send().await.expect("it answers");
    let zones: BTreeMap<&str, &str> = subnets
        .subnets()
        .iter()
        .filter_map(|subnet| Some((subnet.subnet_id()?, subnet.availability_zone()?.strip_prefix("eu-west-1")?)))
        .collect();

    let arns = ecs.list_tasks().cluster("demo-default-main").service_name("demo-default-web").send().await;
    let call = ecs.describe_tasks().cluster("demo-default-main").set_tasks(arns.expect("it answers").task_arns);
    let tasks = call.send().await.expect("it answers");
    let interfaces = tasks.tasks().iter().flat_map(Task::attachments).flat_map(Attachment::details);
    let tasks = interfaces.filter(|detail| detail.name() == Some("subnetId")).filter_map(|detail| detail.value());

    let gateways = ec2.describe_nat_gateways().filter(ours.clone()).send().await.expect("it answers");
    let stand = |state: &str| ["pending", "available"].contains(&state);
    let gateways: BTreeMap<&str, &str> = gateways
        .nat_gateways()
        .iter()
        .filter(|gateway| gateway.state().is_some_and(|state| stand(state.as_str())))
        .filter_map(|gateway| Some((gateway.nat_gateway_id()?, gateway.subnet_id()?)))
        .collect();

    let groups = rds.describe_db_subnet_groups().send().await.expect("it answers");
    let database = groups.db_subnet_groups().iter().flat_map(DbSubnetGroup::subnets);
    let database = database.filter_map(|subnet| subnet.subnet_identifier());

    let balancers = elb.describe_load_balancers().send().await.expect("it answers");
    let balancer = balancers.load_balancers().iter().flat_map(LoadBalancer::availability_zones);
    let balancer = balancer.filter_map(|zone| zone.subnet_id());

    // `c>b`: traffic of the private subnet in c goes through the NAT gateway in b.
    let tables = ec2.describe_route_tables().filters(ours).send().await.expect("it answers");
    let mut ways = Vec::new();
    for table in tables.route_tables() {
        let Some(gateway) = table.routes().iter().find_map(|route| route.nat_gateway_id()) else { continue };
        let served = table.associations().iter().filter_map(|association| association.subnet_id());
        ways.extend(served.map(|subnet| format!("{}>{}", zones[subnet], zones[gateways[gateway]])));
    }
    ways.sort_unstable();

    let line = |what: &str, subnets: Vec<&str>| {
        let mut letters: Vec<&str> = subnets.iter().map(|subnet| zones[subnet]).collect();
        letters.sort_unstable();
        format!("{what}: {}", letters.join(" "))
    };
    vec![
        line("tasks", tasks.collect()),
        line("NAT gateways", gateways.values().copied().collect()),
        format!("ways out: {}", ways.join(" ")),
        line("database", database.collect()),
        line("load balancer", balancer.collect()),
    ]
}

/// Returns all resources except route tables, which change with the layout of the NAT gateways.
async fn lasting(world: &World) -> BTreeSet<String> {
    sweep::everything(world).await.into_iter().filter(|one| !one.starts_with("route table")).collect()
}

/// Returns the steps of the plan in alphabetical order.
fn plan(world: &World) -> Vec<String> {
    let mut plan = world.plan();
    plan.sort();
    plan
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_moves_to_more_and_fewer_zones_without_outage() {
    let world = World::start();
    world.edit("    replicas: 2\n", "    replicas: 3\n");
    world.edit("  storage: 20\n", "  storage: 20\n  multi_az: true\n");
    let url = world.up();
    // Zones are taken in the order of their ids; the id of `a` comes last.
    let two = ["tasks: b b c", "NAT gateways: b", "ways out: b>b c>b", "database: b c", "load balancer: b c"];
    assert_eq!(spread(&world).await, two);
    let rds = aws_sdk_rds::Client::new(&world.sdk().await);
    let databases = rds.describe_db_instances().send().await.expect("it answers");
    assert_eq!(databases.db_instances()[0].multi_az(), Some(true));
    let before = lasting(&world).await;
    let visitor = Visitor::from(2);
    assert_eq!(visitor.visit(&url, &[]).await.visits, 1);

    // A third zone, and a NAT gateway in each: resources in the other two stay, and the tasks are spread again.
    let traffic = Traffic::start(&format!("{url}/version"));
    world.edit("zones: 2\n  nat: single", "zones: 3\n  nat: per-zone");
    let follow = ["db_subnet_group.database", "load_balancer.main", "route_table.public", "service.web"]
        .map(|one| format!("update {one}"));
    let more = [
        "create elastic_ip.nat-a",
        "create elastic_ip.nat-c",
        "create nat_gateway.nat-a",
        "create nat_gateway.nat-c",
        "create route_table.private-a",
        "create route_table.private-b",
        "create route_table.private-c",
        "create subnet.private-a",
        "create subnet.public-a",
    ];
    let steps =
        more.map(str::to_owned).into_iter().chain(["delete route_table.private".to_owned()]).chain(follow.clone());
    assert_eq!(plan(&world), steps.collect::<Vec<_>>());
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());
    let three =
        ["tasks: a b c", "NAT gateways: a b c", "ways out: a>a b>b c>c", "database: a b c", "load balancer: a b c"];
    assert_eq!(spread(&world).await, three);
    assert!(lasting(&world).await.is_superset(&before));

    // Back to two zones with one NAT gateway: everything is as before.
    world.edit("zones: 3\n  nat: per-zone", "zones: 2\n  nat: single");
    let fewer = more.map(|step| step.replace("create", "delete")).into_iter();
    let steps = ["create route_table.private".to_owned()].into_iter().chain(fewer).chain(follow);
    assert_eq!(plan(&world), steps.collect::<Vec<_>>());
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());
    assert_eq!(spread(&world).await, two);
    assert_eq!(lasting(&world).await, before);
    let report = traffic.stop().await;
    assert_eq!(report.failures, Vec::<String>::new(), "of {} requests", report.sent);
    assert_eq!(visitor.visit(&url, &[]).await.visits, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn zone_is_removed_only_after_the_standby_has_left() {
    let world = World::start();
    let stack = "name: demo
region: eu-west-1
network: { zones: 3, nat: none }
database: { multi_az: true, protect: false }
services: { web: { image: \"example:1\", replicas: 0 } }
";
    std::fs::write(world.project().join("stack.yaml"), stack).expect("it can be written");
    world.must(&["up", "--yes"]);

    // RDS has put the standby into the third zone.
    world.edit("zones: 3", "zones: 2");
    let refused = world.stackctl(&["up", "--yes"]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    assert!(text(&refused).contains("SubnetAlreadyInUse"), "{}", text(&refused));
    assert!(text(&refused).contains("To move a standby, set `multi_az: false`"), "{}", text(&refused));
    world.edit("zones: 2", "zones: 3");
    world.must(&["up", "--yes"]);
    assert_eq!(world.plan(), Vec::<String>::new());

    world.edit("multi_az: true", "multi_az: false");
    world.must(&["up", "--yes"]);
    world.edit("zones: 3", "zones: 2");
    world.must(&["up", "--yes"]);
    world.edit("multi_az: false", "multi_az: true");
    world.must(&["up", "--yes"]);
    assert_eq!(world.plan(), Vec::<String>::new());
}
