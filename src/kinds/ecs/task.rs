//! Shared code for the kinds that run a one-off task until it exits: how it is started, found again and judged.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/standalone-task-create.html>

#[cfg(test)]
mod tests;

use std::time::Duration;

use aws_sdk_ecs::{
    operation::list_tasks::builders::ListTasksFluentBuilder,
    types::{ContainerOverride, DesiredStatus, LaunchType, NetworkConfiguration, Task, TaskField, TaskOverride},
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::{self, About, Once, Outcome, TaskLog, given},
    kind::Context,
    kinds::ecs::{
        self,
        task_end::{self, Advice, StopReason},
    },
    model::{Address, Cause, Evidence, Explanation, Failure, Found, On, Permission, Phase, Subject},
};

/// The permission to find tasks.
pub(in crate::kinds) const LOOKING: Permission = Permission::look(&["ecs:DescribeTasks", "ecs:ListTasks"]);

/// The permission to start and stop tasks.
pub(in crate::kinds) const RUNNING: Permission = Permission::release(&["ecs:RunTask", "ecs:StopTask"], On::Named(ARNS));

/// The ARN pattern of the stack's cluster, services and tasks, which contain the name of the cluster, and of its task
/// definitions. One pattern keeps the policy short.
pub(in crate::kinds) const ARNS: &[&str] = &["ecs:{region}:{account}:*/{name:255}*"];

/// The maximum number of tasks in one `DescribeTasks` call.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html>
pub(super) const DESCRIBED_AT_ONCE: usize = 100;

/// The maximum length of a task's overrides, in characters of their JSON.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>
const LONGEST_OVERRIDES: usize = 8192;

/// How long a new task is watched for a failure to prepare it. On Fargate, preparation takes about a minute.
const PREPARED_WITHIN: Duration = Duration::from_secs(90);

/// The code of the error for a task that ECS still prepares. ECS has no such code.
pub(super) const BEING_PREPARED: &str = "TaskIsBeingPrepared";

/// How long the engine waits for a task beyond its limit, so that the kind can report the overdue task.
pub(super) const BEYOND: Duration = Duration::from_secs(600);

/// A one-off task to start.
pub(crate) struct OneOff<'a> {
    /// The `startedBy` value that ECS records.
    pub(crate) started_by: &'a str,
    /// The ARN of the cluster.
    pub(crate) cluster: &'a str,
    /// The ARN of the task definition.
    pub(crate) task_definition: &'a str,
    /// The container whose exit is the result of the task.
    pub(crate) container: &'a str,
    /// The command that replaces the container's own.
    pub(crate) command: Option<&'a [String]>,
    /// The network configuration of the task.
    pub(crate) network: NetworkConfiguration,
    /// The group of the task. If `None`, the group of its family.
    pub(crate) group: Option<&'a str>,
    /// Who retries the call when its response is lost.
    pub(crate) repeats: Repeats,
}

/// Who retries a call whose response is lost. The client token makes repeated calls start only one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// The engine, after it looked for the task.
    Engine,
    /// The SDK, if no engine runs.
    Sdk,
}

/// A running or stopped task as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// The ARN of the task.
    pub task: String,
    /// The ARN of the cluster.
    pub cluster: String,
    /// The name in its address.
    pub name: String,
    /// The status that AWS reports, such as `RUNNING`.
    pub status: String,
    /// The exit code, once there is one.
    pub exit_code: Option<i32>,
    /// The reason why it ended, as text.
    pub end: String,
    /// When it was created, in milliseconds since 1970. Of two tasks, the newer one counts.
    pub created: i64,
    /// The progress that the task reports, if any.
    #[serde(default)]
    pub doing: Option<String>,
    /// Whether it has exceeded the limit of its kind.
    #[serde(default)]
    pub overdue: bool,
}

/// Returns the newest task of each address that this run started for `what`. `limit` is the maximum run time of each
/// task. `container` returns the name of the container whose exit counts.
pub(super) async fn newest(
    cx: &Context,
    what: &str,
    limit: Duration,
    container: fn(&Address) -> &str,
) -> Result<Vec<Found<Live>>, Failure> {
    let started_by = cx.started_by(what);
    let tasks = known(cx, &ecs::cluster_name(&cx.id), |call| call.started_by(&started_by)).await?;
    let mut newest: Vec<Found<Live>> = Vec::new();
    for task in &tasks {
        let address = aws::address_of(&cx.id, task.tags()).or_else(|| untagged(task));
        let Some(address) = address else { continue };
        let live = live(&address, container(&address), task).within(limit, now());
        let found = Found { address, id: live.task.clone(), live };
        match newest.iter_mut().find(|other| other.address == found.address) {
            Some(other) if other.live.created < found.live.created => *other = found,
            Some(_) => {}
            None => newest.push(found),
        }
    }
    Ok(newest)
}

