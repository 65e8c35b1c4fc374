//! The operations on one-off tasks. Each read moves a task one state on, until it has stopped with exit code 0.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudwatchlogs::{
    operation::{
        filter_log_events::{FilterLogEventsError, FilterLogEventsInput, FilterLogEventsOutput},
        get_log_events::{GetLogEventsError, GetLogEventsInput, GetLogEventsOutput},
    },
    types::FilteredLogEvent,
};
use aws_sdk_ecs::{
    operation::{
        describe_tasks::{DescribeTasksError, DescribeTasksInput, DescribeTasksOutput},
        list_tasks::{ListTasksError, ListTasksInput, ListTasksOutput},
        run_task::{RunTaskError, RunTaskInput, RunTaskOutput},
        stop_task::{StopTaskError, StopTaskInput, StopTaskOutput},
    },
    primitives::DateTime,
    types::{Container, ContainerDefinition, DesiredStatus, Task, TaskStopCode},
};

use super::state::{ARN, Ecs};
use crate::aws::{
    self,
    model::{Cloud, Refusal},
};

/// The stop reason of a task that ECS cannot prepare.
const UNPREPARED: &str = "ResourceInitializationError: unable to pull secrets or registry auth: AccessDeniedException";

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(RunTaskError::generic, run);
    cloud.on(ListTasksError::generic, list);
    cloud.on(DescribeTasksError::generic, describe);
    cloud.on(StopTaskError::generic, stop);
    cloud.on(GetLogEventsError::generic, |_: &mut Ecs, _: &GetLogEventsInput| {
        // ECS creates the stream with the first line, and these tasks write none.
        Err::<GetLogEventsOutput, _>(Refusal::new("ResourceNotFoundException", "The log stream does not exist."))
    });
    cloud.on(FilterLogEventsError::generic, |ecs: &mut Ecs, _: &FilterLogEventsInput| {
        let event = |(time, (stream, text)): (usize, &(String, String))| {
            let time = i64::try_from(time).unwrap_or_default();
            FilteredLogEvent::builder().timestamp(time).log_stream_name(stream).message(text).build()
        };
        let events = ecs.written.iter().enumerate().map(event).collect();
        Ok(FilterLogEventsOutput::builder().set_events(Some(events)).build())
    });
}

/// Returns a line for each number of tasks that one run of stackctl started. Leaves out the number of runs, because a
/// repeated run starts another task.
pub(super) fn lines(tasks: &[Task]) -> BTreeSet<String> {
    let mut of_runs: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    for task in tasks {
        *of_runs.entry(task.started_by()).or_default() += 1;
    }
    of_runs.into_values().map(|count| format!("{count} started by one run")).collect()
}

/// Starts a task. For a known client token, ECS returns the task that it started for that token.
fn run(ecs: &mut Ecs, input: &RunTaskInput) -> Result<RunTaskOutput, Refusal> {
    let cluster = ecs.cluster(input.cluster())?.cluster_arn.clone();
    let definition = ecs.startable(input.task_definition())?;
    let token = input.client_token().unwrap_or_default();
    let known = ecs.task_tokens.get(token).and_then(|arn| ecs.tasks.iter().find(|task| task.task_arn() == Some(arn)));
    if let Some(task) = known {
        return Ok(RunTaskOutput::builder().tasks(task.clone()).build());
    }
    // With Runtime Monitoring, GuardDuty adds its agent to each task.
    let agent = Container::builder().name("aws-guardduty-agent-x").build();
    let containers = ecs.containers(&definition);
    let containers = containers.iter().map(|container| Container::builder().set_name(container.name.clone()).build());
    let containers = std::iter::once(agent).chain(containers);
    let unprepared = ecs.unprepared > 0;
    ecs.unprepared -= u32::from(unprepared);
    let arn = format!("{ARN}:task/{}/{}", aws::last_part(cluster.as_deref().unwrap_or_default()), ecs.next());
    let task = Task::builder()
        .task_arn(&arn)
        .set_cluster_arn(cluster)
        .task_definition_arn(definition)
        .set_started_by(input.started_by.clone())
        .set_tags(input.tags.clone())
        .set_overrides(input.overrides.clone())
        .set_containers(Some(containers.collect()))
        .last_status("PROVISIONING")
        .created_at(DateTime::from_millis(jiff::Timestamp::now().as_millisecond() + ecs.next()))
        .set_stop_code(unprepared.then_some(TaskStopCode::TaskFailedToStart))
        .set_stopped_reason(unprepared.then(|| UNPREPARED.to_owned()))
        .build();
    ecs.task_tokens.insert(token.to_owned(), arn);
    ecs.tasks.push(task.clone());
    Ok(RunTaskOutput::builder().tasks(task).build())
}

