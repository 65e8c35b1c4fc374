//! One-off tasks: a command with a service's image, environment, secrets and network, followed until it exits.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/standalone-task-create.html>

use std::{collections::VecDeque, time::Duration};

use aws_sdk_ecs::types::Task as SdkTask;
use tokio::time::sleep;

use crate::{
    aws::{self, Outcome, TaskLog, given},
    kind::Context,
    kinds::{
        ecs::{
            self, service,
            task::{self, OneOff, Repeats},
            task_end,
        },
        scheduler::schedule,
    },
    model::{Address, Explanation, Failure},
};

/// The `startedBy` of these tasks.
const STARTED_BY: &str = "stackctl-run";

/// The first and the longest pause between two reads of a task. `GetLogEvents` allows 10 to 25 calls a second,
/// depending on the region.
const LOOK: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

/// How many reads in a row must return no new lines after a task's end: lines arrive in CloudWatch some seconds late.
const QUIET_LOOKS: u32 = 3;

/// A started task.
#[derive(Clone, Debug)]
pub struct Task {
    arn: String,
    cluster: String,
    /// The container that is followed, which is also the name of its log group.
    service: String,
}

/// An event of a followed task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The task has this state on ECS, such as `PROVISIONING`.
    State(String),
    /// The task wrote this line.
    Line(String),
}

/// The end of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The exit code of the container, or `None` if it never started.
    pub exit_code: Option<i32>,
    /// Why it ended, as text.
    pub reason: String,
    /// The explanation from its last log lines, if any.
    pub explanation: Explanation,
}

impl Task {
    /// Starts `command` with the current task definition of the service `name`.
    ///
    /// # Errors
    /// If ECS refuses.
    pub async fn start(cx: &Context, name: &str, live: &service::Live, command: &[String]) -> Result<Self, Failure> {
        let one_off = OneOff {
            started_by: STARTED_BY,
            cluster: &live.cluster,
            task_definition: &live.task_definition,
            container: name,
            command: Some(command),
            network: ecs::network_of(live.subnets.clone(), live.security_groups.clone(), live.public_ip)?,
            group: None,
            repeats: Repeats::Sdk,
        };
        let task = task::run(cx, &Address::new("service", name), one_off).await?;
        let arn = given(task.task_arn, "RunTask", "taskArn")?;
        Ok(Self { arn, cluster: live.cluster.clone(), service: name.to_owned() })
    }

    /// Starts the job `live`, as EventBridge would. The caller sees the result, so a failure causes no retry or
    /// notification.
    ///
    /// # Errors
    /// If ECS refuses, or the schedule was changed by hand.
    pub async fn start_job(cx: &Context, live: &schedule::Live) -> Result<Self, Failure> {
        let address = Address::new("schedule", &live.name);
        let Some((container, command)) = live.command() else {
            let message = format!("the image, command or settings of {address} were changed by hand");
            return Err(Failure::new(message).hint("run `stackctl up` to restore what stack.yaml describes"));
        };
        let one_off = OneOff {
            started_by: STARTED_BY,
            cluster: &live.cluster,
            task_definition: &live.task_definition,
            container: &container,
            command: Some(command.as_slice()).filter(|command| !command.is_empty()),
            network: ecs::network_of(live.subnets.clone(), live.security_groups.clone(), live.public_ip)?,
            group: Some(&schedule::by_hand_group(&live.name)),
            repeats: Repeats::Sdk,
        };
        let task = task::run(cx, &address, one_off).await?;
        let arn = given(task.task_arn, "RunTask", "taskArn")?;
        Ok(Self { arn, cluster: live.cluster.clone(), service: container })
    }

    /// Returns its id, which is the last part of its ARN.
    #[must_use]
    pub fn id(&self) -> &str {
        aws::last_part(&self.arn)
    }

    /// Calls `say` with each event until the task has ended and its log was read completely.
    ///
    /// # Errors
    /// If ECS or CloudWatch Logs cannot be read.
    pub async fn follow(&self, cx: &Context, mut say: impl FnMut(Event)) -> Result<End, Failure> {
        let mut log = TaskLog::new(&cx.id, &self.service, &self.service, &self.arn);
        let (mut state, mut wait, mut quiet) = (String::new(), LOOK.0, 0);
        let mut last = VecDeque::new();
        loop {
            let (task, lines) = tokio::try_join!(self.describe(cx), log.new_lines(&cx.aws))?;
            quiet = if lines.is_empty() { quiet + 1 } else { 0 };
            for line in lines {
                last.push_back(line.clone());
                say(Event::Line(line));
            }
            last.drain(..last.len().saturating_sub(task_end::LAST_LINES.unsigned_abs() as usize));
            if let Some(task) = task {
                let now = task.last_status().unwrap_or_default();
                if now != state {
                    now.clone_into(&mut state);
                    say(Event::State(state.clone()));
                    (wait, quiet) = (LOOK.0, 0);
                }
                if state == "STOPPED" && quiet >= QUIET_LOOKS {
                    return Ok(End {
                        exit_code: task_end::exit_code(&task, &self.service),
                        reason: task_end::end_of(&task, &self.service).to_string(),
                        explanation: task_end::told(&task, &self.service, last.into()),
                    });
                }
            }
            sleep(wait).await;
            wait = (wait * 2).min(LOOK.1);
        }
    }

    /// Asks ECS to stop the task: with SIGTERM, then with SIGKILL after the service's `stop_timeout`.
    ///
    /// # Errors
    /// If ECS refuses.
    pub async fn stop(&self, cx: &Context) -> Result<(), Failure> {
        task::stop(cx, &self.cluster, &self.arn, Some("interrupted by the caller"), Repeats::Sdk).await
    }

    /// Returns the task, or `None` if ECS does not show it yet.
    async fn describe(&self, cx: &Context) -> Result<Option<SdkTask>, Failure> {
        let call = cx.aws.ecs.describe_tasks().cluster(&self.cluster).tasks(&self.arn);
        Ok(call.send().await.during("DescribeTasks")?.tasks.and_then(|tasks| tasks.into_iter().next()))
    }
}