/// Returns the running and recently stopped tasks of `cluster` that `wanted` selects, with their tags. Empty if the
/// cluster does not exist.
pub(crate) async fn known(
    cx: &Context,
    cluster: &str,
    wanted: impl Fn(ListTasksFluentBuilder) -> ListTasksFluentBuilder,
) -> Result<Vec<Task>, Failure> {
    let reads = [DesiredStatus::Running, DesiredStatus::Stopped].map(|status| {
        let call = wanted(cx.aws.ecs.list_tasks().cluster(cluster)).desired_status(status);
        async move {
            let pages = call.into_paginator().items().send();
            pages.try_collect().await.or_absent("ListTasks", &["ClusterNotFoundException"])
        }
    });
    let arns: Vec<Option<Vec<String>>> = try_join_all(reads).await?;
    let arns: Vec<String> = arns.into_iter().flatten().flatten().collect();
    let mut tasks = Vec::new();
    for some in arns.chunks(DESCRIBED_AT_ONCE) {
        let call = cx.aws.ecs.describe_tasks().cluster(cluster).include(TaskField::Tags);
        let answer = call.set_tasks(Some(some.to_vec())).send().await.during("DescribeTasks")?;
        tasks.extend(answer.tasks.unwrap_or_default());
    }
    Ok(tasks)
}

/// Returns the overrides of a task that EventBridge starts.
pub(crate) fn overrides(container: &str, command: &[String]) -> Value {
    let mut container = json!({ "name": container });
    if !command.is_empty() {
        container["command"] = json!(command);
    }
    json!({ "containerOverrides": [container] })
}

/// Parses the kind and the run of stackctl in a `startedBy` value of [`Context::started_by`].
pub(super) fn started_by(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("stackctl-")?.split_once('/')
}

/// Returns the address of a task that a run of stackctl started and that has no tags. ECS deletes the tags when
/// somebody stops the task.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html>
fn untagged(task: &Task) -> Option<Address> {
    let (kind, _) = task.started_by().and_then(started_by).filter(|_| task.tags().is_empty())?;
    // A task with its own command has the name of its container. Otherwise it is a task of the only database.
    let own = task.overrides().and_then(|overrides| overrides.container_overrides().first());
    Some(Address::new(kind, own.and_then(ContainerOverride::name).unwrap_or("database")))
}

/// Starts the task of the resource at `address`. `own` are the tasks that this run has already started for it.
///
/// New IAM roles and policies are not visible everywhere at once. Until they are, ECS may be unable to read the secrets
/// or the image of a task. No container of such a task has run, so the task is started once more.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>
///
/// # Errors
/// Returns an error with the code [`BEING_PREPARED`] while ECS prepares the first task.
pub(super) async fn start(cx: &Context, address: &Address, one_off: OneOff<'_>, own: &[Task]) -> Result<Live, Failure> {
    let container = one_off.container;
    let again = matches!(own, [only] if was_not_prepared(only, container));
    let newest = own.iter().max_by_key(|task| created(task)).filter(|_| !again);
    let task = match newest {
        Some(task) => task.clone(),
        None => begin(cx, address, one_off, if again { " again" } else { "" }).await?,
    };
    let live = live(address, container, &task);
    if !again && own.len() < 2 && live.is_being_prepared(now()) {
        let message = format!("ECS is still preparing task {}", aws::last_part(&live.task));
        return Err(Failure { cause: Cause::Refused, code: Some(BEING_PREPARED.to_owned()), ..Failure::new(message) });
    }
    Ok(live)
}

/// Whether the task stopped because ECS could not prepare it.
fn was_not_prepared(task: &Task, container: &str) -> bool {
    task.last_status() == Some("STOPPED")
        && StopReason::of(task, container) == StopReason::CannotPrepare
        && ecs::exit_code(task, container).is_none()
}

/// Starts a task. A repeated call of the same run of stackctl returns the same task; another run starts another task.
pub(crate) async fn run(cx: &Context, address: &Address, one_off: OneOff<'_>) -> Result<Task, Failure> {
    begin(cx, address, one_off, "").await
}

