//! What the ECR kinds share: the repositories of the stack, read once a look; names.

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

/// The ARNs of the stack's repositories.
pub(super) const ARNS: &[&str] = &["ecr:{region}:{account}:repository/{stack}/{environment}/*"];

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

/// The addresses from which the layers of an image can be fetched, in their order. Whoever has one has the layer, for as long
/// as the address is good.
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
