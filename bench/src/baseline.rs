//! Creates the same stack with a script of sequential SDK calls, as one would write it by hand. The script waits only
//! where the next call needs the result, and once at the end for the services.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::{
    client::Waiters as _,
    types::{IpPermission, IpRange, UserIdGroupPair},
};
use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, Compatibility, ContainerDefinition, LaunchType, LoadBalancer,
    LogConfiguration, LogDriver, NetworkConfiguration, NetworkMode, PortMapping,
};
use aws_sdk_elasticloadbalancingv2::{
    client::Waiters as _,
    types::{Action, ActionTypeEnum, ProtocolEnum, RuleCondition, TargetTypeEnum},
};
use aws_sdk_rds::client::Waiters as _;
use tokio::time::{Instant, sleep};

use crate::project::{WITH_ROUTES, service};

/// The timeout for a resource.
const PATIENCE: Duration = Duration::from_secs(600);

/// The interval between checks whether the services run.
const LOOK: Duration = Duration::from_secs(1);

const CLUSTER: &str = "script";

/// The clients of the script.
struct Script {
    config: SdkConfig,
    ec2: aws_sdk_ec2::Client,
    elb: aws_sdk_elasticloadbalancingv2::Client,
    ecs: aws_sdk_ecs::Client,
    iam: aws_sdk_iam::Client,
    rds: aws_sdk_rds::Client,
}

/// The IDs of the network that other resources need.
struct Network {
    vpc: String,
    public: Vec<String>,
    private: Vec<String>,
    balancer_group: String,
    task_group: String,
    database_group: String,
}

/// Returns the configuration for calls to the sandbox at `endpoint`.
pub(crate) async fn config(endpoint: &str) -> SdkConfig {
    let keys = aws_sdk_sts::config::Credentials::new("script", "script", None, None, "script");
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(endpoint)
        .credentials_provider(keys)
        .load()
        .await
}

/// Creates the stack and returns the time that it took.
pub(crate) async fn make(endpoint: &str, services: usize, image: &str) -> Result<Duration> {
    let config = config(endpoint).await;
    let script = Script {
        ec2: aws_sdk_ec2::Client::new(&config),
        elb: aws_sdk_elasticloadbalancingv2::Client::new(&config),
        ecs: aws_sdk_ecs::Client::new(&config),
        iam: aws_sdk_iam::Client::new(&config),
        rds: aws_sdk_rds::Client::new(&config),
        config,
    };
    let began = Instant::now();
    // The role comes first, because it takes some seconds until all of AWS knows it.
    let role = script.role("script-execution").await?;
    let network = script.network().await?;
    script.database(&network).await?;
    let listener = script.balancer(&network).await?;
    script.ecs.create_cluster().cluster_name(CLUSTER).send().await?;
    for number in 1..=services {
        script.service(number, &network, &listener, &role, image).await?;
    }
    script.until_running(services).await?;
    Ok(began.elapsed())
}

impl Script {
    async fn network(&self) -> Result<Network> {
        let ec2 = &self.ec2;
        let vpc = ec2.create_vpc().cidr_block("10.40.0.0/16").send().await?;
        let vpc = vpc.vpc().and_then(|vpc| vpc.vpc_id()).context("a VPC has an id")?.to_owned();
        let gateway = ec2.create_internet_gateway().send().await?;
        let gateway = gateway.internet_gateway().and_then(|gateway| gateway.internet_gateway_id());
        let gateway = gateway.context("a gateway has an id")?.to_owned();
        ec2.attach_internet_gateway().vpc_id(&vpc).internet_gateway_id(&gateway).send().await?;
        let (mut public, mut private) = (Vec::new(), Vec::new());
        for (number, zone) in ["eu-west-1a", "eu-west-1b"].iter().enumerate() {
            public.push(self.subnet(&vpc, zone, number).await?);
            private.push(self.subnet(&vpc, zone, number + 8).await?);
        }
        let address = ec2.allocate_address().domain(aws_sdk_ec2::types::DomainType::Vpc).send().await?;
        let nat = ec2.create_nat_gateway().subnet_id(&public[0]).set_allocation_id(address.allocation_id);
        let nat = nat.send().await?.nat_gateway.and_then(|nat| nat.nat_gateway_id).context("it has an id")?;
        ec2.wait_until_nat_gateway_available().nat_gateway_ids(&nat).wait(PATIENCE).await?;
        let outside = self.route_table(&vpc, &public).await?;
        ec2.create_route()
            .route_table_id(outside)
            .destination_cidr_block("0.0.0.0/0")
            .gateway_id(&gateway)
            .send()
            .await?;
        let inside = self.route_table(&vpc, &private).await?;
        ec2.create_route()
            .route_table_id(inside)
            .destination_cidr_block("0.0.0.0/0")
            .nat_gateway_id(&nat)
            .send()
            .await?;
        let balancer_group = self.group(&vpc, "script-balancer").await?;
        let task_group = self.group(&vpc, "script-tasks").await?;
        let database_group = self.group(&vpc, "script-database").await?;
        let world = IpPermission::builder().ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").build());
        self.allow(&balancer_group, 80, world).await?;
        self.allow(&task_group, 3000, from(&balancer_group)).await?;
        self.allow(&database_group, 5432, from(&task_group)).await?;
        Ok(Network { vpc, public, private, balancer_group, task_group, database_group })
    }

