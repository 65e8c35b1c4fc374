//! The images built from one source. This kind builds and pushes an image if the repository has none, or if `deploy`
//! built one that differs from the newest. It does not decide which image a service runs: a service keeps its image
//! until the next deployment. A build number is used once, even if somebody deletes its image.
//!
//! <https://docs.aws.amazon.com/AmazonECR/latest/userguide/images.html>

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_ecr::types::{ImageDetail, ImageIdentifier};
use aws_sdk_ecs::types::{TaskDefinition, TaskDefinitionFamilyStatus, TaskDefinitionStatus};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Aws, Once, Outcome, given},
    kind::{Context, Cost, Doc, ImageSource, InRelease, Kind, RegistryLogin},
    kinds::ecr::{self, lifecycle},
    model::{
        Address, Cause, Changed, Changes, Diff, Failure, Found, Input, NoField, On, Outputs, Permission, Phase,
        StackId, fields,
    },
};

/// The maximum number of images in one `BatchDeleteImage` call.
/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html>
const DELETED_AT_ONCE: usize = 100;

/// An image in a repository.
pub struct Image;

/// The image that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The URI of the repository.
    pub repository: Input,
    /// The source that the image is built from.
    pub source: ImageSource,
    /// The digest to release. `None` keeps the newest image, whichever it is.
    pub digest: Option<String>,
    /// The highest build number that a service runs, even if the repository no longer has that image. A new image gets
    /// a higher number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbered_above: Option<u64>,
    /// The lowest build number that a service runs. The repository keeps that image, however many newer images it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_from: Option<u64>,
}

/// The newest image that stackctl pushed, as AWS reports it.
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
    /// The version of the package.
    pub version: String,
    /// The build number.
    pub build: u64,
    /// The digests of all images in the repository, by tag.
    #[serde(default)]
    pub kept: BTreeMap<String, String>,
}

fields! {
    /// The fields that change in place.
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
    const HEADLINE: &'static [&'static str] = &["source.package", "source.named", "source.dockerfile.path"];
    const DOC: Doc = Doc {
        summary: "The newest image that stackctl built from one source.",
        page: "https://docs.aws.amazon.com/AmazonECR/latest/userguide/images.html",
    };
    const USES: &'static [&'static str] = &["repository"];
    // A task that restarts pulls its image again. Until the new revision serves, this may be an image of the old
    // revision.
    const OUTLIVES: &'static [&'static str] = &["service", "schedule", "task_definition"];
    const IN_RELEASE: InRelease = InRelease::Image;
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges for its size, which is not included");
    const NOT_YET: &'static [&'static str] = &[];
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["ecr:DescribeImages"]),
        // Finds the build numbers that are already used.
        Permission::look(&["ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitionFamilies", "ecs:ListTaskDefinitions"]),
        // The IAM actions that the registry protocol needs for a push and a pull.
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
            let source = ImageSource::of(crate::kind::Base::Package(package.into()));
            let digest = Some(ecr::model::digest(&source));
            Desired { repository: ecr::model::URI.into(), digest, source, numbered_above: None, kept_from: None }
        };
        let sample = crate::kind::Sample::new(ecr::model::cloud_with_repository, desired("app"))
            .images(|aws| std::sync::Arc::new(ecr::model::Builder(aws)));
        // An image that already exists is not pushed again. The released image is then an older one.
        sample.one_way(&["digest"], desired("other"))
    }
}

impl Live {
    /// Returns how many images are newer than the image with this build number.
    pub fn newer_than(&self, build: u64) -> usize {
        newer(self.kept.keys().filter_map(|tag| Some(parts(tag)?.1)), build)
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

/// The parts of the name of an image that stackctl pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tagged<'a> {
    /// The URI of the repository.
    pub uri: &'a str,
    /// The tag, `<version>-<build>`.
    pub tag: &'a str,
    /// The version of the package.
    pub version: &'a str,
    /// The build number.
    pub build: u64,
}

/// Splits `image` into its parts, if its name has the form that stackctl uses.
pub fn tagged(image: &str) -> Option<Tagged<'_>> {
    let (uri, tag) = image.rsplit_once(':')?;
    let (version, build) = parts(tag)?;
    Some(Tagged { uri, tag, version, build })
}

/// Returns the version and the build number in a tag of the form that stackctl uses.
fn parts(tag: &str) -> Option<(&str, u64)> {
    let (version, build) = tag.rsplit_once('-')?;
    Some((version, build.parse().ok()?))
}

/// Returns the address of the images in the repository `uri`, if its name belongs to the stack. The repository need not
/// exist.
pub fn address(id: &StackId, uri: &str) -> Option<Address> {
    let (_, name) = uri.split_once('/')?;
    name.strip_prefix(&ecr::prefix(id)).map(|own| Address::new(Image::NAME, own))
}

