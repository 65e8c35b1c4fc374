//! An ECS service: it keeps tasks running and rolls out each new task definition.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html>

mod charge;
mod crashes;
mod explain;
mod fields;
mod live;
#[cfg(test)]
mod sample;
mod spot;
mod starting;
mod stop;
#[cfg(test)]
mod tests;

use std::time::Duration;

use aws_sdk_ecs::types::{
    DeploymentCircuitBreaker, DeploymentConfiguration, LaunchType, LoadBalancer, PropagateTags, Service as SdkService,
    ServiceRegistry, ThresholdConfiguration, ThresholdType,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

pub use fields::{Field, Fixed};
pub use live::{Authorities, Live, Rollout};
pub use spot::Spot;
pub use stop::{stop, under_way};

use fields::{NETWORK, consequence};
use live::{OWN_PERCENT, STOP_FIRST_PERCENT, TASKS_PERCENT};

use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Context, Cost, Doc, InRelease, Kind, PUBLIC_ADDRESS, State},
    kinds::ecs::{self, task},
    model::{
        Address, Changed, Changes, Diff, Explanation, Failure, Found, Input, On, Outputs, Permission, Phase, Shown,
    },
};

/// An ECS service.
pub struct Service;

/// The target of the load balancer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// The ARN of the target group.
    pub group: Input,
    /// The port of the container.
    pub port: u16,
}

/// The service that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The ARN of the cluster.
    pub cluster: Input,
    /// The ARN of the task definition, with its revision.
    pub task_definition: Input,
    /// The container that serves requests from the load balancer.
    pub container: String,
    /// The number of tasks. With autoscaling, the minimum.
    pub replicas: u32,
    /// The maximum number of tasks, with autoscaling. Autoscaling chooses the number in between.
    pub most: Option<u32>,
    /// The lowest minimum of an autoscaling schedule, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<u32>,
    /// The subnets of the tasks.
    pub subnets: Vec<Input>,
    /// The security group that allows incoming connections.
    pub security_group: Input,
    /// Additional security groups: the one for calling other services, and those of others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_groups: Vec<Input>,
    /// Whether the tasks get public addresses.
    pub public_ip: bool,
    /// The target of the load balancer, for a service behind it.
    pub target: Option<Target>,
    /// The ARN of the registry that gives the service a name, if other services call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<Input>,
    /// How long a new task may fail its health check, in seconds.
    pub grace_seconds: u32,
    /// Whether ECS Exec is enabled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exec: bool,
    /// The number of failed tasks after which ECS rolls back. `None` for the ECS default.
    #[serde(default)]
    pub rollback_after: Option<u32>,
    /// Whether running tasks stop before new ones start.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stop_first: bool,
    /// The Spot settings. `None` if all tasks run on demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot: Option<Spot>,
}

impl Desired {
    /// Returns all security groups of the tasks. The stack's own group comes first.
    fn security_groups(&self) -> Vec<Input> {
        std::iter::once(&self.security_group).chain(&self.other_groups).cloned().collect()
    }

    /// Returns the service `name` as it is, except for its task definition.
    pub fn as_it_runs(name: &str, live: &Live, task_definition: Input) -> Self {
        let port = live.port.unwrap_or_default();
        let target = live.target_groups.first().map(|group| Target { group: group.as_str().into(), port });
        Self {
            cluster: live.cluster.as_str().into(),
            task_definition,
            container: live.container.as_deref().unwrap_or(name).to_owned(),
            replicas: live.replicas,
            most: None,
            least: None,
            subnets: live.subnets.iter().map(|subnet| subnet.as_str().into()).collect(),
            security_group: live.security_groups.first().map(String::as_str).unwrap_or_default().into(),
            other_groups: live.security_groups.iter().skip(1).map(|group| group.as_str().into()).collect(),
            public_ip: live.public_ip,
            target,
            registry: live.registries.first().map(|registry| registry.as_str().into()),
            grace_seconds: live.grace_seconds,
            exec: live.exec,
            rollback_after: live.rollback_after.parse().ok(),
            stop_first: (live.minimum_healthy_percent, live.maximum_percent) == STOP_FIRST_PERCENT,
            spot: spot::read(&live.capacity),
        }
    }
}

