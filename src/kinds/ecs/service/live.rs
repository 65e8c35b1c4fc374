//! What ECS has of a service, in our own types.

use aws_sdk_ecs::types::{
    ContainerDefinition, Deployment, DeploymentConfiguration, DeploymentRolloutState, Service as SdkService,
    TaskDefinition, ThresholdConfiguration, ThresholdType,
};
use serde::{Deserialize, Serialize};

use super::spot;
use crate::{kind::authorities, kinds::ecs};

/// How many of the service's last events are shown with a failed rollout.
pub(super) const EVENTS: usize = 5;

/// ECS's own rule: half of the tasks, and neither fewer than 3 nor more than 200.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ThresholdConfiguration.html>
pub(super) const OWN_PERCENT: i32 = 50;

/// One rollout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    /// Its id.
    pub id: String,
    /// When ECS last changed it, in milliseconds since 1970.
    #[serde(default)]
    pub changed: Option<i64>,
    /// `PRIMARY`, `ACTIVE` or `INACTIVE`.
    pub status: String,
    /// The task definition that it rolls out.
    pub task_definition: String,
    /// `IN_PROGRESS`, `COMPLETED` or `FAILED`.
    pub state: String,
    /// ECS's reason for the state.
    pub reason: String,
    /// How many tasks it should run.
    pub desired: i32,
    /// How many it runs.
    pub running: i32,
    /// How many could not be started.
    pub failed: i32,
}

/// Whether an image has Amazon's authorities for RDS in it, as far as its revision tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authorities {
    /// Its tasks are told where they are, or of no database.
    #[default]
    Present,
    /// Its tasks are told of a database alone: an earlier stackctl made it.
    Missing,
}

/// What AWS has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The cluster's ARN.
    pub cluster: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// The task definition that it is to run.
    pub task_definition: String,
    /// The image of that, where it is known.
    pub image: Option<String>,
    /// The version of that, where it is known.
    pub version: Option<String>,
    /// Whether the image of that has Amazon's authorities for RDS.
    #[serde(default)]
    pub authorities: Authorities,
    /// How many tasks it should run.
    pub replicas: u32,
    /// How many it runs.
    pub running: u32,
    /// Where they run.
    pub subnets: Vec<String>,
    /// Their security groups.
    pub security_groups: Vec<String>,
    /// Whether they get public addresses.
    pub public_ip: bool,
    /// The target groups that they are in.
    pub target_groups: Vec<String>,
    /// The container that serves there.
    #[serde(default)]
    pub container: Option<String>,
    /// The port that they serve there.
    #[serde(default)]
    pub port: Option<u16>,
    /// The registries that give it its name, by their ARNs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registries: Vec<String>,
    /// How long a new task may fail its health check, in seconds.
    pub grace_seconds: u32,
    /// Whether sessions can be had with its tasks.
    #[serde(default)]
    pub exec: bool,
    /// Whether a failing rollout is rolled back.
    pub circuit_breaker: bool,
    /// After how many failed tasks: a number, or what somebody else has set in words; empty for ECS's own rule.
    #[serde(default)]
    pub rollback_after: String,
    /// How many of its tasks stay while a rollout goes on, in percent of the number that is desired.
    #[serde(default = "fewest")]
    pub minimum_healthy_percent: i32,
    /// How many tasks there are at most while a rollout goes on, in percent of that number.
    #[serde(default = "most")]
    pub maximum_percent: i32,
    /// Where its tasks run if not all of them run on demand, such as `spot, 1 on demand`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub capacity: String,
    /// How many tasks of the rollout that is to serve have ended by themselves soon after they began.
    #[serde(default)]
    pub crashed: u32,
    /// For how many seconds ECS ignores that its new tasks do not pass their health check yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_left: Option<i64>,
    /// Its rollouts.
    pub rollouts: Vec<Rollout>,
    /// Its last events.
    pub events: Vec<String>,
}

/// Never fewer tasks than desired while a rollout goes on, and up to twice as many, in percent. ECS has the same where nothing
/// is said.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html>
pub(super) const TASKS_PERCENT: (i32, i32) = (100, 200);

/// No task more than desired while a rollout goes on, and none that has to stay.
pub(super) const STOP_FIRST_PERCENT: (i32, i32) = (0, 100);

fn fewest() -> i32 {
    TASKS_PERCENT.0
}

fn most() -> i32 {
    TASKS_PERCENT.1
}

impl Live {
    /// The rollout that is to serve.
    pub(super) fn primary(&self) -> Option<&Rollout> {
        self.rollouts.iter().find(|rollout| rollout.status == "PRIMARY")
    }
}

