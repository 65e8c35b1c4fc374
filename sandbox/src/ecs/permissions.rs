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

/// IAM's wildcard `*` stands for any characters, also none, wherever and as often as it stands.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>
fn matches(pattern: &str, wanted: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| wanted.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_anything_wherever_it_stands() {
        let log = "arn:aws:logs:eu-west-1:123456789012:log-group:/stackctl/demo/default/web:log-stream:x";
        for pattern in ["*", "arn:*", "arn:aws:logs:*:*:log-group:/stackctl/demo/default/web:*", log] {
            assert!(matches(pattern, log), "{pattern}");
        }
        for pattern in ["", "arn:", "arn:aws:logs:*:*:log-group:/stackctl/demo/default/api:*", "*:y", "log*"] {
            assert!(!matches(pattern, log), "{pattern}");
        }
    }
}
