//! Lists everything in the region through the services' own list calls, independently of stackctl.

use aws_config::SdkConfig;
use aws_sdk_acm::types::{Filters, KeyAlgorithm};
use stackctl::{kind::AnyKind, kinds};

use crate::support::World;

/// The word in the sweep's output for each kind. A dependent resource is covered by its parent: AWS deletes no
/// network with an instance in it and no cluster with a service in it.
const SWEPT: &[(&str, &str)] = &[
    ("vpc", "vpc"),
    ("internet_gateway", "internet gateway"),
    ("subnet", "subnet"),
    ("elastic_ip", "address"),
    ("nat_gateway", "NAT gateway"),
    ("route_table", "route table"),
    ("security_group", "security group"),
    ("instance", "vpc"),
    ("db_subnet_group", "DB subnet group"),
    ("db_parameter_group", "DB parameter group"),
    ("db_instance", "database"),
    ("cache_subnet_group", "cache subnet group"),
    ("cache", "cache"),
    ("secret", "secret"),
    ("log_group", "log group"),
    ("bucket", "bucket"),
    ("file_system", "file system"),
    ("mount_target", "file system"),
    ("access_point", "file system"),
    ("role", "role"),
    ("repository", "repository"),
    ("image", "repository"),
    ("certificate", "certificate"),
    ("load_balancer", "load balancer"),
    ("dns_record", "record"),
    ("target_group", "target group"),
    ("listener", "load balancer"),
    ("listener_rule", "load balancer"),
    ("namespace", "namespace"),
    ("registry", "registry"),
    ("cluster", "cluster"),
    ("task_definition", "task definition"),
    ("service", "cluster"),
    ("scaling", "scalable target"),
    ("schedule_group", "schedule group"),
    ("schedule", "schedule"),
    ("topic", "topic"),
    ("alarm", "alarm"),
    ("event_rule", "event rule"),
];

#[test]
fn sweep_finds_every_lasting_kind() {
    let registry = kinds::registry();
    let lasting: Vec<&str> = registry.iter().filter(|kind| kind.lasting()).map(AnyKind::name).collect();
    let swept: Vec<&str> = SWEPT.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(swept, lasting, "everything() finds each of these");
    for (kind, word) in SWEPT {
        let is_there = include_str!("sweep.rs").contains(&format!("found.add(\"{word}\""));
        assert!(is_there, "nothing is found as `{word}`, which is to show a {kind}");
    }
}

/// The resources found so far, as `kind id`.
struct Found(Vec<String>);

impl Found {
    fn add(&mut self, kind: &str, id: Option<&str>) {
        self.0.push(format!("{kind} {}", id.unwrap_or("?")));
    }
}

/// Returns everything in the region except AWS's defaults, as `kind id`.
pub async fn everything(world: &World) -> Vec<String> {
    let config = world.sdk().await;
    let mut found = Found(unwatched(&config).await);
    watching(&config, &mut found).await;
    found.0
}

/// Like [`everything`], without autoscaling and alarms, which not every emulator has.
pub async fn unwatched(config: &SdkConfig) -> Vec<String> {
    let mut found = Found(Vec::new());
    network(config, &mut found).await;
    data(config, &mut found).await;
    accounts(config, &mut found).await;
    containers(config, &mut found).await;
    balancing(config, &mut found).await;
    topics(config, &mut found).await;
    schedules(config, &mut found).await;
    rules(config, &mut found).await;
    names(config, &mut found).await;
    locks(config, &mut found).await;
    found.0
}

/// Lists network resources.
async fn network(config: &SdkConfig, found: &mut Found) {
    let ec2 = aws_sdk_ec2::Client::new(config);
    let vpcs = ec2.describe_vpcs().send().await.expect("it answers");
    let own: Vec<&str> =
        vpcs.vpcs().iter().filter(|vpc| vpc.is_default() != Some(true)).filter_map(|vpc| vpc.vpc_id()).collect();
    own.iter().for_each(|vpc| found.add("vpc", Some(vpc)));
    for subnet in ec2.describe_subnets().send().await.expect("it answers").subnets() {
        if subnet.default_for_az() != Some(true) {
            found.add("subnet", subnet.subnet_id());
        }
    }
    for gateway in ec2.describe_internet_gateways().send().await.expect("it answers").internet_gateways() {
        found.add("internet gateway", gateway.internet_gateway_id());
    }
    for address in ec2.describe_addresses().send().await.expect("it answers").addresses() {
        found.add("address", address.allocation_id());
    }
    for gateway in ec2.describe_nat_gateways().send().await.expect("it answers").nat_gateways() {
        if gateway.state().is_none_or(|state| state.as_str() != "deleted") {
            found.add("NAT gateway", gateway.nat_gateway_id());
        }
    }
    for table in ec2.describe_route_tables().send().await.expect("it answers").route_tables() {
        if !table.associations().iter().any(|association| association.main() == Some(true)) {
            found.add("route table", table.route_table_id());
        }
    }
    for group in ec2.describe_security_groups().send().await.expect("it answers").security_groups() {
        if group.group_name() != Some("default") {
            found.add("security group", group.group_id());
        }
    }
}

