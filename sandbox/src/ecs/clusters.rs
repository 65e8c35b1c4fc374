//! Clusters.

use serde_json::{Value, json};

use super::{
    input::{missing_cluster, names, short, text},
    ledger::Ledger,
    model::{Cluster, Life, Status},
    pages::page,
};
use crate::{api::ApiError, place::ACCOUNT};

pub(super) fn create(state: &mut Ledger, region: &str, input: &Value) -> Value {
    let name = input["clusterName"].as_str().unwrap_or("default").to_owned();
    let known = state.clusters.get(&name).is_some_and(|cluster| cluster.active);
    if !known {
        let arn = format!("arn:aws:ecs:{region}:{ACCOUNT}:cluster/{name}");
        let capacity_providers = input["capacityProviders"].clone();
        let cluster =
            Cluster { name: name.clone(), arn, active: true, tags: input["tags"].clone(), capacity_providers };
        state.clusters.insert(name.clone(), cluster);
    }
    json!({ "cluster": document(&state.clusters[&name]) })
}

pub(super) fn describe(state: &Ledger, input: &Value) -> Value {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in names(&input["clusters"]) {
        match state.clusters.get(&name) {
            Some(cluster) => found.push(document(cluster)),
            None => failures.push(json!({ "arn": name, "reason": "MISSING" })),
        }
    }
    json!({ "clusters": found, "failures": failures })
}

pub(super) fn list(state: &Ledger, input: &Value) -> Result<Value, ApiError> {
    let active = state.clusters.values().filter(|cluster| cluster.active);
    page(input, "clusterArns", active.map(|cluster| cluster.arn.as_str()), 100)
}

pub(super) fn delete(state: &mut Ledger, input: &Value) -> Result<Value, ApiError> {
    let name = short(text(input, "cluster")).to_owned();
    let services = state.services.iter().any(|service| service.cluster == name && service.life != Life::Inactive);
    let tasks = state.tasks.values().any(|task| short(&task.cluster_arn) == name && task.status != Status::Stopped);
    let cluster = state.clusters.get_mut(&name).filter(|cluster| cluster.active).ok_or_else(missing_cluster)?;
    if services {
        let message = "The Cluster cannot be deleted while Services are active.";
        return Err(ApiError::client("ClusterContainsServicesException", message));
    }
    if tasks {
        let message = "The Cluster cannot be deleted while Tasks are active.";
        return Err(ApiError::client("ClusterContainsTasksException", message));
    }
    cluster.active = false;
    Ok(json!({ "cluster": document(cluster) }))
}

/// Sets the capacity providers of a cluster. Providers that the call does not name are removed.
pub(super) fn put_capacity_providers(state: &mut Ledger, input: &Value) -> Result<Value, ApiError> {
    let name = short(text(input, "cluster")).to_owned();
    let cluster = state.clusters.get_mut(&name).filter(|cluster| cluster.active).ok_or_else(missing_cluster)?;
    cluster.capacity_providers = input["capacityProviders"].clone();
    Ok(json!({ "cluster": document(cluster) }))
}

fn document(cluster: &Cluster) -> Value {
    let status = if cluster.active { "ACTIVE" } else { "INACTIVE" };
    let capacity_providers = cluster.capacity_providers.as_array().cloned().unwrap_or_default();
    json!({
        "clusterArn": cluster.arn, "clusterName": cluster.name, "status": status, "tags": cluster.tags,
        "capacityProviders": capacity_providers,
    })
}