/// Sets one field in the call that creates or updates a service. The caller passes the match arms of the fields that
/// the two calls set differently.
macro_rules! set {
    ($call:ident, $field:expr, $desired:expr, { $($different:tt)+ }) => {
        match $field {
            Field::TaskDefinition => $call.task_definition($desired.task_definition.get()?),
            Field::Subnets | Field::SecurityGroup | Field::PublicIp => {
                let (own, others) = (&$desired.security_group, &$desired.other_groups);
                let network = ecs::network(&$desired.subnets, own, others, $desired.public_ip)?;
                $call.network_configuration(network)
            }
            Field::GraceSeconds => {
                let served = $desired.target.is_some();
                $call.set_health_check_grace_period_seconds(served.then(|| aws::signed($desired.grace_seconds)))
            }
            Field::Exec => $call.enable_execute_command($desired.exec),
            $($different)+
        }
    };
}

impl Kind for Service {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = Fixed;

    const NAME: &'static str = "service";
    const HEADLINE: &'static [&'static str] = &["replicas"];
    const DOC: Doc = Doc {
        summary: "Keeps the tasks of a service running, and replaces them when their task definition changes.",
        page: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html",
    };
    const USES: &'static [&'static str] =
        // Tasks read secrets and need internet access when they start. This includes tasks that replace a failed one
        // before the new revision serves.
        &[
            "cluster",
            "task_definition",
            "target_group",
            "registry",
            "subnet",
            "route_table",
            "security_group",
            "role",
            "secret",
        ];
    // The rule must route requests elsewhere before the tasks are deleted.
    const OUTLIVES: &'static [&'static str] = &["listener_rule"];
    const IN_RELEASE: InRelease = InRelease::Tasks;
    const COST: Cost<Desired, Live> = Cost::Counted {
        prices: &[charge::USUAL[0], charge::USUAL[1], charge::ARM[0], charge::ARM[1], charge::DISK, PUBLIC_ADDRESS],
        charge: |address, state, others| {
            let (replicas, public_ip, spot, revision) = match state {
                State::Desired(desired) => {
                    (desired.replicas, desired.public_ip, desired.spot, desired.task_definition.known())
                }
                State::Live(live) => {
                    (live.replicas, live.public_ip, spot::read(&live.capacity), Some(live.task_definition.as_str()))
                }
            };
            charge::charge(address.name(), replicas, public_ip, spot.is_some(), revision, others)
        },
    };
    const NOT_YET: &'static [&'static str] = ecs::NOT_YET;
    const PERMISSIONS: &'static [Permission] = &[
        // `releases` uses the last two, and `rollback` the last.
        Permission::look(&[
            "ecs:DescribeServices",
            "ecs:ListServices",
            "ecs:DescribeServiceRevisions",
            "ecs:ListServiceDeployments",
        ]),
        task::LOOKING,
        // `rollback` uses the second during a rollout.
        Permission::release(&["ecs:UpdateService", "ecs:StopServiceDeployment"], On::Named(task::ARNS)),
        // `stackctl run` uses this.
        task::RUNNING,
        ecs::TAGGING,
        Permission::make(&["ecs:CreateService"], On::Named(task::ARNS)),
        Permission::delete(&["ecs:DeleteService"], On::Named(task::ARNS)),
    ];
    const USUAL: Duration = Duration::from_secs(150);
    const DEADLINE: Duration = Duration::from_secs(3600);

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let services = ecs::services(cx).await?;
        try_join_all(services.iter().map(|(address, service)| found(cx, address, service))).await
    }

    /// Reads only the services that are waited for. A full listing would first read the names of all services and
    /// families.
    async fn look(cx: &Context, waited_for: Vec<(Address, Live)>) -> Result<Vec<Found<Live>>, Failure> {
        let names: Vec<String> = waited_for.into_iter().map(|(_, live)| live.name).collect();
        let services = ecs::services_named(cx, &names).await?;
        try_join_all(services.iter().map(|(address, service)| found(cx, address, service))).await
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, Fixed> {
        let mut diff = Diff::new();
        diff.fixed_input(Fixed::Cluster, &live.cluster, &desired.cluster);
        match desired.task_definition.known() {
            Some(wanted) if wanted == live.task_definition => {}
            Some(wanted) => {
                let (from, to) = (aws::last_part(&live.task_definition), aws::last_part(wanted));
                diff.push(Field::TaskDefinition, Shown::value(from), Shown::value(to));
            }
            None => {
                let from = Shown::value(aws::last_part(&live.task_definition));
                diff.push(Field::TaskDefinition, from, Shown::KnownAfterApply);
            }
        }
        diff.field(Field::Replicas, &live.replicas, &within(desired, live.replicas));
        diff.inputs(Field::Subnets, &live.subnets, &desired.subnets);
        diff.inputs(Field::SecurityGroup, &live.security_groups, &desired.security_groups());
        diff.field(Field::PublicIp, &live.public_ip, &desired.public_ip);
        let groups: Vec<Input> = desired.target.iter().map(|target| target.group.clone()).collect();
        diff.inputs(Field::TargetGroup, &live.target_groups, &groups);
        if let (Some(target), Some(port)) = (&desired.target, live.port) {
            // A service has a container here as soon as it has a load balancer.
            if let Some(container) = &live.container {
                diff.field(Field::Container, container, &desired.container);
            }
            diff.field(Field::Port, &port, &target.port);
        }
        diff.inputs(Field::Registry, &live.registries, desired.registry.as_slice());
        if desired.target.is_some() {
            // Without a load balancer, ECS keeps the grace period unused and rejects a new one.
            diff.field(Field::GraceSeconds, &live.grace_seconds, &desired.grace_seconds);
        }
        diff.field(Field::Exec, &live.exec, &desired.exec);
        diff.field(Field::CircuitBreaker, &live.circuit_breaker, &true);
        let wanted = desired.rollback_after.map_or(String::new(), |count| count.to_string());
        diff.field(Field::RollbackAfter, &live.rollback_after, &wanted);
        let (fewest, most) = percent(desired);
        diff.field(Field::MinimumHealthyPercent, &live.minimum_healthy_percent, &fewest);
        diff.field(Field::MaximumPercent, &live.maximum_percent, &most);
        diff.field(Field::Capacity, &live.capacity, &spot::in_words(desired.spot));
        let failed = live.primary().is_some_and(|rollout| rollout.state == "FAILED");
        if failed {
            diff.push(Field::Rollout, Shown::value("failed"), Shown::value("restarted"));
        }
        diff.finish()
    }

    fn phase(live: &Live, desired: Option<&Desired>) -> Phase {
        if live.status == "DRAINING" {
            return Phase::Deleting(format!("draining, tasks still running: {}", live.running));
        }
        let Some(primary) = live.primary() else {
            return Phase::Pending("waiting for ECS to start the rollout".into());
        };
        let wanted = desired.and_then(|desired| desired.task_definition.known());
        let others: i32 = live.rollouts.iter().filter(|other| other.id != primary.id).map(|other| other.running).sum();
        if let Some(wanted) = wanted.filter(|wanted| *wanted != primary.task_definition) {
            let from = aws::last_part(wanted);
            return taken_back(from, primary);
        }
        if live.crashed >= crashes::SEVERAL && primary.running < primary.desired {
            return Phase::Failed(format!("its tasks keep stopping: {} stopped soon after they started", live.crashed));
        }
        match primary.state.as_str() {
            "FAILED" => Phase::Failed(format!("the rollout failed: {}", primary.reason)),
            "COMPLETED" if primary.running == primary.desired && others == 0 => Phase::Ready,
            // ECS replaces failed tasks and applies autoscaling on its own. The other tasks serve meanwhile.
            "COMPLETED" if desired.is_none() && primary.running > 0 && others == 0 => Phase::Ready,
            _ => {
                let mut word = format!("{} of {} new tasks running", primary.running, primary.desired);
                if others > 0 {
                    word = format!("{word}, {others} old");
                }
                if primary.failed > 0 {
                    word = format!("{word}, {} failed", primary.failed);
                }
                if let Some(left) = live.grace_left {
                    word = format!("{word}, still starting (grace period: {left} s left)");
                }
                Phase::Pending(word)
            }
        }
    }

    /// Detects a rollback to the same task definition, such as after a change of the network. Only the deployment shows
    /// it: the primary one is not the one that `UpdateService` started.
    fn phase_after(live: &Live, desired: &Desired, written: &Live) -> Phase {
        match (live.primary(), written.primary()) {
            (Some(now), Some(begun)) if now.id != begun.id && now.task_definition == begun.task_definition => {
                taken_back("the change", now)
            }
            _ => Self::phase(live, Some(desired)),
        }
    }

    fn stays_ready(desired: &Desired, written: &Live) -> Duration {
        let rolls = written.primary().is_some_and(|primary| primary.state != "COMPLETED");
        if desired.target.is_none() && rolls { crashes::STAYS_UP } else { Duration::ZERO }
    }

    /// Rolls back after crashed tasks. ECS rolls back automatically only after failed health checks.
    async fn take_back(cx: &Context, before: &Live, failed: &Live) -> Result<Option<String>, Failure> {
        let served = before.primary().filter(|primary| primary.running > 0 && before.crashed == 0);
        let Some(served) = served.filter(|served| served.task_definition != failed.task_definition) else {
            return Ok(None);
        };
        if failed.crashed < crashes::SEVERAL {
            return Ok(None);
        }
        let call = cx.aws.ecs.update_service().service(&failed.name).cluster(&failed.cluster);
        let answer = call.task_definition(&served.task_definition).send().await;
        answer.during("UpdateService")?;
        Ok(Some(format!("rolling back to {}", aws::last_part(&served.task_definition))))
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new()
            .with("arn", &live.arn)
            .with("name", &live.name)
            .with("desired", live.replicas.to_string())
            .with("running", live.running.to_string())
            .with_some("image", live.image.as_deref())
            .with_some("version", live.version.as_deref())
    }

    /// A rollout keeps the name and the ARN of the service, and no other resource uses its other outputs.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html>
    fn outputs_hold(_live: &Live) -> bool {
        true
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let name = aws::derived(&cx.id, address, ecs::LONGEST_NAME);
        let mut call = cx
            .aws
            .ecs
            .create_service()
            .service_name(&name)
            .cluster(desired.cluster.get()?)
            .client_token(token(cx, address, desired)?)
            .propagate_tags(PropagateTags::Service)
            .set_tags(Some(aws::tags(&cx.id, address)));
        for field in Field::ALL {
            call = set!(call, field, desired, {
                Field::Replicas => call.desired_count(aws::signed(desired.replicas)),
                Field::TargetGroup | Field::Container | Field::Port => call.set_load_balancers(load_balancers(desired)?),
                Field::Registry => call.set_service_registries(Some(registries(desired)?)),
                Field::CircuitBreaker
                | Field::RollbackAfter
                | Field::MinimumHealthyPercent
                | Field::MaximumPercent => {
                    call.deployment_configuration(deployment(desired, desired.rollback_after.map(after))?)
                }
                Field::Capacity if desired.spot.is_none() => call.launch_type(LaunchType::Fargate),
                Field::Capacity => call.set_capacity_provider_strategy(Some(spot::strategy(desired.spot)?)),
                // A new service starts a rollout anyway.
                Field::Rollout => call,
            });
        }
        let answer = call.customize().once().send().await.during("CreateService")?;
        Ok(live::live(&given(answer.service, "CreateService", "service")?, None))
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        // Only an explicit default replaces a number.
        let own_rule = changes.contains(Field::RollbackAfter).then_some((ThresholdType::BoundedPercent, OWN_PERCENT));
        let threshold = desired.rollback_after.map(after).or(own_rule);
        let mut call = cx.aws.ecs.update_service().service(&live.name).cluster(desired.cluster.get()?);
        for field in Field::ALL {
            // ECS starts a deployment for any given network, even the current one.
            // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
            if NETWORK.contains(field) && !NETWORK.iter().any(|field| changes.contains(*field)) {
                continue;
            }
            call = set!(call, field, desired, {
                // Autoscaling may have changed the number since the last read.
                Field::Replicas if !changes.contains(Field::Replicas) => call,
                Field::Replicas => call.desired_count(aws::signed(within(desired, live.replicas))),
                Field::TargetGroup | Field::Container | Field::Port
                    if ![Field::TargetGroup, Field::Container, Field::Port].iter().any(|field| changes.contains(*field)) =>
                {
                    call
                }
                Field::TargetGroup | Field::Container | Field::Port => call.set_load_balancers(Some(load_balancers(desired)?.unwrap_or_default())),
                // ECS starts a deployment for a given list. An empty list removes the registries.
                Field::Registry if !changes.contains(Field::Registry) => call,
                Field::Registry => call.set_service_registries(Some(registries(desired)?)),
                Field::CircuitBreaker
                | Field::RollbackAfter
                | Field::MinimumHealthyPercent
                | Field::MaximumPercent => {
                    call.deployment_configuration(deployment(desired, threshold.clone())?)
                }
                Field::Capacity if !changes.contains(Field::Capacity) => call,
                Field::Capacity => call.set_capacity_provider_strategy(Some(spot::strategy(desired.spot)?)),
                // A change of `exec` or of the capacity applies only to tasks that start after it.
                Field::Rollout => {
                    let forced = [Field::Rollout, Field::Exec, Field::Capacity];
                    call.force_new_deployment(forced.iter().any(|field| changes.contains(*field)))
                }
            });
        }
        let answer = call.customize().once().send().await.during("UpdateService")?;
        Ok(live::live(&given(answer.service, "UpdateService", "service")?, None))
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.ecs.delete_service().cluster(&live.cluster).service(&live.name).force(true);
        let answer = call.customize().once().send().await;
        let gone = ["ServiceNotFoundException", "ServiceNotActiveException", "ClusterNotFoundException"];
        answer.or_absent("DeleteService", &gone).map(drop)
    }

    fn identifiers(live: &Live) -> Vec<String> {
        vec![live.arn.clone()]
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        // ECS rejects a new role or target group in this way and has no specific code for it.
        let codes = ["InvalidParameterException", "ClientException"];
        failure.is(&codes).then_some("ECS to accept the new roles and the target group")
    }

    fn outdated(seen: &Live, written: &Live) -> bool {
        let changed = |live: &Live| live.primary().and_then(|primary| primary.changed);
        changed(seen).zip(changed(written)).is_some_and(|(seen, written)| seen < written)
    }

    /// The plan already shows a change of the task definition.
    fn consequence(desired: &Desired, live: &Live, changes: &Changed<Field>) -> Option<String> {
        consequence(changes, desired.stop_first && live.running > 0)
    }

    async fn explain(cx: &Context, live: &Live, phase: &Phase) -> Explanation {
        explain::rollout(cx, live, phase).await
    }

    fn summary(live: &Live) -> Option<String> {
        Some(format!("{} of {} running", live.running, live.replicas))
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        sample::sample()
    }
}

