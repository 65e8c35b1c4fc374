//! The calls to AWS before a session: they find a running task and start a session with it.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html>

use std::{collections::HashMap, time::Duration};

use aws_sdk_ecs::types::{DesiredStatus, ManagedAgentName, Task as SdkTask};
use tokio::time::{Instant, sleep};

use crate::{
    aws::{self, Once, Outcome, given},
    kind::Context,
    kinds::ecs::{self, service},
    model::{Evidence, Failure, Subject},
};

/// The documents for port forwarding: to the task itself, and to another host.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-sessions-start.html>
const TO_ITSELF: &str = "AWS-StartPortForwardingSession";
const TO_ANOTHER: &str = "AWS-StartPortForwardingSessionToRemoteHost";

/// How long to wait for the agent of a new task, and how often to check.
const STARTING: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(1));

/// The largest page of `ListTasks`, and the maximum number of tasks for `DescribeTasks`.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html>,
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html>
const AT_ONCE: i32 = 100;

/// The maximum number of tasks in a failure message.
const TOLD: usize = 10;

/// The tasks of a service.
pub struct Tasks<'a> {
    cx: &'a Context,
    name: &'a str,
    live: &'a service::Live,
}

/// A task that can have sessions.
#[derive(Clone, Debug)]
pub struct Running {
    arn: String,
    cluster: String,
    container: String,
    runtime: String,
}

/// A started session. Its token is secret.
pub struct Started {
    pub(super) session: String,
    pub(super) url: String,
    pub(super) token: String,
    pub(super) task: Running,
    pub(super) forwards: bool,
}

impl<'a> Tasks<'a> {
    /// Creates the tasks of the live service `name`.
    pub fn of(cx: &'a Context, name: &'a str, live: &'a service::Live) -> Self {
        Self { cx, name, live }
    }

    /// Returns a task whose agent is running: the one whose id starts with `id`, or any.
    ///
    /// # Errors
    /// If there is none, or the call to ECS fails.
    pub async fn pick(&self, id: Option<&str>) -> Result<Running, Failure> {
        let deadline = Instant::now() + STARTING.0;
        loop {
            let tasks = self.running(id).await?;
            let named: Vec<&SdkTask> = tasks.iter().filter(|task| is_meant(task, id)).collect();
            if named.is_empty() {
                return Err(self.nothing_runs(id, &tasks));
            }
            if let Some(found) = named.iter().find_map(|task| self.ready(task)) {
                return Ok(found);
            }
            let starting = named.iter().any(|task| {
                task.enable_execute_command() && agent(task, self.name).is_some_and(|agent| agent == "PENDING")
            });
            if !starting || Instant::now() > deadline {
                return Err(self.no_agent(&named));
            }
            sleep(STARTING.1).await;
        }
    }

    /// Returns the running tasks, up to the page with a suitable one.
    async fn running(&self, id: Option<&str>) -> Result<Vec<SdkTask>, Failure> {
        let ecs = &self.cx.aws.ecs;
        let call = ecs.list_tasks().cluster(&self.live.cluster).service_name(&self.live.name).max_results(AT_ONCE);
        let mut pages = call.desired_status(DesiredStatus::Running).into_paginator().send();
        let mut running: Vec<SdkTask> = Vec::new();
        while let Some(page) = pages.next().await {
            let arns = page.during("ListTasks")?.task_arns.unwrap_or_default();
            if arns.is_empty() {
                continue;
            }
            let call = ecs.describe_tasks().cluster(&self.live.cluster).set_tasks(Some(arns));
            let tasks = call.send().await.during("DescribeTasks")?.tasks.unwrap_or_default();
            running.extend(tasks.into_iter().filter(|task| task.last_status() == Some("RUNNING")));
            if running.iter().any(|task| is_meant(task, id) && self.ready(task).is_some()) {
                break;
            }
        }
        Ok(running)
    }

    fn ready(&self, task: &SdkTask) -> Option<Running> {
        let container = ecs::container(task, self.name)?;
        (task.enable_execute_command() && agent(task, self.name)? == "RUNNING").then(|| {
            Some(Running {
                arn: task.task_arn()?.to_owned(),
                cluster: self.live.cluster.clone(),
                container: self.name.to_owned(),
                runtime: container.runtime_id()?.to_owned(),
            })
        })?
    }

