//! The operations on task definitions and their revisions.

use std::collections::BTreeSet;

use aws_sdk_ecs::{
    operation::{
        delete_task_definitions::{
            DeleteTaskDefinitionsError, DeleteTaskDefinitionsInput, DeleteTaskDefinitionsOutput,
        },
        deregister_task_definition::{
            DeregisterTaskDefinitionError, DeregisterTaskDefinitionInput, DeregisterTaskDefinitionOutput,
        },
        describe_task_definition::{
            DescribeTaskDefinitionError, DescribeTaskDefinitionInput, DescribeTaskDefinitionOutput,
        },
        list_task_definition_families::{
            ListTaskDefinitionFamiliesError, ListTaskDefinitionFamiliesInput, ListTaskDefinitionFamiliesOutput,
        },
        list_task_definitions::{ListTaskDefinitionsError, ListTaskDefinitionsInput, ListTaskDefinitionsOutput},
        register_task_definition::{
            RegisterTaskDefinitionError, RegisterTaskDefinitionInput, RegisterTaskDefinitionOutput,
        },
    },
    types::{
        Failure, SortOrder, Tag, TaskDefinition, TaskDefinitionFamilyStatus, TaskDefinitionStatus as Status,
        builders::TaskDefinitionBuilder,
    },
};

use super::state::{ARN, Ecs, Revision};
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(RegisterTaskDefinitionError::generic, register);
    cloud.on(DescribeTaskDefinitionError::generic, describe);
    cloud.on(ListTaskDefinitionsError::generic, list);
    cloud.on(ListTaskDefinitionFamiliesError::generic, families);
    cloud.on(DeregisterTaskDefinitionError::generic, deregister);
    cloud.on(DeleteTaskDefinitionsError::generic, delete);
}

/// Returns a line for each family with its status. Leaves out the number of revisions, because a change adds one, and
/// the revisions that ECS is deleting.
pub(super) fn lines(revisions: &[Revision]) -> BTreeSet<String> {
    let line = |family: &str| {
        let status = [Status::Active, Status::Inactive]
            .into_iter()
            .find(|status| revisions.iter().any(|revision| revision.family() == family && revision.is(status)))?;
        Some(format!("task definition {family}, {}", status.as_str()))
    };
    revisions.iter().filter_map(|revision| line(revision.family())).collect()
}

pub(super) fn arn(family: &str, number: i32) -> String {
    format!("{ARN}:task-definition/{family}:{number}")
}

impl Ecs {
    /// Adds an active revision to the family of `definition`. Revision numbers of a family only increase.
    pub(super) fn add(&mut self, definition: TaskDefinitionBuilder, tags: Vec<Tag>) -> TaskDefinition {
        let family = definition.get_family().clone().unwrap_or_default();
        let of_family = self.revisions.iter().filter(|revision| revision.family() == family);
        let number = of_family.map(|revision| revision.definition.revision()).max().unwrap_or(0) + 1;
        let definition = definition.task_definition_arn(arn(&family, number)).revision(number).status(Status::Active);
        let definition = definition.build();
        self.revisions.push(Revision { definition: definition.clone(), tags });
        definition
    }

    /// Returns the revision with this ARN or `family:revision`, or the newest active revision of a family.
    pub(super) fn revision(&mut self, name: Option<&str>) -> Result<&mut Revision, Refusal> {
        let name = name.unwrap_or_default();
        let named = |revision: &Revision| {
            let by_number = revision.arn() == name || revision.arn().ends_with(&format!("/{name}"));
            by_number || (revision.family() == name && revision.is(&Status::Active))
        };
        let found = self.revisions.iter_mut().rev().find(|revision| named(revision));
        found.ok_or_else(|| Refusal::new("ClientException", "Unable to describe task definition."))
    }

    /// Returns the ARN of a revision, or an error if the revision is not active.
    pub(super) fn startable(&mut self, name: Option<&str>) -> Result<String, Refusal> {
        let revision = self.revision(name)?;
        let active = revision.is(&Status::Active);
        active.then(|| revision.arn().to_owned()).ok_or_else(|| Refusal::new("ClientException", "it is not active"))
    }
}

