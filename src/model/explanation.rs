//! The explanation of a failure beyond its message: evidence, likely cause and next step. Plain data;
//! [`Explanation::lines`] turns it into text.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why something failed. Empty if the message says everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The evidence, in the order in which it is shown.
    pub evidence: Vec<Evidence>,
    /// The likely cause, as a sentence.
    pub likely_cause: Option<String>,
    /// The next step, as a sentence.
    pub next: Option<String>,
}

/// A piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Evidence {
    /// The events of an ECS service, newest first.
    ServiceEvents {
        /// The messages.
        lines: Vec<String>,
    },
    /// A task that stopped.
    StoppedTask {
        /// The id of the task.
        task: String,
        /// How it ended.
        #[serde(flatten)]
        end: TaskEnd,
    },
    /// The last log lines of a task. Empty if it wrote nothing.
    Log {
        /// The id of the task.
        task: String,
        /// The lines, oldest first.
        lines: Vec<String>,
        /// Why the log could not be read, if so.
        unreadable: Option<String>,
    },
    /// The health check that a task failed.
    HealthCheck(HealthCheck),
    /// The last output lines of a program on this machine.
    Output {
        /// The lines, oldest first.
        lines: Vec<String>,
    },
    /// A response that does not come from AWS. The failure's message describes it.
    Answer {
        /// The service that was called.
        service: String,
        /// The endpoint: scheme, host and port. Empty if unknown.
        endpoint: String,
        /// The HTTP status.
        status: u16,
        /// The first line of its body, if there is one that may be shown.
        line: Option<String>,
    },
    /// Problems that were found, one line each.
    Findings {
        /// The lines.
        lines: Vec<String>,
    },
}

/// How a task ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskEnd {
    /// The stopped reason of ECS.
    pub reason: String,
    /// How its containers ended.
    pub containers: Vec<ContainerEnd>,
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerEnd {
    /// Its name.
    pub name: String,
    /// Its exit code, or `None` if it never started.
    pub exit_code: Option<i32>,
    /// The conventional meaning of the exit code, if it has one.
    pub meaning: Option<String>,
    /// The reason that ECS gives for the container, if any.
    pub reason: Option<String>,
}

/// The health check of a target group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// The path of the request.
    pub path: String,
    /// The port of the request.
    pub port: i32,
    /// The status codes that count as healthy, such as `200` or `200-299`.
    pub expects: String,
    /// The time between two checks, in seconds.
    pub interval_seconds: i32,
    /// The number of failures in a row that make a task unhealthy.
    pub failures: i32,
}

impl Explanation {
    /// Creates an explanation of only `evidence`.
    pub fn of(evidence: Evidence) -> Self {
        Self { evidence: vec![evidence], ..Self::default() }
    }

    /// Returns the explanation as lines of text.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.evidence.iter().flat_map(Evidence::lines).collect();
        lines.extend(self.likely_cause.iter().map(|cause| format!("likely cause: {cause}")));
        lines.extend(self.next.iter().map(|next| format!("next: {next}")));
        lines
    }
}

impl Evidence {
    fn lines(&self) -> Vec<String> {
        match self {
            Self::ServiceEvents { lines } => lines.iter().map(|line| format!("ECS: {line}")).collect(),
            Self::StoppedTask { task, end } => vec![format!("task {task}: {end}")],
            Self::Log { task, unreadable: Some(why), .. } => {
                vec![format!("cannot read the log of task {task}: {why}")]
            }
            Self::Log { task, lines, .. } if lines.is_empty() => vec![format!("task {task} wrote no log")],
            Self::Log { lines, .. } => lines.iter().map(|line| format!("  | {line}")).collect(),
            Self::HealthCheck(check) => vec![format!("health check: {check}")],
            Self::Answer { .. } => Vec::new(),
            Self::Output { lines } | Self::Findings { lines } => lines.clone(),
        }
    }
}

impl fmt::Display for TaskEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        for ContainerEnd { name, exit_code, meaning, reason } in &self.containers {
            if let Some(code) = exit_code {
                write!(f, "; container {name} ended with exit code {code}")?;
            }
            if let (Some(_), Some(meaning)) = (exit_code, meaning) {
                write!(f, " ({meaning})")?;
            }
            if let Some(reason) = reason {
                write!(f, "; container {name}: {reason}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for HealthCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, port, expects, interval_seconds, failures } = self;
        let times = if *failures == 1 { "1 failure".to_owned() } else { format!("{failures} failures in a row") };
        write!(
            f,
            "GET {path} on port {port} must return {expects}. A task is replaced after {times}, {interval_seconds} s apart"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn an_explanation_ends_with_the_next_step() {
        let container = |exit_code, meaning: Option<&str>| ContainerEnd {
            name: "web".into(),
            exit_code,
            meaning: meaning.map(str::to_owned),
            reason: None,
        };
        let end = |reason: &str, container| TaskEnd { reason: reason.into(), containers: vec![container] };
        let check =
            HealthCheck { path: "/status".into(), port: 3000, expects: "200".into(), interval_seconds: 5, failures: 3 };
        let explanation = Explanation {
            evidence: vec![
                Evidence::ServiceEvents { lines: owned(&["(service web) has started 1 tasks"]) },
                Evidence::StoppedTask { task: "c71a".into(), end: end("Exited", container(Some(137), Some("killed"))) },
                Evidence::Log { task: "c71a".into(), lines: owned(&["one", "two"]), unreadable: None },
                Evidence::StoppedTask { task: "9526".into(), end: end("No image", container(None, None)) },
                Evidence::Log { task: "9526".into(), lines: Vec::new(), unreadable: None },
                Evidence::Log { task: "fab8".into(), lines: Vec::new(), unreadable: Some("denied".into()) },
                Evidence::HealthCheck(check),
                Evidence::Output { lines: owned(&["error: no such file"]) },
            ],
            likely_cause: Some("It needs more memory.".into()),
            next: Some("Raise `memory`.".into()),
        };
        assert_eq!(
            explanation.lines(),
            [
                "ECS: (service web) has started 1 tasks",
                "task c71a: Exited; container web ended with exit code 137 (killed)",
                "  | one",
                "  | two",
                "task 9526: No image",
                "task 9526 wrote no log",
                "cannot read the log of task fab8: denied",
                "health check: GET /status on port 3000 must return 200. A task is replaced after 3 failures in a row, 5 s apart",
                "error: no such file",
                "likely cause: It needs more memory.",
                "next: Raise `memory`.",
            ]
        );
    }
}
