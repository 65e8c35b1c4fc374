//! What AWS knows of the loads that earlier commands began: their tasks, as long as ECS remembers those, and what the tasks
//! said, as long as their log group is there. The clean-up of a load deletes the log group last, so it tells about the loads
//! of commands that did not come to their end, and about no others.
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

/// Which dump a load loads, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// SHA-256 of the packed dump, in hexadecimal digits.
    pub sha256: String,
    /// Whether it takes the place of the whole database.
    pub replaces: bool,
}

/// How far a load is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its task runs, or is about to.
    Runs,
    /// The dump is in the database.
    Loaded,
    /// Nothing of the dump is in the database.
    Undone,
    /// It was killed before it could clean up. Nothing of the dump is in the database, but with `--replace` the server may have
    /// another one that is half loaded.
    Killed,
    /// It began to load the dump, and nothing tells how it ended.
    Unknown,
}

/// A load that a command began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The id of its task.
    pub task: String,
    /// The run of stackctl that started it, as long as ECS knows the task.
    pub run: Option<String>,
    /// What it loads, where that is still known.
    pub order: Option<Order>,
    /// How far it is.
    pub state: State,
    /// Whether it could not drop the database whose place it took.
    pub leaves_old: bool,
    /// When it began, in milliseconds since 1970.
    pub at: i64,
}

/// What is there of a load that did not come to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Whether its log group is there.
    pub log: bool,
    /// The ARN of the revision that a task can still be started with.
    pub definition: Option<String>,
}

/// What the log has of one task.
#[derive(Debug, Default)]
struct Said {
    order: Option<Order>,
    /// Nothing, where the task has not said how it ended.
    end: Option<State>,
    leaves_old: bool,
    at: i64,
}

/// The name of the cluster in which they run.
pub fn cluster(cx: &Context) -> String {
    ecs::cluster_name(&cx.id)
}

/// The loads of commands that did not come to their end, the newest first, and every load whose task runs. `left` is what the
/// stack has of them.
///
/// # Errors
/// If ECS or CloudWatch Logs cannot be read.
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
        // A task that stopped is also known for an hour if its command has come to its end.
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

/// How a load ended whose task stopped with this exit code, and has said this.
fn ended(exit_code: Option<i32>, said: &Said) -> State {
    match (exit_code, said.end) {
        (Some(0), _) => State::Loaded,
        (_, Some(end)) => end,
        (Some(code), None) if database_load::has_ended_by_itself(code) => State::Undone,
        // It was not started, or ended before its first line.
        (_, None) if said.order.is_none() => State::Undone,
        (_, None) => State::Killed,
    }
}

/// The tasks of all loads that ECS knows. A task that was stopped has lost its tags.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html>
async fn tasks(cx: &Context) -> Result<Vec<Task>, Failure> {
    let cluster = ecs::cluster_name(&cx.id);
    let family = ecs::family_name(&cx.id, &Address::new("task_definition", TASK));
    let mut tasks = task::known(cx, &cluster, |call| call.family(&family)).await?;
    tasks.retain(|task| task.started_by().and_then(run_of).is_some());
    Ok(tasks)
}

/// The run of stackctl that is named in what a task was started by, if that is a load.
fn run_of(started_by: &str) -> Option<&str> {
    task::started_by(started_by).filter(|(what, _)| *what == TASK).map(|(_, run)| run)
}

/// What the revisions with these ARNs load. One that is being deleted is described for as long as its task is known.
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

/// What the log has of each task, by the task's id.
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

/// The words of load.sh.
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
