//! Starts, stops and describes tasks.

use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    definitions,
    input::{check_network, missing_cluster, names, short, text},
    ledger::Ledger,
    model::{Container, Status, Task},
    pages::page,
};
use crate::{api::ApiError, permissions};

/// The parameters of a new task.
pub(super) struct Start<'a> {
    pub(super) cluster: &'a str,
    pub(super) definition: &'a str,
    pub(super) network: &'a Value,
    pub(super) tags: &'a Value,
    pub(super) overrides: &'a Value,
    pub(super) started_by: String,
    pub(super) service: Option<(String, String)>,
    /// The task group, if the caller names one.
    pub(super) group: Option<&'a str>,
    /// Whether ECS Exec is enabled.
    pub(super) exec: bool,
    /// The capacity provider.
    pub(super) provider: Option<&'static str>,
}

/// Adds a task to the ledger. The scheduler runs it.
pub(super) fn start(state: &mut Ledger, start: Start) -> Option<String> {
    let cluster = state.clusters.get(start.cluster)?;
    let definition = definitions::find(state, start.definition)?;
    let id = uuid::Uuid::new_v4().simple().to_string();
    let arn = format!("{}/{id}", cluster.arn.replace(":cluster/", ":task/"));
    let family = text(&definition.document, "family").to_owned();
    let (service, deployment) = start.service.unzip();
    let subnet = subnet(state, start.network, deployment.as_deref());
    let containers = definition.document["containerDefinitions"].as_array().into_iter().flatten();
    let task = Task {
        arn: arn.clone(),
        cluster_arn: cluster.arn.clone(),
        definition: definition.arn.clone(),
        group: match (start.group, &service) {
            (Some(group), _) => group.to_owned(),
            (None, Some(name)) => format!("service:{name}"),
            (None, None) => format!("family:{family}"),
        },
        containers: containers.map(Container::of).collect(),
        id,
        service,
        deployment,
        status: Status::Provisioning,
        started_by: start.started_by,
        tags: start.tags.clone(),
        overrides: start.overrides.clone(),
        network: start.network.clone(),
        subnet,
        // With fractions of a second like ECS, so that the newer of two tasks can be determined.
        created: jiff::Timestamp::now().as_duration().as_secs_f64(),
        started: None,
        running_since: None,
        stopped: None,
        stopped_at: None,
        stop_code: None,
        stopped_reason: None,
        target: None,
        exec: start.exec,
        provider: start.provider,
        stopping: watch::channel(false).0,
        counted: false,
        told: false,
    };
    state.tasks.insert(arn.clone(), task);
    Some(arn)
}

/// Returns the subnet with the fewest tasks of the same deployment. Fargate spreads a service over its zones.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing.html>
fn subnet(state: &Ledger, network: &Value, deployment: Option<&str>) -> Option<String> {
    let tasks_in = |subnet: &str| {
        let beside = state.tasks.values().filter(|task| task.is_alive() && task.deployment.as_deref() == deployment);
        beside.filter(|task| task.subnet.as_deref() == Some(subnet)).count()
    };
    let subnets = network["awsvpcConfiguration"]["subnets"].as_array()?.iter().filter_map(Value::as_str);
    subnets.min_by_key(|subnet| tasks_in(subnet)).map(str::to_owned)
}

/// The size limit of overrides, in characters of their JSON.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>
const LONGEST_OVERRIDES: usize = 8192;

fn check_overrides(overrides: &Value) -> Result<(), ApiError> {
    if overrides.is_null() || overrides.to_string().chars().count() <= LONGEST_OVERRIDES {
        return Ok(());
    }
    let message = format!("Container Overrides length must be at most {LONGEST_OVERRIDES}");
    Err(ApiError::client("InvalidParameterException", message))
}

