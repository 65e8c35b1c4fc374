//! A bucket for the application: private, encrypted, versioned, and accessible only over TLS.
//!
//! A new bucket has all of these settings by default, except versioning and the policy. S3 has no deletion protection,
//! so `protect` is stored in a tag.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingBucket.html>

mod live;
#[cfg(test)]
mod tests;

use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, Delete, ObjectIdentifier,
    ObjectOwnership, OwnershipControls, OwnershipControlsRule, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tagging, VersioningConfiguration,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

pub use live::Live;

use live::{NO_BUCKET, PAGE, PROTECT, TLS_ONLY, arn, blocked, content, read, tags, tls_only};

use crate::{
    aws::{self, Once, Outcome, Tag},
    kind::{Context, Cost, Doc, Kind},
    model::{
        Address, Changed, Changes, Diff, Failure, Found, NoField, On, Outputs, Permission, Phase, Purpose, StackId,
        fields,
    },
};

/// The maximum length of a bucket name, in characters.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
const LONGEST_NAME: usize = 63;

/// The only region for which `CreateBucket` takes no location.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>
const OLDEST_REGION: &str = "us-east-1";

/// How often to empty a bucket to which somebody keeps writing.
const ROUNDS: u32 = 5;

/// The ARN pattern of the stack's buckets and their objects.
const ARNS: On = On::Named(&["s3:::{name:63}*"]);

/// An S3 bucket.
pub struct Bucket;

/// The bucket that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// Whether deleting it requires `--unprotect`, even if it is empty.
    pub protect: bool,
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        Private = "private",
        Ownership = "ownership",
        Encryption = "encryption",
        Versioning = "versioning",
        Policy = "policy",
        Protect = "protect",
    }
}

impl Kind for Bucket {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = NoField;