/// The service in our types; image and version are known with its task definition.
pub(super) fn live(service: &SdkService, definition: Option<&TaskDefinition>) -> Live {
    let owned = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let vpc = service.network_configuration().and_then(|network| network.awsvpc_configuration());
    let container = definition.and_then(ecs::main_container);
    let version = container.and_then(|container| {
        container.environment().iter().find(|variable| variable.name() == Some("APP_VERSION"))?.value()
    });
    let deployment = service.deployment_configuration();
    let breaker = deployment.and_then(|config| config.deployment_circuit_breaker());
    Live {
        name: owned(service.service_name()),
        arn: owned(service.service_arn()),
        cluster: owned(service.cluster_arn()),
        status: owned(service.status()),
        task_definition: owned(ecs::runs(service)),
        image: container.and_then(|container| container.image()).map(str::to_owned),
        version: version.map(str::to_owned),
        authorities: container.map_or_else(Authorities::default, authorities),
        replicas: u32::try_from(service.desired_count()).unwrap_or_default(),
        running: u32::try_from(service.running_count()).unwrap_or_default(),
        subnets: vpc.map(|vpc| vpc.subnets().to_vec()).unwrap_or_default(),
        security_groups: vpc.map(|vpc| vpc.security_groups().to_vec()).unwrap_or_default(),
        public_ip: vpc.and_then(|vpc| vpc.assign_public_ip()).is_some_and(|public| public.as_str() == "ENABLED"),
        target_groups: service
            .load_balancers()
            .iter()
            .filter_map(|balancer| balancer.target_group_arn().map(str::to_owned))
            .collect(),
        container: service.load_balancers().first().and_then(|balancer| balancer.container_name().map(str::to_owned)),
        port: service
            .load_balancers()
            .first()
            .and_then(aws_sdk_ecs::types::LoadBalancer::container_port)
            .and_then(|port| u16::try_from(port).ok()),
        registries: service
            .service_registries()
            .iter()
            .filter_map(|registry| registry.registry_arn().map(str::to_owned))
            .collect(),
        grace_seconds: service
            .health_check_grace_period_seconds()
            .and_then(|seconds| u32::try_from(seconds).ok())
            .unwrap_or_default(),
        exec: service.enable_execute_command(),
        circuit_breaker: breaker.is_some_and(|breaker| breaker.enable() && breaker.rollback()),
        rollback_after: breaker.and_then(|breaker| breaker.threshold_configuration()).map_or(String::new(), threshold),
        minimum_healthy_percent: deployment
            .and_then(DeploymentConfiguration::minimum_healthy_percent)
            .unwrap_or_else(fewest),
        maximum_percent: deployment.and_then(DeploymentConfiguration::maximum_percent).unwrap_or_else(most),
        capacity: spot::of(service.capacity_provider_strategy()),
        crashed: 0,
        grace_left: None,
        rollouts: service.deployments().iter().map(rollout).collect(),
        events: service.events().iter().filter_map(|event| event.message().map(str::to_owned)).take(EVENTS).collect(),
    }
}

fn authorities(container: &ContainerDefinition) -> Authorities {
    let is_told = container.environment().iter().any(|variable| variable.value() == Some(authorities::PATH));
    // One that is given no URL is told at least how to connect.
    let has_mode = container.environment().iter().any(|variable| variable.name() == Some("PGSSLMODE"));
    let connects = has_mode || container.secrets().iter().any(|secret| secret.name() == "DATABASE_URL");
    if connects && !is_told { Authorities::Missing } else { Authorities::Present }
}

fn threshold(threshold: &ThresholdConfiguration) -> String {
    match (threshold.r#type(), threshold.value()) {
        (ThresholdType::Count, count) => count.to_string(),
        (ThresholdType::BoundedPercent, OWN_PERCENT) => String::new(),
        (other, value) => format!("{} {value}", other.as_str()),
    }
}

fn rollout(deployment: &Deployment) -> Rollout {
    let owned = |value: Option<&str>| value.unwrap_or_default().to_owned();
    Rollout {
        id: owned(deployment.id()),
        changed: deployment.updated_at().or(deployment.created_at()).and_then(|at| at.to_millis().ok()),
        status: owned(deployment.status()),
        task_definition: owned(deployment.task_definition()),
        state: deployment
            .rollout_state()
            .map_or(String::new(), |state: &DeploymentRolloutState| state.as_str().to_owned()),
        reason: owned(deployment.rollout_state_reason()),
        desired: deployment.desired_count(),
        running: deployment.running_count(),
        failed: deployment.failed_tasks(),
    }
}
