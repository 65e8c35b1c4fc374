//! Rollbacks: by the circuit breaker or on request.

use serde_json::{Value, json};

use super::{
    input::text,
    ledger::Ledger,
    model::{Life, Outcome, Rollout, Service},
};
use crate::api::{ApiError, now};

/// Stops a rollout when too many of its tasks have failed.
///
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>
pub(super) fn break_circuit(state: &mut Ledger, service: &mut Service) {
    let breaker = service.settings["deploymentConfiguration"]["deploymentCircuitBreaker"].clone();
    let threshold = threshold(&breaker["thresholdConfiguration"], service.desired);
    let Some(primary) = service.primary() else { return };
    if breaker["enable"] != true || primary.rollout != Rollout::InProgress || primary.failed < threshold {
        return;
    }
    let failed = primary.id.clone();
    service.say(format!("(deployment {failed}) deployment failed: tasks failed to start."));
    if breaker["rollback"] == true && before(service).is_some() {
        let why = "Service deployment rolled back because of the deployment circuit breaker: tasks failed to start.";
        service.judge(&failed, Outcome::RollbackInProgress, why);
        go_back(state, service, "ECS deployment circuit breaker");
        return;
    }
    let outcome = if breaker["rollback"] == true { Outcome::RollbackFailed } else { Outcome::Stopped };
    service.judge(&failed, outcome, "The deployment circuit breaker was triggered: tasks failed to start.");
    let primary = &mut service.deployments[0];
    primary.rollout = Rollout::Failed;
    primary.updated = now();
    primary.reason = format!("ECS deployment {failed} failed: tasks failed to start.");
    stop_tasks(state, &failed);
}

/// `StopServiceDeployment`, which rolls back a rollout in progress.
///
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stop-service-deployment.html>
pub(super) fn stop(state: &mut Ledger, input: &Value) -> Result<Value, ApiError> {
    let arn = text(input, "serviceDeploymentArn");
    if input["stopType"].as_str().is_some_and(|kind| kind != "ROLLBACK") {
        return Err(ApiError::client("InvalidParameterException", "The valid values of stopType are ROLLBACK."));
    }
    let known = |service: &Service| service.life == Life::Active && service.rollout(arn).is_some();
    let Some(index) = state.services.iter().position(known) else {
        return Err(ApiError::client("ServiceDeploymentNotFoundException", "Service deployment not found."));
    };
    let mut service = state.take(index);
    let stopped = go_back_from(state, &mut service, arn);
    state.services[index] = service;
    stopped.map(|()| json!({ "serviceDeploymentArn": arn }))
}

fn go_back_from(state: &mut Ledger, service: &mut Service, arn: &str) -> Result<(), ApiError> {
    let conflict = |message: &str| Err(ApiError::client("ConflictException", message));
    match service.rollout(arn) {
        Some((_, Outcome::RollbackInProgress)) => Ok(()),
        Some((_, Outcome::InProgress)) if before(service).is_none() => {
            conflict("There is no service revision to roll back to.")
        }
        Some((id, Outcome::InProgress)) => {
            service.judge(
                &id,
                Outcome::RollbackInProgress,
                "Service deployment rolled back: it was stopped on request.",
            );
            service.say(format!("(deployment {id}) deployment stopped on request."));
            go_back(state, service, "Service deployment stopped on request");
            Ok(())
        }
        _ => conflict("The service deployment is over."),
    }
}

/// Returns the index of the previous deployment, if it ever completed.
fn before(service: &Service) -> Option<usize> {
    let older = service.deployments.iter().enumerate().skip(1);
    older.filter(|(_, old)| old.rollout == Rollout::Completed).map(|(at, _)| at).next()
}

/// Rolls back: the previous deployment becomes primary and keeps its tasks; the tasks of the abandoned rollout stop.
fn go_back(state: &mut Ledger, service: &mut Service, why: &str) {
    let Some(at) = before(service) else { return };
    let mut old = service.deployments.remove(at);
    let given_up = &mut service.deployments[0];
    given_up.rollout = Rollout::Failed;
    given_up.updated = now();
    given_up.reason = format!("{why}.");
    let failed = given_up.id.clone();
    old.rollout = Rollout::InProgress;
    old.reason = format!("{why}: rolling back to deploymentId {}.", old.id);
    old.updated = now();
    service.say(format!("rolling back to deployment {}.", old.id));
    service.definition.clone_from(&old.definition);
    for (key, value) in old.revision.as_object().into_iter().flatten() {
        service.settings[key.as_str()] = value.clone();
    }
    service.deployments.insert(0, old);
    stop_tasks(state, &failed);
}

fn stop_tasks(state: &mut Ledger, deployment: &str) {
    for task in state.tasks.values_mut().filter(|task| task.deployment.as_deref() == Some(deployment)) {
        task.stop(format!("Scaling activity initiated by (deployment {deployment})"), "ServiceSchedulerInitiated");
    }
}

/// Returns the failure threshold: half of the desired count, from 3 to 200, unless the service configures it.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ThresholdConfiguration.html>
fn threshold(configured: &Value, desired: usize) -> usize {
    let value = configured["value"].as_u64().and_then(|value| usize::try_from(value).ok()).unwrap_or(50);
    let percent = (desired * value).div_ceil(100);
    match configured["type"].as_str() {
        Some("COUNT") => value,
        Some("UNBOUNDED_PERCENT") => percent,
        _ => percent.clamp(3, 200),
    }
}
