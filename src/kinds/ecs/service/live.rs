//! The service as ECS reports it, in stackctl's types.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{
    ContainerDefinition, Deployment, DeploymentConfiguration, DeploymentRolloutState, Service as SdkService,
    TaskDefinition, ThresholdConfiguration, ThresholdType,
};
use serde::{Deserialize, Serialize};

use super::spot;
use crate::{kind::authorities, kinds::ecs};

/// The number of recent service events that are shown for a failed rollout.
pub(super) const EVENTS: usize = 5;

/// The default rollback threshold of ECS: half of the tasks, but at least 3 and at most 200.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ThresholdConfiguration.html>
pub(super) const OWN_PERCENT: i32 = 50;

/// A rollout of a service.
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
    /// The reason that ECS gives for the state.
    pub reason: String,
    /// The desired number of tasks.
    pub desired: i32,
    /// The number of running tasks.
    pub running: i32,
    /// The number of tasks that could not be started.
    pub failed: i32,
}

/// Whether an image contains Amazon's CA certificates for RDS, according to its revision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authorities {
    /// The revision sets the path of the certificates, or sets no database connection.
    #[default]
    Present,
    /// The revision sets only a database connection: an earlier stackctl registered it.
    Missing,
}

/// The service as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The ARN of the cluster.
    pub cluster: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// The task definition that it runs.
    pub task_definition: String,
    /// The image of that task definition, if known.
    pub image: Option<String>,
    /// The images of its sidecars, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sidecars: BTreeMap<String, String>,
    /// The version of that image, if known.
    pub version: Option<String>,
    /// Whether that image contains Amazon's CA certificates for RDS.
    #[serde(default)]
    pub authorities: Authorities,
    /// The desired number of tasks.
    pub replicas: u32,
    /// The number of running tasks.
    pub running: u32,
    /// The subnets of its tasks.
    pub subnets: Vec<String>,
    /// The security groups of its tasks.
    pub security_groups: Vec<String>,
    /// Whether its tasks get public addresses.
    pub public_ip: bool,
    /// The target groups of its tasks.
    pub target_groups: Vec<String>,
    /// The container that serves requests from the target groups.
    #[serde(default)]
    pub container: Option<String>,
    /// The port of that container.
    #[serde(default)]
    pub port: Option<u16>,
    /// The ARNs of the registries that give it a name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registries: Vec<String>,
    /// How long a new task may fail its health check, in seconds.
    pub grace_seconds: u32,
    /// Whether ECS Exec is enabled.
    #[serde(default)]
    pub exec: bool,
    /// Whether ECS rolls back a failing rollout.
    pub circuit_breaker: bool,
    /// The number of failed tasks after which ECS rolls back, or the text of another setting. Empty for the ECS
    /// default.
    #[serde(default)]
    pub rollback_after: String,
    /// The minimum number of running tasks during a rollout, in percent of the desired number.
    #[serde(default = "fewest")]
    pub minimum_healthy_percent: i32,
    /// The maximum number of running tasks during a rollout, in percent of the desired number.
    #[serde(default = "most")]
    pub maximum_percent: i32,
    /// The capacity provider strategy, such as `spot, 1 on demand`. Empty if all tasks run on demand.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub capacity: String,
    /// The number of tasks of the primary rollout that crashed soon after they started.
    #[serde(default)]
    pub crashed: u32,
    /// The remaining grace period in seconds, while new tasks do not pass their health check yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_left: Option<i64>,
    /// Its rollouts.
    pub rollouts: Vec<Rollout>,
    /// Its most recent events.
    pub events: Vec<String>,
}

/// The minimum and maximum number of tasks during a rollout, in percent of the desired number. These are the ECS
/// defaults.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html>
pub(super) const TASKS_PERCENT: (i32, i32) = (100, 200);

/// The same limits for a service whose tasks stop before new ones start.
pub(super) const STOP_FIRST_PERCENT: (i32, i32) = (0, 100);

fn fewest() -> i32 {
    TASKS_PERCENT.0
}

fn most() -> i32 {
    TASKS_PERCENT.1
}

impl Live {
    /// Returns the primary rollout.
    pub(super) fn primary(&self) -> Option<&Rollout> {
        self.rollouts.iter().find(|rollout| rollout.status == "PRIMARY")
    }
}

/// Converts a service. The image and the version come from its task definition.
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
        sidecars: definition.map(sidecars).unwrap_or_default(),
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
    // A task without a URL still gets the connection settings.
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

/// The images of the sidecars of `definition`, by their names.
fn sidecars(definition: &TaskDefinition) -> BTreeMap<String, String> {
    let sidecars = definition.container_definitions().iter().filter(|container| ecs::is_sidecar(container));
    sidecars.filter_map(|container| Some((container.name()?.to_owned(), container.image()?.to_owned()))).collect()
}
