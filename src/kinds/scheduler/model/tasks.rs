//! The operations on the tasks that schedules start. All tasks are in one cluster, whatever its name in a call.

use aws_sdk_ecs::{
    operation::{
        describe_tasks::{DescribeTasksError, DescribeTasksInput, DescribeTasksOutput},
        list_tasks::{ListTasksError, ListTasksInput, ListTasksOutput},
        stop_task::{StopTaskError, StopTaskInput, StopTaskOutput},
    },
    types::Task,
};
use aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput;

use super::state::Scheduler;
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(ListTasksError::generic, list);
    cloud.on(DescribeTasksError::generic, describe);
    cloud.on(StopTaskError::generic, stop);
}

impl Scheduler {
    /// Starts a task in this group.
    pub(super) fn start(&mut self, group: &str) {
        self.made += 1;
        let arn = format!("arn:aws:ecs:eu-west-1:123456789012:task/main/{}", self.made);
        self.tasks.push(Task::builder().task_arn(arn).group(group).build());
    }

    /// Returns the tasks whose schedule does not exist. The tasks of an existing schedule start and stop at any time.
    pub(super) fn left_tasks(&self) -> impl Iterator<Item = &Task> {
        let group = |schedule: &GetScheduleOutput| schedule.target()?.ecs_parameters()?.group().map(str::to_owned);
        let groups: Vec<String> = self.schedules.iter().filter_map(group).collect();
        self.tasks.iter().filter(move |task| groups.iter().all(|group| task.group() != Some(group)))
    }
}

/// Lists running tasks. Without a status, ECS lists no others.
fn list(scheduler: &mut Scheduler, _: &ListTasksInput) -> Result<ListTasksOutput, Refusal> {
    let arns = scheduler.tasks.iter().filter_map(|task| task.task_arn.clone()).collect();
    Ok(ListTasksOutput::builder().set_task_arns(Some(arns)).build())
}

fn describe(scheduler: &mut Scheduler, input: &DescribeTasksInput) -> Result<DescribeTasksOutput, Refusal> {
    let is_meant = |task: &&Task| task.task_arn().is_some_and(|arn| input.tasks().iter().any(|wanted| wanted == arn));
    let shown = scheduler.tasks.iter().filter(is_meant).cloned().collect();
    Ok(DescribeTasksOutput::builder().set_tasks(Some(shown)).build())
}

fn stop(scheduler: &mut Scheduler, input: &StopTaskInput) -> Result<StopTaskOutput, Refusal> {
    let at = scheduler.tasks.iter().position(|task| task.task_arn() == input.task());
    let at = at.ok_or_else(|| Refusal::new("InvalidParameterException", "The referenced task was not found."))?;
    let task = scheduler.tasks.remove(at);
    Ok(StopTaskOutput::builder().task(task).build())
}
