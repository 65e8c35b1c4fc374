//! The operations on schedules.

use aws_sdk_scheduler::{
    operation::{
        create_schedule::{CreateScheduleError, CreateScheduleInput, CreateScheduleOutput},
        delete_schedule::{DeleteScheduleError, DeleteScheduleInput, DeleteScheduleOutput},
        get_schedule::{GetScheduleError, GetScheduleInput, GetScheduleOutput},
        list_schedules::{ListSchedulesError, ListSchedulesInput, ListSchedulesOutput},
        update_schedule::{UpdateScheduleError, UpdateScheduleInput, UpdateScheduleOutput},
    },
    types::{EcsParameters, ScheduleSummary, Target},
};

use super::state::{Scheduler, absent, conflict};
use crate::aws::model::{Cloud, Refusal};

const ARN: &str = "arn:aws:scheduler:eu-west-1:123456789012:schedule/one";

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(CreateScheduleError::generic, create);
    cloud.on(ListSchedulesError::generic, list);
    cloud.on(GetScheduleError::generic, get);
    cloud.on(UpdateScheduleError::generic, update);
    cloud.on(DeleteScheduleError::generic, delete);
}

impl Scheduler {
    /// Changes every schedule, as a user of the console would.
    pub(in super::super) fn change(&mut self, change: impl Fn(&mut GetScheduleOutput)) {
        self.schedules.iter_mut().for_each(change);
    }

    fn schedule(&self, group: Option<&str>, name: Option<&str>) -> Result<usize, Refusal> {
        let is_meant = |schedule: &GetScheduleOutput| (schedule.group_name(), schedule.name()) == (group, name);
        self.schedules.iter().position(is_meant).ok_or_else(|| absent("the schedule"))
    }
}

/// Returns the schedule after `$input`, which creates it or overwrites it completely.
macro_rules! as_asked {
    ($input:expr) => {
        GetScheduleOutput::builder()
            .set_name($input.name.clone())
            .set_group_name($input.group_name.clone())
            .set_schedule_expression($input.schedule_expression.clone())
            .set_schedule_expression_timezone($input.schedule_expression_timezone.clone())
            .set_description($input.description.clone())
            .set_state($input.state.clone())
            .set_target($input.target.clone())
            .set_flexible_time_window($input.flexible_time_window.clone())
            .build()
    };
}

fn create(scheduler: &mut Scheduler, input: &CreateScheduleInput) -> Result<CreateScheduleOutput, Refusal> {
    scheduler.group(input.group_name())?;
    if scheduler.tokens.insert(input.client_token().unwrap_or_default().to_owned()) {
        if scheduler.schedule(input.group_name(), input.name()).is_ok() {
            return Err(conflict("the schedule"));
        }
        scheduler.schedules.push(as_asked!(input));
        let task = input.target().and_then(Target::ecs_parameters);
        scheduler.start(task.and_then(EcsParameters::group).unwrap_or_default());
    }
    Ok(CreateScheduleOutput::builder().schedule_arn(ARN).build().expect("the ARN is given"))
}

fn list(scheduler: &mut Scheduler, input: &ListSchedulesInput) -> Result<ListSchedulesOutput, Refusal> {
    scheduler.group(input.group_name())?;
    let shown = scheduler.schedules.iter().filter(|schedule| schedule.group_name() == input.group_name());
    let shown = shown.map(|schedule| ScheduleSummary::builder().set_name(schedule.name.clone()).build());
    let output = ListSchedulesOutput::builder().set_schedules(Some(shown.collect())).build();
    Ok(output.expect("the schedules are given"))
}

fn get(scheduler: &mut Scheduler, input: &GetScheduleInput) -> Result<GetScheduleOutput, Refusal> {
    let at = scheduler.schedule(input.group_name(), input.name())?;
    Ok(scheduler.schedules[at].clone())
}

fn update(scheduler: &mut Scheduler, input: &UpdateScheduleInput) -> Result<UpdateScheduleOutput, Refusal> {
    let at = scheduler.schedule(input.group_name(), input.name())?;
    scheduler.schedules[at] = as_asked!(input);
    Ok(UpdateScheduleOutput::builder().schedule_arn(ARN).build().expect("the ARN is given"))
}

/// Deletes a schedule. The tasks that it started keep running.
fn delete(scheduler: &mut Scheduler, input: &DeleteScheduleInput) -> Result<DeleteScheduleOutput, Refusal> {
    let at = scheduler.schedule(input.group_name(), input.name())?;
    scheduler.schedules.remove(at);
    Ok(DeleteScheduleOutput::builder().build())
}
