//! What a task's execution role may do, by the policies that IAM has of it.

use serde_json::Value;

use crate::{api::ApiError, region::Region};

/// How long AWS takes until a new role can be assumed, in seconds.
const ASSUMABLE: f64 = 10.0;

/// All roles, by ARN, with their policies and their age.
pub(super) async fn roles(region: &Region) -> Value {
    let mut roles = region.moto.get("/roles").await.unwrap_or_default();
    // A role's age counts in this region's time.
    let wait = region.settings.provision(ASSUMABLE * 10.0).as_secs_f64();
    if let Some(roles) = roles.as_object_mut() {
        roles
            .values_mut()
            .for_each(|role| role["assumable"] = Value::Bool(role["age"].as_f64().unwrap_or_default() > wait));
    }
    roles
}

/// Refuses a task definition whose roles ECS cannot assume yet.
pub(super) fn check_assumable(roles: &Value, definition: &Value) -> Result<(), ApiError> {
    for key in ["executionRoleArn", "taskRoleArn"] {
        if let Some(arn) = definition[key].as_str()
            && roles[arn]["assumable"] != true
        {
            let message = format!("ECS was unable to assume the role '{arn}' that was provided for this task.");
            return Err(ApiError::client("ClientException", message));
        }
    }
    Ok(())
}

/// Whether a role may do `action` on `resource`.
pub(super) fn allows(roles: &Value, role: &str, action: &str, resource: &str) -> bool {
    let policies = roles[role]["policies"].as_array().into_iter().flatten();
    policies.flat_map(|policy| list(&policy["Statement"])).any(|statement| {
        let holds = |key: &str, wanted: &str| {
            list(&statement[key]).into_iter().filter_map(Value::as_str).any(|pattern| matches(pattern, wanted))
        };
        statement["Effect"] == "Allow" && holds("Action", action) && holds("Resource", resource)
    })
}

/// IAM lets a list of one stand without its brackets.
fn list(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |items| items.iter().collect())
}

fn matches(pattern: &str, wanted: &str) -> bool {
    match pattern.split_once('*') {
        Some((before, after)) => {
            wanted.starts_with(before) && wanted.len() >= before.len() + after.len() && wanted.ends_with(after)
        }
        None => pattern == wanted,
    }
}