    const NAME: &'static str = "bucket";
    const HEADLINE: &'static [&'static str] = &["protect"];
    const DOC: Doc = Doc {
        summary: "A private, encrypted and versioned bucket for the application.",
        page: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingBucket.html",
    };
    const USES: &'static [&'static str] = &[];
    // Tasks read and write as long as they run.
    const OUTLIVES: &'static [&'static str] = &["service", "schedule", "task_definition"];
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges for storage and requests, which are not included");
    const NOT_YET: &'static [&'static str] = &[NO_BUCKET];
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["s3:ListAllMyBuckets"]),
        Permission {
            purpose: Purpose::Look,
            actions: &[
                "s3:GetBucketOwnershipControls",
                "s3:GetBucketPolicy",
                "s3:GetBucketPublicAccessBlock",
                "s3:GetBucketTagging",
                "s3:GetBucketVersioning",
                "s3:GetEncryptionConfiguration",
                "s3:ListBucketVersions",
            ],
            on: ARNS,
        },
        Permission::make(
            &[
                "s3:CreateBucket",
                "s3:PutBucketOwnershipControls",
                "s3:PutBucketPolicy",
                "s3:PutBucketPublicAccessBlock",
                "s3:PutBucketTagging",
                "s3:PutBucketVersioning",
                "s3:PutEncryptionConfiguration",
                "s3:TagResource",
            ],
            ARNS,
        ),
        Permission::delete(&["s3:DeleteBucket", "s3:DeleteObject", "s3:DeleteObjectVersion"], ARNS),
    ];
    const IN_TWO_STEPS: bool = true;
    const ADOPTABLE: bool = true;

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let prefix = aws::may_begin(&cx.id, LONGEST_NAME);
        let call = cx.aws.s3.list_buckets().prefix(prefix).bucket_region(&cx.aws.region);
        let buckets: Vec<_> = call.into_paginator().items().send().try_collect().await.during("ListBuckets")?;
        let names = buckets.into_iter().filter_map(|bucket| bucket.name);
        let likely = names.filter(|name| cx.claimed().is_none_or(|claimed| claimed == name));
        let found = try_join_all(likely.map(|name| read(cx, name))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, NoField> {
        Diff::new()
            .field(Field::Private, &live.private, &true)
            .field(Field::Ownership, &live.ownership.as_str(), &ObjectOwnership::BucketOwnerEnforced.as_str())
            .field(Field::Encryption, &live.encryption.as_str(), &ServerSideEncryption::Aes256.as_str())
            .field(Field::Versioning, &live.versioning.as_str(), &BucketVersioningStatus::Enabled.as_str())
            .field(Field::Policy, &live.policy.as_str(), &TLS_ONLY)
            .field(Field::Protect, &live.protect, &desired.protect)
            .finish()
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    fn outputs(live: &Live) -> Outputs {
        let arn = arn(&live.name);
        Outputs::new().with("name", &live.name).with("objects", format!("{arn}/*")).with("arn", arn)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let name = name(&cx.id, address, &cx.aws.caller().await?.account, &cx.aws.region);
        // In the oldest region, `CreateBucket` also succeeds if the account already has the bucket, whatever its owner.
        let there = match tags(cx, &name).await {
            // The bucket belongs to another account. `CreateBucket` reports this too.
            Err(failure) if failure.is(&["AccessDenied"]) => None,
            there => there?,
        };
        if there.is_some_and(|tags| aws::address_of(&cx.id, &tags).as_ref() != Some(address)) {
            let failure = Failure::refused(
                "CreateBucket",
                format!("the bucket {name} already exists and does not belong to this stack"),
            );
            return Err(
                failure.hint(format!("run `stackctl adopt {address} {name}` to bring it into the stack, or delete it"))
            );
        }
        let mut tags: Vec<(String, String)> = aws::tags(&cx.id, address);
        tags.push((PROTECT.to_owned(), desired.protect.to_string()));
        let place = (cx.aws.region != OLDEST_REGION).then(|| BucketLocationConstraint::from(cx.aws.region.as_str()));
        let configuration =
            CreateBucketConfiguration::builder().set_location_constraint(place).set_tags(Some(in_sdk(&tags)));
        let call = cx.aws.s3.create_bucket().bucket(&name).create_bucket_configuration(configuration.build());
        let call = call.object_ownership(ObjectOwnership::BucketOwnerEnforced).customize().once();
        let answer = call.send().await.or_absent("CreateBucket", &["BucketAlreadyOwnedByYou"]);
        answer.map_err(|failure| if failure.is(&["BucketAlreadyExists"]) { taken(failure, &name) } else { failure })?;
        Ok(Live {
            name,
            private: true,
            ownership: ObjectOwnership::BucketOwnerEnforced.as_str().to_owned(),
            encryption: ServerSideEncryption::Aes256.as_str().to_owned(),
            versioning: String::new(),
            policy: String::new(),
            protect: desired.protect,
            tags,
            objects: 0,
            older: 0,
            more: false,
        })
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let (s3, mut live) = (&cx.aws.s3, live.clone());
        let name = live.name.clone();
        for field in changes {
            match field {
                Field::Private => {
                    let call = s3.put_public_access_block().bucket(&name).public_access_block_configuration(blocked());
                    call.customize().once().send().await.during("PutPublicAccessBlock")?;
                    live.private = true;
                }
                Field::Ownership => {
                    let call = s3.put_bucket_ownership_controls().bucket(&name).ownership_controls(enforced());
                    call.customize().once().send().await.during("PutBucketOwnershipControls")?;
                    ObjectOwnership::BucketOwnerEnforced.as_str().clone_into(&mut live.ownership);
                }
                Field::Encryption => {
                    let call = s3.put_bucket_encryption().bucket(&name);
                    let call = call.server_side_encryption_configuration(encrypted()).customize().once();
                    call.send().await.during("PutBucketEncryption")?;
                    ServerSideEncryption::Aes256.as_str().clone_into(&mut live.encryption);
                }
                Field::Versioning => {
                    let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
                    let call = s3.put_bucket_versioning().bucket(&name).versioning_configuration(enabled);
                    call.customize().once().send().await.during("PutBucketVersioning")?;
                    BucketVersioningStatus::Enabled.as_str().clone_into(&mut live.versioning);
                }
                Field::Policy => {
                    let call = s3.put_bucket_policy().bucket(&name).policy(tls_only(&name).to_string());
                    call.customize().once().send().await.during("PutBucketPolicy")?;
                    TLS_ONLY.clone_into(&mut live.policy);
                }
                Field::Protect => {
                    live.tags = with(&live.tags, &[(PROTECT.to_owned(), desired.protect.to_string())]);
                    put_tags(cx, &name, &live.tags).await?;
                    live.protect = desired.protect;
                }
            }
        }
        Ok(live)
    }

    async fn adopt(cx: &Context, address: &Address, live: &Live) -> Result<(), Failure> {
        put_tags(cx, &live.name, &with(&live.tags, &aws::tags(&cx.id, address))).await
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        // Protection and content have the same guard, so a caller that gets here has passed `--unprotect`.
        let may_empty = Self::guard(live).is_some();
        for round in 1.. {
            if may_empty {
                empty(cx, &live.name).await?;
            }
            let call = cx.aws.s3.delete_bucket().bucket(&live.name).customize().once();
            match call.send().await.or_absent("DeleteBucket", &[NO_BUCKET]) {
                Err(failure) if failure.is(&["BucketNotEmpty"]) && !may_empty => {
                    return Err(failure.hint(
                        "the bucket was empty when the plan was made; add `--unprotect` to delete its \
                                      contents",
                    ));
                }
                Err(failure) if failure.is(&["BucketNotEmpty"]) && round < ROUNDS => {}
                answer => return answer.map(drop),
            }
        }
        Ok(())
    }

    fn identifiers(live: &Live) -> Vec<String> {
        vec![arn(&live.name)]
    }

    /// This error also occurs for up to an hour after a bucket of the same name was deleted.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList>
    fn passing(failure: &Failure) -> Option<&'static str> {
        failure.is(&["OperationAborted"]).then_some("another operation on a bucket of this name to finish")
    }

    fn guard(live: &Live) -> Option<String> {
        match content(live) {
            Some(content) => Some(format!("it contains {content}; `--unprotect` deletes all of it")),
            None => live.protect.then(|| "deletion protection is on (`protect` of the bucket)".to_owned()),
        }
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        use super::model::{self, Bucket as Model};

        crate::kind::Sample::new(model::cloud, Desired { protect: true })
            .named("uploads")
            .variant(&["protect"], Desired { protect: false })
            .drift(&["private"], |cloud| model::each(cloud, Model::open))
            .drift(&["ownership"], |cloud| model::each(cloud, Model::allow_acls))
            .drift(&["encryption"], |cloud| model::each(cloud, Model::encrypt_otherwise))
            .drift(&["versioning"], |cloud| model::each(cloud, Model::suspend_versions))
            .drift(&["policy"], |cloud| model::each(cloud, Model::drop_policy))
    }
}

