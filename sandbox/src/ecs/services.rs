//! Services.

use std::collections::VecDeque;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    capacity, definitions, discovery,
    input::{check_network, missing_cluster, names, short, text},
    ledger::Ledger,
    model::{Life, Rollout, Service, Status, Task, without_nulls},
    pages::page,
};
use crate::{
    alb::Alb,
    api::{ApiError, now},
    cloud_map::CloudMap,
    permissions,
    place::ACCOUNT,
};

/// The settings that `UpdateService` can change.
const SETTINGS: &[&str] = &[
    "networkConfiguration",
    "loadBalancers",
    "serviceRegistries",
    "healthCheckGracePeriodSeconds",
    "deploymentConfiguration",
    "propagateTags",
    "enableExecuteCommand",
    "capacityProviderStrategy",
];

/// The parts of the sandbox that route requests to a service.
#[derive(Clone, Copy)]
pub(super) struct Ways<'a> {
    pub(super) alb: &'a Alb,
    pub(super) cloud_map: &'a CloudMap,
}

pub(super) fn create(
    ways: Ways,
    state: &mut Ledger,
    at: &str,
    input: &Value,
    roles: &Value,
) -> Result<Value, ApiError> {
    check_network(input)?;
    let (name, cluster) = (text(input, "serviceName").to_owned(), short(text(input, "cluster")).to_owned());
    if !state.clusters.get(&cluster).is_some_and(|cluster| cluster.active) {
        return Err(missing_cluster());
    }
    let token = text(input, "clientToken");
    if let Some(known) = state
        .services
        .iter()
        .find(|known| known.name == name && known.cluster == cluster && known.life != Life::Inactive)
    {
        if !token.is_empty() && text(&known.settings, "clientToken") == token && known.life == Life::Active {
            return Ok(json!({ "service": document(state, known) }));
        }
        let message = if known.life == Life::Draining {
            "Unable to Start a service that is still Draining."
        } else {
            "Creation of service was not idempotent."
        };
        return Err(ApiError::client("InvalidParameterException", message));
    }
    // ECS still knows the token of a deleted service.
    // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
    let gone = |known: &&Service| known.name == name && known.cluster == cluster && known.life == Life::Inactive;
    let mut gone = state.services.iter().filter(gone);
    if let Some(gone) = gone.find(|gone| !token.is_empty() && text(&gone.settings, "clientToken") == token) {
        return Ok(json!({ "service": document(state, gone) }));
    }
    capacity::check(state, &cluster, input)?;
    let definition = definitions::find(state, text(input, "taskDefinition"));
    let definition = definition
        .filter(|found| found.active)
        .ok_or_else(|| ApiError::client("ClientException", "TaskDefinition not found."))?;
    permissions::check_assumable(roles, &definition.document)?;
    check_targets(ways.alb, &definition.document, &input["loadBalancers"])?;
    check_registries(ways.cloud_map, input)?;
    let definition = definition.arn.clone();
    let mut settings = json!({ "clientToken": token });
    for key in SETTINGS {
        settings[*key] = input[*key].clone();
    }
    let mut service = Service {
        arn: format!("arn:aws:ecs:{at}:{ACCOUNT}:service/{cluster}/{name}"),
        name,
        cluster,
        life: Life::Active,
        definition: definition.clone(),
        desired: count(&input["desiredCount"]),
        settings,
        tags: input["tags"].clone(),
        created: now(),
        deployments: Vec::new(),
        history: Vec::new(),
        events: VecDeque::new(),
        next_start: Instant::now(),
    };
    service.deploy(&definition);
    let answer = document(state, &service);
    state.services.push(service);
    Ok(json!({ "service": answer }))
}

