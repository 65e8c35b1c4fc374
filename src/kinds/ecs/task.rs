//! What the kinds share that run a one-off task to its exit code: how it is started, found again, and judged.
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

/// What finds tasks.
pub(in crate::kinds) const LOOKING: Permission = Permission::look(&["ecs:DescribeTasks", "ecs:ListTasks"]);

/// What starts tasks and stops them.
pub(in crate::kinds) const RUNNING: Permission = Permission::release(&["ecs:RunTask", "ecs:StopTask"], On::Named(ARNS));

/// The ARNs of the stack's cluster, services and tasks, which begin with the cluster's name, and of its task definitions: one
/// pattern, because a policy has to be short.
pub(in crate::kinds) const ARNS: &[&str] = &["ecs:{region}:{account}:*/{name:255}*"];

/// How many tasks one `DescribeTasks` call takes.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html>
pub(super) const DESCRIBED_AT_ONCE: usize = 100;

/// The most that the overrides of a task have, in characters of their JSON.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>
const LONGEST_OVERRIDES: usize = 8192;

/// How long a new task is watched for whether ECS can prepare it. On Fargate this takes about a minute.
const PREPARED_WITHIN: Duration = Duration::from_secs(90);

/// The code of the failure that says that ECS still prepares a task. ECS has none.
pub(super) const BEING_PREPARED: &str = "TaskIsBeingPrepared";

/// How much longer than its limit the engine waits for a task, so that the kind says what has become of it.
pub(super) const BEYOND: Duration = Duration::from_secs(600);

/// What is to be run, and where.
pub(crate) struct OneOff<'a> {
    /// Who starts it, as ECS records it.
    pub(crate) started_by: &'a str,
    /// The cluster's ARN.
    pub(crate) cluster: &'a str,
    /// The task definition's ARN.
    pub(crate) task_definition: &'a str,
    /// The container that is waited for.
    pub(crate) container: &'a str,
    /// The command that the container runs in place of its own.
    pub(crate) command: Option<&'a [String]>,
    /// Where it runs.
    pub(crate) network: NetworkConfiguration,
    /// The group that it is in; that of its family without one.
    pub(crate) group: Option<&'a str>,
    /// Who repeats the call when its answer was lost.
    pub(crate) repeats: Repeats,
}

/// Who repeats a call whose answer was lost. With its client token, the call is one task however often it arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// The engine, which looks for the task first.
    Engine,
    /// The SDK, where no engine runs.
    Sdk,
}

/// What AWS has: a task that runs or has run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// The task's ARN.
    pub task: String,
    /// The cluster's ARN.
    pub cluster: String,
    /// The name of its address.
    pub name: String,
    /// AWS's word, such as `RUNNING`.
    pub status: String,
    /// The exit code, once there is one.
    pub exit_code: Option<i32>,
    /// Why it ended, in words.
    pub end: String,
    /// When it was created, in milliseconds since 1970; of two the newer one counts.
    pub created: i64,
    /// How far it is, in its own words, where it says so.
    #[serde(default)]
    pub doing: Option<String>,
    /// Whether it runs for longer than its kind allows.
    #[serde(default)]
    pub overdue: bool,
}

/// The newest task of each address among those that this run has started for `what`, each of which may run for `limit`. `container`
/// gives the name of the container that is waited for.
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

/// The tasks of `cluster` that run and those that stopped not long ago, with their tags, out of those that `wanted` lists.
/// Before there is a cluster, there is no task.
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

/// What a task that EventBridge starts gets in place of what its task definition says.
pub(crate) fn overrides(container: &str, command: &[String]) -> Value {
    let mut container = json!({ "name": container });
    if !command.is_empty() {
        container["command"] = json!(command);
    }
    json!({ "containerOverrides": [container] })
}

/// The kind and the run of stackctl that [`Context::started_by`] names.
pub(super) fn started_by(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("stackctl-")?.split_once('/')
}

/// The address of a task that was started by a run of stackctl and has no tags: ECS deletes them when somebody stops it.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html>
fn untagged(task: &Task) -> Option<Address> {
    let (kind, _) = task.started_by().and_then(started_by).filter(|_| task.tags().is_empty())?;
    // What runs a command of its own is called as its container; there is one database.
    let own = task.overrides().and_then(|overrides| overrides.container_overrides().first());
    Some(Address::new(kind, own.and_then(ContainerOverride::name).unwrap_or("database")))
}

