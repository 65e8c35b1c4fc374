//! What the ECR kinds share: the repositories of the stack, read once a look; names.

use std::sync::Arc;

use aws_sdk_ecr::{config, types::Repository};

use crate::{
    aws::{self, Outcome},
    kind::Context,
    model::{Failure, StackId},
};

/// What the names of the stack's repositories begin with.
pub(super) fn prefix(id: &StackId) -> String {
    format!("{}/{}/", id.stack, id.environment)
}

/// The stack's repositories, read once a look at the cloud. The answer carries no tags; the path is the stack's own.
pub(super) async fn repositories(cx: &Context) -> Result<Arc<Vec<Repository>>, Failure> {
    cx.shared("ecr repositories", async {
        let pages = cx.aws.ecr.describe_repositories().max_results(1000).into_paginator().items().send();
        let all: Vec<Repository> = pages.try_collect().await.during("DescribeRepositories")?;
        let prefix = prefix(&cx.id);
        let ours = |found: &Repository| found.repository_name().is_some_and(|name| name.starts_with(&prefix));
        Ok(all.into_iter().filter(ours).collect())
    })
    .await
}

/// A write's configuration: the SDK sends it once, and the engine decides about another time.
pub(super) fn once() -> config::Builder {
    config::Config::builder().retry_config(aws::once())
}