/// Lists databases, caches, buckets and volumes.
async fn data(config: &SdkConfig, found: &mut Found) {
    let rds = aws_sdk_rds::Client::new(config);
    for database in rds.describe_db_instances().send().await.expect("it answers").db_instances() {
        found.add("database", database.db_instance_identifier());
    }
    for group in rds.describe_db_subnet_groups().send().await.expect("it answers").db_subnet_groups() {
        found.add("DB subnet group", group.db_subnet_group_name());
    }
    for group in rds.describe_db_parameter_groups().send().await.expect("it answers").db_parameter_groups() {
        // RDS has its own for good.
        if !group.db_parameter_group_name().is_some_and(|name| name.starts_with("default.")) {
            found.add("DB parameter group", group.db_parameter_group_name());
        }
    }
    for snapshot in rds.describe_db_snapshots().send().await.expect("it answers").db_snapshots() {
        found.add("DB snapshot", snapshot.db_snapshot_identifier());
    }

    let s3 = aws_sdk_s3::Client::new(config);
    for bucket in s3.list_buckets().send().await.expect("it answers").buckets() {
        found.add("bucket", bucket.name());
    }

    let efs = aws_sdk_efs::Client::new(config);
    for system in efs.describe_file_systems().send().await.expect("it answers").file_systems() {
        found.add("file system", Some(system.file_system_id()));
    }

    let cache = aws_sdk_elasticache::Client::new(config);
    for group in cache.describe_replication_groups().send().await.expect("it answers").replication_groups() {
        found.add("cache", group.replication_group_id());
    }
    for node in cache.describe_cache_clusters().send().await.expect("it answers").cache_clusters() {
        found.add("cache node", node.cache_cluster_id());
    }
    for group in cache.describe_cache_subnet_groups().send().await.expect("it answers").cache_subnet_groups() {
        found.add("cache subnet group", group.cache_subnet_group_name());
    }
}

/// Lists secrets, logs and roles.
async fn accounts(config: &SdkConfig, found: &mut Found) {
    let secrets = aws_sdk_secretsmanager::Client::new(config);
    for secret in secrets.list_secrets().include_planned_deletion(true).send().await.expect("it answers").secret_list()
    {
        found.add("secret", secret.name());
    }
    let logs = aws_sdk_cloudwatchlogs::Client::new(config);
    for group in logs.describe_log_groups().send().await.expect("it answers").log_groups() {
        found.add("log group", group.log_group_name());
    }
    let iam = aws_sdk_iam::Client::new(config);
    for role in iam.list_roles().send().await.expect("it answers").roles() {
        found.add("role", Some(role.role_name()));
    }
}

/// Lists repositories, clusters, services and task definitions.
async fn containers(config: &SdkConfig, found: &mut Found) {
    let ecr = aws_sdk_ecr::Client::new(config);
    for repository in ecr.describe_repositories().send().await.expect("it answers").repositories() {
        found.add("repository", repository.repository_name());
    }
    let ecs = aws_sdk_ecs::Client::new(config);
    for cluster in ecs.list_clusters().send().await.expect("it answers").cluster_arns() {
        found.add("cluster", Some(cluster));
    }
    for status in ["ACTIVE", "INACTIVE"] {
        let call = ecs.list_task_definitions().status(status.into());
        for definition in call.send().await.expect("it answers").task_definition_arns() {
            found.add("task definition", Some(definition));
        }
    }
}

/// Lists load balancers and certificates.
async fn balancing(config: &SdkConfig, found: &mut Found) {
    let elb = aws_sdk_elasticloadbalancingv2::Client::new(config);
    for balancer in elb.describe_load_balancers().send().await.expect("it answers").load_balancers() {
        found.add("load balancer", balancer.load_balancer_name());
    }
    for group in elb.describe_target_groups().send().await.expect("it answers").target_groups() {
        found.add("target group", group.target_group_name());
    }
    let acm = aws_sdk_acm::Client::new(config);
    // By default, ACM omits certificates with elliptic curve keys.
    let every_key =
        Filters::builder().set_key_types(Some(KeyAlgorithm::values().iter().map(|key| (*key).into()).collect()));
    let certificates = acm.list_certificates().includes(every_key.build()).send().await.expect("it answers");
    for certificate in certificates.certificate_summary_list() {
        found.add("certificate", certificate.certificate_arn());
    }
}