/// Returns the name of the bucket at `address`. Bucket names are global, so the name, or the hash in a long name,
/// includes account and region.
fn name(id: &StackId, address: &Address, account: &str, region: &str) -> String {
    let whole = Address::new(Bucket::NAME, format!("{}-{account}-{region}", address.name()));
    aws::derived(id, &whole, LONGEST_NAME)
}

fn taken(failure: Failure, name: &str) -> Failure {
    failure.hint(format!("a bucket named {name} already exists in another account: rename this one in stack.yaml"))
}

/// Deletes all objects with all their versions, page by page. Always reads the first remaining page, so a later run
/// continues after a killed one.
async fn empty(cx: &Context, name: &str) -> Result<(), Failure> {
    loop {
        let page = cx.aws.s3.list_object_versions().bucket(name).max_keys(PAGE).send().await;
        let Some(page) = page.or_absent("ListObjectVersions", &[NO_BUCKET])? else { return Ok(()) };
        let versions = page.versions().iter().map(|version| (version.key(), version.version_id()));
        let markers = page.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
        let objects = versions.chain(markers).filter_map(|(key, version)| {
            let object = ObjectIdentifier::builder().key(key?).set_version_id(version.map(str::to_owned));
            Some(object.build().expect("the key is given"))
        });
        let objects: Vec<ObjectIdentifier> = objects.collect();
        if objects.is_empty() {
            return Ok(());
        }
        let all = Delete::builder().set_objects(Some(objects)).quiet(true).build().expect("the objects are given");
        let call = cx.aws.s3.delete_objects().bucket(name).delete(all).customize().once();
        let answer = call.send().await.during("DeleteObjects")?;
        if let Some(error) = answer.errors().first() {
            let (key, why) = (error.key().unwrap_or_default(), error.message().unwrap_or("AWS gave no reason"));
            let failure = Failure::refused("DeleteObjects", format!("{key} of {name}: {why}"));
            return Err(Failure { code: error.code().map(str::to_owned), ..failure });
        }
    }
}

async fn put_tags(cx: &Context, name: &str, tags: &[(String, String)]) -> Result<(), Failure> {
    let tagging = Tagging::builder().set_tag_set(Some(in_sdk(tags))).build().expect("the tags are given");
    let call = cx.aws.s3.put_bucket_tagging().bucket(name).tagging(tagging);
    call.customize().once().send().await.during("PutBucketTagging").map(drop)
}

fn in_sdk(tags: &[(String, String)]) -> Vec<aws_sdk_s3::types::Tag> {
    tags.iter().map(|(key, value)| aws::tag(key, value)).collect()
}

/// Returns `tags` with those in `more` added or overwritten.
fn with(tags: &[(String, String)], more: &[(String, String)]) -> Vec<(String, String)> {
    let kept = tags.iter().filter(|tag| aws::tag_value(more, tag.pair().0).is_none());
    kept.chain(more).cloned().collect()
}

fn enforced() -> OwnershipControls {
    let rule = OwnershipControlsRule::builder().object_ownership(ObjectOwnership::BucketOwnerEnforced).build();
    OwnershipControls::builder().rules(rule.expect("it says who owns")).build().expect("it has a rule")
}

fn encrypted() -> ServerSideEncryptionConfiguration {
    let default = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::Aes256).build();
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(default.expect("it says how"))
        .build();
    ServerSideEncryptionConfiguration::builder().rules(rule).build().expect("it has a rule")
}
