//! EventBridge: the control plane keeps the rules; this module matches ended tasks against them and runs their
//! targets.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-what-is-how-it-works-concepts.html>

mod pattern;

use serde_json::{Value, json};

use crate::{
    api::{ApiError, Call},
    ecs::Ecs,
};

/// The service that assumes a target's role.
const PRINCIPAL: &str = "events.amazonaws.com";

/// Refuses a target whose role EventBridge cannot assume.
pub(crate) async fn check(ecs: &Ecs, call: &Call) -> Result<(), ApiError> {
    if call.operation != "PutTargets" {
        return Ok(());
    }
    let input = call.json()?;
    let roles = input["Targets"].as_array().into_iter().flatten().filter_map(|target| target["RoleArn"].as_str());
    for role in roles {
        if !ecs.may_be_assumed(role, PRINCIPAL).await {
            let message = format!("Provided role '{role}' cannot be assumed by principal '{PRINCIPAL}'.");
            return Err(ApiError::client("ValidationException", message));
        }
    }
    Ok(())
}

/// Handles the end of a task; `task` is its document from `DescribeTasks`.
pub(crate) async fn ended(ecs: &Ecs, task: Value) {
    let arn = task["taskArn"].as_str().unwrap_or_default().to_owned();
    let mut parts = arn.split(':').skip(3);
    let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let event = json!({
        "version": "0", "id": uuid::Uuid::new_v4(), "detail-type": "ECS Task State Change", "source": "aws.ecs",
        "account": account, "time": jiff::Timestamp::now().to_string(), "region": region, "resources": [arn],
        "detail": task,
    });
    let rules = ecs.rules().await;
    for rule in rules.as_array().into_iter().flatten() {
        let pattern = serde_json::from_str(rule["EventPattern"].as_str().unwrap_or_default()).unwrap_or_default();
        if rule["State"] != "ENABLED" || !pattern::matches(&pattern, &event) {
            continue;
        }
        let name = rule["Name"].as_str().unwrap_or_default();
        for target in rule["Targets"].as_array().into_iter().flatten() {
            let done = if target["EcsParameters"].is_object() {
                ecs.start_target(format!("events-rule/{name}"), target).await
            } else {
                ecs.tell(target, &words(target, &event)).await
            };
            if let Err(error) = done {
                tracing::warn!(rule = name, code = error.code, "its target was not reached: {}", error.message);
            }
        }
    }
}

/// Returns the message for a topic: the event itself, or a template filled from the event.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html>
fn words(target: &Value, event: &Value) -> String {
    let transformer = &target["InputTransformer"];
    let Some(template) = transformer["InputTemplate"].as_str() else { return event.to_string() };
    let paths = transformer["InputPathsMap"].as_object().into_iter().flatten();
    let filled = paths.fold(template.to_owned(), |text, (word, path)| {
        let path = path.as_str().unwrap_or_default().trim_start_matches('$').replace('.', "/");
        let value =
            event.pointer(&path).map_or(String::new(), |value| value.as_str().map_or(value.to_string(), str::to_owned));
        text.replace(&format!("<{word}>"), &value)
    });
    serde_json::from_str(&filled).unwrap_or(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_template_is_filled_from_the_event() {
        let target = json!({ "InputTransformer": {
            "InputTemplate": "\"<group> failed: <reason>\"",
            "InputPathsMap": { "group": "$.detail.group", "reason": "$.detail.stoppedReason" },
        } });
        let event = json!({ "detail": { "group": "job:report", "stoppedReason": "it exited" } });
        assert_eq!(words(&target, &event), "job:report failed: it exited");
    }
}
