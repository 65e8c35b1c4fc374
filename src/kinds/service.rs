//! The tasks of a service, kept running and rolled over to each new task definition.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html>

use std::time::Duration;

use aws_sdk_ecs::types::{
    Deployment, DeploymentCircuitBreaker, DeploymentConfiguration, DeploymentRolloutState, DesiredStatus, LaunchType,
    LoadBalancer, PropagateTags, Service as SdkService, ServiceField, TaskDefinition,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::ecs::{self, once};
use crate::{
    aws::{self, Outcome, given},
    kind::{Context, Kind},
    model::{Address, Change, Diff, Failure, Found, How, Input, Outputs, Phase, Shown},
};

/// How many services one `DescribeServices` call takes.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html>
const DESCRIBED_AT_ONCE: usize = 10;

/// How many stopped tasks of a failed rollout are explained.
const EXPLAINED: usize = 2;

/// How many of the service's last events are shown with a failed rollout.
const EVENTS: usize = 5;

/// An ECS service.
pub struct Service;

/// Where the load balancer finds the tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// The target group's ARN.
    pub group: Input,
    /// The container's port.
    pub port: u16,
}

/// What stack.yaml asks of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The cluster's ARN.
    pub cluster: Input,
    /// The task definition's ARN, with its revision.
    pub task_definition: Input,
    /// The container that serves.
    pub container: String,
    /// How many tasks run.
    pub replicas: u32,
    /// Where they run.
    pub subnets: Vec<Input>,
    /// Who may call them.
    pub security_group: Input,
    /// Whether they get public addresses.
    pub public_ip: bool,
    /// Where the load balancer finds them, for a service that it serves.
    pub target: Option<Target>,
    /// How long a new task may fail its health check, in seconds.
    pub grace_seconds: u32,
}

/// One rollout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    /// Its id.
    pub id: String,
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
    /// How long a new task may fail its health check, in seconds.
    pub grace_seconds: u32,
    /// Whether a failing rollout is rolled back.
    pub circuit_breaker: bool,
    /// Its rollouts.
    pub rollouts: Vec<Rollout>,
    /// Its last events.
    pub events: Vec<String>,
}

impl Kind for Service {
    type Desired = Desired;
    type Live = Live;

