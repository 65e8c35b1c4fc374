//! Going back from a rollout that is under way.

use aws_sdk_ecs::types::{ServiceDeploymentStatus as Status, StopServiceDeploymentStopType as StopType};

use super::Live;
use crate::{
    aws::{Once, Outcome},
    kind::Context,
    model::Failure,
};

/// The rollouts of the service that are under way, as ARNs of service deployments. More than one is there only for the
/// moment in which one takes another's place.
///
/// # Errors
/// If ECS fails.
pub async fn under_way(cx: &Context, live: &Live) -> Result<Vec<String>, Failure> {
    let call = cx.aws.ecs.list_service_deployments().cluster(&live.cluster).service(&live.name);
    let call = call.status(Status::Pending).status(Status::InProgress);
    let answer = call.send().await.during("ListServiceDeployments")?;
    let found = answer.service_deployments.unwrap_or_default().into_iter();
    Ok(found.filter_map(|deployment| deployment.service_deployment_arn).collect())
}

/// Has ECS go back from the rollout `arn` to what ran before. Says whether there was anything to go back from: a rollout may
/// have ended meanwhile.
///
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopServiceDeployment.html>
///
/// # Errors
/// If ECS fails.
pub async fn stop(cx: &Context, arn: &str) -> Result<bool, Failure> {
    let call = cx.aws.ecs.stop_service_deployment().service_deployment_arn(arn).stop_type(StopType::Rollback);
    let answer = call.customize().once().send().await;
    let ended = ["ConflictException", "ServiceDeploymentNotFoundException"];
    Ok(answer.or_absent("StopServiceDeployment", &ended)?.is_some())
}
