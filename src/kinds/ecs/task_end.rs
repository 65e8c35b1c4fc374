//! How a task ended, as data: the texts of ECS, the last log lines, the likely cause and the fix.

use aws_sdk_ecs::types::{Container, Task, TaskStopCode};

use crate::{
    aws::{self, TaskLog},
    kind::Context,
    kinds::ecs::{
        self,
        health::{self, Got},
        sentences::{self, Failed, Sentence},
    },
    model::{ContainerEnd, Evidence, Explanation, HealthCheck, TaskEnd, cut},
};

/// The number of log lines that are shown for a task.
pub(crate) const LAST_LINES: i32 = 20;

/// The maximum length of a shown line, in characters. CloudWatch Logs keeps lines of up to 1 MB.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const LONGEST_LINE: usize = 1_000;

/// The prefix of the names of containers that AWS adds to tasks.
/// <https://docs.aws.amazon.com/guardduty/latest/ug/how-runtime-monitoring-works-ecs-fargate.html>
const OF_AWS: &str = "aws-guardduty-agent";

/// The container that ends a task that exceeds its limit, and its exit code in that case.
pub const TIMEOUT: (&str, i32) = ("stackctl-timeout", 124);

/// Returns the exit code of a task: the timeout code if the task exceeded its limit, otherwise the exit code of
/// `container`.
pub(crate) fn exit_code(task: &Task, container: &str) -> Option<i32> {
    let (name, code) = TIMEOUT;
    ecs::exit_code(task, name).filter(|ended| *ended == code).or_else(|| ecs::exit_code(task, container))
}

/// Returns how a task ended according to ECS: the end of `container` and of its sidecars. Containers that AWS adds,
/// such as GuardDuty's agent, are left out.
pub(crate) fn end_of(task: &Task, container: &str) -> TaskEnd {
    let containers = ecs::container(task, container).into_iter().chain(sidecars(task, container));
    let containers = containers.map(|container| ContainerEnd {
        name: container.name().unwrap_or_default().to_owned(),
        exit_code: container.exit_code(),
        meaning: container.exit_code().and_then(meaning).map(str::to_owned),
        reason: container.reason().map(str::to_owned),
    });
    TaskEnd { reason: task.stopped_reason().unwrap_or("no reason given").to_owned(), containers: containers.collect() }
}

fn sidecars<'a>(task: &'a Task, container: &str) -> impl Iterator<Item = &'a Container> {
    let is_sidecar = move |name: &str| name != container && !name.starts_with(OF_AWS);
    task.containers().iter().filter(move |other| other.name().is_some_and(&is_sidecar))
}

/// Returns the container that ended `task`: `container`, or the sidecar that failed while it ran. ECS does not report
/// which container ended first, but a container that was stopped ends by a signal or with exit code 0.
pub(super) fn ended_with<'a>(task: &'a Task, container: &'a str) -> &'a str {
    let failed = |code: Option<i32>| code.is_some_and(|code| !matches!(code, 0 | 137 | 143));
    if failed(ecs::exit_code(task, container)) {
        return container;
    }
    let sidecar = sidecars(task, container).find(|sidecar| failed(sidecar.exit_code()));
    sidecar.and_then(Container::name).unwrap_or(container)
}

/// Returns the meaning of an exit code. By shell convention, it is 128 plus the number of the signal that ended the
/// process.
/// <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_08_02>
fn meaning(code: i32) -> Option<&'static str> {
    match code {
        124 => Some("it took too long"),
        126 => Some("the command is not executable"),
        127 => Some("command not found in the image"),
        137 => Some("killed: out of memory, or it did not stop within stop_timeout"),
        139 => Some("segmentation fault"),
        143 => Some("stopped by SIGTERM"),
        _ => None,
    }
}

/// Why a task stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StopReason {
    /// The load balancer found it unhealthy.
    Unhealthy,
    /// The health check of one of its containers failed.
    CheckFailed,
    /// ECS could not pull its image.
    CannotPull,
    /// ECS could not prepare its network, its log or a secret.
    CannotPrepare,
    /// It used more memory than it has.
    OutOfMemory,
    /// A user, the scheduler or AWS stopped it on purpose.
    OnPurpose,
    /// One of its programs ended. Contains the exit code of the main container, if it was started.
    Ended(Option<i32>),
}