fn register(ecs: &mut Ecs, input: &RegisterTaskDefinitionInput) -> Result<RegisterTaskDefinitionOutput, Refusal> {
    if ecs.too_fast > 0 {
        ecs.too_fast -= 1;
        let message = "Too many concurrent attempts to create a new revision of the specified family.";
        return Err(Refusal::new("ClientException", message));
    }
    let definition = TaskDefinition::builder()
        .set_family(input.family.clone())
        .set_cpu(input.cpu.clone())
        .set_memory(input.memory.clone())
        .set_execution_role_arn(input.execution_role_arn.clone())
        .set_runtime_platform(input.runtime_platform.clone())
        .set_task_role_arn(input.task_role_arn.clone())
        .set_volumes(input.volumes.clone())
        .set_ephemeral_storage(input.ephemeral_storage.clone())
        .set_container_definitions(input.container_definitions.clone());
    let definition = ecs.add(definition, input.tags().to_vec());
    Ok(RegisterTaskDefinitionOutput::builder().task_definition(definition).build())
}

fn describe(ecs: &mut Ecs, input: &DescribeTaskDefinitionInput) -> Result<DescribeTaskDefinitionOutput, Refusal> {
    let Revision { definition, tags } = ecs.revision(input.task_definition())?.clone();
    Ok(DescribeTaskDefinitionOutput::builder().task_definition(definition).set_tags(Some(tags)).build())
}

fn list(ecs: &mut Ecs, input: &ListTaskDefinitionsInput) -> Result<ListTaskDefinitionsOutput, Refusal> {
    let status = input.status().unwrap_or(&Status::Active);
    let of_family = ecs.revisions.iter().filter(|revision| Some(revision.family()) == input.family_prefix());
    let mut arns: Vec<String> =
        of_family.filter(|revision| revision.is(status)).map(|revision| revision.arn().to_owned()).collect();
    if input.sort() == Some(&SortOrder::Desc) {
        arns.reverse();
    }
    Ok(ListTaskDefinitionsOutput::builder().set_task_definition_arns(Some(arns)).build())
}

/// Lists families. A family counts as inactive as long as it has a revision, even one that ECS is deleting.
fn families(
    ecs: &mut Ecs,
    input: &ListTaskDefinitionFamiliesInput,
) -> Result<ListTaskDefinitionFamiliesOutput, Refusal> {
    let is_active =
        |family: &str| ecs.revisions.iter().any(|other| other.family() == family && other.is(&Status::Active));
    let listed = |family: &str| match input.status() {
        Some(TaskDefinitionFamilyStatus::Active) => is_active(family),
        Some(TaskDefinitionFamilyStatus::Inactive) => !is_active(family),
        _ => true,
    };
    let all: BTreeSet<&str> = ecs.revisions.iter().map(Revision::family).collect();
    let prefix = input.family_prefix().unwrap_or_default();
    let families = all.into_iter().filter(|family| family.starts_with(prefix) && listed(family)).map(str::to_owned);
    Ok(ListTaskDefinitionFamiliesOutput::builder().set_families(Some(families.collect())).build())
}

fn deregister(ecs: &mut Ecs, input: &DeregisterTaskDefinitionInput) -> Result<DeregisterTaskDefinitionOutput, Refusal> {
    if ecs.throttled > 0 {
        ecs.throttled -= 1;
        return Err(Refusal::new("ThrottlingException", "Rate exceeded"));
    }
    let revision = ecs.revision(input.task_definition())?;
    if revision.is(&Status::DeleteInProgress) {
        return Err(Refusal::new("ClientException", "The specified task definition is being deleted."));
    }
    revision.definition.status = Some(Status::Inactive);
    Ok(DeregisterTaskDefinitionOutput::builder().task_definition(revision.definition.clone()).build())
}

/// Deletes revisions. A successful response contains the failures of single revisions.
fn delete(ecs: &mut Ecs, input: &DeleteTaskDefinitionsInput) -> Result<DeleteTaskDefinitionsOutput, Refusal> {
    if input.task_definitions().len() > 10 {
        return Err(Refusal::new("InvalidParameterException", "at most 10 task definitions are deleted at once"));
    }
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for arn in input.task_definitions() {
        let mut failed = |reason: &str| failures.push(Failure::builder().arn(arn).reason(reason).build());
        match ecs.revision(Some(arn)) {
            Err(_) => failed("MISSING"),
            Ok(active) if active.is(&Status::Active) => {
                failed("The specified task definition is still in ACTIVE status.");
            }
            Ok(revision) => {
                revision.definition.status = Some(Status::DeleteInProgress);
                deleted.push(revision.definition.clone());
            }
        }
    }
    let answer = DeleteTaskDefinitionsOutput::builder().set_task_definitions(Some(deleted));
    Ok(answer.set_failures(Some(failures)).build())
}