/// Like [`run`], but each `which` gets its own task.
async fn begin(cx: &Context, address: &Address, one_off: OneOff<'_>, which: &str) -> Result<Task, Failure> {
    let OneOff { started_by, cluster, task_definition, container, command, network, group, repeats } = one_off;
    if let Some(command) = command {
        fits(container, command)?;
    }
    let token = aws::discriminated(&cx.id, address, &format!("{task_definition} {}{which}", cx.run), 64);
    let overrides = command.map(|command| {
        let container = ContainerOverride::builder().name(container).set_command(Some(command.to_vec())).build();
        TaskOverride::builder().container_overrides(container).build()
    });
    let call = cx
        .aws
        .ecs
        .run_task()
        .cluster(cluster)
        .task_definition(task_definition)
        .launch_type(LaunchType::Fargate)
        .count(1)
        .started_by(started_by)
        .client_token(token)
        .network_configuration(network)
        .set_group(group.map(str::to_owned))
        .set_overrides(overrides)
        .set_tags(Some(aws::tags(&cx.id, address)));
    let answer = match repeats {
        Repeats::Engine => call.customize().once().send().await,
        Repeats::Sdk => call.send().await,
    };
    let answer = answer.during("RunTask")?;
    if let Some(failure) = answer.failures().first() {
        let reason = failure.reason().unwrap_or_default();
        let detail = failure.detail().unwrap_or_default();
        return Err(Failure::refused("RunTask", format!("{reason} {detail}").trim().to_owned()));
    }
    given(answer.tasks.and_then(|tasks| tasks.into_iter().next()), "RunTask", "tasks")
}

/// Rejects a command that is too long for the call. The message of ECS would use the terms of its API.
fn fits(container: &str, command: &[String]) -> Result<(), Failure> {
    let overrides = json!({ "containerOverrides": [{ "name": container, "command": command }] }).to_string();
    let length = overrides.chars().count();
    if length <= LONGEST_OVERRIDES {
        return Ok(());
    }
    let message =
        format!("the command is too long: {length} characters in the request to ECS (maximum {LONGEST_OVERRIDES})");
    let hint = "put the command into a script in the image, and run the script";
    Err(Failure::about(Subject::activity("start a task"), message).hint(hint))
}

/// Stops the task `arn` of `cluster`: with SIGTERM, then with SIGKILL after its `stop_timeout`. Succeeds if the task
/// has already stopped. ECS shows `reason` with the task.
pub(crate) async fn stop(
    cx: &Context,
    cluster: &str,
    arn: &str,
    reason: Option<&str>,
    repeats: Repeats,
) -> Result<(), Failure> {
    let call = cx.aws.ecs.stop_task().cluster(cluster).task(arn).set_reason(reason.map(str::to_owned));
    let answer = match repeats {
        Repeats::Engine => call.customize().once().send().await,
        Repeats::Sdk => call.send().await,
    };
    answer.or_absent("StopTask", &["InvalidParameterException"]).map(drop)
}

/// Stops the starting and running tasks of `cluster` for which `meant` returns true. Does nothing if the cluster does
/// not exist.
pub(in crate::kinds) async fn stop_all(
    cx: &Context,
    cluster: &str,
    meant: impl Fn(&Task) -> bool,
    reason: &str,
) -> Result<(), Failure> {
    let pages = cx.aws.ecs.list_tasks().cluster(cluster).into_paginator().items().send();
    let arns: Result<Vec<String>, _> = pages.try_collect().await;
    let arns = arns.or_absent("ListTasks", &["ClusterNotFoundException"])?.unwrap_or_default();
    for some in arns.chunks(DESCRIBED_AT_ONCE) {
        let call = cx.aws.ecs.describe_tasks().cluster(cluster).set_tasks(Some(some.to_vec()));
        let answer = call.send().await.during("DescribeTasks")?;
        for task in answer.tasks().iter().filter(|task| meant(task)) {
            let arn = task.task_arn().unwrap_or_default();
            stop(cx, cluster, arn, Some(reason), Repeats::Engine).await?;
        }
    }
    Ok(())
}

/// Returns the phase: ready after exit code 0. `failed` returns the message for any other end.
pub(in crate::kinds) fn phase(live: &Live, failed: impl FnOnce(&str) -> String) -> Phase {
    match (live.status.as_str(), live.exit_code) {
        ("STOPPED", Some(0)) => Phase::Ready,
        ("STOPPED", _) => Phase::Failed(failed(&live.end)),
        _ if live.overdue => Phase::Failed(failed(&live.end)),
        (status, _) => Phase::Pending(live.doing.clone().unwrap_or_else(|| status.to_lowercase())),
    }
}

