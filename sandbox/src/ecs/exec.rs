//! ECS Exec: which tasks accept sessions, and commands in them.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html>

use serde_json::{Value, json};

use super::{
    fargate::Ecs,
    input::{short, text},
    ledger::Ledger,
    model::{Container, Status, Task},
};
use crate::{
    api::ApiError,
    permissions,
    sessions::{Command, Found, Inside, Purpose, Sessions},
};

/// The actions that the role of a task with ECS Exec must allow.
const NEEDED: [&str; 4] = [
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
];

/// Returns why the agent does not run in this container of a task with this definition, or `None` if it runs.
pub(super) fn no_agent(roles: &Value, definition: &Value, container: &Value) -> Option<String> {
    let role = text(definition, "taskRoleArn");
    let missing = NEEDED.iter().find(|action| !permissions::allows(roles, role, action, "*"));
    if let Some(action) = missing {
        return Some(format!("{role} is not authorized to perform: {action}"));
    }
    let read_only = container["readonlyRootFilesystem"] == true;
    read_only.then(|| "the root file system is read-only".to_owned())
}

impl Task {
    /// Returns the runtime id of a container of this task.
    pub(super) fn runtime(&self, container: &Container) -> String {
        let bytes = self.id.bytes().chain(container.name.bytes());
        let number = bytes.fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        format!("{}-{number:010}", self.id)
    }

    /// Returns the agents in the form of `DescribeTasks`.
    pub(super) fn agents(&self, container: &Container) -> Value {
        if !self.exec {
            return Value::Null;
        }
        let (status, reason) = match &container.inside {
            _ if container.phase.has_ended() => ("STOPPED", None),
            None => ("PENDING", None),
            Some(Inside { no_agent: Some(why), .. }) => ("STOPPED", Some(why)),
            Some(_) => ("RUNNING", None),
        };
        json!([{ "name": "ExecuteCommandAgent", "lastStatus": status, "reason": reason, "lastStartedAt": self.started }])
    }

    /// Returns the view of this container for sessions, if its agent runs.
    fn reachable<'a>(&self, container: &'a Container) -> Option<&'a Inside> {
        let runs = (Status::Running..Status::Stopped).contains(&self.status) && self.exec;
        container.inside.as_ref().filter(|inside| runs && inside.no_agent.is_none())
    }
}

impl Ecs {
    /// Returns the container at the target `ecs:<cluster>_<task>_<runtime>` of Session Manager, and a signal for its
    /// end.
    pub(crate) fn inside(&self, target: &str) -> Option<Found> {
        let mut parts = target.strip_prefix("ecs:")?.rsplitn(3, '_');
        let (runtime, id, cluster) = (parts.next()?, parts.next()?, parts.next()?);
        let state = self.state();
        let named = |task: &&Task| task.id == id && short(&task.cluster_arn) == cluster;
        let task = state.tasks.values().find(named)?;
        let container = task.containers.iter().find(|container| task.runtime(container) == runtime)?;
        Some((task.reachable(container)?.clone(), container.gone.subscribe()))
    }
}

/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ExecuteCommand.html>
pub(super) fn execute(sessions: &Sessions, state: &Ledger, input: &Value) -> Result<Value, ApiError> {
    let wrong = |message: &str| ApiError::client("InvalidParameterException", message);
    let (cluster, id) = (short(text(input, "cluster")), short(text(input, "task")));
    let task = state.tasks.values().find(|task| task.id == id && short(&task.cluster_arn) == cluster);
    let task = task.ok_or_else(|| wrong("The specified task was not found."))?;
    if input["interactive"] != true {
        return Err(wrong("Interactive is the only mode supported currently."));
    }
    let container = match (input["container"].as_str(), &task.containers[..]) {
        (None, [only]) => Some(only),
        (name, all) => all.iter().find(|container| Some(container.name.as_str()) == name),
    };
    let container = container.ok_or_else(|| wrong("The specified container was not found in the task."))?;
    let inside = task.reachable(container).ok_or_else(|| {
        wrong(
            "The execute command failed because execute command was not enabled when the task was run or the execute \
             command agent isn’t running. Wait and try again or run a new task with execute command enabled and try again.",
        )
    })?;
    let line = text(input, "command");
    if line.is_empty() {
        return Err(wrong("command can not be empty"));
    }
    let command =
        Command { line: line.to_owned(), files: inside.files.clone(), environment: inside.environment.clone() };
    let (session, url, token) =
        sessions.make("ecs-execute-command", Purpose::Command(command), container.gone.subscribe());
    Ok(json!({
        "clusterArn": task.cluster_arn, "taskArn": task.arn, "containerName": container.name, "interactive": true,
        "session": { "sessionId": session, "streamUrl": url, "tokenValue": token },
    }))
}