    const NAME: &'static str = "service";
    const USES: &'static [&'static str] =
        &["cluster", "task_definition", "target_group", "subnet", "security_group", "role"];
    const USUAL: Duration = Duration::from_secs(150);
    const DEADLINE: Duration = Duration::from_secs(3600);

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let cluster = ecs::cluster_name(&cx.id);
        let call = cx.aws.ecs.list_services().cluster(&cluster).max_results(100).into_paginator().items().send();
        let arns: Result<Vec<String>, _> = call.try_collect().await;
        let Some(arns) = arns.or_absent("ListServices", &["ClusterNotFoundException"])? else { return Ok(Vec::new()) };
        if arns.is_empty() {
            return Ok(Vec::new());
        }
        let reads = arns.chunks(DESCRIBED_AT_ONCE).map(|some| {
            let call = cx.aws.ecs.describe_services().cluster(&cluster).include(ServiceField::Tags);
            let call = call.set_services(Some(some.to_vec()));
            async move { call.send().await.during("DescribeServices") }
        });
        let (answers, definitions) = futures::try_join!(try_join_all(reads), ecs::definitions(cx))?;
        let mut found = Vec::new();
        for service in answers.into_iter().flat_map(|answer| answer.services.unwrap_or_default()) {
            // A deleted one stays listed as inactive for a while.
            let active = service.status() != Some("INACTIVE");
            if let Some(address) = ecs::address_of(&cx.id, service.tags()).filter(|_| active) {
                let live = live(&service, running_definition(cx, &service, &definitions).await?.as_ref());
                found.push(Found { address, id: live.name.clone(), live });
            }
        }
        Ok(found)
    }

    fn diff(desired: &Desired, live: &Live) -> Vec<Change> {
        let mut diff = Diff::new();
        diff.fixed_input("cluster", &live.cluster, &desired.cluster);
        match desired.task_definition.known() {
            Some(wanted) if wanted == live.task_definition => {}
            Some(wanted) => {
                let (from, to) = (revision(&live.task_definition), revision(wanted));
                diff.push("task_definition", Shown::value(from), Shown::value(to), How::InPlace);
            }
            None => {
                let from = Shown::value(revision(&live.task_definition));
                diff.push("task_definition", from, Shown::KnownAfterApply, How::InPlace);
            }
        }
        diff.field("replicas", &live.replicas, &desired.replicas);
        diff.inputs("subnets", &live.subnets, &desired.subnets, How::InPlace);
        let group = std::slice::from_ref(&desired.security_group);
        diff.inputs("security_group", &live.security_groups, group, How::InPlace);
        diff.field("public_ip", &live.public_ip, &desired.public_ip);
        let groups: Vec<Input> = desired.target.iter().map(|target| target.group.clone()).collect();
        diff.inputs("target_group", &live.target_groups, &groups, How::InPlace);
        diff.field("grace_seconds", &live.grace_seconds, &desired.grace_seconds);
        diff.field("circuit_breaker", &live.circuit_breaker, &true);
        let failed = primary(live).is_some_and(|rollout| rollout.state == "FAILED");
        if failed {
            diff.push("rollout", Shown::value("failed"), Shown::value("begun again"), How::InPlace);
        }
        diff.finish()
    }

    fn phase(live: &Live, desired: Option<&Desired>) -> Phase {
        if live.status == "DRAINING" {
            return Phase::Deleting(format!("draining, {} tasks still run", live.running));
        }
        let Some(primary) = primary(live) else { return Phase::Pending("ECS to begin the rollout".into()) };
        let wanted = desired.and_then(|desired| desired.task_definition.known());
        let others: i32 = live.rollouts.iter().filter(|other| other.id != primary.id).map(|other| other.running).sum();
        if let Some(wanted) = wanted.filter(|wanted| *wanted != primary.task_definition) {
            let from = revision(wanted);
            if primary.state == "COMPLETED" {
                return Phase::Failed(format!(
                    "rolled back: {from} did not become healthy, and {} serves: {}",
                    revision(&primary.task_definition),
                    primary.reason,
                ));
            }
            return Phase::Pending(format!(
                "rolling back from {from}: {} of {} old tasks run",
                primary.running, primary.desired
            ));
        }
        match primary.state.as_str() {
            "FAILED" => Phase::Failed(format!("the rollout failed: {}", primary.reason)),
            "COMPLETED" if primary.running == primary.desired && others == 0 => Phase::Ready,
            _ => {
                let mut word = format!("{} of {} new tasks run", primary.running, primary.desired);
                if others > 0 {
                    word = format!("{word}, {others} old ones");
                }
                if primary.failed > 0 {
                    word = format!("{word}, {} failed", primary.failed);
                }
                Phase::Pending(word)
            }
        }
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

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let name = aws::derived(&cx.id, address, ecs::LONGEST_NAME);
        let call = cx
            .aws
            .ecs
            .create_service()
            .service_name(&name)
            .cluster(desired.cluster.get()?)
            .task_definition(desired.task_definition.get()?)
            .desired_count(number(desired.replicas))
            .launch_type(LaunchType::Fargate)
            .client_token(aws::discriminated(&cx.id, address, desired.task_definition.get()?, 32))
            .network_configuration(ecs::network(&desired.subnets, &desired.security_group, desired.public_ip)?)
            .set_load_balancers(load_balancers(desired)?)
            .set_health_check_grace_period_seconds(desired.target.as_ref().map(|_| number(desired.grace_seconds)))
            .deployment_configuration(deployment())
            .propagate_tags(PropagateTags::Service)
            .set_tags(Some(ecs::tagged(&cx.id, address)));
        let answer = call.customize().config_override(once()).send().await.during("CreateService")?;
        Ok(live(&given(answer.service, "CreateService", "service")?, None))
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &[Change],
    ) -> Result<Live, Failure> {
        let again = changes.iter().any(|change| change.field == "rollout");
        let mut call = cx
            .aws
            .ecs
            .update_service()
            .service(&live.name)
            .cluster(desired.cluster.get()?)
            .task_definition(desired.task_definition.get()?)
            .desired_count(number(desired.replicas))
            .network_configuration(ecs::network(&desired.subnets, &desired.security_group, desired.public_ip)?)
            .set_health_check_grace_period_seconds(desired.target.as_ref().map(|_| number(desired.grace_seconds)))
            .deployment_configuration(deployment())
            .force_new_deployment(again);
        if changes.iter().any(|change| change.field == "target_group") {
            call = call.set_load_balancers(Some(load_balancers(desired)?.unwrap_or_default()));
        }
        let answer = call.customize().config_override(once()).send().await.during("UpdateService")?;
        Ok(self::live(&given(answer.service, "UpdateService", "service")?, None))
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.ecs.delete_service().cluster(&live.cluster).service(&live.name).force(true);
        let answer = call.customize().config_override(once()).send().await;
        let gone = ["ServiceNotFoundException", "ServiceNotActiveException", "ClusterNotFoundException"];
        answer.or_absent("DeleteService", &gone).map(drop)
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        // ECS says so of a role or target group that was just made, and has no code of its own for it.
        let codes = ["InvalidParameterException", "ClientException"];
        failure.is(&codes).then_some("ECS to accept the new roles and the target group")
    }

    fn rolled_back(live: &Live, desired: &Desired) -> bool {
        primary(live).is_some_and(|primary| {
            primary.state == "COMPLETED" && desired.task_definition.known() != Some(primary.task_definition.as_str())
        })
    }

    async fn explain(cx: &Context, live: &Live) -> Vec<String> {
        let mut lines: Vec<String> = live.events.iter().take(EVENTS).map(|event| format!("ECS: {event}")).collect();
        let call = cx.aws.ecs.list_tasks().cluster(&live.cluster).service_name(&live.name);
        let Ok(stopped) = call.desired_status(DesiredStatus::Stopped).send().await.during("ListTasks") else {
            return lines;
        };
        if stopped.task_arns().is_empty() {
            return lines;
        }
        let call = cx.aws.ecs.describe_tasks().cluster(&live.cluster).set_tasks(stopped.task_arns);
        let Ok(answer) = call.send().await.during("DescribeTasks") else { return lines };
        let serving = primary(live).map(|primary| primary.task_definition.clone()).unwrap_or_default();
        let rolled_back = live.rollouts.len() == 1 && primary(live).is_some_and(|primary| primary.state == "COMPLETED");
        let mut tasks: Vec<_> = answer
            .tasks()
            .iter()
            // After a rollback the tasks that failed are those of another task definition than the one that serves.
            .filter(|task| !rolled_back || task.task_definition_arn() != Some(serving.as_str()))
            .collect();
        tasks.sort_by_key(|task| std::cmp::Reverse(task.stopped_at().map(aws_smithy_types::DateTime::as_nanos)));
        let service = live.name.strip_prefix(&aws::stack_prefix(&cx.id)).unwrap_or(&live.name).to_owned();
        for task in tasks.into_iter().take(EXPLAINED) {
            let id = task.task_arn().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
            lines.push(format!("task {id}: {}", ecs::end_of(task)));
            lines.extend(ecs::last_lines(cx, &service, task).await);
        }
        lines
    }

    fn summary(live: &Live) -> Option<String> {
        Some(format!("{} of {} running", live.running, live.replicas))
    }
}