/// Builds the image and pushes it under the next build number, unless the repository already has the same image.
async fn push(cx: &Context, desired: &Desired) -> Result<Live, Failure> {
    let uri = desired.repository.get()?;
    let repository = uri.split_once('/').map_or(uri, |(_, name)| name);
    let built = cx.images.build(&desired.source).await?;
    let mut there = numbered(&details(cx, repository).await?);
    if let Some(same) = there.iter().rfind(|image| image.digest == built.digest) {
        return Ok(same.clone().live(repository, uri, &there));
    }
    let newest = there.last().map_or(0, |newest| newest.build);
    let build = newest.max(desired.numbered_above.unwrap_or_default()).max(recorded(cx, uri).await?) + 1;
    let tag = format!("{}-{build}", built.version);
    // Includes the new image.
    let newer = desired.kept_from.map_or(0, |runs| newer(there.iter().map(|image| image.build), runs) + 1);
    if lifecycle::is_wider(newer) {
        lifecycle::put(&cx.aws.ecr, repository, lifecycle::kept(newer)).await?;
    }
    let login = login(&cx.aws).await?;
    cx.images.push(&desired.source, uri, &tag, &login).await?;
    let pushed = Numbered { build, version: built.version, tag, digest: built.digest };
    there.push(pushed.clone());
    Ok(pushed.live(repository, uri, &there))
}

/// Returns how many of `builds` are higher than `build`.
fn newer(builds: impl Iterator<Item = u64>, build: u64) -> usize {
    builds.filter(|other| *other > build).count()
}

/// Returns the highest build number in the repository `uri` that a task definition of the stack refers to, or 0. A user
/// may delete an image that still runs. If its number were used again, the new image would be mistaken for the one that
/// runs.
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/delete_image.html>
async fn recorded(cx: &Context, uri: &str) -> Result<u64, Failure> {
    let call = cx.aws.ecs.list_task_definition_families().family_prefix(aws::stack_prefix(&cx.id));
    let call = call.status(TaskDefinitionFamilyStatus::Active).into_paginator().items().send();
    let families: Vec<String> = call.try_collect().await.during("ListTaskDefinitionFamilies")?;
    let lists = families.iter().map(|family| {
        let call = cx.aws.ecs.list_task_definitions().family_prefix(family).status(TaskDefinitionStatus::Active);
        async move { call.into_paginator().items().send().try_collect().await.during("ListTaskDefinitions") }
    });
    let revisions: Vec<Vec<String>> = try_join_all(lists).await?;
    let reads = revisions.iter().flatten().map(|arn| async move {
        // A revision never changes, so the result can be cached.
        let known_as = format!("the highest build number in {arn}");
        let highest = cx.unchanging(
            &known_as,
            Box::pin(async {
                let answer = cx.aws.ecs.describe_task_definition().task_definition(arn).send().await;
                let answer = answer.or_absent("DescribeTaskDefinition", &["ClientException"])?;
                Ok(answer.and_then(|answer| answer.task_definition).map(|definition| highest(&definition, uri)))
            }),
        );
        Ok::<_, Failure>(highest.await?.map_or(0, |highest| *highest))
    });
    Ok(try_join_all(reads).await?.into_iter().max().unwrap_or_default())
}

/// Returns the highest build number in the repository `uri` among the images of `definition`.
fn highest(definition: &TaskDefinition, uri: &str) -> u64 {
    let images = definition.container_definitions().iter().filter_map(|container| tagged(container.image()?));
    images.filter(|image| image.uri == uri).map(|image| image.build).max().unwrap_or_default()
}

/// Whether `image` can still be pulled. Only images in the stack's repositories are checked, because those repositories
/// delete old images.
///
/// # Errors
/// Returns an error if a call to ECR fails.
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

/// Returns the images of a repository.
async fn details(cx: &Context, repository: &str) -> Result<Vec<ImageDetail>, Failure> {
    let pages = cx.aws.ecr.describe_images().repository_name(repository).max_results(1000).into_paginator();
    let images = pages.items().send().try_collect().await;
    Ok(images.or_absent("DescribeImages", &["RepositoryNotFoundException"])?.unwrap_or_default())
}

/// Returns the images with a build number, newest last.
fn numbered(images: &[ImageDetail]) -> Vec<Numbered> {
    let tagged = images.iter().flat_map(|image| image.image_tags().iter().map(move |tag| (image, tag)));
    let mut numbered: Vec<Numbered> = tagged
        .filter_map(|(image, tag)| {
            let (version, build) = parts(tag)?;
            let digest = image.image_digest()?.to_owned();
            Some(Numbered { build, version: version.to_owned(), tag: tag.clone(), digest })
        })
        .collect();
    numbered.sort_by_key(|image| image.build);
    numbered
}