    async fn subnet(&self, vpc: &str, zone: &str, number: usize) -> Result<String> {
        let range = format!("10.40.{}.0/20", number * 16);
        let call = self.ec2.create_subnet().vpc_id(vpc).availability_zone(zone).cidr_block(range);
        let subnet = call.send().await?.subnet.and_then(|subnet| subnet.subnet_id);
        subnet.context("a subnet has an id")
    }

    async fn route_table(&self, vpc: &str, subnets: &[String]) -> Result<String> {
        let table = self.ec2.create_route_table().vpc_id(vpc).send().await?.route_table;
        let table = table.and_then(|table| table.route_table_id).context("a route table has an id")?;
        for subnet in subnets {
            self.ec2.associate_route_table().route_table_id(&table).subnet_id(subnet).send().await?;
        }
        Ok(table)
    }

    async fn group(&self, vpc: &str, name: &str) -> Result<String> {
        let call = self.ec2.create_security_group().vpc_id(vpc).group_name(name).description(name);
        call.send().await?.group_id.context("a security group has an id")
    }

    async fn allow(
        &self,
        group: &str,
        port: i32,
        permission: aws_sdk_ec2::types::builders::IpPermissionBuilder,
    ) -> Result<()> {
        let permission = permission.ip_protocol("tcp").from_port(port).to_port(port).build();
        self.ec2.authorize_security_group_ingress().group_id(group).ip_permissions(permission).send().await?;
        Ok(())
    }

    async fn database(&self, network: &Network) -> Result<()> {
        let password = "of-a-script-1";
        let secrets = aws_sdk_secretsmanager::Client::new(&self.config);
        secrets.create_secret().name("script/database").secret_string(password).send().await?;
        self.rds
            .create_db_subnet_group()
            .db_subnet_group_name("script")
            .db_subnet_group_description("script")
            .set_subnet_ids(Some(network.private.clone()))
            .send()
            .await?;
        self.rds
            .create_db_instance()
            .db_instance_identifier("script")
            .db_instance_class("db.t4g.micro")
            .engine("postgres")
            .engine_version("16")
            .allocated_storage(20)
            .storage_type("gp3")
            .storage_encrypted(true)
            .db_name("app")
            .master_username("master")
            .master_user_password(password)
            .db_subnet_group_name("script")
            .vpc_security_group_ids(&network.database_group)
            .publicly_accessible(false)
            .send()
            .await?;
        self.rds.wait_until_db_instance_available().db_instance_identifier("script").wait(PATIENCE).await?;
        Ok(())
    }

    /// Creates the load balancer and returns the ARN of its listener.
    async fn balancer(&self, network: &Network) -> Result<String> {
        let call = self.elb.create_load_balancer().name("script").security_groups(&network.balancer_group);
        let balancer = call.set_subnets(Some(network.public.clone())).send().await?;
        let balancer = balancer.load_balancers().first().and_then(|balancer| balancer.load_balancer_arn());
        let balancer = balancer.context("a load balancer has an ARN")?.to_owned();
        self.elb.wait_until_load_balancer_available().load_balancer_arns(&balancer).wait(PATIENCE).await?;
        let nothing = aws_sdk_elasticloadbalancingv2::types::FixedResponseActionConfig::builder().status_code("404");
        let nothing = Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(nothing.build());
        let call = self.elb.create_listener().load_balancer_arn(&balancer).protocol(ProtocolEnum::Http).port(80);
        let listener = call.default_actions(nothing.build()).send().await?;
        let listener = listener.listeners().first().and_then(|listener| listener.listener_arn());
        Ok(listener.context("a listener has an ARN")?.to_owned())
    }

