//! Finds the database loads of earlier commands. The sources are their tasks, while ECS still knows them, and the task
//! output, while the log group exists. The clean-up of a load deletes the log group last, so the log describes only
//! loads of commands that did not finish.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html>

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{Task, TaskDefinition};

use crate::{
    aws::{self, LogLine, log_page},
    kind::Context,
    kinds::ecs::{
        self,
        database_load::{self, TASK},
        database_task::{CONTAINER, SAID},
        task,
    },
    model::{Address, Failure},
};

/// The dump of a load, and how it is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The SHA-256 of the compressed dump, in hexadecimal digits.
    pub sha256: String,
    /// Whether the dump replaces the whole database.
    pub replaces: bool,
}

/// The progress or the result of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its task runs or is starting.
    Runs,
    /// The database contains the dump.
    Loaded,
    /// The database contains nothing of the dump.
    Undone,
    /// It was killed before it could clean up. The database contains nothing of the dump, but with `--replace` the
    /// server may have a second database that is half loaded.
    Killed,
    /// It started to load the dump, and its result is unknown.
    Unknown,
}

/// A load that a command started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The id of its task.
    pub task: String,
    /// The run of stackctl that started it, while ECS still knows the task.
    pub run: Option<String>,
    /// The dump that it loads, if known.
    pub order: Option<Order>,
    /// Its progress or result.
    pub state: State,
    /// Whether it failed to drop the database that it replaced.
    pub leaves_old: bool,
    /// When it started, in milliseconds since 1970.
    pub at: i64,
}

/// The resources that an unfinished load left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Whether its log group exists.
    pub log: bool,
    /// The ARN of its revision, if a task can still be started with it.
    pub definition: Option<String>,
}

/// The log output of one task.
#[derive(Debug, Default)]
struct Said {
    order: Option<Order>,
    /// `None` if the output does not contain the result.
    end: Option<State>,
    leaves_old: bool,
    at: i64,
}

/// Returns the name of the cluster in which the loads run.
pub fn cluster(cx: &Context) -> String {
    ecs::cluster_name(&cx.id)
}

/// Returns the loads of commands that did not finish, newest first, and every load whose task runs. `left` describes
/// the resources that they left behind.
///
/// # Errors
/// Returns an error if a call to ECS or CloudWatch Logs fails.
pub async fn begun(cx: &Context, left: &Left) -> Result<Vec<Begun>, Failure> {
    let (tasks, mut said) = futures::try_join!(tasks(cx), said(cx, left.log))?;
    let arns: Vec<&str> = tasks.iter().filter_map(Task::task_definition_arn).collect();
    let orders = orders(cx, &arns).await?;
    let mut begun = Vec::new();
    for task in &tasks {
        let id = aws::last_part(task.task_arn().unwrap_or_default()).to_owned();
        let definition = task.task_definition_arn().unwrap_or_default();
        let log = said.remove(&id);
        let runs = task.last_status() != Some("STOPPED");
        // ECS knows a stopped task for an hour, even if its command finished.
        if !runs && log.is_none() && left.definition.as_deref() != Some(definition) {
            continue;
        }
        let log = log.unwrap_or_default();
        let at = task.created_at().and_then(|at| at.to_millis().ok()).unwrap_or(log.at);
        let run = task.started_by().and_then(run_of).map(str::to_owned);
        let state = if runs { State::Runs } else { ended(ecs::exit_code(task, CONTAINER), &log) };
        let order = orders.get(definition).cloned().or(log.order);
        begun.push(Begun { task: id, run, order, state, leaves_old: log.leaves_old, at });
    }
    begun.extend(said.into_iter().map(|(task, log)| {
        let state = log.end.unwrap_or(State::Unknown);
        Begun { task, run: None, order: log.order, state, leaves_old: log.leaves_old, at: log.at }
    }));
    begun.sort_by_key(|load| std::cmp::Reverse(load.at));
    Ok(begun)
}

/// Returns the result of a load from the exit code of its stopped task and from its output.
fn ended(exit_code: Option<i32>, said: &Said) -> State {
    match (exit_code, said.end) {
        (Some(0), _) => State::Loaded,
        (_, Some(end)) => end,
        (Some(code), None) if database_load::has_ended_by_itself(code) => State::Undone,
        // It did not start, or ended before its first output line.
        (_, None) if said.order.is_none() => State::Undone,
        (_, None) => State::Killed,
    }
}

/// Returns the tasks of all loads that ECS knows. A task that was stopped has no tags.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html>
async fn tasks(cx: &Context) -> Result<Vec<Task>, Failure> {
    let cluster = ecs::cluster_name(&cx.id);
    let family = ecs::family_name(&cx.id, &Address::new("task_definition", TASK));
    let mut tasks = task::known(cx, &cluster, |call| call.family(&family)).await?;
    tasks.retain(|task| task.started_by().and_then(run_of).is_some());
    Ok(tasks)
}

/// Returns the run of stackctl in the `startedBy` value of a load.
fn run_of(started_by: &str) -> Option<&str> {
    task::started_by(started_by).filter(|(what, _)| *what == TASK).map(|(_, run)| run)
}

/// Returns the dumps of these revisions, by ARN. ECS describes a deleted revision as long as it knows a task with it.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskDefinitions.html>
async fn orders(cx: &Context, arns: &[&str]) -> Result<BTreeMap<String, Order>, Failure> {
    let mut orders = BTreeMap::new();
    for arn in arns {
        if orders.contains_key(*arn) {
            continue;
        }
        let known = ecs::revision(cx, arn).await?;
        if let Some(order) = known.and_then(|known| ordered(&known.definition)) {
            orders.insert((*arn).to_owned(), order);
        }
    }
    Ok(orders)
}

fn ordered(definition: &TaskDefinition) -> Option<Order> {
    let container = definition.container_definitions().first()?;
    let variable = |name: &str| {
        let found = container.environment().iter().find(|variable| variable.name() == Some(name))?;
        found.value().map(str::to_owned)
    };
    Some(Order { sha256: variable(database_load::SHA256)?, replaces: variable(database_load::REPLACE)? == "yes" })
}

/// Returns the log output of each task, by task id.
async fn said(cx: &Context, is_there: bool) -> Result<BTreeMap<String, Said>, Failure> {
    let mut said: BTreeMap<String, Said> = BTreeMap::new();
    if !is_there {
        return Ok(said);
    }
    let mut token = None;
    loop {
        let (lines, next) = log_page(&cx.aws, (&cx.id, TASK), (0, None), token).await?;
        lines.iter().for_each(|line| hear(&mut said, line));
        if next.is_none() {
            return Ok(said);
        }
        token = next;
    }
}

/// Reads a status line of load.sh.
fn hear(said: &mut BTreeMap<String, Said>, line: &LogLine) {
    let LogLine { task, time, message: text, .. } = line;
    let of_task = said.entry(task.clone()).or_insert_with(|| Said { at: *time, ..Said::default() });
    let words: Vec<&str> = text.strip_prefix(SAID).unwrap_or_default().split_whitespace().collect();
    match words.as_slice() {
        ["dump", sha256, replaces] => {
            of_task.order = Some(Order { sha256: (*sha256).to_owned(), replaces: *replaces == "yes" });
        }
        ["loaded" | "replaced"] => of_task.end = Some(State::Loaded),
        ["left", _] => of_task.leaves_old = true,
        ["undone"] => of_task.end = Some(State::Undone),
        ["interrupted"] => of_task.end = Some(State::Killed),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