/// Lists the tasks with the given desired status, which is running by default.
fn list(ecs: &mut Ecs, input: &ListTasksInput) -> Result<ListTasksOutput, Refusal> {
    ecs.cluster(input.cluster())?;
    let stopped = input.desired_status() == Some(&DesiredStatus::Stopped);
    let listed = ecs.tasks.iter().filter(|task| {
        let is_stopped = matches!(task.last_status(), Some("STOPPING" | "STOPPED"));
        let by_caller = input.started_by().is_none_or(|who| task.started_by() == Some(who));
        let definition = task.task_definition_arn().map(aws::last_part).unwrap_or_default();
        let of_family = |family: &str| definition.rsplit_once(':').is_some_and(|(own, _)| own == family);
        by_caller && is_stopped == stopped && input.family().is_none_or(of_family)
    });
    let arns = listed.filter_map(|task| task.task_arn.clone()).collect();
    Ok(ListTasksOutput::builder().set_task_arns(Some(arns)).build())
}

fn describe(ecs: &mut Ecs, input: &DescribeTasksInput) -> Result<DescribeTasksOutput, Refusal> {
    ecs.cluster(input.cluster())?;
    let is_meant = |task: &&mut Task| input.tasks().iter().any(|wanted| task.task_arn() == Some(wanted));
    let mut shown = Vec::new();
    for task in ecs.tasks.iter_mut().filter(is_meant) {
        shown.push(task.clone());
        go_on(task);
    }
    Ok(DescribeTasksOutput::builder().set_tasks(Some(shown)).build())
}

/// Stops a task. ECS describes a stopped task for a while, and stopping it again changes nothing. A task that is
/// stopped loses its tags.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html>
fn stop(ecs: &mut Ecs, input: &StopTaskInput) -> Result<StopTaskOutput, Refusal> {
    ecs.cluster(input.cluster())?;
    let task = ecs.tasks.iter_mut().find(|task| task.task_arn() == input.task());
    let task = task.ok_or_else(|| Refusal::new("InvalidParameterException", "The referenced task was not found."))?;
    if task.last_status() != Some("STOPPED") {
        task.last_status = Some("STOPPING".to_owned());
        task.tags = None;
    }
    Ok(StopTaskOutput::builder().task(task.clone()).build())
}

pub(super) fn go_on(task: &mut Task) {
    if task.last_status() == Some("STOPPED") {
        return;
    }
    if task.stop_code() == Some(&TaskStopCode::TaskFailedToStart) {
        task.last_status = Some("STOPPED".to_owned());
        return;
    }
    // A task that is asked to stop ends by SIGTERM.
    let exit_code = if task.last_status() == Some("STOPPING") { 143 } else { 0 };
    let next = if task.last_status() == Some("PROVISIONING") { "RUNNING" } else { "STOPPED" };
    task.last_status = Some(next.to_owned());
    if next == "STOPPED" {
        task.stopped_reason = Some("Essential container in task exited".to_owned());
        for container in task.containers.iter_mut().flatten() {
            container.exit_code = Some(exit_code);
        }
    }
}

impl Ecs {
    fn containers(&mut self, definition: &str) -> Vec<ContainerDefinition> {
        let revision = self.revision(Some(definition));
        revision.map(|revision| revision.definition.container_definitions().to_vec()).unwrap_or_default()
    }
}
