//! Application Auto Scaling for ECS services: moto keeps targets and policies but does not know the services of the
//! sandbox. Nothing is measured here, so only scheduled actions scale a service.

use serde_json::Value;

use crate::{
    api::{Answer, ApiError, Call},
    ecs::Ecs,
    moto::Moto,
};

/// Refuses a target whose service does not exist.
pub(crate) fn check(ecs: &Ecs, call: &Call) -> Result<(), ApiError> {
    if call.operation != "RegisterScalableTarget" {
        return Ok(());
    }
    let input = call.json()?;
    let Some((cluster, service)) = service(&input) else { return Ok(()) };
    if ecs.is_active(cluster, service) {
        return Ok(());
    }
    let message = format!("ECS service doesn't exist: service/{cluster}/{service}");
    Err(ApiError::client("ValidationException", message))
}

/// Applies a registered target: the desired count of its service moves between the limits.
/// <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html>
pub(crate) fn after(ecs: &Ecs, call: &Call, answer: &Answer) {
    let Some(input) = call.json().ok().filter(|_| call.operation == "RegisterScalableTarget" && answer.status < 300)
    else {
        return;
    };
    keep_within(ecs, &input);
}

/// Runs a scheduled action: it sets the limits of its target, and the desired count of the service moves between
/// them.
/// <https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-policy-overview.html>
pub(crate) async fn scale_on_time(moto: &Moto, ecs: &Ecs, region: &str, input: &Value) -> Result<(), ApiError> {
    const REGISTER: &str = "AnyScaleFrontendService.RegisterScalableTarget";
    moto.json("application-autoscaling", REGISTER, region, input).await?;
    keep_within(ecs, input);
    Ok(())
}

fn keep_within(ecs: &Ecs, input: &Value) {
    let limit = |key: &str| input[key].as_u64().and_then(|limit| usize::try_from(limit).ok());
    if let Some((cluster, service)) = service(input) {
        ecs.keep_within(cluster, service, limit("MinCapacity"), limit("MaxCapacity"));
    }
}

/// Returns cluster and service of a target, if it belongs to ECS.
fn service(input: &Value) -> Option<(&str, &str)> {
    let mut parts = input["ResourceId"].as_str()?.split('/');
    let of_ecs = input["ServiceNamespace"] == "ecs" && parts.next() == Some("service");
    parts.next().zip(parts.next()).filter(|_| of_ecs)
}