/// Returns the listed item for `service`.
async fn found(cx: &Context, address: &Address, service: &SdkService) -> Result<Found<Live>, Failure> {
    let runs = match ecs::runs(service) {
        Some(arn) if !cx.deletes_all() => ecs::revision(cx, arn).await?,
        _ => None,
    };
    let mut live = live::live(service, runs.as_deref().map(|known| &known.definition));
    if let Some(primary) = live.primary() {
        let grace_left = starting::grace_left(cx, service, &live, primary).await;
        live.crashed = crashes::count(cx, service, primary).await;
        live.grace_left = grace_left;
    }
    Ok(Found { address: address.clone(), id: live.name.clone(), live })
}

/// Returns the client token of this run. For a known token, ECS returns the service that was created with it, even if
/// it is deleted.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html>
fn token(cx: &Context, address: &Address, desired: &Desired) -> Result<String, Failure> {
    let of = format!("{} {}", desired.task_definition.get()?, cx.run);
    Ok(aws::discriminated(&cx.id, address, &of, 32))
}

/// Returns the phase of a rollback from `given_up` to the rollout `primary`.
fn taken_back(given_up: &str, primary: &Rollout) -> Phase {
    let serves = aws::last_part(&primary.task_definition);
    match primary.state.as_str() {
        "COMPLETED" => Phase::RolledBack(format!(
            "rolled back: {given_up} failed, and {serves} is running again: {}",
            primary.reason
        )),
        "FAILED" => {
            Phase::Failed(format!("{given_up} failed, and the rollback to {serves} failed too: {}", primary.reason))
        }
        _ => Phase::Pending(format!(
            "rolling back {given_up}: {} of {} old tasks running",
            primary.running, primary.desired
        )),
    }
}