/// Lists autoscaling targets and alarms.
async fn watching(config: &SdkConfig, found: &mut Found) {
    let scaling = aws_sdk_applicationautoscaling::Client::new(config);
    let targets = scaling.describe_scalable_targets().service_namespace("ecs".into()).send().await.expect("it answers");
    for target in targets.scalable_targets() {
        found.add("scalable target", Some(target.resource_id()));
    }
    let policies =
        scaling.describe_scaling_policies().service_namespace("ecs".into()).send().await.expect("it answers");
    for policy in policies.scaling_policies() {
        found.add("scaling policy", Some(policy.policy_arn()));
    }
    let actions =
        scaling.describe_scheduled_actions().service_namespace("ecs".into()).send().await.expect("it answers");
    for action in actions.scheduled_actions() {
        found.add("scheduled action", Some(action.scheduled_action_arn()));
    }
    let cloudwatch = aws_sdk_cloudwatch::Client::new(config);
    for alarm in cloudwatch.describe_alarms().send().await.expect("it answers").metric_alarms() {
        found.add("alarm", alarm.alarm_name());
    }
}

/// Lists alarm topics.
async fn topics(config: &SdkConfig, found: &mut Found) {
    let sns = aws_sdk_sns::Client::new(config);
    for topic in sns.list_topics().send().await.expect("it answers").topics() {
        found.add("topic", topic.topic_arn());
    }
    for subscription in sns.list_subscriptions().send().await.expect("it answers").subscriptions() {
        found.add("subscription", subscription.endpoint());
    }
}

/// Lists schedules and their groups.
async fn schedules(config: &SdkConfig, found: &mut Found) {
    let scheduler = aws_sdk_scheduler::Client::new(config);
    let groups = scheduler.list_schedule_groups().send().await.expect("it answers");
    for group in groups.schedule_groups().iter().filter(|group| group.name() != Some("default")) {
        found.add("schedule group", group.name());
    }
    for schedule in scheduler.list_schedules().send().await.expect("it answers").schedules() {
        found.add("schedule", schedule.name());
    }
}

/// Lists event rules.
async fn rules(config: &SdkConfig, found: &mut Found) {
    let events = aws_sdk_eventbridge::Client::new(config);
    for rule in events.list_rules().send().await.expect("it answers").rules() {
        found.add("event rule", rule.name());
    }
}

/// Lists Cloud Map namespaces, and the ownership records of stackctl in DNS zones.
async fn names(config: &SdkConfig, found: &mut Found) {
    let names = aws_sdk_servicediscovery::Client::new(config);
    for namespace in names.list_namespaces().send().await.expect("it answers").namespaces() {
        found.add("namespace", namespace.name());
    }
    for service in names.list_services().send().await.expect("it answers").services() {
        found.add("registry", service.name());
    }
    // The zones belong to the user, but the ownership records belong to stackctl.
    let route53 = aws_sdk_route53::Client::new(config);
    for zone in route53.list_hosted_zones().send().await.expect("it answers").hosted_zones() {
        let records = route53.list_resource_record_sets().hosted_zone_id(zone.id()).send().await.expect("it answers");
        for record in records.resource_record_sets().iter().filter(|record| record.name().starts_with("_stackctl")) {
            found.add("record", Some(record.name()));
        }
    }
}

/// Lists the parameters of locks.
async fn locks(config: &SdkConfig, found: &mut Found) {
    let ssm = aws_sdk_ssm::Client::new(config);
    for parameter in ssm.describe_parameters().send().await.expect("it answers").parameters() {
        found.add("parameter", parameter.name());
    }
}

/// Returns the processes of a sandbox: databases, caches and tasks.
pub fn processes_of(world: &World) -> Vec<String> {
    let folder = world.project().parent().expect("it has one").join("sandbox").display().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("there is /proc").flatten() {
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        let root =
            std::fs::read_link(entry.path().join("root")).map(|root| root.display().to_string()).unwrap_or_default();
        let server = ["postgres", "valkey-server", "redis-server"].iter().any(|name| command.contains(name));
        let is_service = server && command.contains(&folder) || root.starts_with(&folder);
        if is_service {
            found.push(command);
        }
    }
    found
}