fn primary(live: &Live) -> Option<&Rollout> {
    live.rollouts.iter().find(|rollout| rollout.status == "PRIMARY")
}

/// `family:revision` of an ARN.
fn revision(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// The task definition that the service is to run: mostly its family's newest, which was read already.
async fn running_definition(
    cx: &Context,
    service: &SdkService,
    definitions: &[(Address, TaskDefinition)],
) -> Result<Option<TaskDefinition>, Failure> {
    let Some(arn) = service.task_definition() else { return Ok(None) };
    let read = definitions.iter().find(|(_, definition)| definition.task_definition_arn() == Some(arn));
    if let Some((_, definition)) = read {
        return Ok(Some(definition.clone()));
    }
    let call = cx.aws.ecs.describe_task_definition().task_definition(arn).send().await;
    Ok(call.or_absent("DescribeTaskDefinition", &["ClientException"])?.and_then(|answer| answer.task_definition))
}

fn live(service: &SdkService, definition: Option<&TaskDefinition>) -> Live {
    let owned = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let vpc = service.network_configuration().and_then(|network| network.awsvpc_configuration());
    let container = definition.and_then(|definition| definition.container_definitions().first());
    let version = container.and_then(|container| {
        container.environment().iter().find(|variable| variable.name() == Some("APP_VERSION"))?.value()
    });
    let breaker = service.deployment_configuration().and_then(|config| config.deployment_circuit_breaker());
    Live {
        name: owned(service.service_name()),
        arn: owned(service.service_arn()),
        cluster: owned(service.cluster_arn()),
        status: owned(service.status()),
        task_definition: owned(service.task_definition()),
        image: container.and_then(|container| container.image()).map(str::to_owned),
        version: version.map(str::to_owned),
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
        grace_seconds: service
            .health_check_grace_period_seconds()
            .and_then(|seconds| u32::try_from(seconds).ok())
            .unwrap_or_default(),
        circuit_breaker: breaker.is_some_and(|breaker| breaker.enable() && breaker.rollback()),
        rollouts: service.deployments().iter().map(rollout).collect(),
        events: service.events().iter().filter_map(|event| event.message().map(str::to_owned)).take(EVENTS).collect(),
    }
}

fn rollout(deployment: &Deployment) -> Rollout {
    let owned = |value: Option<&str>| value.unwrap_or_default().to_owned();
    Rollout {
        id: owned(deployment.id()),
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

fn load_balancers(desired: &Desired) -> Result<Option<Vec<LoadBalancer>>, Failure> {
    let Some(target) = &desired.target else { return Ok(None) };
    let balancer = LoadBalancer::builder()
        .target_group_arn(target.group.get()?)
        .container_name(&desired.container)
        .container_port(i32::from(target.port))
        .build();
    Ok(Some(vec![balancer]))
}

/// Never fewer tasks than desired, up to twice as many while rolling; and back to what ran before when the new ones fail.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>
fn deployment() -> DeploymentConfiguration {
    let breaker = DeploymentCircuitBreaker::builder().enable(true).rollback(true).build();
    DeploymentConfiguration::builder()
        .minimum_healthy_percent(100)
        .maximum_percent(200)
        .deployment_circuit_breaker(breaker)
        .build()
}

/// stack.yaml's numbers are checked to be small; AWS takes signed ones.
fn number(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rollout(status: &str, definition: &str, state: &str, running: i32) -> Rollout {
        Rollout {
            id: format!("{status} {definition}"),
            status: status.into(),
            task_definition: definition.into(),
            state: state.into(),
            reason: "because".into(),
            desired: 2,
            running,
            failed: 0,
        }
    }

    fn live(rollouts: Vec<Rollout>) -> Live {
        Live {
            name: "web".into(),
            arn: "arn".into(),
            cluster: "cluster".into(),
            status: "ACTIVE".into(),
            task_definition: rollouts[0].task_definition.clone(),
            image: None,
            version: None,
            replicas: 2,
            running: 2,
            subnets: Vec::new(),
            security_groups: vec!["sg".into()],
            public_ip: false,
            target_groups: Vec::new(),
            grace_seconds: 0,
            circuit_breaker: true,
            rollouts,
            events: Vec::new(),
        }
    }

    fn desired(definition: &str) -> Desired {
        Desired {
            cluster: "cluster".into(),
            task_definition: definition.into(),
            container: "web".into(),
            replicas: 2,
            subnets: Vec::new(),
            security_group: "sg".into(),
            public_ip: false,
            target: None,
            grace_seconds: 0,
        }
    }

    #[test]
    fn a_rollout_is_ready_only_when_the_old_tasks_are_gone() {
        let new = || rollout("PRIMARY", "web:2", "COMPLETED", 2);
        assert_eq!(Service::phase(&live(vec![new()]), Some(&desired("web:2"))), Phase::Ready);
        let both = live(vec![new(), rollout("ACTIVE", "web:1", "COMPLETED", 1)]);
        assert_eq!(
            Service::phase(&both, Some(&desired("web:2"))),
            Phase::Pending("2 of 2 new tasks run, 1 old ones".into())
        );
    }

    #[test]
    fn a_rollback_is_never_a_success() {
        let back = live(vec![rollout("PRIMARY", "web:1", "COMPLETED", 2)]);
        assert!(matches!(Service::phase(&back, Some(&desired("web:2"))), Phase::Failed(_)));
        assert!(Service::rolled_back(&back, &desired("web:2")));
        assert!(!Service::rolled_back(&back, &desired("web:1")));
        let on_the_way = live(vec![rollout("PRIMARY", "web:1", "IN_PROGRESS", 1)]);
        assert!(matches!(Service::phase(&on_the_way, Some(&desired("web:2"))), Phase::Pending(_)));
    }

    #[test]
    fn a_first_rollout_that_failed_is_begun_again() {
        let failed = live(vec![rollout("PRIMARY", "web:1", "FAILED", 0)]);
        let fields: Vec<String> =
            Service::diff(&desired("web:1"), &failed).into_iter().map(|change| change.field).collect();
        assert_eq!(fields, ["rollout"]);
    }
}
