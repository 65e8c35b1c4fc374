//! What stack.yaml asks of a rule, and what is the same for all of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    kinds::ecs::{task, task_end::TIMEOUT},
    model::{Failure, Input},
};

/// The id of the one target that a rule has.
pub(super) const TARGET: &str = "main";

/// What stack.yaml asks of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The ARN of the cluster in which the runs are.
    pub cluster: Input,
    /// The runs whose failure counts: the groups of their tasks in ECS, each with the container that is waited for.
    pub runs: BTreeMap<String, String>,
    /// The role with which EventBridge does what follows.
    pub role: Input,
    /// What a failure of one is followed by.
    pub then: Then,
}

/// What a failed run is followed by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// Another run.
    Start(Box<Start>),
    /// A message to a topic.
    Tell {
        /// The topic's ARN.
        topic: Input,
        /// What it is told. `<group>`, `<reason>`, `<task>` and `<time>` stand for those of the run.
        message: String,
    },
}

/// Another run: a task in the same cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// Its group in ECS.
    pub group: String,
    /// The container in which the command runs.
    pub container: String,
    /// The command; the image's own if empty.
    pub command: Vec<String>,
    /// The task definition's ARN, with its revision.
    pub task_definition: Input,
    /// Where it runs.
    pub subnets: Vec<Input>,
    /// Its security groups.
    pub security_groups: Vec<Input>,
    /// Whether it gets a public address.
    pub public_ip: bool,
}

/// The end of a task of these groups in that cluster which failed: the container that is waited for has ended with another code than
/// 0, it took too long, or it was not started. Whoever stops a task on purpose knows of it.
///
/// EventBridge compares fields of a list's items within one item, and each field has one place in a branch.
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

/// Where the words of a message come from in an event.
pub(super) const PATHS: [(&str, &str); 4] = [
    ("group", "$.detail.group"),
    ("reason", "$.detail.stoppedReason"),
    ("task", "$.detail.taskArn"),
    ("time", "$.time"),
];

/// What the target gets: overrides of a task as JSON, or the words of a message as a text in JSON.
pub(super) fn input(then: &Then) -> String {
    match then {
        Then::Start(start) => task::overrides(&start.container, &start.command).to_string(),
        Then::Tell { message, .. } => Value::from(message.as_str()).to_string(),
    }
}

impl Desired {
    /// The ARN of the target.
    pub(super) fn target(&self) -> &Input {
        match &self.then {
            Then::Start(_) => &self.cluster,
            Then::Tell { topic, .. } => topic,
        }
    }

    /// The pattern, once the cluster is known.
    pub(super) fn pattern(&self) -> Result<Value, Failure> {
        Ok(pattern(self.cluster.get()?, &self.runs))
    }

    /// The run that it starts.
    pub(super) fn start(&self) -> Option<&Start> {
        match &self.then {
            Then::Start(start) => Some(start),
            Then::Tell { .. } => None,
        }
    }
}
