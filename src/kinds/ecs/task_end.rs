//! How a task ended: in words, with the last that it wrote, the likely cause, and the way out.

use aws_sdk_ecs::types::{Task, TaskStopCode};

use crate::{
    aws::{self, TaskLog},
    kind::Context,
    kinds::{ecs, elb},
};

/// How many of the last lines of a task are shown.
const LAST_LINES: i32 = 20;

/// The exit code of a process that SIGKILL ended.
const KILLED: i32 = 137;

/// The health check that a new task has to pass.
#[derive(Clone, Debug)]
pub(super) struct Check {
    path: String,
    port: i32,
    wanted: String,
    interval: i32,
    failures: i32,
}

impl Check {
    /// That of the target group `arn`, if it can be read.
    pub(super) async fn of(cx: &Context, arn: &str) -> Option<Self> {
        let groups = elb::target_groups(cx).await.ok()?;
        let (_, group) = groups.into_iter().find(|(_, group)| group.target_group_arn() == Some(arn))?;
        Some(Self {
            path: group.health_check_path().unwrap_or("/").to_owned(),
            port: group.port().unwrap_or_default(),
            wanted: group.matcher().and_then(|matcher| matcher.http_code()).unwrap_or("200").to_owned(),
            interval: group.health_check_interval_seconds().unwrap_or_default(),
            failures: group.unhealthy_threshold_count().unwrap_or_default(),
        })
    }
}

/// Why a task ended, in words.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>
pub(crate) fn end_of(task: &Task) -> String {
    let mut parts = vec![task.stopped_reason().unwrap_or("no reason given").to_owned()];
    for container in task.containers() {
        let name = container.name().unwrap_or_default();
        if let Some(code) = container.exit_code() {
            parts.push(format!("container {name} ended with exit code {code}{}", in_words(code)));
        }
        if let Some(reason) = container.reason() {
            parts.push(format!("container {name}: {reason}"));
        }
    }
    parts.join("; ")
}

fn in_words(code: i32) -> &'static str {
    match code {
        137 => " (killed: out of memory, or it did not end within stop_timeout)",
        139 => " (a segmentation fault)",
        143 => " (ended by SIGTERM)",
        126 => " (the command cannot be run)",
        127 => " (there is no such command in the image)",
        _ => "",
    }
}

/// Whether the load balancer found it unhealthy, and ECS stopped it for that.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html>
pub(super) fn is_unhealthy(task: &Task) -> bool {
    task.stopped_reason().is_some_and(|reason| reason.starts_with("Task failed ELB health checks"))
}

/// What is likely to have ended a task, and what to do about it. Nothing, where it was ended on purpose.
///
/// ECS has codes for how a task ended and a word at the front of its reason for why; the rest of a reason is for people.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>
pub(super) fn advice(task: &Task, container: &str, check: Option<&Check>) -> Vec<String> {
    let stopped = task.stopped_reason().unwrap_or_default();
    let reasons = task.containers().iter().filter_map(|container| container.reason());
    let begins = |word: &str| stopped.starts_with(word) || reasons.clone().any(|reason| reason.starts_with(word));
    let on_purpose = matches!(
        task.stop_code(),
        Some(TaskStopCode::ServiceSchedulerInitiated | TaskStopCode::UserInitiated | TaskStopCode::TerminationNotice)
    );
    let (cause, next) = if let Some(check) = check.filter(|_| is_unhealthy(task)) {
        let Check { path, port, wanted, interval, failures } = check;
        (
            format!(
                "the load balancer asks GET {path} on port {port}, and {wanted} is the answer it wants; \
                 {failures} other ones in a row, {interval} s apart, end a task"
            ),
            format!(
                "let {path} answer {wanted} once the program can serve, on the port that PORT says and on 0.0.0.0; \
                 `health` in stack.yaml names another path"
            ),
        )
    } else if begins("CannotPullContainerError") {
        (
            "the image is not in its registry under this name and tag, or the task cannot reach it or may not"
                .to_owned(),
            "look at `image`, and at the way out of the tasks' subnets (`network.nat`)".to_owned(),
        )
    } else if begins("ResourceInitializationError") {
        (
            "before the container began: a secret is gone or may not be read, or there is no way out to AWS".to_owned(),
            "`stackctl plan` shows what was changed of roles and network, `stackctl secrets list` the secrets"
                .to_owned(),
        )
    } else if begins("OutOfMemoryError") {
        ("the program takes more memory than the task has".to_owned(), "raise `memory` in stack.yaml".to_owned())
    } else if on_purpose {
        return Vec::new();
    } else {
        by_exit_code(ecs::exit_code(task, container))
    };
    vec![format!("likely cause: {cause}"), format!("next: {next}")]
}

fn by_exit_code(code: Option<i32>) -> (String, String) {
    let (cause, next) = match code {
        Some(KILLED) => (
            "the program takes more memory than the task has, or something in the container has killed it",
            "raise `memory` in stack.yaml; `stackctl logs` has what it wrote before",
        ),
        Some(126 | 127) => {
            ("the image has no such program, or it may not be run", "compare the command with what is in the image")
        }
        Some(0) => (
            "the program has ended by itself and well, but a service's goes on for as long as the service is there",
            "let it run in the foreground; what runs once belongs under `release` or `jobs`",
        ),
        Some(_) => (
            "the program has ended by itself; the lines above, its last ones, say why",
            "mend it and `stackctl deploy` again; `stackctl logs` has all that it wrote",
        ),
        None => ("the container was never started", "the reason above is all that ECS says"),
    };
    (cause.to_owned(), next.to_owned())
}

/// The last lines that the task `task` wrote into `log`.
pub(super) async fn last_lines(cx: &Context, log: &TaskLog, task: &str) -> Vec<String> {
    let id = aws::last_part(task);
    match log.last(&cx.aws, LAST_LINES).await {
        Ok(None) => vec![format!("task {id} wrote no log")],
        Ok(Some(lines)) => lines.iter().map(|line| format!("  | {line}")).collect(),
        Err(failure) => vec![format!("the log of task {id} cannot be read: {failure}")],
    }
}
