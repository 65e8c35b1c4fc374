//! The operations on services and their rollouts.

use aws_sdk_ecs::{
    operation::{
        create_service::{CreateServiceError, CreateServiceInput, CreateServiceOutput},
        delete_service::{DeleteServiceError, DeleteServiceInput, DeleteServiceOutput},
        describe_services::{DescribeServicesError, DescribeServicesInput, DescribeServicesOutput},
        list_services::{ListServicesError, ListServicesInput, ListServicesOutput},
        update_service::{UpdateServiceError, UpdateServiceInput, UpdateServiceOutput},
    },
    primitives::DateTime,
    types::{Deployment, DeploymentRolloutState as State, Service},
};

use super::state::{ARN, Ecs};
use crate::aws::{
    self,
    model::{self, Cloud, Refusal},
};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(CreateServiceError::generic, create);
    cloud.on(UpdateServiceError::generic, update);
    cloud.on(DeleteServiceError::generic, delete);
    cloud.on(ListServicesError::generic, list);
    cloud.on(DescribeServicesError::generic, describe);
}

/// Returns the line for a service, or `None` if it is inactive. ECS describes an inactive service for a while.
pub(super) fn line(service: &Service) -> Option<String> {
    (service.status() != Some("INACTIVE")).then(|| model::line("service", service.tags()))
}

fn invalid(message: &str) -> Refusal {
    Refusal::new("InvalidParameterException", message)
}

impl Ecs {
    /// Returns the service with this name or ARN in `cluster`.
    fn service(&mut self, cluster: Option<&str>, name: Option<&str>) -> Result<&mut Service, Refusal> {
        self.cluster(cluster)?;
        let name = aws::last_part(name.unwrap_or_default());
        let mut there = self.services.iter_mut().filter(|service| line(service).is_some());
        let found = there.find(|service| service.service_name() == Some(name));
        found.ok_or_else(|| Refusal::new("ServiceNotFoundException", "Service not found."))
    }

    /// Returns a rollout that starts now.
    fn rollout(&mut self, definition: Option<String>, tasks: i32) -> Deployment {
        let now = self.next();
        Deployment::builder()
            .id(format!("ecs-svc/{now}"))
            .status("PRIMARY")
            .set_task_definition(definition)
            .desired_count(tasks)
            .rollout_state(State::InProgress)
            .updated_at(DateTime::from_secs(now))
            .build()
    }

    /// Gives every service the ARN of another cluster.
    pub(in super::super) fn move_services(&mut self) {
        for service in &mut self.services {
            service.cluster_arn = Some("arn:aws:ecs:eu-west-1:210987654321:cluster/shop-test-main".to_owned());
        }
    }

    /// Removes every service from its target groups. ECS keeps the grace period, which then has no effect.
    pub(in super::super) fn take_target_groups_away(&mut self) {
        self.services.iter_mut().for_each(|service| service.load_balancers = None);
    }

    /// Sets the minimum and maximum percentage of running tasks during a rollout, as a user of the console would.
    pub(in super::super) fn let_tasks_be(&mut self, fewest: i32, most: i32) {
        for service in &mut self.services {
            if let Some(configuration) = service.deployment_configuration.as_mut() {
                configuration.minimum_healthy_percent = Some(fewest);
                configuration.maximum_percent = Some(most);
            }
        }
    }

    /// Turns off the rollback of failed rollouts.
    pub(in super::super) fn turn_circuit_breakers_off(&mut self) {
        for service in &mut self.services {
            let configuration = service.deployment_configuration.as_mut();
            let breaker = configuration.and_then(|configuration| configuration.deployment_circuit_breaker.as_mut());
            breaker.expect("the kind asks for one").enable = false;
        }
    }

    /// Marks the rollout of every service as failed, without an earlier deployment to roll back to.
    pub(in super::super) fn fail_rollouts(&mut self) {
        for rollout in self.services.iter_mut().flat_map(|service| service.deployments.iter_mut().flatten()) {
            rollout.rollout_state = Some(State::Failed);
            rollout.running_count = 0;
        }
    }
}

/// Creates a service. For a known client token, ECS returns the service that it created for that token, even if it is
/// deleted.
fn create(ecs: &mut Ecs, input: &CreateServiceInput) -> Result<CreateServiceOutput, Refusal> {
    let cluster = ecs.cluster(input.cluster())?.cluster_arn.clone();
    let name = input.service_name().unwrap_or_default();
    let made_so = ecs.tokens.get(input.client_token().unwrap_or_default()).cloned();
    if let Ok(service) = ecs.service(input.cluster(), Some(name)) {
        return match service.status() {
            Some("DRAINING") => Err(invalid("Unable to Start a service that is still Draining.")),
            _ if made_so.as_deref() == Some(name) => {
                Ok(CreateServiceOutput::builder().service(service.clone()).build())
            }
            _ => Err(invalid("Creation of service was not idempotent.")),
        };
    }
    if let Some(gone) = ecs.services.iter().find(|other| made_so.is_some() && other.service_name() == Some(name)) {
        return Ok(CreateServiceOutput::builder().service(gone.clone()).build());
    }
    let definition = ecs.startable(input.task_definition())?;
    grace(input.health_check_grace_period_seconds(), input.load_balancers().is_empty())?;
    let tasks = input.desired_count().unwrap_or(1);
    let rollout = ecs.rollout(Some(definition.clone()), tasks);
    let service = Service::builder()
        .service_name(name)
        .service_arn(format!("{ARN}:service/{}/{name}", aws::last_part(cluster.as_deref().unwrap_or_default())))
        .set_cluster_arn(cluster)
        .status("ACTIVE")
        .task_definition(definition)
        .desired_count(tasks)
        .set_network_configuration(input.network_configuration.clone())
        .set_load_balancers(input.load_balancers.clone())
        .set_service_registries(input.service_registries.clone())
        .set_health_check_grace_period_seconds(input.health_check_grace_period_seconds)
        .enable_execute_command(input.enable_execute_command == Some(true))
        .set_deployment_configuration(input.deployment_configuration.clone())
        .set_launch_type(input.launch_type.clone())
        .set_capacity_provider_strategy(input.capacity_provider_strategy.clone())
        .deployments(rollout)
        .set_tags(input.tags.clone())
        .build();
    ecs.tokens.extend(input.client_token.clone().map(|token| (token, name.to_owned())));
    ecs.services.retain(|other| other.service_name() != Some(name));
    ecs.services.push(service.clone());
    Ok(CreateServiceOutput::builder().service(service).build())
}

