//! Event patterns: the operators that stackctl uses.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>

use serde_json::{Map, Value};

/// Returns whether `event` matches `pattern`.
pub(super) fn matches(pattern: &Value, event: &Value) -> bool {
    pattern.as_object().is_some_and(|fields| fields.iter().all(|(key, wanted)| meets(key, wanted, event)))
}

fn meets(key: &str, wanted: &Value, event: &Value) -> bool {
    match wanted {
        Value::Array(branches) if key == "$or" => branches.iter().any(|branch| matches(branch, event)),
        Value::Array(wanted) => wanted.iter().any(|wanted| holds(wanted, event.get(key))),
        Value::Object(_) => match event.get(key) {
            // All fields must match within the same item of a list.
            Some(Value::Array(items)) => items.iter().any(|item| matches(wanted, item)),
            Some(inner) => matches(wanted, inner),
            None => matches(wanted, &Value::Null),
        },
        _ => false,
    }
}

fn holds(wanted: &Value, value: Option<&Value>) -> bool {
    match value {
        Some(Value::Array(items)) => items.iter().any(|item| holds(wanted, Some(item))),
        value => match wanted {
            Value::Object(operator) => operated(operator, value),
            wanted => value == Some(wanted),
        },
    }
}

fn operated(operator: &Map<String, Value>, value: Option<&Value>) -> bool {
    match operator.iter().next() {
        Some((name, Value::Array(others))) if name == "anything-but" => {
            value.is_some_and(|value| !others.contains(value))
        }
        Some((name, Value::Bool(there))) if name == "exists" => value.is_some() == *there,
        Some((name, Value::String(prefix))) if name == "prefix" => {
            value.and_then(Value::as_str).is_some_and(|value| value.starts_with(prefix))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        json!({ "source": "aws.ecs", "detail": {
            "group": "job:report", "stopCode": "EssentialContainerExited",
            "containers": [{ "name": "web", "exitCode": 0 }, { "name": "proxy", "exitCode": 3 }],
        } })
    }

    #[test]
    fn pattern_fields_must_match_within_one_item() {
        let of = |name: &str| json!({ "detail": { "containers": { "name": [name], "exitCode": [{ "anything-but": [0] }] } } });
        assert!(matches(&of("proxy"), &event()));
        assert!(!matches(&of("web"), &event()) && !matches(&of("other"), &event()));
    }

    #[test]
    fn pattern_operators_work_like_those_of_eventbridge() {
        let detail = |detail: Value| matches(&json!({ "source": ["aws.ecs"], "detail": detail }), &event());
        assert!(detail(json!({ "group": ["job:other", "job:report"] })));
        assert!(detail(json!({ "group": [{ "prefix": "job:" }] })));
        assert!(!detail(json!({ "stopCode": [{ "anything-but": ["EssentialContainerExited"] }] })));
        assert!(!detail(json!({ "startedBy": [{ "anything-but": ["stackctl-run"] }] })), "a field that is absent");
        assert!(detail(json!({ "startedBy": [{ "exists": false }] })));
        let or = |one: Value| detail(json!({ "$or": [one, { "stopCode": ["TaskFailedToStart"] }] }));
        assert!(or(json!({ "group": ["job:report"] })) && !or(json!({ "group": ["job:other"] })));
    }
}
