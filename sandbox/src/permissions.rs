//! Evaluates the IAM policies of a role.

use serde_json::Value;

use crate::{api::ApiError, moto::Moto, settings::Settings};

/// How long AWS takes until a new role can be assumed, in seconds.
const ASSUMABLE: f64 = 10.0;

/// Returns all roles by ARN, with their policies and their age.
pub(crate) async fn roles(moto: &Moto, settings: &Settings) -> Value {
    let mut roles = moto.get("/roles").await.unwrap_or_default();
    // The age of a role counts in the scaled time of this region.
    let wait = settings.provision(ASSUMABLE * 10.0).as_secs_f64();
    if let Some(roles) = roles.as_object_mut() {
        roles
            .values_mut()
            .for_each(|role| role["assumable"] = Value::Bool(role["age"].as_f64().unwrap_or_default() > wait));
    }
    roles
}

/// Returns whether this service can assume the role now.
pub(crate) fn may_be_assumed(roles: &Value, role: &str, principal: &str) -> bool {
    let trusts = roles[role]["trusts"].as_array().is_some_and(|trusts| trusts.iter().any(|one| one == principal));
    trusts && roles[role]["assumable"] == true
}

/// Refuses a task definition whose roles ECS cannot assume yet.
pub(crate) fn check_assumable(roles: &Value, definition: &Value) -> Result<(), ApiError> {
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

/// Returns whether a role may do `action` on `resource`: a statement allows it, and none denies it.
///
/// Conditions are not evaluated: they count as met in a statement that allows, and as not met in one that denies.
pub(crate) fn allows(roles: &Value, role: &str, action: &str, resource: &str) -> bool {
    judge(roles, role, action, |statement| holds(&statement["Resource"], |pattern| matches(pattern, resource)))
}

/// Returns whether a role may do `action` on at least one resource.
pub(crate) fn allows_somewhere(roles: &Value, role: &str, action: &str) -> bool {
    judge(roles, role, action, |statement| statement["Effect"] == "Allow" || statement["Resource"] == "*")
}

fn judge(roles: &Value, role: &str, action: &str, is_about: impl Fn(&Value) -> bool) -> bool {
    let policies = roles[role]["policies"].as_array().into_iter().flatten();
    let statements = policies.flat_map(|policy| list(&policy["Statement"])).filter(|statement| {
        // The names of actions are not case-sensitive.
        let action = action.to_lowercase();
        is_about(statement) && holds(&statement["Action"], |pattern| matches(&pattern.to_lowercase(), &action))
    });
    let (allowing, others): (Vec<&Value>, Vec<&Value>) =
        statements.partition(|statement| statement["Effect"] == "Allow");
    !allowing.is_empty() && others.iter().all(|statement| !statement["Condition"].is_null())
}

fn holds(patterns: &Value, is_met: impl Fn(&str) -> bool) -> bool {
    list(patterns).into_iter().filter_map(Value::as_str).any(is_met)
}

/// Returns the items of a policy element. IAM allows a single value without brackets.
fn list(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |items| items.iter().collect())
}

/// Matches IAM's wildcards: `*` matches any characters or none, and `?` exactly one, anywhere in the pattern.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>
fn matches(pattern: &str, wanted: &str) -> bool {
    let (pattern, wanted): (Vec<char>, Vec<char>) = (pattern.chars().collect(), wanted.chars().collect());
    let (mut at, mut to) = (0, 0);
    // The position of the last `*` and the end of its match. On a mismatch, the `*` takes one more character.
    let mut star: Option<(usize, usize)> = None;
    while to < wanted.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at, to));
            at += 1;
        } else if pattern.get(at).is_some_and(|c| *c == '?' || *c == wanted[to]) {
            at += 1;
            to += 1;
        } else if let Some((stands, reached)) = star {
            star = Some((stands, reached + 1));
            at = stands + 1;
            to = reached + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn action_is_allowed_unless_a_statement_denies_it() {
        let statement = |effect: &str, actions: &[&str], resource: &str| json!({ "Effect": effect, "Action": actions, "Resource": resource });
        let allow = statement("Allow", &["s3:GetObject", "s3:Put*"], "arn:aws:s3:::up/*");
        let deny = statement("Deny", &["s3:*"], "arn:aws:s3:::up/secret/*");
        let mut conditional = statement("Deny", &["*"], "*");
        conditional["Condition"] = json!({ "Bool": { "aws:SecureTransport": "false" } });
        let roles = json!({ "role": { "policies": [{ "Statement": [allow, deny] }, { "Statement": conditional }] } });
        let may = |action: &str, key: &str| allows(&roles, "role", action, &format!("arn:aws:s3:::up/{key}"));
        assert!(may("s3:GetObject", "a") && may("s3:putobject", "a"));
        assert!(!may("s3:GetObject", "secret/a") && !may("s3:DeleteObject", "a"));
        assert!(allows_somewhere(&roles, "role", "s3:GetObject"));
        assert!(!allows_somewhere(&roles, "role", "s3:DeleteObject"));
        assert!(!allows(&roles, "another", "s3:GetObject", "arn:aws:s3:::up/a"));
    }

    #[test]
    fn wildcards_match_anywhere_in_the_pattern() {
        let log = "arn:aws:logs:eu-west-1:123456789012:log-group:/stackctl/demo/default/web:log-stream:x";
        for pattern in ["*", "arn:*", "arn:aws:logs:*:*:log-group:/stackctl/demo/default/web:*", log] {
            assert!(matches(pattern, log), "{pattern}");
        }
        for pattern in ["", "arn:", "arn:aws:logs:*:*:log-group:/stackctl/demo/default/api:*", "*:y", "log*"] {
            assert!(!matches(pattern, log), "{pattern}");
        }
        assert!(matches("secret:api-??????", "secret:api-AbCdEf"));
        assert!(
            !matches("secret:api-??????", "secret:api-AbCdE") && !matches("secret:api-??????", "secret:api-key-AbCdEf")
        );
    }
}
