//! An in-memory model of ECR with the operations that the ECR kinds call, as the API reference describes them.
//!
//! <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/Welcome.html>

#![expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and some operations are never refused")]

use std::sync::Arc;

use aws_sdk_ecr::{
    operation::{
        batch_delete_image::{BatchDeleteImageError, BatchDeleteImageInput, BatchDeleteImageOutput},
        create_repository::{CreateRepositoryError, CreateRepositoryInput, CreateRepositoryOutput},
        delete_repository::{DeleteRepositoryError, DeleteRepositoryInput, DeleteRepositoryOutput},
        describe_images::{DescribeImagesError, DescribeImagesInput, DescribeImagesOutput},
        describe_repositories::{DescribeRepositoriesError, DescribeRepositoriesInput, DescribeRepositoriesOutput},
        get_authorization_token::{
            GetAuthorizationTokenError, GetAuthorizationTokenInput, GetAuthorizationTokenOutput,
        },
        get_lifecycle_policy::{GetLifecyclePolicyError, GetLifecyclePolicyInput, GetLifecyclePolicyOutput},
        put_image::{PutImageError, PutImageInput, PutImageOutput},
        put_image_scanning_configuration::{
            PutImageScanningConfigurationError, PutImageScanningConfigurationInput, PutImageScanningConfigurationOutput,
        },
        put_image_tag_mutability::{
            PutImageTagMutabilityError, PutImageTagMutabilityInput, PutImageTagMutabilityOutput,
        },
        put_lifecycle_policy::{PutLifecyclePolicyError, PutLifecyclePolicyInput, PutLifecyclePolicyOutput},
    },
    types::{
        AuthorizationData, ImageDetail, ImageScanningConfiguration, ImageTagMutability, Repository,
        builders::RepositoryBuilder,
    },
};
use aws_sdk_ecs::{
    operation::{
        describe_task_definition::{
            DescribeTaskDefinitionError, DescribeTaskDefinitionInput, DescribeTaskDefinitionOutput,
        },
        list_task_definition_families::{
            ListTaskDefinitionFamiliesError, ListTaskDefinitionFamiliesInput, ListTaskDefinitionFamiliesOutput,
        },
        list_task_definitions::{ListTaskDefinitionsError, ListTaskDefinitionsInput, ListTaskDefinitionsOutput},
    },
    types::{ContainerDefinition, TaskDefinition},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::future::BoxFuture;

use crate::{
    aws::{
        Aws, Once, Outcome,
        model::{Cloud, Refusal, Service},
    },
    kind::{BuiltImage, ImageSource, Images, RegistryLogin},
    model::Failure,
};

/// The name of the repository in [`cloud_with_repository`].
const REPOSITORY: &str = "shop/test/main";

/// The URI of that repository.
pub(super) const URI: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/test/main";

/// The repositories of the account in the region.
#[derive(Clone, Default)]
pub(super) struct Ecr {
    repositories: Vec<Kept>,
}

/// A repository with its lifecycle policy and its images.
#[derive(Clone)]
struct Kept {
    repository: Repository,
    lifecycle: Option<String>,
    images: Vec<ImageDetail>,
}

/// The images of the stack's task definitions. There is one family, and the first image is that of revision 1.
#[derive(Clone, Default)]
pub(super) struct Recorded(pub(super) Vec<String>);

impl Service for Recorded {
    fn present(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Service for Ecr {
    fn present(&self) -> Vec<String> {
        self.repositories.iter().flat_map(Kept::lines).collect()
    }
}

impl Kept {
    /// Returns one line for the repository and one for its newest image. Leaves out the number of images, because a
    /// change adds one.
    fn lines(&self) -> Vec<String> {
        let name = self.repository.repository_name().unwrap_or_default();
        let newest = self.images.last().map(|image| format!("{name} has {:?}", image.image_digest()));
        std::iter::once(format!("repository {name}")).chain(newest).collect()
    }
}

/// Returns an AWS with an empty ECR.
pub(super) fn cloud() -> Cloud {
    let cloud = Cloud::new();
    cloud.on(CreateRepositoryError::generic, create);
    cloud.on(DescribeRepositoriesError::generic, describe);
    cloud.on(GetLifecyclePolicyError::generic, lifecycle);
    cloud.on(PutLifecyclePolicyError::generic, put_lifecycle);
    cloud.on(PutImageScanningConfigurationError::generic, put_scanning);
    cloud.on(PutImageTagMutabilityError::generic, put_mutability);
    cloud.on(DeleteRepositoryError::generic, delete);
    cloud.on(GetAuthorizationTokenError::generic, token);
    cloud.on(PutImageError::generic, put_image);
    cloud.on(DescribeImagesError::generic, images);
    cloud.on(BatchDeleteImageError::generic, delete_images);
    cloud.on(ListTaskDefinitionFamiliesError::generic, families);
    cloud.on(ListTaskDefinitionsError::generic, revisions);
    cloud.on(DescribeTaskDefinitionError::generic, revision);
    cloud
}

/// Returns an AWS with an ECR that has one repository of the stack, without images.
pub(super) fn cloud_with_repository() -> Cloud {
    let cloud = cloud();
    cloud.with(|ecr: &mut Ecr| ecr.add(REPOSITORY, Repository::builder()));
    cloud
}

/// Returns the digest of the image that [`Builder`] builds from `source`.
pub(super) fn digest(source: &ImageSource) -> String {
    format!("sha256:{source:?}")
}

/// Builds images without content, and pushes them with the last call of the registry protocol.
pub(super) struct Builder(pub(super) Arc<Aws>);

impl Images for Builder {
    fn build<'a>(&'a self, source: &'a ImageSource) -> BoxFuture<'a, Result<BuiltImage, Failure>> {
        Box::pin(async move { Ok(BuiltImage { digest: digest(source), version: "1.0.0".to_owned() }) })
    }

    fn push<'a>(
        &'a self,
        source: &'a ImageSource,
        repository: &'a str,
        tag: &'a str,
        _login: &'a RegistryLogin,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        let name = repository.split_once('/').map_or(repository, |(_, name)| name);
        let call = self.0.ecr.put_image().repository_name(name).image_tag(tag).image_digest(digest(source));
        let call = call.image_manifest("{}").customize().once();
        // The registry protocol accepts the same image under the same tag again.
        Box::pin(async move { call.send().await.or_absent("PutImage", &["ImageAlreadyExistsException"]).map(drop) })
    }
}

impl Ecr {
    fn repository(&mut self, name: Option<&str>) -> Result<&mut Kept, Refusal> {
        let found = self.repositories.iter_mut().find(|kept| kept.repository.repository_name() == name);
        found.ok_or_else(|| Refusal::new("RepositoryNotFoundException", "The repository does not exist."))
    }

    fn add(&mut self, name: &str, repository: RepositoryBuilder) -> Repository {
        let repository = repository
            .repository_name(name)
            .repository_arn(format!("arn:aws:ecr:eu-west-1:123456789012:repository/{name}"))
            .repository_uri(format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/{name}"))
            .build();
        self.repositories.push(Kept { repository: repository.clone(), lifecycle: None, images: Vec::new() });
        repository
    }

    /// Makes every repository keep the default number of images.
    pub(super) fn keep_as_usual(&mut self) {
        for kept in &mut self.repositories {
            kept.lifecycle = Some(super::lifecycle::policy(super::lifecycle::kept(0)).to_string());
        }
    }

    /// Returns the build numbers of all images, in the order of their pushes.
    pub(super) fn builds(&self) -> Vec<u64> {
        let images = self.repositories.iter().flat_map(|kept| &kept.images).flat_map(ImageDetail::image_tags);
        images.map(|tag| tag.rsplit_once('-').and_then(|(_, build)| build.parse().ok()).expect("a number")).collect()
    }

    /// Deletes every image.
    pub(super) fn lose_images(&mut self) {
        for kept in &mut self.repositories {
            kept.images.clear();
        }
    }

    /// Disables image scanning in every repository.
    pub(super) fn stop_scanning(&mut self) {
        for kept in &mut self.repositories {
            kept.repository.image_scanning_configuration = Some(ImageScanningConfiguration::builder().build());
        }
    }

    /// Makes the tags of every repository mutable.
    pub(super) fn let_tags_move(&mut self) {
        for kept in &mut self.repositories {
            kept.repository.image_tag_mutability = Some(ImageTagMutability::Mutable);
        }
    }
}

fn create(ecr: &mut Ecr, input: &CreateRepositoryInput) -> Result<CreateRepositoryOutput, Refusal> {
    if ecr.repository(input.repository_name()).is_ok() {
        return Err(Refusal::new("RepositoryAlreadyExistsException", "The repository already exists."));
    }
    let name = input.repository_name().unwrap_or_default();
    if !name.split('/').all(is_part) {
        let message = "Invalid parameter at 'repositoryName' failed to satisfy constraint";
        return Err(Refusal::new("InvalidParameterException", message));
    }
    let repository = Repository::builder()
        .set_image_tag_mutability(input.image_tag_mutability.clone())
        .set_image_scanning_configuration(input.image_scanning_configuration.clone());
    let repository = ecr.add(name, repository);
    Ok(CreateRepositoryOutput::builder().repository(repository).build())
}

/// Whether ECR accepts `part` between two slashes of a repository name: words with one separator between them.
/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html>
fn is_part(part: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    part.split(['.', '_', '-']).all(is_word)
}

fn describe(ecr: &mut Ecr, _input: &DescribeRepositoriesInput) -> Result<DescribeRepositoriesOutput, Refusal> {
    let all = ecr.repositories.iter().map(|kept| kept.repository.clone()).collect();
    Ok(DescribeRepositoriesOutput::builder().set_repositories(Some(all)).build())
}

fn lifecycle(ecr: &mut Ecr, input: &GetLifecyclePolicyInput) -> Result<GetLifecyclePolicyOutput, Refusal> {
    let policy = ecr.repository(input.repository_name())?.lifecycle.clone();
    let policy = policy.ok_or_else(|| Refusal::new("LifecyclePolicyNotFoundException", "there is no policy"))?;
    Ok(GetLifecyclePolicyOutput::builder().lifecycle_policy_text(policy).build())
}

fn put_lifecycle(ecr: &mut Ecr, input: &PutLifecyclePolicyInput) -> Result<PutLifecyclePolicyOutput, Refusal> {
    ecr.repository(input.repository_name())?.lifecycle.clone_from(&input.lifecycle_policy_text);
    Ok(PutLifecyclePolicyOutput::builder().build())
}

fn put_scanning(
    ecr: &mut Ecr,
    input: &PutImageScanningConfigurationInput,
) -> Result<PutImageScanningConfigurationOutput, Refusal> {
    let kept = ecr.repository(input.repository_name())?;
    kept.repository.image_scanning_configuration.clone_from(&input.image_scanning_configuration);
    Ok(PutImageScanningConfigurationOutput::builder().build())
}

fn put_mutability(ecr: &mut Ecr, input: &PutImageTagMutabilityInput) -> Result<PutImageTagMutabilityOutput, Refusal> {
    let kept = ecr.repository(input.repository_name())?;
    kept.repository.image_tag_mutability.clone_from(&input.image_tag_mutability);
    Ok(PutImageTagMutabilityOutput::builder().build())
}

fn token(_: &mut Ecr, _: &GetAuthorizationTokenInput) -> Result<GetAuthorizationTokenOutput, Refusal> {
    let data = AuthorizationData::builder().authorization_token(STANDARD.encode("AWS:password")).build();
    Ok(GetAuthorizationTokenOutput::builder().authorization_data(data).build())
}

/// Stores an image. Tags are immutable: a tag cannot move to another image.
fn put_image(ecr: &mut Ecr, input: &PutImageInput) -> Result<PutImageOutput, Refusal> {
    let Kept { images, lifecycle, .. } = ecr.repository(input.repository_name())?;
    let (tag, digest) = (input.image_tag().unwrap_or_default(), input.image_digest());
    if !tag.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        let message = "Invalid parameter at 'imageTag' failed to satisfy constraint";
        return Err(Refusal::new("InvalidParameterException", message));
    }
    let has_tag = |image: &&ImageDetail| image.image_tags().iter().any(|other| other == tag);
    match images.iter().find(has_tag) {
        Some(same) if same.image_digest() == digest => {
            return Err(Refusal::new("ImageAlreadyExistsException", "The image and its tag already exist."));
        }
        Some(_) => return Err(Refusal::new("ImageTagAlreadyExistsException", "The tag is taken, and immutable.")),
        None => {}
    }
    if let Some(same) = images.iter_mut().find(|image| image.image_digest() == digest) {
        same.image_tags.get_or_insert_default().push(tag.to_owned());
    } else {
        let image = ImageDetail::builder().set_image_digest(digest.map(str::to_owned)).image_tags(tag);
        images.push(image.build());
    }
    // Real ECR takes up to a day to expire images, and does not check whether a service runs them.
    let policy = lifecycle.as_deref().and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    let keep = policy.and_then(|policy| policy["rules"][0]["selection"]["countNumber"].as_u64());
    let keep = keep.map_or(usize::MAX, |keep| usize::try_from(keep).expect("it is small"));
    images.drain(..images.len().saturating_sub(keep));
    Ok(PutImageOutput::builder().build())
}

fn images(ecr: &mut Ecr, input: &DescribeImagesInput) -> Result<DescribeImagesOutput, Refusal> {
    let images = ecr.repository(input.repository_name())?.images.clone();
    Ok(DescribeImagesOutput::builder().set_image_details(Some(images)).build())
}

/// Deletes an image with all its tags if the call gives its digest. If the call gives a tag, the image loses that tag,
/// and is deleted with its last one.
/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html>
fn delete_images(ecr: &mut Ecr, input: &BatchDeleteImageInput) -> Result<BatchDeleteImageOutput, Refusal> {
    let images = &mut ecr.repository(input.repository_name())?.images;
    for id in input.image_ids() {
        match (id.image_digest(), id.image_tag()) {
            (Some(digest), _) => images.retain(|image| image.image_digest() != Some(digest)),
            (None, Some(tag)) => images.retain_mut(|image| {
                let tags = image.image_tags.get_or_insert_default();
                let had = tags.len();
                tags.retain(|other| other != tag);
                tags.len() == had || !tags.is_empty()
            }),
            (None, None) => {}
        }
    }
    Ok(BatchDeleteImageOutput::builder().build())
}

/// Deletes a repository. If it has images, the call must set `force`.
fn delete(ecr: &mut Ecr, input: &DeleteRepositoryInput) -> Result<DeleteRepositoryOutput, Refusal> {
    let kept = ecr.repository(input.repository_name())?;
    if !kept.images.is_empty() && input.force() != Some(true) {
        return Err(Refusal::new("RepositoryNotEmptyException", "The repository has images."));
    }
    ecr.repositories.retain(|kept| kept.repository.repository_name() != input.repository_name());
    Ok(DeleteRepositoryOutput::builder().build())
}

/// The prefix of the names of the stack's families.
const FAMILIES: &str = "shop-test-";

fn families(
    recorded: &mut Recorded,
    input: &ListTaskDefinitionFamiliesInput,
) -> Result<ListTaskDefinitionFamiliesOutput, Refusal> {
    let has = !recorded.0.is_empty() && input.family_prefix() == Some(FAMILIES);
    let families = has.then(|| vec![format!("{FAMILIES}web")]);
    Ok(ListTaskDefinitionFamiliesOutput::builder().set_families(families).build())
}

fn revisions(recorded: &mut Recorded, input: &ListTaskDefinitionsInput) -> Result<ListTaskDefinitionsOutput, Refusal> {
    let family = input.family_prefix().unwrap_or_default();
    let arns =
        (1..=recorded.0.len()).map(|number| format!("arn:aws:ecs:eu-west-1:1:task-definition/{family}:{number}"));
    Ok(ListTaskDefinitionsOutput::builder().set_task_definition_arns(Some(arns.collect())).build())
}

fn revision(
    recorded: &mut Recorded,
    input: &DescribeTaskDefinitionInput,
) -> Result<DescribeTaskDefinitionOutput, Refusal> {
    let number = input.task_definition().and_then(|arn| arn.rsplit_once(':')?.1.parse::<usize>().ok());
    let image = number.and_then(|number| recorded.0.get(number - 1));
    let image = image.ok_or_else(|| Refusal::new("ClientException", "Unable to describe task definition."))?;
    let container = ContainerDefinition::builder().name("web").image(image).build();
    let definition = TaskDefinition::builder().container_definitions(container).build();
    Ok(DescribeTaskDefinitionOutput::builder().task_definition(definition).build())
}
