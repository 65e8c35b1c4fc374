//! Tags of existing resources.

use serde_json::{Value, json};

use super::{
    input::text,
    ledger::Ledger,
    model::{Life, Service},
};
use crate::api::ApiError;

/// Adds tags. A tag replaces an existing one with the same key.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TagResource.html>
pub(super) fn tag(state: &mut Ledger, input: &Value) -> Result<Value, ApiError> {
    let arn = text(input, "resourceArn");
    let cluster = state.clusters.values_mut().find(|cluster| cluster.active && cluster.arn == arn);
    let is_there = |service: &&mut Service| service.life != Life::Inactive && service.arn == arn;
    let service = state.services.iter_mut().find(is_there);
    let Some(tags) = cluster.map(|cluster| &mut cluster.tags).or(service.map(|service| &mut service.tags)) else {
        let message = "The specified resource is not valid. Specify a valid resource and try again.";
        return Err(ApiError::client("InvalidParameterException", message));
    };
    let mut all = tags.as_array().cloned().unwrap_or_default();
    for new in input["tags"].as_array().into_iter().flatten() {
        all.retain(|tag| tag["key"] != new["key"]);
        all.push(new.clone());
    }
    *tags = Value::Array(all);
    Ok(json!({}))
}
