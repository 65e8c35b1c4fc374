//! The images of one source: built and pushed where there is none yet, or where `deploy` has built another one than the
//! newest. Which of them a service runs is no business of theirs: it goes on with its own until a deployment is asked for.
//!
//! <https://docs.aws.amazon.com/AmazonECR/latest/userguide/images.html>

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_ecr::types::{ImageDetail, ImageIdentifier};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{Once, Outcome, given},
    kind::{Context, Cost, Doc, ImageSource, InRelease, Kind, RegistryLogin},
    kinds::ecr,
    model::{
        Address, Cause, Changed, Changes, Diff, Failure, Found, Input, NoField, On, Outputs, Permission, Phase, fields,
    },
};

/// How many images one `BatchDeleteImage` call takes.
/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html>
const DELETED_AT_ONCE: usize = 100;

/// An image in a repository.
pub struct Image;

/// What stack.yaml asks of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The URI of its repository.
    pub repository: Input,
    /// What it is built from.
    pub source: ImageSource,
    /// The digest that is to be released; none keeps the newest image, whatever it is.
    pub digest: Option<String>,
}

/// What AWS has: the newest image that stackctl pushed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// The repository's name.
    pub repository: String,
    /// The repository's URI.
    pub uri: String,
    /// `sha256:…`.
    pub digest: String,
    /// The tag, `<version>-<build>`.
    pub tag: String,
    /// The package's version.
    pub version: String,
    /// The build number.
    pub build: u64,
    /// The digests of all that are kept, by their tags.
    #[serde(default)]
    pub kept: BTreeMap<String, String>,
}

fields! {
    /// What is changed in place.
    pub enum Field {
        Digest = "digest",
    }
}

impl Kind for Image {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = NoField;

    const NAME: &'static str = "image";
    const DOC: Doc = Doc {
        summary: "The newest image that stackctl built from one source.",
        page: "https://docs.aws.amazon.com/AmazonECR/latest/userguide/images.html",
    };
    const USES: &'static [&'static str] = &["repository"];
    // A task that is started again pulls its image: also one of the old revision, until the new one serves.
    const OUTLIVES: &'static [&'static str] = &["service", "schedule", "task_definition"];
    const IN_RELEASE: InRelease = InRelease::Image;
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges for its size, which is not counted");
    const NOT_YET: &'static [&'static str] = &[];
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["ecr:DescribeImages"]),
        // What a push and a pull are to IAM: the registry's own protocol asks for these.
        Permission::release(
            &[
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:CompleteLayerUpload",
                "ecr:GetDownloadUrlForLayer",
                "ecr:InitiateLayerUpload",
                "ecr:PutImage",
                "ecr:UploadLayerPart",
            ],
            On::Named(ecr::ARNS),
        ),
        Permission::release(&["ecr:GetAuthorizationToken"], On::Any),
        Permission::delete(&["ecr:BatchDeleteImage"], On::Named(ecr::ARNS)),
    ];
    const UPDATE_RENEWS_OUTPUTS: bool = true;
    const USUAL: Duration = Duration::from_secs(120);
    const DEADLINE: Duration = Duration::from_secs(1800);

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let repositories = ecr::repositories(cx).await?;
        let prefix = ecr::prefix(&cx.id);
        let reads = repositories.iter().map(|repository| async {
            let name = repository.repository_name().unwrap_or_default();
            let numbered = numbered(&details(cx, name).await?);
            Ok::<_, Failure>(numbered.last().cloned().map(|newest| {
                let address = Address::new(Self::NAME, name.strip_prefix(&prefix).unwrap_or(name));
                let uri = repository.repository_uri().unwrap_or_default().to_owned();
                let live = newest.live(name, &uri, &numbered);
                Found { address, id: format!("{name}:{}", live.tag), live }
            }))
        });
        Ok(try_join_all(reads).await?.into_iter().flatten().collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, NoField> {
        let mut diff = Diff::new();
        if let Some(digest) = &desired.digest {
            diff.field(Field::Digest, &live.digest, digest);
        }
        diff.finish()
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new()
            .with("image", format!("{}:{}", live.uri, live.tag))
            .with("version", format!("{}+{}", live.version, live.build))
            .with("digest", &live.digest)
    }

    async fn create(cx: &Context, _address: &Address, desired: &Desired) -> Result<Live, Failure> {
        push(cx, desired).await
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let mut live = live.clone();
        for field in changes {
            live = match field {
                Field::Digest => push(cx, desired).await?,
            };
        }
        Ok(live)
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let digests: Vec<ImageIdentifier> = details(cx, &live.repository)
            .await?
            .into_iter()
            .filter_map(|image| image.image_digest)
            .map(|digest| ImageIdentifier::builder().image_digest(digest).build())
            .collect();
        for some in digests.chunks(DELETED_AT_ONCE) {
            let call = cx.aws.ecr.batch_delete_image().repository_name(&live.repository);
            let call = call.set_image_ids(Some(some.to_vec())).customize().once();
            call.send().await.or_absent("BatchDeleteImage", &["RepositoryNotFoundException"])?;
        }
        Ok(())
    }

    async fn prepare(cx: &Context, desired: &Desired) -> Result<(), Failure> {
        cx.images.build(&desired.source).await.map(drop)
    }

    fn summary(live: &Live) -> Option<String> {
        Some(format!("version {}+{}", live.version, live.build))
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        let desired = |package: &str| {
            let source = ImageSource::Package(package.into());
            Desired { repository: ecr::model::URI.into(), digest: Some(ecr::model::digest(&source)), source }
        };
        let sample = crate::kind::Sample::new(ecr::model::cloud_with_repository, desired("app"))
            .images(|aws| std::sync::Arc::new(ecr::model::Builder(aws)));
        // An image that is there already is not pushed again: what is released is then an older one.
        sample.one_way(&["digest"], desired("other"))
    }
}

