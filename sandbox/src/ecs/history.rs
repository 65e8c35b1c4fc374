//! The history of a service: its current and past deployments, and the revisions that they rolled out.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html>

use serde_json::{Value, json};

use super::{
    ledger::Ledger,
    model::{Deployment, Outcome, Past, Service, without_nulls},
    pages::page,
    services,
};
use crate::api::ApiError;

/// The default page size of deployments, and the most revisions in one call.
const PAGE: usize = 20;

impl Service {
    /// Records a new deployment, and ends the one in progress.
    pub(super) fn remember(&mut self, deployment: &Deployment) {
        self.close(Outcome::Stopped, Outcome::Stopped, "The service deployment was replaced by another one.");
        let number = deployment.id.rsplit('/').next().unwrap_or_default();
        let arn = |kind: &str| format!("{}/{number}", self.arn.replacen(":service/", &format!(":{kind}/"), 1));
        let past = Past {
            arn: arn("service-deployment"),
            revision: arn("service-revision"),
            deployment: deployment.id.clone(),
            definition: deployment.definition.clone(),
            status: Outcome::InProgress,
            reason: None,
            created: deployment.created,
            finished: None,
        };
        self.history.push(past);
    }

    /// Sets the outcome of the deployment `id`.
    pub(super) fn judge(&mut self, id: &str, status: Outcome, reason: &str) {
        for past in self.history.iter_mut().filter(|past| past.deployment == id && past.status.is_open()) {
            past.end_as(status, reason);
        }
    }

    /// Returns the id of the deployment in the service, and the outcome of the service deployment `arn`.
    pub(super) fn rollout(&self, arn: &str) -> Option<(String, Outcome)> {
        let past = self.history.iter().find(|past| past.arn == arn)?;
        Some((past.deployment.clone(), past.status))
    }

    /// Ends the deployments in progress: with `rolled_out`, or with `rolled_back` for one that was rolling back.
    pub(super) fn close(&mut self, rolled_out: Outcome, rolled_back: Outcome, reason: &str) {
        for past in &mut self.history {
            match past.status {
                Outcome::InProgress => past.end_as(rolled_out, reason),
                Outcome::RollbackInProgress => {
                    let why = past.reason.clone().unwrap_or_default();
                    past.end_as(rolled_back, &why);
                }
                _ => {}
            }
        }
    }
}

pub(super) fn deployments(state: &Ledger, input: &Value) -> Result<Value, ApiError> {
    let service = &state.services[services::find(state, input)?];
    let wanted = |past: &&Past| {
        let statuses = input["status"].as_array().filter(|statuses| !statuses.is_empty());
        statuses.is_none_or(|statuses| statuses.iter().any(|status| status == past.status.name()))
    };
    let all = service.history.iter().rev().filter(wanted).map(|past| {
        json!({
            "serviceDeploymentArn": past.arn, "serviceArn": service.arn, "targetServiceRevisionArn": past.revision,
            "clusterArn": cluster(state, service), "status": past.status.name(), "statusReason": past.reason,
            "createdAt": past.created, "startedAt": past.created, "finishedAt": past.finished,
        })
    });
    let mut answer = page(input, "serviceDeployments", all, PAGE)?;
    without_nulls(&mut answer);
    Ok(answer)
}

pub(super) fn revisions(state: &Ledger, input: &Value) -> Result<Value, ApiError> {
    let asked: Vec<&str> =
        input["serviceRevisionArns"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if asked.is_empty() || asked.len() > PAGE {
        return Err(ApiError::client("InvalidParameterException", "serviceRevisionArns takes 1 to 20 ARNs"));
    }
    let known = |arn: &str| {
        state.services.iter().find_map(|service| {
            let past = service.history.iter().find(|past| past.revision == arn)?;
            Some(json!({
                "serviceRevisionArn": past.revision, "serviceArn": service.arn, "clusterArn": cluster(state, service),
                "taskDefinition": past.definition, "launchType": "FARGATE", "createdAt": past.created,
            }))
        })
    };
    let found: Vec<Value> = asked.iter().filter_map(|arn| known(arn)).collect();
    let failures: Vec<Value> =
        asked.iter().filter(|arn| known(arn).is_none()).map(|arn| json!({ "arn": arn, "reason": "MISSING" })).collect();
    Ok(json!({ "serviceRevisions": found, "failures": failures }))
}

fn cluster(state: &Ledger, service: &Service) -> Option<String> {
    state.clusters.get(&service.cluster).map(|cluster| cluster.arn.clone())
}