    fn nothing_runs(&self, id: Option<&str>, tasks: &[SdkTask]) -> Failure {
        let service = self.name;
        match id.filter(|_| !tasks.is_empty()) {
            Some(id) => {
                let known: Vec<&str> = tasks.iter().take(TOLD).map(short).collect();
                let more = if tasks.len() > TOLD { ", …" } else { "" };
                Failure::about(Subject::activity("find a task"), format!("{service} has no running task {id}"))
                    .hint(format!("running tasks: {}{more}", known.join(", ")))
            }
            None => Failure::about(Subject::activity("find a task"), format!("{service} has no running tasks"))
                .hint("run `stackctl status` to see the service, and `stackctl logs` to see its log"),
        }
    }

    fn no_agent(&self, tasks: &[&SdkTask]) -> Failure {
        let service = self.name;
        if !tasks.iter().any(|task| task.enable_execute_command()) {
            return Failure::about(
                Subject::activity("find a task"),
                format!("the tasks of {service} were started before `exec: true` was set"),
            )
            .hint("replace the tasks: stackctl up");
        }
        let state = |task: &&SdkTask| format!("task {}: {}", short(task), agent(task, service).unwrap_or("no agent"));
        let states: Vec<String> = tasks.iter().take(TOLD).map(state).collect();
        let failure = Failure::about(
            Subject::activity("find a task"),
            format!("the ECS Exec agent is not running in any task of {service}"),
        )
        .hint(
            "the agent needs the permissions of its role, a writable root file system and access to ssmmessages; run \
             `stackctl plan` to see changes made by hand",
        );
        failure.evidence(Evidence::Findings { lines: states })
    }
}

impl Running {
    /// Returns its id, which is the last part of its ARN.
    pub fn id(&self) -> &str {
        aws::last_part(&self.arn)
    }

    /// Returns its name in Session Manager.
    fn target(&self) -> String {
        let cluster = aws::last_part(&self.cluster);
        format!("ecs:{cluster}_{}_{}", self.id(), self.runtime)
    }

    /// Starts a command in the task.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ExecuteCommand.html>
    ///
    /// # Errors
    /// If ECS refuses.
    pub async fn execute(&self, cx: &Context, command: &[String]) -> Result<Started, Failure> {
        let call = cx.aws.ecs.execute_command().cluster(&self.cluster).task(&self.arn).container(&self.container);
        // ECS only supports interactive sessions.
        let call = call.interactive(true).command(line(command));
        let answer = call.customize().once().send().await.during("ExecuteCommand")?;
        let session = given(answer.session, "ExecuteCommand", "session")?;
        Ok(Started {
            session: given(session.session_id, "ExecuteCommand", "sessionId")?,
            url: given(session.stream_url, "ExecuteCommand", "streamUrl")?,
            token: given(session.token_value, "ExecuteCommand", "tokenValue")?,
            task: self.clone(),
            forwards: false,
        })
    }

    /// Starts to forward ports to `port` of `host`, or of the task itself.
    /// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_StartSession.html>
    ///
    /// # Errors
    /// If Session Manager refuses.
    pub async fn forward(&self, cx: &Context, host: Option<&str>, port: u16) -> Result<Started, Failure> {
        let one = |value: String| vec![value];
        let mut parameters = HashMap::from([("portNumber".to_owned(), one(port.to_string()))]);
        // Required, but only AWS's plugin uses it.
        parameters.insert("localPortNumber".to_owned(), one("0".to_owned()));
        if let Some(host) = host {
            parameters.insert("host".to_owned(), one(host.to_owned()));
        }
        let document = if host.is_some() { TO_ANOTHER } else { TO_ITSELF };
        let call = cx.aws.ssm.start_session().target(self.target()).document_name(document);
        let call = call.set_parameters(Some(parameters)).reason("stackctl forward");
        let answer = call.customize().once().send().await.during("StartSession")?;
        Ok(Started {
            session: given(answer.session_id, "StartSession", "SessionId")?,
            url: given(answer.stream_url, "StartSession", "StreamUrl")?,
            token: given(answer.token_value, "StartSession", "TokenValue")?,
            task: self.clone(),
            forwards: true,
        })
    }