/// An image that stackctl pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Numbered {
    build: u64,
    version: String,
    tag: String,
    digest: String,
}

impl Numbered {
    fn live(self, repository: &str, uri: &str, all: &[Self]) -> Live {
        let Self { build, version, tag, digest } = self;
        let kept = all.iter().map(|one| (one.tag.clone(), one.digest.clone())).collect();
        Live { repository: repository.to_owned(), uri: uri.to_owned(), digest, tag, version, build, kept }
    }
}

/// Builds the image, and pushes it under the next build number unless the repository has the same already.
async fn push(cx: &Context, desired: &Desired) -> Result<Live, Failure> {
    let uri = desired.repository.get()?;
    let repository = uri.split_once('/').map_or(uri, |(_, name)| name);
    let built = cx.images.build(&desired.source).await?;
    let mut there = numbered(&details(cx, repository).await?);
    if let Some(same) = there.iter().rfind(|image| image.digest == built.digest) {
        return Ok(same.clone().live(repository, uri, &there));
    }
    let build = there.last().map_or(0, |newest| newest.build) + 1;
    let tag = format!("{}-{build}", built.version);
    let login = login(cx).await?;
    cx.images.push(&desired.source, uri, &tag, &login).await?;
    let pushed = Numbered { build, version: built.version, tag, digest: built.digest };
    there.push(pushed.clone());
    Ok(pushed.live(repository, uri, &there))
}

/// Whether `image` can still be pulled, as far as it is one of the stack's own: repositories keep a number of them.
///
/// # Errors
/// If ECR fails.
pub async fn is_kept(cx: &Context, image: &str) -> Result<bool, Failure> {
    let name = image.split_once('/').map_or(image, |(_, name)| name);
    match name.rsplit_once(':') {
        Some((repository, tag)) if repository.starts_with(&ecr::prefix(&cx.id)) => {
            let images = details(cx, repository).await?;
            Ok(images.iter().any(|image| image.image_tags().iter().any(|own| own == tag)))
        }
        _ => Ok(true),
    }
}

/// The images of a repository.
async fn details(cx: &Context, repository: &str) -> Result<Vec<ImageDetail>, Failure> {
    let pages = cx.aws.ecr.describe_images().repository_name(repository).max_results(1000).into_paginator();
    let images = pages.items().send().try_collect().await;
    Ok(images.or_absent("DescribeImages", &["RepositoryNotFoundException"])?.unwrap_or_default())
}

/// The images with a build number, the newest last.
fn numbered(images: &[ImageDetail]) -> Vec<Numbered> {
    let tagged = images.iter().flat_map(|image| image.image_tags().iter().map(move |tag| (image, tag)));
    let mut numbered: Vec<Numbered> = tagged
        .filter_map(|(image, tag)| {
            let (version, build) = tag.rsplit_once('-')?;
            let digest = image.image_digest()?.to_owned();
            Some(Numbered { build: build.parse().ok()?, version: version.to_owned(), tag: tag.clone(), digest })
        })
        .collect();
    numbered.sort_by_key(|image| image.build);
    numbered
}

/// What the registry wants to be shown; good for twelve hours.
/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html>
async fn login(cx: &Context) -> Result<RegistryLogin, Failure> {
    let answer = cx.aws.ecr.get_authorization_token().send().await.during("GetAuthorizationToken")?;
    let data = answer.authorization_data.and_then(|data| data.into_iter().next());
    let data = given(data, "GetAuthorizationToken", "authorizationData")?;
    let token = given(data.authorization_token, "GetAuthorizationToken", "authorizationToken")?;
    let decoded = STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
    let (user, password) = pair.ok_or_else(|| Failure {
        cause: Cause::Ambiguous,
        ..Failure::refused("GetAuthorizationToken", "AWS answered with a token that is not user:password")
    })?;
    let plain_http = data.proxy_endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
    Ok(RegistryLogin { user: user.to_owned(), password: password.to_owned(), plain_http })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_image_has_the_highest_build_number_not_version() {
        let image = |tag: &str| ImageDetail::builder().image_digest(format!("sha256:{tag}")).image_tags(tag).build();
        let images = ["1.4.0-9", "1.3.0-10", "latest", "by-hand"].map(image);
        let numbered = numbered(&images);
        let newest = numbered.last().expect("there are two");
        assert_eq!((newest.build, newest.version.as_str(), newest.tag.as_str()), (10, "1.3.0", "1.3.0-10"));
    }
}
