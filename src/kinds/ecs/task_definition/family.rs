//! The family of a task definition: its name and its revisions.

use aws_sdk_ecs::types::{SortOrder, TaskDefinitionStatus};

use crate::{
    aws::Outcome,
    kind::Context,
    kinds::ecs,
    model::{Address, Failure, StackId},
};

/// Returns the ARN pattern of all revisions of the task definition at `address`, for use in IAM policies in any region
/// and account.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html>
pub fn revisions_arn(id: &StackId, address: &Address) -> String {
    format!("arn:aws:ecs:*:*:task-definition/{}:*", name(id, address))
}

/// Returns the name of the family of the task definition at `address`.
pub(super) fn name(id: &StackId, address: &Address) -> String {
    ecs::family_name(id, address)
}

/// Returns the ARNs of a family's revisions, newest first.
pub(super) async fn revisions(
    cx: &Context,
    family: &str,
    status: TaskDefinitionStatus,
) -> Result<Vec<String>, Failure> {
    let call = cx.aws.ecs.list_task_definitions().family_prefix(family).status(status).sort(SortOrder::Desc);
    call.into_paginator().items().send().try_collect().await.during("ListTaskDefinitions")
}