/// Explains why the task failed. `logs` is the name in the address of its log group, `container` the container whose
/// exit counts. `advise` returns the advice from the stop reason, the output and the texts of ECS. `runs_on` states
/// what happens to a task that exceeds its limit.
pub(super) async fn explain(
    cx: &Context,
    live: &Live,
    (logs, container): (&str, &str),
    runs_on: &str,
    advise: impl FnOnce(&StopReason, &Evidence, &[String]) -> Option<Advice>,
) -> Explanation {
    let of_task = TaskLog::new(&cx.id, logs, container, &live.task);
    if live.overdue {
        let log = task_end::log(cx, &of_task, &live.task).await;
        let likely_cause = "It needs more time than it may take, or it waits for something such as a lock.".to_owned();
        let next = format!("{runs_on} Its log: {of_task}.");
        return Explanation { evidence: vec![log], likely_cause: Some(likely_cause), next: Some(next) };
    }
    let call = cx.aws.ecs.describe_tasks().cluster(&live.cluster).tasks(&live.task).send().await;
    let Ok(answer) = call.during("DescribeTasks") else { return Explanation::default() };
    let Some(task) = answer.tasks().first() else { return Explanation::default() };
    // The failure message already contains the end of the task.
    let log = task_end::log(cx, &of_task, &live.task).await;
    let said = [task_end::end_of(task, container).to_string()];
    let advice = advise(&StopReason::of(task, container), &log, &said);
    Explanation { evidence: vec![log], ..Explanation::from(advice) }
}

/// Returns the condition to wait for, if an ECS error is temporary.
pub(in crate::kinds) fn passing(failure: &Failure) -> Option<&'static str> {
    if failure.is(&[BEING_PREPARED]) {
        return Some("ECS to prepare the task");
    }
    // ECS rejects new resources in this way and has no specific code for it.
    if !failure.is(&["ClientException", "InvalidParameterException"]) {
        return None;
    }
    match aws::about(failure) {
        About::Role => Some("ECS to accept the new roles"),
        About::Network => Some("ECS to accept the new subnets and security groups"),
        About::Concurrency | About::Other => None,
    }
}

fn live(address: &Address, container: &str, task: &Task) -> Live {
    Live {
        task: task.task_arn().unwrap_or_default().to_owned(),
        cluster: task.cluster_arn().unwrap_or_default().to_owned(),
        name: address.name().to_owned(),
        status: task.last_status().unwrap_or("PROVISIONING").to_owned(),
        exit_code: ecs::exit_code(task, container),
        end: task_end::end_of(task, container).to_string(),
        created: created(task),
        doing: None,
        overdue: false,
    }
}

/// Returns when the task was created, in milliseconds since 1970.
fn created(task: &Task) -> i64 {
    task.created_at().and_then(|at| at.to_millis().ok()).unwrap_or_default()
}

/// Returns the current time in milliseconds since 1970.
fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

impl Live {
    /// Whether ECS has not started the container yet, and may still fail to.
    fn is_being_prepared(&self, now: i64) -> bool {
        // The clock of this computer may be some seconds behind AWS.
        let is_new = Duration::from_millis(now.abs_diff(self.created)) < PREPARED_WITHIN;
        is_new && !matches!(self.status.as_str(), "RUNNING" | "STOPPED")
    }

    /// Marks the task as overdue if it still runs after `limit`.
    fn within(self, limit: Duration, now: i64) -> Self {
        let age = Duration::from_millis(u64::try_from(now - self.created).unwrap_or_default());
        if self.status == "STOPPED" || self.created == 0 || age < limit {
            return self;
        }
        let (task, minutes) = (aws::last_part(&self.task), limit.as_secs() / 60);
        let end = format!("task {task} is still running after {minutes} minutes");
        Self { end, overdue: true, ..self }
    }

    /// Whether `self` is an earlier task than `written`, from a stale read.
    pub(super) fn is_before(&self, written: &Self) -> bool {
        self.task != written.task && self.created < written.created
    }
}

#[cfg(test)]
impl Live {
    /// Returns a task that stopped with this exit code.
    pub(crate) fn stopped(exit_code: i32, end: &str) -> Self {
        Self {
            task: "arn:aws:ecs:eu-west-1:123456789012:task/shop-test-main/c71a".into(),
            cluster: "arn:aws:ecs:eu-west-1:123456789012:cluster/shop-test-main".into(),
            name: "database".into(),
            status: "STOPPED".into(),
            exit_code: Some(exit_code),
            end: end.into(),
            created: 0,
            doing: None,
            overdue: false,
        }
    }
}
