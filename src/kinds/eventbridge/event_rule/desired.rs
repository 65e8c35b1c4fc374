//! The rule that stack.yaml describes, and the constants that all rules share.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    kinds::ecs::{task, task_end::TIMEOUT},
    model::{Failure, Input},
};

/// The id of the only target of a rule.
pub(super) const TARGET: &str = "main";

/// The rule that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The ARN of the cluster that contains the runs.
    pub cluster: Input,
    /// The runs to watch for failures: the ECS groups of their tasks, each with its main container.
    pub runs: BTreeMap<String, String>,
    /// The role that EventBridge uses for the action.
    pub role: Input,
    /// The action after a failure.
    pub then: Then,
}

/// The action after a failed run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// Starts another run.
    Start(Box<Start>),
    /// Sends a message to a topic.
    Tell {
        /// The topic's ARN.
        topic: Input,
        /// The message. `<group>`, `<reason>`, `<task>` and `<time>` are replaced by those of the run.
        message: String,
    },
}

/// A run to start: a task in the same cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// Its ECS group.
    pub group: String,
    /// The container in which the command runs.
    pub container: String,
    /// The command. If empty, the command of the image.
    pub command: Vec<String>,
    /// The ARN of the task definition, with its revision.
    pub task_definition: Input,
    /// The subnets of the task.
    pub subnets: Vec<Input>,
    /// Its security groups.
    pub security_groups: Vec<Input>,
    /// Whether it gets a public address.
    pub public_ip: bool,
}

/// Returns the pattern for the end of a failed task in `cluster` that is in one of the groups. A task failed if its
/// main container ended with a code other than 0, if it took too long, or if it did not start. A task that somebody
/// stopped on purpose does not match: that person knows about it.
///
/// EventBridge compares the fields of a list item within one item, and each field can occur once in a branch.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>,
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html>
pub(super) fn pattern(cluster: &str, runs: &BTreeMap<String, String>) -> Value {
    let groups: Vec<&String> = runs.keys().collect();
    let mut containers: Vec<&String> = runs.values().collect();
    containers.sort_unstable();
    containers.dedup();
    let (limit, late) = TIMEOUT;
    let by_itself = json!([{ "anything-but": ["UserInitiated"] }]);
    json!({
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {
            "clusterArn": [cluster],
            "group": groups,
            "lastStatus": ["STOPPED"],
            "$or": [
                { "containers": { "name": containers, "exitCode": [{ "anything-but": [0] }] }, "stopCode": by_itself },
                { "containers": { "name": [limit], "exitCode": [late] }, "stopCode": by_itself },
                { "stopCode": ["TaskFailedToStart"] },
            ],
        },
    })
}

/// The placeholders of a message and their paths in the event.
pub(super) const PATHS: [(&str, &str); 4] = [
    ("group", "$.detail.group"),
    ("reason", "$.detail.stoppedReason"),
    ("task", "$.detail.taskArn"),
    ("time", "$.time"),
];

/// Returns the input of the target: the overrides of a task as JSON, or the message as a JSON string.
pub(super) fn input(then: &Then) -> String {
    match then {
        Then::Start(start) => task::overrides(&start.container, &start.command).to_string(),
        Then::Tell { message, .. } => Value::from(message.as_str()).to_string(),
    }
}

impl Desired {
    /// Returns the ARN of the target.
    pub(super) fn target(&self) -> &Input {
        match &self.then {
            Then::Start(_) => &self.cluster,
            Then::Tell { topic, .. } => topic,
        }
    }

    /// Returns the pattern. Fails until the cluster is known.
    pub(super) fn pattern(&self) -> Result<Value, Failure> {
        Ok(pattern(self.cluster.get()?, &self.runs))
    }

    /// Returns the run to start, if the action is a run.
    pub(super) fn start(&self) -> Option<&Start> {
        match &self.then {
            Then::Start(start) => Some(start),
            Then::Tell { .. } => None,
        }
    }
}
