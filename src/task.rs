//! One-off tasks: a command on a service's image, with that service's environment, secrets and place in the network,
//! followed to its exit code.
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

/// Who started such a task, as ECS records it.
const STARTED_BY: &str = "stackctl-run";

/// How long to wait between two looks at a task: at first, and at most. `GetLogEvents` takes 10 to 25 calls a
/// second, by region.
const LOOK: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

/// For how many looks after its end a task's log must have had nothing new: lines reach CloudWatch some seconds late.
const QUIET_LOOKS: u32 = 3;

/// A task that was started.
#[derive(Clone, Debug)]
pub struct Task {
    arn: String,
    cluster: String,
    /// The container that is waited for; its log group is called so too.
    service: String,
}

/// What happens while a task is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is in this state of ECS, such as `PROVISIONING`.
    State(String),
    /// It wrote this line.
    Line(String),
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The container's exit code; none where it was never started.
    pub exit_code: Option<i32>,
    /// Why it ended, in words.
    pub reason: String,
    /// What its last lines tell, if that is known.
    pub explanation: Explanation,
}

impl Task {
    /// Starts `command` as the service `name` would be started: on the task definition that it runs now.
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

    /// Starts the job that `live` is, as EventBridge would now. Whoever asks for it sees how it ends, so nothing follows if it fails.
    ///
    /// # Errors
    /// If ECS refuses, or somebody has made something else of the schedule.
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

    /// The last part of its ARN.
    #[must_use]
    pub fn id(&self) -> &str {
        aws::last_part(&self.arn)
    }

    /// Tells `say` all that happens until the task has ended and its log is read to the end.
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

    /// Asks ECS to stop it: SIGTERM, and SIGKILL after the service's `stop_timeout`.
    ///
    /// # Errors
    /// If ECS refuses.
    pub async fn stop(&self, cx: &Context) -> Result<(), Failure> {
        task::stop(cx, &self.cluster, &self.arn, Some("interrupted by the caller"), Repeats::Sdk).await
    }

    /// The task; none while ECS does not show what it has just started.
    async fn describe(&self, cx: &Context) -> Result<Option<SdkTask>, Failure> {
        let call = cx.aws.ecs.describe_tasks().cluster(&self.cluster).tasks(&self.arn);
        Ok(call.send().await.during("DescribeTasks")?.tasks.and_then(|tasks| tasks.into_iter().next()))
    }
}
