//! Helpers for the inputs of ECS's calls: names from ARNs, and the cluster, which must exist.

use serde_json::Value;

pub(super) use crate::api::text;

use crate::api::ApiError;

/// Returns the name in an ARN or a name.
pub(super) fn short(name_or_arn: &str) -> &str {
    name_or_arn.rsplit('/').next().unwrap_or(name_or_arn)
}

/// Returns the names in a list of names or ARNs.
pub(super) fn names(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|name| name.as_str().map(|name| short(name).to_owned())).collect()
}

pub(super) fn missing_cluster() -> ApiError {
    ApiError::client("ClusterNotFoundException", "Cluster not found.")
}

/// Refuses a network configuration with more than five security groups.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html>
pub(super) fn check_network(input: &Value) -> Result<(), ApiError> {
    let groups = &input["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"];
    if groups.as_array().is_some_and(|groups| groups.len() > 5) {
        let message = "securityGroups can have at most 5 items.";
        return Err(ApiError::client("InvalidParameterException", message));
    }
    Ok(())
}