    /// Waits until the task has stopped and returns the reason.
    pub(super) async fn watch(self, cx: Context, every: Duration) -> String {
        loop {
            sleep(every).await;
            let call = cx.aws.ecs.describe_tasks().cluster(&self.cluster).tasks(&self.arn);
            // A failed call is repeated in the next round. The channel itself detects a lost network.
            let Ok(answer) = call.send().await else { continue };
            let gone = match answer.tasks().first() {
                Some(task) if has_ended(task) => task.stopped_reason().unwrap_or("ECS gave no reason").to_owned(),
                Some(_) => continue,
                None => "ECS no longer lists it".to_owned(),
            };
            return format!("task {} has stopped: {gone}", self.id());
        }
    }
}

/// Returns a new token for a session, or `None` if it has ended.
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ResumeSession.html>
pub(super) async fn resume(cx: &Context, session: &str) -> Result<Option<String>, Failure> {
    let answer = cx.aws.ssm.resume_session().session_id(session).send().await;
    let answer = answer.or_absent("ResumeSession", &["DoesNotExistException"])?;
    Ok(answer.and_then(|answer| answer.token_value).filter(|token| !token.is_empty()))
}

/// Ends a session, which otherwise ends only when it has been idle for a while.
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_TerminateSession.html>
pub(super) async fn terminate(cx: &Context, session: &str) -> Result<(), Failure> {
    cx.aws.ssm.terminate_session().session_id(session).send().await.during("TerminateSession").map(drop)
}

/// Returns whether the task's id starts with `id`, if that is given.
fn is_meant(task: &SdkTask, id: Option<&str>) -> bool {
    id.is_none_or(|id| short(task).starts_with(id))
}

fn short(task: &SdkTask) -> &str {
    task.task_arn().map(aws::last_part).unwrap_or_default()
}

/// Returns the state of ECS Exec's agent in this container.
fn agent<'a>(task: &'a SdkTask, container: &str) -> Option<&'a str> {
    let mut agents = ecs::container(task, container)?.managed_agents().iter();
    agents.find(|agent| agent.name() == Some(&ManagedAgentName::ExecuteCommandAgent))?.last_status()
}

fn has_ended(task: &SdkTask) -> bool {
    matches!(task.last_status(), Some("DEPROVISIONING" | "STOPPED" | "DELETED"))
}

/// Returns a command as one line, which the agent splits as a shell would.
fn line(command: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    let quoted = command.iter().map(|word| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_keeps_its_words_in_one_line() {
        let words = |words: &[&str]| line(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(words(&["/bin/sh", "-c", "echo $HOME; exit 3"]), "/bin/sh -c 'echo $HOME; exit 3'");
        assert_eq!(words(&["echo", "", "it's", "a#b", "x\ny"]), "echo '' 'it'\\''s' 'a#b' 'x\ny'");
    }

    #[test]
    fn a_task_is_selected_by_an_id_prefix_or_none() {
        let task = SdkTask::builder().task_arn("arn:aws:ecs:eu-west-1:1:task/demo-default-main/0a1b").build();
        assert!(is_meant(&task, None) && is_meant(&task, Some("0a")) && is_meant(&task, Some("0a1b")));
        assert!(!is_meant(&task, Some("a1")) && !is_meant(&task, Some("demo")));
    }

    #[test]
    fn a_target_names_cluster_task_and_runtime() {
        let task = Running {
            arn: "arn:aws:ecs:eu-west-1:1:task/demo-default-main/0a1b".into(),
            cluster: "arn:aws:ecs:eu-west-1:1:cluster/demo-default-main".into(),
            container: "web".into(),
            runtime: "0a1b-1234".into(),
        };
        assert_eq!(task.target(), "ecs:demo-default-main_0a1b_0a1b-1234");
    }
}