/// Checks that the target groups exist and are in use, and that the container has the port of the load balancer.
fn check_targets(alb: &Alb, definition: &Value, balancers: &Value) -> Result<(), ApiError> {
    let wrong = |message: String| Err(ApiError::client("InvalidParameterException", message));
    for balancer in balancers.as_array().into_iter().flatten() {
        let group = text(balancer, "targetGroupArn");
        if !alb.exists(group) {
            return wrong(format!("The target group with targetGroupArn {group} does not exist."));
        }
        if !alb.is_used(group) {
            return wrong(format!(
                "The target group with targetGroupArn {group} does not have an associated load balancer."
            ));
        }
        let (name, port) = (text(balancer, "containerName"), &balancer["containerPort"]);
        let containers = definition["containerDefinitions"].as_array().into_iter().flatten();
        let Some(container) = containers.into_iter().find(|container| container["name"] == name) else {
            return wrong(format!("The container {name} does not exist in the task definition."));
        };
        let mappings = container["portMappings"].as_array().into_iter().flatten();
        if !mappings.into_iter().any(|mapping| mapping["containerPort"] == *port) {
            return wrong(format!("The container {name} did not have a container port {port} defined."));
        }
    }
    Ok(())
}

/// Checks that the services of Cloud Map exist.
fn check_registries(cloud_map: &CloudMap, input: &Value) -> Result<(), ApiError> {
    match discovery::registries(input).into_iter().find(|registry| !cloud_map.has(registry)) {
        Some(registry) => Err(ApiError::client(
            "InvalidParameterException",
            format!("The service registry {registry} does not exist."),
        )),
        None => Ok(()),
    }
}

pub(super) fn update(ways: Ways, state: &mut Ledger, input: &Value) -> Result<Value, ApiError> {
    check_network(input)?;
    let at = find(state, input)?;
    if state.services[at].life != Life::Active {
        return Err(ApiError::client("ServiceNotActiveException", "Service was not ACTIVE."));
    }
    capacity::check(state, &state.services[at].cluster, input)?;
    let definition = match input["taskDefinition"].as_str() {
        Some(name) => definitions::find(state, name)
            .filter(|found| found.active)
            .ok_or_else(|| ApiError::client("ClientException", "TaskDefinition not found."))?
            .arn
            .clone(),
        None => state.services[at].definition.clone(),
    };
    let kept = &state.services[at].settings["loadBalancers"];
    let balancers = if input["loadBalancers"].is_null() { kept } else { &input["loadBalancers"] };
    let wanted = definitions::find(state, &definition).map(|found| &found.document);
    wanted.map_or(Ok(()), |wanted| check_targets(ways.alb, wanted, balancers))?;
    check_registries(ways.cloud_map, input)?;
    let service = &mut state.services[at];
    let mut rolls = input["forceNewDeployment"] == true || definition != service.definition;
    for key in SETTINGS.iter().filter(|key| !input[**key].is_null()) {
        // AWS documents that a network configuration starts a deployment even if it is unchanged.
        // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
        rolls |= *key == "networkConfiguration";
        rolls |= ["loadBalancers", "serviceRegistries"].contains(key) && service.settings[*key] != input[*key];
        service.settings[*key] = input[*key].clone();
    }
    if !input["desiredCount"].is_null() {
        service.desired = count(&input["desiredCount"]);
    }
    if rolls {
        service.deploy(&definition);
    }
    Ok(json!({ "service": document(state, &state.services[at]) }))
}

pub(super) fn delete(state: &mut Ledger, input: &Value) -> Result<Value, ApiError> {
    let at = find(state, input)?;
    let service = &mut state.services[at];
    if service.life == Life::Active {
        if service.desired > 0 && input["force"] != true {
            let message = "The service cannot be stopped while it is scaled above 0.";
            return Err(ApiError::client("InvalidParameterException", message));
        }
        service.life = Life::Draining;
        service.desired = 0;
    }
    Ok(json!({ "service": document(state, &state.services[at]) }))
}

pub(super) fn describe(state: &Ledger, input: &Value) -> Result<Value, ApiError> {
    let wanted = names(&input["services"]);
    if wanted.len() > 10 {
        return Err(ApiError::client("InvalidParameterException", "Services cannot be more than 10."));
    }
    let cluster = short(input["cluster"].as_str().unwrap_or("default"));
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in wanted {
        let newest = state.services.iter().rev().find(|service| service.name == name && service.cluster == cluster);
        match newest {
            Some(service) => found.push(document(state, service)),
            None => failures.push(json!({ "arn": name, "reason": "MISSING" })),
        }
    }
    Ok(json!({ "services": found, "failures": failures }))
}

