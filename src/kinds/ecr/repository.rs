//! The repository of a service's images. It scans images on push, its tags are immutable, and it expires old images.
//!
//! <https://docs.aws.amazon.com/AmazonECR/latest/userguide/Repositories.html>

use aws_sdk_ecr::types::{ImageScanningConfiguration, ImageTagMutability};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Context, Cost, Doc, Kind},
    kinds::ecr::{self, lifecycle},
    model::{Address, Changed, Changes, Diff, Failure, Found, NoField, On, Outputs, Permission, Phase, fields},
};

/// A repository.
pub struct Repository;

/// The repository that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The number of images to keep. Older ones expire.
    pub keep: usize,
}

/// The repository as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The URI for pushing and pulling images.
    pub uri: String,
    /// Whether images are scanned on push.
    pub scanned: bool,
    /// Whether tags are immutable.
    pub immutable: bool,
    /// The lifecycle policy as AWS reports it. Empty if there is none.
    pub lifecycle: String,
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        ScanOnPush = "scan_on_push",
        ImmutableTags = "immutable_tags",
        Lifecycle = "lifecycle",
    }
}

impl Kind for Repository {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = NoField;

    const NAME: &'static str = "repository";
    const DOC: Doc = Doc {
        summary: "Stores the images that stackctl builds from one source.",
        page: "https://docs.aws.amazon.com/AmazonECR/latest/userguide/Repositories.html",
    };
    const USES: &'static [&'static str] = &[];
    // The same kinds that its images outlive.
    const OUTLIVES: &'static [&'static str] = &["service", "schedule", "task_definition"];
    const IN_TWO_STEPS: bool = true;
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges for the images in it, which are not included");
    const NOT_YET: &'static [&'static str] = &[];
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["ecr:DescribeRepositories", "ecr:GetLifecyclePolicy"]),
        Permission::make(
            &[
                "ecr:CreateRepository",
                "ecr:PutImageScanningConfiguration",
                "ecr:PutImageTagMutability",
                "ecr:TagResource",
            ],
            On::Named(ecr::ARNS),
        ),
        // A push may have to raise the number of images that the repository keeps.
        Permission::release(&["ecr:PutLifecyclePolicy"], On::Named(ecr::ARNS)),
        Permission::delete(&["ecr:DeleteRepository"], On::Named(ecr::ARNS)),
    ];

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let repositories = ecr::repositories(cx).await?;
        let prefix = ecr::prefix(&cx.id);
        let reads = repositories.iter().map(|found| async {
            let name = found.repository_name().unwrap_or_default().to_owned();
            let call = cx.aws.ecr.get_lifecycle_policy().repository_name(&name).send().await;
            let absent = ["LifecyclePolicyNotFoundException", "RepositoryNotFoundException"];
            let lifecycle = call.or_absent("GetLifecyclePolicy", &absent)?;
            let address = Address::new(Self::NAME, name.strip_prefix(&prefix).unwrap_or(&name));
            let live = Live {
                arn: found.repository_arn().unwrap_or_default().to_owned(),
                uri: found.repository_uri().unwrap_or_default().to_owned(),
                scanned: found.image_scanning_configuration().is_some_and(ImageScanningConfiguration::scan_on_push),
                immutable: found.image_tag_mutability() == Some(&ImageTagMutability::Immutable),
                lifecycle: lifecycle.and_then(|policy| policy.lifecycle_policy_text).unwrap_or_default(),
                name: name.clone(),
            };
            Ok::<_, Failure>(Found { address, id: name, live })
        });
        try_join_all(reads).await
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, NoField> {
        let mut diff = Diff::new();
        diff.field(Field::ScanOnPush, &live.scanned, &true);
        diff.field(Field::ImmutableTags, &live.immutable, &true);
        let wanted = lifecycle::policy(desired.keep);
        if serde_json::from_str::<Value>(&live.lifecycle).ok() != Some(wanted.clone()) {
            diff.field(Field::Lifecycle, &live.lifecycle, &wanted.to_string());
        }
        diff.finish()
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("name", &live.name).with("arn", &live.arn).with("uri", &live.uri)
    }

    async fn create(cx: &Context, address: &Address, _desired: &Desired) -> Result<Live, Failure> {
        let name = format!("{}{}", ecr::prefix(&cx.id), address.name());
        let call = cx
            .aws
            .ecr
            .create_repository()
            .repository_name(&name)
            .image_tag_mutability(ImageTagMutability::Immutable)
            .image_scanning_configuration(scanning())
            .set_tags(Some(aws::tags(&cx.id, address)));
        let answer = call.customize().once().send().await.during("CreateRepository")?;
        let made = given(answer.repository, "CreateRepository", "repository")?;
        let live = Live {
            name,
            arn: given(made.repository_arn, "CreateRepository", "repositoryArn")?,
            uri: given(made.repository_uri, "CreateRepository", "repositoryUri")?,
            scanned: true,
            immutable: true,
            lifecycle: String::new(),
        };
        Ok(live)
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
            match field {
                Field::ScanOnPush => {
                    let call = cx.aws.ecr.put_image_scanning_configuration().repository_name(&live.name);
                    let call = call.image_scanning_configuration(scanning()).customize().once();
                    call.send().await.during("PutImageScanningConfiguration")?;
                    live.scanned = true;
                }
                Field::ImmutableTags => {
                    let call = cx.aws.ecr.put_image_tag_mutability().repository_name(&live.name);
                    let call = call.image_tag_mutability(ImageTagMutability::Immutable).customize().once();
                    call.send().await.during("PutImageTagMutability")?;
                    live.immutable = true;
                }
                Field::Lifecycle => {
                    live.lifecycle = lifecycle::put(&cx.aws.ecr, &live.name, desired.keep).await?;
                }
            }
        }
        Ok(live)
    }

    fn identifiers(live: &Live) -> Vec<String> {
        vec![live.arn.clone()]
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        // `force` also deletes the images. They can be built again.
        let call = cx.aws.ecr.delete_repository().repository_name(&live.name).force(true);
        let answer = call.customize().once().send().await;
        answer.or_absent("DeleteRepository", &["RepositoryNotFoundException"]).map(drop)
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        use ecr::model::{Ecr, cloud};

        crate::kind::Sample::new(cloud, Desired { keep: 20 })
            .variant(&["lifecycle"], Desired { keep: 5 })
            .drift(&["scan_on_push"], |cloud| cloud.with(Ecr::stop_scanning))
            .drift(&["immutable_tags"], |cloud| cloud.with(Ecr::let_tags_move))
    }
}

fn scanning() -> ImageScanningConfiguration {
    ImageScanningConfiguration::builder().scan_on_push(true).build()
}