pub(super) fn run(state: &mut Ledger, input: &Value, roles: &Value) -> Result<Value, ApiError> {
    check_network(input)?;
    check_overrides(&input["overrides"])?;
    let token = text(input, "clientToken").to_owned();
    if let Some(arn) = state.tokens.get(&token).and_then(Value::as_str).filter(|_| !token.is_empty()) {
        return Ok(json!({ "tasks": state.tasks.get(arn).map(|task| task.document(true)), "failures": [] }));
    }
    let cluster = short(text(input, "cluster")).to_owned();
    if !state.clusters.get(&cluster).is_some_and(|cluster| cluster.active) {
        return Err(missing_cluster());
    }
    let definition = definitions::find(state, text(input, "taskDefinition"));
    let definition = definition
        .filter(|found| found.active)
        .ok_or_else(|| ApiError::client("ClientException", "TaskDefinition not found."))?;
    permissions::check_assumable(roles, &definition.document)?;
    let name = definition.arn.clone();
    let what = Start {
        cluster: &cluster,
        definition: &name,
        network: &input["networkConfiguration"],
        tags: &input["tags"],
        overrides: &input["overrides"],
        started_by: text(input, "startedBy").to_owned(),
        service: None,
        group: input["group"].as_str(),
        provider: None,
        exec: input["enableExecuteCommand"] == true,
    };
    let arn = start(state, what).ok_or_else(missing_cluster)?;
    if !token.is_empty() {
        state.tokens.insert(token, json!(arn));
    }
    Ok(json!({ "tasks": [state.tasks[&arn].document(true)], "failures": [] }))
}

pub(super) fn stop(state: &mut Ledger, input: &Value) -> Result<Value, ApiError> {
    let id = short(text(input, "task")).to_owned();
    let task = state.tasks.values_mut().find(|task| task.id == id);
    let task =
        task.ok_or_else(|| ApiError::client("InvalidParameterException", "The referenced task was not found."))?;
    task.stop(input["reason"].as_str().unwrap_or("Task stopped by user"), "UserInitiated");
    // <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html>
    task.tags = json!([]);
    Ok(json!({ "task": task.document(false) }))
}

pub(super) fn describe(state: &Ledger, input: &Value) -> Result<Value, ApiError> {
    let ids = names(&input["tasks"]);
    if ids.len() > 100 {
        return Err(ApiError::client("InvalidParameterException", "Tasks cannot be more than 100."));
    }
    let tags = input["include"].as_array().is_some_and(|include| include.iter().any(|one| one == "TAGS"));
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for id in ids {
        match state.tasks.values().find(|task| task.id == id) {
            Some(task) => found.push(task.document(tags)),
            None => failures.push(json!({ "arn": id, "reason": "MISSING" })),
        }
    }
    Ok(json!({ "tasks": found, "failures": failures }))
}

pub(super) fn list(state: &Ledger, input: &Value) -> Result<Value, ApiError> {
    let cluster = short(input["cluster"].as_str().unwrap_or("default"));
    if !state.clusters.contains_key(cluster) {
        return Err(missing_cluster());
    }
    let wants_stopped = text(input, "desiredStatus") == "STOPPED";
    let service = input["serviceName"].as_str().map(short);
    let arns = state.tasks.values().filter(|task| {
        let family =
            task.definition.rsplit('/').next().unwrap_or_default().rsplit_once(':').map_or("", |(family, _)| family);
        short(&task.cluster_arn) == cluster
            && task.is_alive() != wants_stopped
            && service.is_none_or(|name| task.service.as_deref() == Some(name))
            && input["startedBy"].as_str().is_none_or(|by| task.started_by == by)
            && input["family"].as_str().is_none_or(|name| name == family)
    });
    page(input, "taskArns", arns.map(|task| task.arn.as_str()), 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_above_8192_characters_are_refused() {
        let of =
            |length: usize| json!({ "containerOverrides": [{ "name": "web", "command": ["\u{f6}".repeat(length)] }] });
        let rest = of(0).to_string().chars().count();
        assert!(check_overrides(&Value::Null).is_ok() && check_overrides(&of(8192 - rest)).is_ok());
        let refused = check_overrides(&of(8193 - rest)).expect_err("it is too long");
        assert_eq!(refused.code, "InvalidParameterException");
        assert_eq!(refused.message, "Container Overrides length must be at most 8192");
    }
}