/// Returns the number of tasks closest to `count` that stack.yaml allows.
fn within(desired: &Desired, count: u32) -> u32 {
    count.clamp(desired.least.unwrap_or(desired.replicas), desired.most.unwrap_or(desired.replicas))
}

fn load_balancers(desired: &Desired) -> Result<Option<Vec<LoadBalancer>>, Failure> {
    let Some(target) = &desired.target else { return Ok(None) };
    let balancer = LoadBalancer::builder()
        .target_group_arn(target.group.get()?)
        .container_name(&desired.container)
        .container_port(i32::from(target.port))
        .build();
    Ok(Some(vec![balancer]))
}

fn registries(desired: &Desired) -> Result<Vec<ServiceRegistry>, Failure> {
    let registries = desired.registry.iter();
    registries.map(|arn| Ok(ServiceRegistry::builder().registry_arn(arn.get()?).build())).collect()
}

/// Returns the minimum and maximum number of tasks during a rollout, in percent of the desired number.
fn percent(desired: &Desired) -> (i32, i32) {
    if desired.stop_first { STOP_FIRST_PERCENT } else { TASKS_PERCENT }
}

/// Returns the deployment settings: the limits of [`percent`], and a rollback if the new tasks fail.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>
fn deployment(desired: &Desired, threshold: Option<(ThresholdType, i32)>) -> Result<DeploymentConfiguration, Failure> {
    let (fewest, most) = percent(desired);
    let threshold = threshold.map(|(kind, value)| ThresholdConfiguration::builder().r#type(kind).value(value).build());
    let threshold = threshold.transpose().map_err(|error| Failure::internal(error.to_string()))?;
    let breaker = DeploymentCircuitBreaker::builder().enable(true).rollback(true);
    Ok(DeploymentConfiguration::builder()
        .minimum_healthy_percent(fewest)
        .maximum_percent(most)
        .deployment_circuit_breaker(breaker.set_threshold_configuration(threshold).build())
        .build())
}

fn after(count: u32) -> (ThresholdType, i32) {
    (ThresholdType::Count, aws::signed(count))
}