impl StopReason {
    /// Returns why `task` stopped, whose main container is `container`.
    ///
    /// ECS has codes for how a task ended. The cause is only in the first word of a reason, and the load balancer's
    /// verdict only in a fixed sentence; no other field has them. Reasons are parsed only in this function.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html>
    pub(super) fn of(task: &Task, container: &str) -> Self {
        let stopped = task.stopped_reason();
        // Only the main container's reason counts. A failed pull of GuardDuty's agent does not end the task, and its
        // image is not the user's.
        let of_container = ecs::container(task, container).and_then(|container| container.reason());
        let reasons: Vec<&str> = stopped.into_iter().chain(of_container).collect();
        let says = |word: &str| reasons.iter().any(|reason| reason.starts_with(word));
        if stopped.is_some_and(|reason| reason.starts_with("Task failed ELB health checks")) {
            Self::Unhealthy
        } else if stopped.is_some_and(|reason| reason.starts_with("Task failed container health checks")) {
            Self::CheckFailed
        } else if says("CannotPullContainerError") {
            Self::CannotPull
        } else if says("ResourceInitializationError") {
            Self::CannotPrepare
        } else if says("OutOfMemoryError") {
            Self::OutOfMemory
        } else {
            match task.stop_code() {
                Some(
                    TaskStopCode::ServiceSchedulerInitiated
                    | TaskStopCode::UserInitiated
                    | TaskStopCode::SpotInterruption
                    | TaskStopCode::TerminationNotice,
                ) => Self::OnPurpose,
                _ => Self::Ended(ecs::exit_code(task, container)),
            }
        }
    }

    /// Returns the likely cause and the next step, or `None` if the task was stopped on purpose. `check` is the health
    /// check that the task must pass, if known, `log` its output, and `said` the texts of ECS.
    pub(super) fn advice(&self, check: Option<&HealthCheck>, log: &Evidence, said: &[String]) -> Option<Advice> {
        if let Some(sentence) = self.sentence(log, said) {
            return Some(sentence.into());
        }
        let written = matches!(log, Evidence::Log { lines, .. } if !lines.is_empty());
        let (likely_cause, next) = match (self, check) {
            (Self::Unhealthy, Some(check)) => health::advice(check, Got::of(said)),
            (Self::OnPurpose | Self::Unhealthy, _) => return None,
            (Self::CheckFailed, _) => (
                "The command of the container's health check failed or timed out several times in a row.".to_owned(),
                "Run `health.command` in the image: the program must be there, and must exit with 0 in time. For a \
                 slow start, raise `health.start`."
                    .to_owned(),
            ),
            (Self::CannotPull, _) => (
                "The image does not exist under this name and tag, or the task cannot reach the registry or is not \
                 allowed to pull the image."
                    .to_owned(),
                "Check `image` in stack.yaml, and the route from the tasks' subnets to the registry (`network.nat`)."
                    .to_owned(),
            ),
            (Self::CannotPrepare, _) => (
                "A secret is missing or cannot be read, or the task cannot reach AWS. The container was not started."
                    .to_owned(),
                "Run `stackctl plan` to see changes of roles and network, and `stackctl secrets list` to see the \
                 secrets."
                    .to_owned(),
            ),
            (Self::OutOfMemory, _) => (
                "The program needs more memory than the task has.".to_owned(),
                "Raise `memory` in stack.yaml.".to_owned(),
            ),
            (Self::Ended(code), _) => by_exit_code(*code, written),
        };
        Some(Advice { likely_cause, next })
    }

    /// Returns a known error message in the log or in the texts of ECS. `None` if the stop reason explains more.
    pub(super) fn sentence(&self, log: &Evidence, said: &[String]) -> Option<&'static Sentence> {
        let failed = match self {
            Self::OnPurpose | Self::CannotPull | Self::OutOfMemory => return None,
            Self::Unhealthy => Failed::Unhealthy { answered: matches!(Got::of(said), Some(Got::Code(_))) },
            Self::CannotPrepare | Self::CheckFailed | Self::Ended(_) => Failed::ByItself,
        };
        let written = if let Evidence::Log { lines, .. } = log { lines.as_slice() } else { &[] };
        sentences::find(written.iter().chain(said).map(String::as_str), failed)
    }
}

/// The likely cause of a failure, and the next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Advice {
    pub(super) likely_cause: String,
    pub(super) next: String,
}

