//! What the kinds of IAM share, and what others need of it: the roles at the stack's path, and the account that they show.

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

/// The longest managed policy, in characters without white space.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub const LONGEST_MANAGED: usize = 6_144;

/// The name of the kind of a role.
const ROLE: &str = "role";

/// How many roles or policies a page of a list holds at most.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html>
const PAGE: i32 = 1000;

/// Whose resources these are, as ARNs have it.
pub(super) struct Account {
    /// The partition, such as `aws`.
    pub(super) partition: String,
    /// The account's twelve digits.
    pub(super) id: String,
}

/// The account: a role of the stack shows it in its ARN. STS is asked where the stack has none.
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

/// The roles at the stack's path, read once a look at the cloud.
async fn roles(cx: &Context) -> Result<Arc<Vec<Role>>, Failure> {
    cx.shared("iam roles", async {
        let call = cx.aws.iam.list_roles().path_prefix(aws::iam_path(&cx.id)).max_items(PAGE);
        call.into_paginator().items().send().try_collect().await.during("ListRoles")
    })
    .await
}
