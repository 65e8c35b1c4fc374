//! The operations on schedule groups.

use aws_sdk_scheduler::{
    operation::{
        create_schedule_group::{CreateScheduleGroupError, CreateScheduleGroupInput, CreateScheduleGroupOutput},
        delete_schedule_group::{DeleteScheduleGroupError, DeleteScheduleGroupInput, DeleteScheduleGroupOutput},
        list_schedule_groups::{ListScheduleGroupsError, ListScheduleGroupsInput, ListScheduleGroupsOutput},
        list_tags_for_resource::{ListTagsForResourceError, ListTagsForResourceInput, ListTagsForResourceOutput},
    },
    types::{ScheduleGroupState, ScheduleGroupSummary, Tag},
};

use super::state::{Scheduler, absent, conflict};
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(CreateScheduleGroupError::generic, create);
    cloud.on(ListScheduleGroupsError::generic, list);
    cloud.on(ListTagsForResourceError::generic, list_tags);
    cloud.on(DeleteScheduleGroupError::generic, delete);
}

fn arn(name: &str) -> String {
    format!("arn:aws:scheduler:eu-west-1:123456789012:schedule-group/{name}")
}

impl Scheduler {
    pub(super) fn add_group(&mut self, name: &str, tags: Vec<Tag>) {
        let group = ScheduleGroupSummary::builder().arn(arn(name)).name(name).state(ScheduleGroupState::Active);
        self.groups.push((group.build(), tags));
    }

    /// Returns the group called `name`.
    pub(super) fn group(&mut self, name: Option<&str>) -> Result<&mut ScheduleGroupSummary, Refusal> {
        let mut groups = self.groups.iter_mut().map(|(group, _)| group);
        groups.find(|group| group.name() == name).ok_or_else(|| absent("the schedule group"))
    }
}

fn create(scheduler: &mut Scheduler, input: &CreateScheduleGroupInput) -> Result<CreateScheduleGroupOutput, Refusal> {
    let name = input.name().unwrap_or_default();
    if scheduler.tokens.insert(input.client_token().unwrap_or_default().to_owned()) {
        if scheduler.group(Some(name)).is_ok() {
            return Err(conflict("the schedule group"));
        }
        scheduler.add_group(name, input.tags().to_vec());
    }
    let output = CreateScheduleGroupOutput::builder().schedule_group_arn(arn(name)).build();
    Ok(output.expect("the ARN is given"))
}

/// Lists groups. A group that is being deleted at one read is gone at the next.
fn list(scheduler: &mut Scheduler, input: &ListScheduleGroupsInput) -> Result<ListScheduleGroupsOutput, Refusal> {
    let prefix = input.name_prefix().unwrap_or_default();
    let shown = scheduler.groups.iter().map(|(group, _)| group.clone());
    let shown = shown.filter(|group| group.name().is_some_and(|name| name.starts_with(prefix))).collect();
    scheduler.groups.retain(|(group, _)| group.state() != Some(&ScheduleGroupState::Deleting));
    let output = ListScheduleGroupsOutput::builder().set_schedule_groups(Some(shown)).build();
    Ok(output.expect("the groups are given"))
}

fn list_tags(
    scheduler: &mut Scheduler,
    input: &ListTagsForResourceInput,
) -> Result<ListTagsForResourceOutput, Refusal> {
    let found = scheduler.groups.iter().find(|(group, _)| group.arn() == input.resource_arn());
    let (_, tags) = found.ok_or_else(|| absent("the schedule group"))?;
    Ok(ListTagsForResourceOutput::builder().set_tags(Some(tags.clone())).build())
}

/// Deletes a group with its schedules. A group that is being deleted is gone at the next call.
fn delete(scheduler: &mut Scheduler, input: &DeleteScheduleGroupInput) -> Result<DeleteScheduleGroupOutput, Refusal> {
    let group = scheduler.group(input.name())?;
    if group.state() == Some(&ScheduleGroupState::Deleting) {
        scheduler.groups.retain(|(group, _)| group.name() != input.name());
        return Err(conflict("the schedule group"));
    }
    group.state = Some(ScheduleGroupState::Deleting);
    scheduler.schedules.retain(|schedule| schedule.group_name() != input.name());
    Ok(DeleteScheduleGroupOutput::builder().build())
}