impl From<&Sentence> for Advice {
    fn from(sentence: &Sentence) -> Self {
        Self { likely_cause: sentence.cause.to_owned(), next: sentence.fix.to_owned() }
    }
}

impl From<Option<Advice>> for Explanation {
    fn from(advice: Option<Advice>) -> Self {
        let (likely_cause, next) = advice.map(|advice| (advice.likely_cause, advice.next)).unzip();
        Self { evidence: Vec::new(), likely_cause, next }
    }
}

fn by_exit_code(code: Option<i32>, written: bool) -> (String, String) {
    let Some(code) = code else {
        let next = "See the reason above.";
        return ("The container was never started.".to_owned(), next.to_owned());
    };
    let lines = if written { "See its last lines above." } else { "It wrote no output." };
    let (cause, next) = match code {
        0 => (
            "The program exited with code 0, but a service must keep running.".to_owned(),
            "Run it in the foreground. Put a command that runs once under `release` or `jobs`.",
        ),
        126 | 127 => (
            "The program is not in the image, or it is not executable.".to_owned(),
            "Check the command against the files in the image.",
        ),
        137 => (
            "The program needs more memory than the task has, or something in the container killed it.".to_owned(),
            "Raise `memory` in stack.yaml. Run `stackctl logs` to see the output before that.",
        ),
        _ => (
            format!("The program exited with code {code}. {lines}"),
            "Fix the cause, then run `stackctl deploy` again. Run `stackctl logs` to see the full log.",
        ),
    };
    (cause, next.to_owned())
}

/// Returns the last lines that the task `task` wrote to `log`.
pub(super) async fn log(cx: &Context, log: &TaskLog, task: &str) -> Evidence {
    let task = aws::last_part(task).to_owned();
    match log.last(&cx.aws, LAST_LINES).await {
        Ok(lines) => {
            let lines = lines.unwrap_or_default().iter().map(|line| cut(line, LONGEST_LINE)).collect();
            Evidence::Log { task, lines, unreadable: None }
        }
        Err(failure) => Evidence::Log { task, lines: Vec::new(), unreadable: Some(failure.to_string()) },
    }
}

