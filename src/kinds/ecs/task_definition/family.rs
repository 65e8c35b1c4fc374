//! The family of a task definition: its name, and its revisions.

use aws_sdk_ecs::types::{SortOrder, TaskDefinitionStatus};

use crate::{
    aws::Outcome,
    kind::Context,
    kinds::ecs,
    model::{Address, Failure, StackId},
};

/// The ARN of any revision of the task definition at `address`, as a policy of the account's own may name it: whatever the
/// region and the account.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html>
pub fn revisions_arn(id: &StackId, address: &Address) -> String {
    format!("arn:aws:ecs:*:*:task-definition/{}:*", name(id, address))
}

/// The name of the family of the task definition at `address`.
pub(super) fn name(id: &StackId, address: &Address) -> String {
    ecs::family_name(id, address)
}

/// The ARNs of a family's revisions, the newest first.
pub(super) async fn revisions(
    cx: &Context,
    family: &str,
    status: TaskDefinitionStatus,
) -> Result<Vec<String>, Failure> {
    let call = cx.aws.ecs.list_task_definitions().family_prefix(family).status(status).sort(SortOrder::Desc);
    call.into_paginator().items().send().try_collect().await.during("ListTaskDefinitions")
}
