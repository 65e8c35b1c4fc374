//! Helpers for the IAM kinds and for others: the roles at the stack's path, and the account that their ARNs show.

#[cfg(test)]
mod model;
pub mod role;

use std::sync::Arc;

use aws_sdk_iam::types::Role;

use crate::{
    aws::{self, Outcome},
    kind::Context,
    model::Failure,
};

/// The maximum length of a managed policy, in characters without white space.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub const LONGEST_MANAGED: usize = 6_144;

/// The name of the role kind.
const ROLE: &str = "role";

/// The largest page size for roles and policies.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html>
const PAGE: i32 = 1000;

/// The partition and the account in the ARNs of the stack's resources.
pub(super) struct Account {
    /// The partition, such as `aws`.
    pub(super) partition: String,
    /// The account id, of twelve digits.
    pub(super) id: String,
}

/// Returns the account, from the ARN of a role of the stack, or from STS if the stack has no role.
pub(super) async fn account(cx: &Context) -> Result<Account, Failure> {
    let roles = roles(cx).await?;
    let arn = match roles.first() {
        Some(role) => role.arn().to_owned(),
        None => cx.aws.caller().await?.arn,
    };
    let mut parts = arn.split(':').map(str::to_owned);
    let (partition, id) = (parts.nth(1).unwrap_or_default(), parts.nth(2).unwrap_or_default());
    Ok(Account { partition, id })
}

/// Returns the roles at the stack's path. They are listed once per look at AWS.
async fn roles(cx: &Context) -> Result<Arc<Vec<Role>>, Failure> {
    cx.shared("iam roles", async {
        let call = cx.aws.iam.list_roles().path_prefix(aws::iam_path(&cx.id)).max_items(PAGE);
        call.into_paginator().items().send().try_collect().await.during("ListRoles")
    })
    .await
}
