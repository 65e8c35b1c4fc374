//! Helpers for the ECR kinds: the stack's repositories, which are listed once per look at AWS, and their names.

pub mod image;
pub mod lifecycle;
#[cfg(test)]
mod model;
pub mod repository;

use std::sync::Arc;

use aws_sdk_ecr::types::{ImageIdentifier, Repository};
use futures::future::try_join_all;
use serde_json::Value;

use crate::{
    aws::{Outcome, given},
    kind::Context,
    model::{Failure, StackId},
};

/// The ARN pattern of the stack's repositories.
pub(super) const ARNS: &[&str] = &["ecr:{region}:{account}:repository/{stack}/{environment}/*"];

/// Returns the prefix of the names of the stack's repositories.
pub(super) fn prefix(id: &StackId) -> String {
    format!("{}/{}/", id.stack, id.environment)
}

/// Returns the stack's repositories, which are listed once per look at AWS. The response contains no tags, but the name
/// prefix belongs to the stack.
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

/// Returns the URLs of an image's layers, in order. Anybody with such a URL can download the layer until the URL
/// expires.
/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html>
pub(super) async fn layer_urls(cx: &Context, repository: &str, digest: &str) -> Result<Vec<String>, Failure> {
    let image = ImageIdentifier::builder().image_digest(digest).build();
    let call = cx.aws.ecr.batch_get_image().repository_name(repository).image_ids(image);
    let found = call.send().await.during("BatchGetImage")?.images.and_then(|images| images.into_iter().next());
    let manifest = given(found.and_then(|image| image.image_manifest), "BatchGetImage", "imageManifest")?;
    let manifest: Value = serde_json::from_str(&manifest)
        .map_err(|error| Failure::refused("BatchGetImage", format!("the manifest is not valid JSON: {error}")))?;
    let layers = manifest["layers"].as_array().into_iter().flatten().filter_map(|layer| layer["digest"].as_str());
    try_join_all(layers.map(|layer| async move {
        let call = cx.aws.ecr.get_download_url_for_layer().repository_name(repository).layer_digest(layer);
        let answer = call.send().await.during("GetDownloadUrlForLayer")?;
        given(answer.download_url, "GetDownloadUrlForLayer", "downloadUrl")
    }))
    .await
}