fn grace(seconds: Option<i32>, unserved: bool) -> Result<(), Refusal> {
    if seconds.is_some() && unserved {
        return Err(invalid("Health check grace period is only valid for services with load balancers."));
    }
    Ok(())
}

/// Updates a service. Fields that the call omits keep their value. A change that affects the tasks starts a rollout.
fn update(ecs: &mut Ecs, input: &UpdateServiceInput) -> Result<UpdateServiceOutput, Refusal> {
    let definition = input.task_definition().map(|name| ecs.startable(Some(name))).transpose()?;
    let service = ecs.service(input.cluster(), input.service())?;
    if service.status() != Some("ACTIVE") {
        return Err(Refusal::new("ServiceNotActiveException", "Service was not ACTIVE."));
    }
    let mut new = service.clone();
    new.task_definition = definition.or(new.task_definition);
    new.desired_count = input.desired_count.unwrap_or(new.desired_count);
    new.network_configuration = input.network_configuration.clone().or(new.network_configuration);
    new.load_balancers = input.load_balancers.clone().or(new.load_balancers);
    new.service_registries = input.service_registries.clone().or(new.service_registries);
    let unserved = new.load_balancers().is_empty();
    grace(input.health_check_grace_period_seconds, unserved)?;
    new.health_check_grace_period_seconds =
        input.health_check_grace_period_seconds.or(new.health_check_grace_period_seconds);
    new.enable_execute_command = input.enable_execute_command.unwrap_or(new.enable_execute_command);
    new.deployment_configuration = input.deployment_configuration.clone().or(new.deployment_configuration);
    if let Some(strategy) = &input.capacity_provider_strategy {
        (new.launch_type, new.capacity_provider_strategy) = (None, Some(strategy.clone()));
    }
    // ECS starts a rollout for any given network, even the same one.
    // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
    let other_tasks = new.task_definition != service.task_definition
        || input.network_configuration.is_some()
        || new.load_balancers != service.load_balancers
        || input.service_registries.is_some();
    if other_tasks || input.force_new_deployment == Some(true) {
        let rollout = ecs.rollout(new.task_definition.clone(), new.desired_count);
        let rollouts = new.deployments.get_or_insert_default();
        rollouts.iter_mut().for_each(|old| old.status = Some("ACTIVE".to_owned()));
        rollouts.insert(0, rollout);
    } else {
        let now = ecs.next();
        for rollout in new.deployments.iter_mut().flatten().filter(|rollout| rollout.status() == Some("PRIMARY")) {
            rollout.desired_count = new.desired_count;
            rollout.updated_at = Some(DateTime::from_secs(now));
        }
    }
    let service = ecs.service(input.cluster(), input.service())?;
    service.clone_from(&new);
    Ok(UpdateServiceOutput::builder().service(new).build())
}

fn delete(ecs: &mut Ecs, input: &DeleteServiceInput) -> Result<DeleteServiceOutput, Refusal> {
    let service = ecs.service(input.cluster(), input.service())?;
    if service.desired_count() > 0 && input.force() != Some(true) {
        return Err(invalid("The service cannot be stopped while it is scaled above 0."));
    }
    service.status = Some("DRAINING".to_owned());
    Ok(DeleteServiceOutput::builder().service(service.clone()).build())
}

/// Lists services, without draining ones.
fn list(ecs: &mut Ecs, input: &ListServicesInput) -> Result<ListServicesOutput, Refusal> {
    ecs.cluster(input.cluster())?;
    let active = ecs.services.iter().filter(|service| service.status() == Some("ACTIVE"));
    let arns = active.filter_map(|service| service.service_arn.clone()).collect();
    Ok(ListServicesOutput::builder().set_service_arns(Some(arns)).build())
}

fn describe(ecs: &mut Ecs, input: &DescribeServicesInput) -> Result<DescribeServicesOutput, Refusal> {
    ecs.cluster(input.cluster())?;
    let mut shown = Vec::new();
    for service in &mut ecs.services {
        let name = service.service_name().unwrap_or_default();
        if !input.services().iter().any(|wanted| aws::last_part(wanted) == name) {
            continue;
        }
        shown.push(service.clone());
        advance(service);
    }
    Ok(DescribeServicesOutput::builder().set_services(Some(shown)).build())
}

/// Moves a service on between two reads.
fn advance(service: &mut Service) {
    let rollouts = service.deployments.get_or_insert_default();
    if service.status.as_deref() == Some("DRAINING") {
        service.status = Some("INACTIVE".to_owned());
        rollouts.clear();
    }
    rollouts.retain(|rollout| rollout.status() == Some("PRIMARY"));
    for rollout in rollouts.iter_mut().filter(|rollout| rollout.rollout_state() != Some(&State::Failed)) {
        rollout.running_count = rollout.desired_count;
        rollout.rollout_state = Some(State::Completed);
    }
    service.running_count = rollouts.iter().map(Deployment::running_count).sum();
}