/// Starts the task that the resource at `address` is. `own` are the tasks that this run has started for it.
///
/// IAM shows new roles and policies everywhere only after a while, and ECS then cannot read the secrets or the image of a task. Nothing
/// of such a task has run: it is started once more.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>
///
/// # Errors
/// As long as ECS prepares the first task, with the code [`BEING_PREPARED`].
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

/// Whether it has stopped because ECS could not prepare it.
fn was_not_prepared(task: &Task, container: &str) -> bool {
    task.last_status() == Some("STOPPED")
        && StopReason::of(task, container) == StopReason::CannotPrepare
        && ecs::exit_code(task, container).is_none()
}

/// Starts a task. A repeated call is the same task; another run of stackctl starts another one.
pub(crate) async fn run(cx: &Context, address: &Address, one_off: OneOff<'_>) -> Result<Task, Failure> {
    begin(cx, address, one_off, "").await
}

/// As [`run`]; another task for another `which`.
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

/// Refuses a command that is too long for the call: ECS would, in the words of its own API.
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

/// Ends the task `arn` of `cluster`: SIGTERM, and SIGKILL after its `stop_timeout`. One that has ended is a success. ECS shows
/// `reason` with the task.
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

/// Ends those tasks of `cluster` that run or are about to, and for which `meant` says yes. A cluster that is gone has none.
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

/// Ready once it has ended well; `failed` puts the reason of another end into words.
pub(in crate::kinds) fn phase(live: &Live, failed: impl FnOnce(&str) -> String) -> Phase {
    match (live.status.as_str(), live.exit_code) {
        ("STOPPED", Some(0)) => Phase::Ready,
        ("STOPPED", _) => Phase::Failed(failed(&live.end)),
        _ if live.overdue => Phase::Failed(failed(&live.end)),
        (status, _) => Phase::Pending(live.doing.clone().unwrap_or_else(|| status.to_lowercase())),
    }
}

/// Why it failed. `logs` is the name of its log group's address, `container` the one that is waited for. `advise` says what to
/// do, by why the task stopped, what it has written and what ECS says of it; `runs_on` what becomes of a task that runs for longer
/// than it may.
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
    // How it ended is in the message.
    let log = task_end::log(cx, &of_task, &live.task).await;
    let said = [task_end::end_of(task, container).to_string()];
    let advice = advise(&StopReason::of(task, container), &log, &said);
    Explanation { evidence: vec![log], ..Explanation::from(advice) }
}

/// What is waited for when ECS refuses a task in this way, if that goes away by waiting.
pub(in crate::kinds) fn passing(failure: &Failure) -> Option<&'static str> {
    if failure.is(&[BEING_PREPARED]) {
        return Some("ECS to prepare the task");
    }
    // ECS says so of what was just made, and has no code of its own for it.
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

/// When it was created, in milliseconds since 1970.
fn created(task: &Task) -> i64 {
    task.created_at().and_then(|at| at.to_millis().ok()).unwrap_or_default()
}

/// In milliseconds since 1970.
fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

impl Live {
    /// Whether ECS has yet to start its container, and may fail to.
    fn is_being_prepared(&self, now: i64) -> bool {
        // This computer's clock may be some seconds behind AWS's.
        let is_new = Duration::from_millis(now.abs_diff(self.created)) < PREPARED_WITHIN;
        is_new && !matches!(self.status.as_str(), "RUNNING" | "STOPPED")
    }

    /// The same, with a word about it if it still runs after `limit`.
    fn within(self, limit: Duration, now: i64) -> Self {
        let age = Duration::from_millis(u64::try_from(now - self.created).unwrap_or_default());
        if self.status == "STOPPED" || self.created == 0 || age < limit {
            return self;
        }
        let (task, minutes) = (aws::last_part(&self.task), limit.as_secs() / 60);
        let end = format!("task {task} is still running after {minutes} minutes");
        Self { end, overdue: true, ..self }
    }

    /// Whether `self` is an earlier task than `written`: reads lag writes.
    pub(super) fn is_before(&self, written: &Self) -> bool {
        self.task != written.task && self.created < written.created
    }
}

#[cfg(test)]
impl Live {
    /// A task that has stopped with this exit code.
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