/// Explains the end of `task` with a known error message, from its main container `container` and its last output
/// `lines`. Empty if there is no such message.
pub(crate) fn told(task: &Task, container: &str, lines: Vec<String>) -> Explanation {
    let log = Evidence::Log { task: String::new(), lines, unreadable: None };
    let sentence = StopReason::of(task, container).sentence(&log, &[end_of(task, container).to_string()]);
    sentence.map(Advice::from).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stopped(reason: &str, code: Option<TaskStopCode>, containers: &[(&str, Option<i32>, Option<&str>)]) -> Task {
        let containers = containers.iter().map(|(name, exit_code, reason)| {
            Container::builder().name(*name).set_exit_code(*exit_code).set_reason(reason.map(str::to_owned)).build()
        });
        let task = Task::builder().stopped_reason(reason).set_stop_code(code);
        task.set_containers(Some(containers.collect())).build()
    }

    #[test]
    fn stop_reason_is_read_from_code_and_first_word() {
        let essential = "Essential container in task exited";
        let ended = Some(TaskStopCode::EssentialContainerExited);
        let scheduler = Some(TaskStopCode::ServiceSchedulerInitiated);
        let table = [
            ("Task failed ELB health checks in (target-group x)", scheduler.clone(), None, None, StopReason::Unhealthy),
            ("Task failed container health checks", scheduler.clone(), Some(137), None, StopReason::CheckFailed),
            ("Scaling activity initiated by (deployment x)", scheduler, Some(143), None, StopReason::OnPurpose),
            ("CannotPullContainerError: pull image manifest", None, None, None, StopReason::CannotPull),
            ("ResourceInitializationError: unable to pull secrets", None, None, None, StopReason::CannotPrepare),
            (essential, ended.clone(), Some(137), Some("OutOfMemoryError: killed"), StopReason::OutOfMemory),
            (essential, ended.clone(), Some(3), None, StopReason::Ended(Some(3))),
            // A word that is not at the start is not a reason of ECS.
            (essential, ended, Some(1), Some("no OutOfMemoryError"), StopReason::Ended(Some(1))),
        ];
        for (reason, code, exit_code, of_container, expected) in table {
            let task = stopped(reason, code, &[("web", exit_code, of_container)]);
            assert_eq!(StopReason::of(&task, "web"), expected, "{reason}");
        }
    }

    #[test]
    fn exit_code_is_that_of_the_main_container() {
        let agent = ("aws-guardduty-agent-x", Some(0), None);
        let unpulled = ("aws-guardduty-agent-x", None, Some("CannotPullContainerError: access denied"));
        let table = [
            (vec![agent, ("web", Some(3), None)], Some(3)),
            (vec![agent, ("web", None, None)], None),
            (vec![unpulled, ("web", Some(3), None)], Some(3)),
            (vec![agent], None),
        ];
        for (containers, expected) in table {
            let task = stopped("Essential container in task exited", None, &containers);
            assert_eq!(StopReason::of(&task, "web"), StopReason::Ended(expected), "{containers:?}");
        }
    }

    #[test]
    fn failed_sidecar_is_reported_as_the_cause() {
        let agent = ("aws-guardduty-agent-x", Some(1), None);
        let table = [
            (vec![agent, ("web", Some(143), None), ("proxy", Some(3), None)], "proxy"),
            (vec![agent, ("web", Some(3), None), ("proxy", Some(1), None)], "web"),
            (vec![agent, ("web", Some(0), None), ("proxy", Some(143), None)], "web"),
            (vec![agent, ("web", Some(137), None)], "web"),
        ];
        for (containers, expected) in table {
            let task = stopped("Essential container in task exited", None, &containers);
            assert_eq!(ended_with(&task, "web"), expected, "{containers:?}");
            let shown = end_of(&task, "web").containers;
            assert_eq!(shown.len(), containers.len() - 1, "without the agent: {shown:?}");
        }
    }

    #[test]
    fn deliberate_stop_has_no_advice() {
        let log = Evidence::Log { task: "c71a".into(), lines: Vec::new(), unreadable: None };
        assert_eq!(StopReason::OnPurpose.advice(None, &log, &[]), None);
        let ended = StopReason::Ended(Some(1)).advice(None, &log, &[]).expect("a program that ends has a cause");
        assert_eq!(ended.likely_cause, "The program exited with code 1. It wrote no output.");
    }

    #[test]
    fn known_error_message_replaces_the_general_advice() {
        let written = |line: &str| Evidence::Log { task: "c71a".into(), lines: vec![line.into()], unreadable: None };
        let advice = |end: StopReason, line: &str, said: &[&str]| {
            let said: Vec<String> = said.iter().map(|line| (*line).to_owned()).collect();
            end.advice(None, &written(line), &said).map(|advice| advice.likely_cause)
        };
        let is = |cause: Option<String>, beginning: &str| cause.is_some_and(|cause| cause.starts_with(beginning));
        let (read_only, ended) = ("open /tmp/x: read-only file system", StopReason::Ended(Some(1)));
        assert!(is(advice(ended.clone(), read_only, &[]), "The program writes a file,"));
        // The reason of ECS takes precedence, and a deliberate stop needs no fix.
        assert!(is(
            advice(StopReason::OutOfMemory, read_only, &[]),
            "The program needs more memory than the task has."
        ));
        assert_eq!(advice(StopReason::OnPurpose, read_only, &[]), None);
        // A missing program writes no log, so the reason of ECS is searched too.
        let absent = "ResourceInitializationError: … exec: \"migrate\": executable file not found in $PATH: unknown";
        assert!(is(advice(StopReason::CannotPrepare, "", &[absent]), "The image lacks the program"));
        // A program that responds with another status can be reached.
        let local = "listening on 127.0.0.1:3000";
        assert!(is(
            advice(StopReason::Unhealthy, local, &["Task failed ELB health checks"]),
            "The program listens on 127"
        ));
        assert_eq!(
            advice(StopReason::Unhealthy, local, &["(reason Health checks failed with these codes: [404])"]),
            None
        );
    }

    #[test]
    fn task_end_is_described_in_words() {
        let agent = ("aws-guardduty-agent-x", Some(0), None);
        let task = stopped("Essential container in task exited", None, &[agent, ("web", Some(137), None)]);
        assert_eq!(
            end_of(&task, "web").to_string(),
            "Essential container in task exited; container web ended with exit code 137 (killed: out of memory, or \
             it did not stop within stop_timeout)"
        );
    }
}