/// Returns the registry credentials, which are valid for twelve hours.
/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html>
///
/// # Errors
/// Returns an error if a call to ECR fails.
pub async fn login(aws: &Aws) -> Result<RegistryLogin, Failure> {
    let answer = aws.ecr.get_authorization_token().send().await.during("GetAuthorizationToken")?;
    let data = answer.authorization_data.and_then(|data| data.into_iter().next());
    let data = given(data, "GetAuthorizationToken", "authorizationData")?;
    let token = given(data.authorization_token, "GetAuthorizationToken", "authorizationToken")?;
    let decoded = STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
    let (user, password) = pair.ok_or_else(|| Failure {
        cause: Cause::Ambiguous,
        ..Failure::refused("GetAuthorizationToken", "AWS returned an invalid token: expected user:password")
    })?;
    let plain_http = data.proxy_endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
    Ok(RegistryLogin { user: user.to_owned(), password: password.to_owned(), plain_http })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        aws::model::{self, Cloud},
        kinds::ecr::model::{Builder, Ecr, Recorded, URI, cloud_with_repository, digest},
    };

    /// Releases the image built from `package` while services run the builds `kept_from` to `numbered_above`. Returns
    /// the build number.
    async fn released(cloud: &Cloud, package: &str, kept_from: Option<u64>, numbered_above: Option<u64>) -> u64 {
        let aws = Arc::new(model::session(cloud));
        let id = StackId { stack: "shop".into(), environment: "test".into() };
        let cx = Context::new(id, Arc::clone(&aws), Arc::new(Builder(aws)));
        let source = ImageSource::of(crate::kind::Base::Package(package.into()));
        let digest = Some(digest(&source));
        let desired = Desired { repository: URI.into(), digest, source, numbered_above, kept_from };
        Image::create(&cx, &Address::new(Image::NAME, "main"), &desired).await.expect("it is pushed").build
    }

    #[tokio::test]
    async fn build_number_of_a_deleted_image_is_not_reused() {
        let cloud = cloud_with_repository();
        assert_eq!(released(&cloud, "app", None, None).await, 1);
        assert_eq!(released(&cloud, "other", None, None).await, 2);
        cloud.with(Ecr::lose_images);
        cloud.with(|recorded: &mut Recorded| recorded.0 = vec![format!("{URI}:1.0.0-1"), format!("{URI}:1.0.0-2")]);
        assert_eq!(released(&cloud, "third", None, None).await, 3, "revision 2 has been 2");
        assert_eq!(released(&cloud, "third", None, None).await, 3, "it is there");
        // A service may run a revision that only ECS reports.
        assert_eq!(released(&cloud, "fourth", Some(7), Some(7)).await, 8);
    }

    #[tokio::test]
    async fn running_image_is_kept_through_failed_releases() {
        let cloud = cloud_with_repository();
        cloud.with(Ecr::keep_as_usual);
        for build in 1..=100 {
            let runs = (build > 1).then_some(1);
            assert_eq!(released(&cloud, &format!("try {build}"), runs, runs).await, build);
        }
        assert_eq!(cloud.with(|ecr: &mut Ecr| ecr.builds().len()), 100, "the first one runs, and all others are newer");
        // Once a newer image runs, the next `up` reduces the number of kept images, and the old ones are deleted.
        cloud.with(Ecr::keep_as_usual);
        released(&cloud, "the last", Some(100), Some(100)).await;
        assert_eq!(cloud.with(|ecr: &mut Ecr| ecr.builds()), (72..=101).collect::<Vec<u64>>());
    }

    #[tokio::test]
    async fn build_numbers_in_other_repositories_are_ignored() {
        let cloud = cloud_with_repository();
        let others = ["nginx:1.27-9".to_owned(), format!("{URI}-old:1.0.0-9"), format!("{URI}:latest")];
        cloud.with(|recorded: &mut Recorded| recorded.0 = others.into());
        assert_eq!(released(&cloud, "app", None, None).await, 1);
    }

    #[test]
    fn image_address_is_derived_from_its_repository() {
        let id = StackId { stack: "shop".into(), environment: "test".into() };
        let named = tagged(&format!("{URI}:1.0.0-rc-12")).map(|named| (named.version.to_owned(), named.build));
        assert_eq!(named, Some(("1.0.0-rc".to_owned(), 12)));
        assert_eq!(address(&id, URI), Some(Address::new("image", "main")));
        for other in ["nginx", "host/shop/production/main", "host/shop"] {
            assert_eq!(address(&id, other), None, "{other}");
        }
    }

    #[test]
    fn newest_image_is_chosen_by_build_number_not_version() {
        let image = |tag: &str| ImageDetail::builder().image_digest(format!("sha256:{tag}")).image_tags(tag).build();
        let images = ["1.4.0-9", "1.3.0-10", "latest", "by-hand"].map(image);
        let numbered = numbered(&images);
        let newest = numbered.last().expect("there are two");
        assert_eq!((newest.build, newest.version.as_str(), newest.tag.as_str()), (10, "1.3.0", "1.3.0-10"));
    }
}