    async fn role(&self, name: &str) -> Result<String> {
        let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
        let role = self.iam.create_role().role_name(name).assume_role_policy_document(trust).send().await?;
        let may = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","ecr:BatchGetImage","ecr:GetDownloadUrlForLayer","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}"#;
        self.iam.put_role_policy().role_name(name).policy_name("start-tasks").policy_document(may).send().await?;
        Ok(role.role().context("there is a role")?.arn().to_owned())
    }

    async fn service(&self, number: usize, network: &Network, listener: &str, role: &str, image: &str) -> Result<()> {
        let name = service(number);
        let group = format!("script/{name}");
        aws_sdk_cloudwatchlogs::Client::new(&self.config).create_log_group().log_group_name(&group).send().await?;
        let target_group =
            if number <= WITH_ROUTES { Some(self.routed(number, &network.vpc, listener).await?) } else { None };
        let logs = LogConfiguration::builder()
            .log_driver(LogDriver::Awslogs)
            .options("awslogs-group", &group)
            .options("awslogs-region", "eu-west-1")
            .options("awslogs-stream-prefix", &name);
        let mut container =
            ContainerDefinition::builder().name(&name).image(image).essential(true).log_configuration(logs.build()?);
        if target_group.is_some() {
            let port = aws_sdk_ecs::types::KeyValuePair::builder().name("PORT").value("3000");
            container =
                container.port_mappings(PortMapping::builder().container_port(3000).build()).environment(port.build());
        }
        let definition = self.ecs.register_task_definition().family(format!("script-{name}"));
        let definition = definition
            .requires_compatibilities(Compatibility::Fargate)
            .network_mode(NetworkMode::Awsvpc)
            .cpu("256")
            .memory("512")
            .execution_role_arn(role)
            .container_definitions(container.build())
            .send()
            .await?;
        let definition = definition.task_definition().and_then(|definition| definition.task_definition_arn());
        let place = AwsVpcConfiguration::builder()
            .set_subnets(Some(network.private.clone()))
            .security_groups(&network.task_group)
            .assign_public_ip(AssignPublicIp::Disabled);
        let place = NetworkConfiguration::builder().awsvpc_configuration(place.build()?).build();
        let balanced = target_group.map(|group| {
            vec![LoadBalancer::builder().target_group_arn(group).container_name(&name).container_port(3000).build()]
        });
        self.ecs
            .create_service()
            .cluster(CLUSTER)
            .service_name(&name)
            .set_task_definition(definition.map(str::to_owned))
            .desired_count(1)
            .launch_type(LaunchType::Fargate)
            .network_configuration(place)
            .set_load_balancers(balanced)
            .send()
            .await?;
        Ok(())
    }

    /// Creates a target group with its rule and returns its ARN.
    async fn routed(&self, number: usize, vpc: &str, listener: &str) -> Result<String> {
        let name = service(number);
        let call =
            self.elb.create_target_group().name(format!("script-{name}")).protocol(ProtocolEnum::Http).port(3000);
        let call = call.vpc_id(vpc).target_type(TargetTypeEnum::Ip).health_check_interval_seconds(5);
        let group = call.health_check_timeout_seconds(4).healthy_threshold_count(2).send().await?;
        let group = group.target_groups().first().and_then(|group| group.target_group_arn());
        let group = group.context("a target group has an ARN")?.to_owned();
        self.elb
            .create_rule()
            .listener_arn(listener)
            .priority(i32::try_from(number)?)
            .conditions(RuleCondition::builder().field("path-pattern").values(format!("/{name}/*")).build())
            .actions(Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(&group).build())
            .send()
            .await?;
        Ok(group)
    }

    async fn until_running(&self, services: usize) -> Result<()> {
        let names: Vec<String> = (1..=services).map(service).collect();
        let deadline = Instant::now() + PATIENCE;
        // DescribeServices accepts at most ten services.
        for some in names.chunks(10) {
            loop {
                let answer =
                    self.ecs.describe_services().cluster(CLUSTER).set_services(Some(some.to_vec())).send().await?;
                let steady = |service: &aws_sdk_ecs::types::Service| {
                    service.running_count() == 1 && service.deployments().len() == 1
                };
                if answer.services().iter().all(steady) {
                    break;
                }
                if Instant::now() > deadline {
                    bail!("the script's services do not run");
                }
                sleep(LOOK).await;
            }
        }
        Ok(())
    }
}

fn from(group: &str) -> aws_sdk_ec2::types::builders::IpPermissionBuilder {
    IpPermission::builder().user_id_group_pairs(UserIdGroupPair::builder().group_id(group).build())
}
