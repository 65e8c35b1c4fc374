//! How a task ended, as data: what ECS says of it, its last lines, the likely cause, and the way out.

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

/// How many of the last lines of a task are shown.
pub(crate) const LAST_LINES: i32 = 20;

/// How much of each is shown, in characters: CloudWatch Logs keeps lines of up to 1 MB.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const LONGEST_LINE: usize = 1_000;

/// What the names of containers begin with that AWS adds to tasks.
/// <https://docs.aws.amazon.com/guardduty/latest/ug/how-runtime-monitoring-works-ecs-fargate.html>
const OF_AWS: &str = "aws-guardduty-agent";

/// The container that ends a task which takes too long, and the exit code with which it does.
pub const TIMEOUT: (&str, i32) = ("stackctl-timeout", 124);

/// The exit code of a task whose container `container` is waited for: that one's, unless the task took too long.
pub(crate) fn exit_code(task: &Task, container: &str) -> Option<i32> {
    let (name, code) = TIMEOUT;
    ecs::exit_code(task, name).filter(|ended| *ended == code).or_else(|| ecs::exit_code(task, container))
}

/// How a task ended whose container `container` is waited for, as ECS says: how that ended, and how its sidecars did. What AWS
/// adds, such as GuardDuty's agent, tells nothing.
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

/// The container that `task` ended with: its own one, `container`, or the sidecar that failed while that one ran. ECS does not
/// say which one ended first; one that is stopped ends by a signal, or well.
pub(super) fn ended_with<'a>(task: &'a Task, container: &'a str) -> &'a str {
    let failed = |code: Option<i32>| code.is_some_and(|code| !matches!(code, 0 | 137 | 143));
    if failed(ecs::exit_code(task, container)) {
        return container;
    }
    let sidecar = sidecars(task, container).find(|sidecar| failed(sidecar.exit_code()));
    sidecar.and_then(Container::name).unwrap_or(container)
}

/// What an exit code means by the convention of shells: 128 and the number of the signal that ended the process.
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
    /// The health check of one of its containers found it unhealthy.
    CheckFailed,
    /// Its image could not be pulled.
    CannotPull,
    /// It could not be prepared: its network, its log or a secret.
    CannotPrepare,
    /// It used more memory than it has.
    OutOfMemory,
    /// Somebody, the scheduler or AWS ended it on purpose.
    OnPurpose,
    /// A program of it ended: the exit code of the container that is waited for, if it was started.
    Ended(Option<i32>),
}

impl StopReason {
    /// Why `task` stopped, whose container `container` is waited for.
    ///
    /// ECS has codes for how a task ended. Why, it says in a word at the front of a reason, and of the load balancer's verdict
    /// in a fixed sentence: no other field has them. All that reads a reason is here.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html>
    pub(super) fn of(task: &Task, container: &str) -> Self {
        let stopped = task.stopped_reason();
        // The agent of GuardDuty that cannot be pulled does not end the task, and its image is not the user's.
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

    /// What is likely to have ended the task, and what to do about it. Nothing, where it was ended on purpose. `check` is the
    /// health check that it has to pass, where that is known, `log` what it has written, and `said` what ECS says of it.
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

    /// A sentence in the log, or in what ECS says, that is known to mean something. None, where ECS itself says more.
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

/// What is likely to have caused a failure, and what to do next.
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

/// The last lines that the task `task` wrote into `log`.
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

/// What a known sentence tells of `task`, whose container `container` is waited for and has written `lines` last. Empty, if there
/// is none.
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
    fn a_stop_reason_is_read_from_code_and_first_word() {
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
            // Not at the front: somebody else's words.
            (essential, ended, Some(1), Some("no OutOfMemoryError"), StopReason::Ended(Some(1))),
        ];
        for (reason, code, exit_code, of_container, expected) in table {
            let task = stopped(reason, code, &[("web", exit_code, of_container)]);
            assert_eq!(StopReason::of(&task, "web"), expected, "{reason}");
        }
    }

    #[test]
    fn the_container_that_is_waited_for_gives_the_exit_code() {
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
    fn a_sidecar_that_failed_is_what_the_task_ended_with() {
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
    fn an_end_on_purpose_has_no_cause_to_mend() {
        let log = Evidence::Log { task: "c71a".into(), lines: Vec::new(), unreadable: None };
        assert_eq!(StopReason::OnPurpose.advice(None, &log, &[]), None);
        let ended = StopReason::Ended(Some(1)).advice(None, &log, &[]).expect("a program that ends has a cause");
        assert_eq!(ended.likely_cause, "The program exited with code 1. It wrote no output.");
    }

    #[test]
    fn a_known_sentence_takes_the_place_of_the_general_advice() {
        let written = |line: &str| Evidence::Log { task: "c71a".into(), lines: vec![line.into()], unreadable: None };
        let advice = |end: StopReason, line: &str, said: &[&str]| {
            let said: Vec<String> = said.iter().map(|line| (*line).to_owned()).collect();
            end.advice(None, &written(line), &said).map(|advice| advice.likely_cause)
        };
        let is = |cause: Option<String>, beginning: &str| cause.is_some_and(|cause| cause.starts_with(beginning));
        let (read_only, ended) = ("open /tmp/x: read-only file system", StopReason::Ended(Some(1)));
        assert!(is(advice(ended.clone(), read_only, &[]), "The program writes a file,"));
        // The reason that ECS gives comes first, and a deliberate stop needs no fix.
        assert!(is(
            advice(StopReason::OutOfMemory, read_only, &[]),
            "The program needs more memory than the task has."
        ));
        assert_eq!(advice(StopReason::OnPurpose, read_only, &[]), None);
        // A missing program writes no log, so ECS's reason is searched too.
        let absent = "ResourceInitializationError: … exec: \"migrate\": executable file not found in $PATH: unknown";
        assert!(is(advice(StopReason::CannotPrepare, "", &[absent]), "The image lacks the program"));
        // A program that answers with another status can be reached.
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
    fn the_end_of_a_task_is_told_in_words() {
        let agent = ("aws-guardduty-agent-x", Some(0), None);
        let task = stopped("Essential container in task exited", None, &[agent, ("web", Some(137), None)]);
        assert_eq!(
            end_of(&task, "web").to_string(),
            "Essential container in task exited; container web ended with exit code 137 (killed: out of memory, or \
             it did not stop within stop_timeout)"
        );
    }
}