pub(super) fn list(state: &Ledger, input: &Value) -> Result<Value, ApiError> {
    let cluster = short(input["cluster"].as_str().unwrap_or("default"));
    if !state.clusters.get(cluster).is_some_and(|cluster| cluster.active) {
        return Err(missing_cluster());
    }
    // A draining service can be described but is not listed.
    let here = state.services.iter().filter(|service| service.cluster == cluster && service.life == Life::Active);
    page(input, "serviceArns", here.map(|service| service.arn.as_str()), 10)
}

pub(super) fn find(state: &Ledger, input: &Value) -> Result<usize, ApiError> {
    let (name, cluster) = (short(text(input, "service")), short(text(input, "cluster")));
    let known =
        |service: &Service| service.name == name && service.cluster == cluster && service.life != Life::Inactive;
    state
        .services
        .iter()
        .position(known)
        .ok_or_else(|| ApiError::client("ServiceNotFoundException", "Service not found."))
}

fn count(value: &Value) -> usize {
    value.as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or_default()
}

/// Returns the service in the form of `DescribeServices`.
fn document(state: &Ledger, service: &Service) -> Value {
    let of_service = |task: &&Task| task.service.as_deref() == Some(&service.name);
    let counted =
        |wanted: &dyn Fn(&Task) -> bool| state.tasks.values().filter(of_service).filter(|task| wanted(task)).count();
    let running = counted(&|task| task.status == Status::Running);
    let pending = counted(&|task| task.status < Status::Running);
    let deployments: Vec<Value> = service
        .deployments
        .iter()
        .enumerate()
        .map(|(index, deployment)| {
            let own = |task: &Task| task.deployment.as_deref() == Some(&deployment.id);
            let state = match deployment.rollout {
                Rollout::InProgress => "IN_PROGRESS",
                Rollout::Completed => "COMPLETED",
                Rollout::Failed => "FAILED",
            };
            json!({
                "id": deployment.id,
                "status": if index == 0 { "PRIMARY" } else { "ACTIVE" },
                "taskDefinition": deployment.definition,
                "desiredCount": if index == 0 { service.desired } else { 0 },
                "pendingCount": counted(&|task| own(task) && task.status < Status::Running),
                "runningCount": counted(&|task| own(task) && (Status::Running..=Status::Stopping).contains(&task.status)),
                "failedTasks": deployment.failed,
                "createdAt": deployment.created, "updatedAt": deployment.updated,
                "rolloutState": state, "rolloutStateReason": deployment.reason, "launchType": "FARGATE",
                "networkConfiguration": service.settings["networkConfiguration"],
            })
        })
        .collect();
    let status = match service.life {
        Life::Active => "ACTIVE",
        Life::Draining => "DRAINING",
        Life::Inactive => "INACTIVE",
    };
    let cluster = state.clusters.get(&service.cluster).map(|cluster| cluster.arn.clone());
    let events = service.events.iter();
    let events = events.map(|(at, id, message)| json!({ "id": id, "createdAt": at, "message": message }));
    let mut document = json!({
        "serviceArn": service.arn, "serviceName": service.name, "clusterArn": cluster, "status": status,
        "desiredCount": service.desired, "runningCount": running, "pendingCount": pending, "launchType": "FARGATE",
        "taskDefinition": service.definition, "deployments": deployments, "events": events.collect::<Vec<_>>(),
        "createdAt": service.created, "tags": service.tags, "schedulingStrategy": "REPLICA",
    });
    for key in SETTINGS {
        document[*key] = service.settings[*key].clone();
    }
    if document["capacityProviderStrategy"].as_array().is_some_and(|items| !items.is_empty()) {
        document["launchType"] = Value::Null;
    }
    without_nulls(&mut document);
    document
}
