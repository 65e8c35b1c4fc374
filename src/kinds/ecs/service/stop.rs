//! Rolls back a rollout that is in progress.

use aws_sdk_ecs::types::{ServiceDeploymentStatus as Status, StopServiceDeploymentStopType as StopType};

use super::Live;
use crate::{
    aws::{Once, Outcome},
    kind::Context,
    model::Failure,
};

/// Returns the service's rollouts in progress, as ARNs of service deployments. There is more than one only at the
/// moment when one replaces another.
///
/// # Errors
/// Returns an error if a call to ECS fails.
pub async fn under_way(cx: &Context, live: &Live) -> Result<Vec<String>, Failure> {
    let call = cx.aws.ecs.list_service_deployments().cluster(&live.cluster).service(&live.name);
    let call = call.status(Status::Pending).status(Status::InProgress);
    let answer = call.send().await.during("ListServiceDeployments")?;
    let found = answer.service_deployments.unwrap_or_default().into_iter();
    Ok(found.filter_map(|deployment| deployment.service_deployment_arn).collect())
}

/// Makes ECS roll back the rollout `arn`. Returns `false` if it has already ended.
///
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopServiceDeployment.html>
///
/// # Errors
/// Returns an error if a call to ECS fails.
pub async fn stop(cx: &Context, arn: &str) -> Result<bool, Failure> {
    let call = cx.aws.ecs.stop_service_deployment().service_deployment_arn(arn).stop_type(StopType::Rollback);
    let answer = call.customize().once().send().await;
    let ended = ["ConflictException", "ServiceDeploymentNotFoundException"];
    Ok(answer.or_absent("StopServiceDeployment", &ended)?.is_some())
}
