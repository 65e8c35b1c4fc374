//! The order in which the containers of a task start, and the reverse order in which they stop.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html>

use serde_json::Value;

use super::input::text;

/// The phase of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It waits for other containers.
    Waiting,
    /// It runs, with the last result of its health check, if there is one.
    Running(Option<bool>),
    /// It ended with this exit code, or never started (`None`).
    Ended(Option<i32>),
}

impl Phase {
    pub(super) fn has_ended(self) -> bool {
        matches!(self, Self::Ended(_))
    }
}

/// Whether a container may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum May {
    Now,
    Later,
    /// Its condition can no longer be met.
    Never,
}

/// Returns whether the container `definition` may start, given the phases of the others.
pub(super) fn may_start(definition: &Value, phase: impl Fn(&str) -> Phase) -> May {
    let all = definition["dependsOn"].as_array().into_iter().flatten().map(|dependency| {
        match (text(dependency, "condition"), phase(text(dependency, "containerName"))) {
            ("COMPLETE", Phase::Ended(Some(_)))
            | ("SUCCESS", Phase::Ended(Some(0)))
            | ("HEALTHY", Phase::Running(Some(true)))
            | ("START", Phase::Running(_) | Phase::Ended(Some(_))) => May::Now,
            (_, Phase::Ended(_)) => May::Never,
            _ => May::Later,
        }
    });
    all.fold(May::Now, |may, one| match (may, one) {
        (May::Never, _) | (_, May::Never) => May::Never,
        (May::Later, _) | (_, May::Later) => May::Later,
        (May::Now, May::Now) => May::Now,
    })
}

/// Returns whether the container `name` may stop: all containers that depend on it have ended.
pub(super) fn may_stop<'a>(name: &str, mut others: impl Iterator<Item = (&'a Value, Phase)>) -> bool {
    let waited = |definition: &Value| {
        let mut dependencies = definition["dependsOn"].as_array().into_iter().flatten();
        dependencies.any(|dependency| text(dependency, "containerName") == name)
    };
    others.all(|(definition, phase)| phase.has_ended() || !waited(definition))
}

/// Returns ECS's error for the containers of a task definition, if they are invalid.
pub(super) fn refusal(containers: &[Value]) -> Option<String> {
    if !containers.is_empty() && containers.iter().all(|container| container["essential"] == false) {
        return Some("At least one container must be essential.".to_owned());
    }
    for container in containers {
        let name = text(container, "name");
        for dependency in container["dependsOn"].as_array().into_iter().flatten() {
            let (other, condition) = (text(dependency, "containerName"), text(dependency, "condition"));
            let Some(other) = containers.iter().find(|container| text(container, "name") == other) else {
                return Some(format!("Container '{name}' depends on '{other}', which is not in the task definition."));
            };
            if condition == "HEALTHY" && other["healthCheck"].is_null() {
                return Some(format!(
                    "The container '{name}' cannot depend on '{}' with condition HEALTHY: it has no health check.",
                    text(other, "name")
                ));
            }
            if matches!(condition, "COMPLETE" | "SUCCESS") && other["essential"] != false {
                return Some(format!(
                    "A container with a COMPLETE or SUCCESS dependency cannot be essential: '{}'.",
                    text(other, "name")
                ));
            }
        }
        if depends_on_itself(containers, name) {
            return Some("There is a circular dependency between containers.".to_owned());
        }
    }
    None
}

fn depends_on_itself(containers: &[Value], name: &str) -> bool {
    let dependencies = |name: &str| {
        let container = containers.iter().find(|container| text(container, "name") == name);
        let all = container.and_then(|container| container["dependsOn"].as_array()).into_iter().flatten();
        all.map(|dependency| text(dependency, "containerName")).collect::<Vec<_>>()
    };
    let (mut seen, mut next) = (Vec::new(), dependencies(name));
    while let Some(other) = next.pop() {
        if other == name {
            return true;
        }
        if !seen.contains(&other) {
            seen.push(other);
            next.extend(dependencies(other));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn after(name: &str, other: &str, condition: &str) -> Value {
        json!({ "name": name, "dependsOn": [{ "containerName": other, "condition": condition }] })
    }

    #[test]
    fn container_starts_when_its_condition_is_met() {
        use Phase::{Ended, Running, Waiting};
        let table = [
            ("START", Waiting, May::Later),
            ("START", Running(None), May::Now),
            ("START", Ended(Some(1)), May::Now),
            ("START", Ended(None), May::Never),
            ("HEALTHY", Running(None), May::Later),
            ("HEALTHY", Running(Some(false)), May::Later),
            ("HEALTHY", Running(Some(true)), May::Now),
            ("COMPLETE", Running(None), May::Later),
            ("COMPLETE", Ended(Some(1)), May::Now),
            ("SUCCESS", Ended(Some(1)), May::Never),
            ("SUCCESS", Ended(Some(0)), May::Now),
        ];
        for (condition, phase, may) in table {
            assert_eq!(may_start(&after("web", "other", condition), |_| phase), may, "{condition} {phase:?}");
        }
        assert_eq!(may_start(&json!({ "name": "web" }), |_| Waiting), May::Now);
    }

    #[test]
    fn container_stops_after_those_that_depend_on_it() {
        let drain = after("drain", "web", "START");
        assert!(!may_stop("web", [(&drain, Phase::Running(None))].into_iter()));
        assert!(may_stop("web", [(&drain, Phase::Ended(Some(0)))].into_iter()));
        assert!(may_stop("drain", [(&json!({ "name": "web" }), Phase::Running(None))].into_iter()));
    }

    #[test]
    fn dependencies_that_cannot_be_met_are_refused() {
        let said = |containers: &[Value]| refusal(containers).unwrap_or_default();
        assert_eq!(said(&[json!({ "name": "web" }), after("drain", "web", "START")]), "");
        assert!(said(&[json!({ "name": "web", "essential": false })]).contains("essential"));
        assert!(said(&[after("a", "b", "START"), after("b", "a", "START")]).contains("circular"));
        assert!(said(&[after("a", "b", "START")]).contains("not in the task definition"));
        assert!(said(&[after("a", "b", "HEALTHY"), json!({ "name": "b" })]).contains("no health check"));
        assert!(said(&[after("a", "b", "SUCCESS"), json!({ "name": "b" })]).contains("cannot be essential"));
    }
}
