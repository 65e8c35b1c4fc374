//! An in-memory model of S3 with the operations that its kinds call, as the API reference describes them. Reads are
//! never stale in this model.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html>

use aws_sdk_s3::{
    operation::{
        create_bucket::{CreateBucketError, CreateBucketInput, CreateBucketOutput},
        delete_bucket::{DeleteBucketError, DeleteBucketInput, DeleteBucketOutput},
        delete_objects::{DeleteObjectsError, DeleteObjectsInput, DeleteObjectsOutput},
        get_bucket_encryption::{GetBucketEncryptionError, GetBucketEncryptionInput, GetBucketEncryptionOutput},
        get_bucket_ownership_controls::{
            GetBucketOwnershipControlsError, GetBucketOwnershipControlsInput, GetBucketOwnershipControlsOutput,
        },
        get_bucket_policy::{GetBucketPolicyError, GetBucketPolicyInput, GetBucketPolicyOutput},
        get_bucket_tagging::{GetBucketTaggingError, GetBucketTaggingInput, GetBucketTaggingOutput},
        get_bucket_versioning::{GetBucketVersioningError, GetBucketVersioningInput, GetBucketVersioningOutput},
        get_public_access_block::{GetPublicAccessBlockError, GetPublicAccessBlockInput, GetPublicAccessBlockOutput},
        list_buckets::{ListBucketsError, ListBucketsInput, ListBucketsOutput},
        list_object_versions::{ListObjectVersionsError, ListObjectVersionsInput, ListObjectVersionsOutput},
        put_bucket_encryption::{PutBucketEncryptionError, PutBucketEncryptionInput, PutBucketEncryptionOutput},
        put_bucket_ownership_controls::{
            PutBucketOwnershipControlsError, PutBucketOwnershipControlsInput, PutBucketOwnershipControlsOutput,
        },
        put_bucket_policy::{PutBucketPolicyError, PutBucketPolicyInput, PutBucketPolicyOutput},
        put_bucket_tagging::{PutBucketTaggingError, PutBucketTaggingInput, PutBucketTaggingOutput},
        put_bucket_versioning::{PutBucketVersioningError, PutBucketVersioningInput, PutBucketVersioningOutput},
        put_public_access_block::{PutPublicAccessBlockError, PutPublicAccessBlockInput, PutPublicAccessBlockOutput},
    },
    types::{
        self, BucketVersioningStatus, ObjectOwnership, ObjectVersion, OwnershipControls, OwnershipControlsRule,
        PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
        ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag,
    },
};
use aws_sdk_sts::operation::get_caller_identity::{
    GetCallerIdentityError, GetCallerIdentityInput, GetCallerIdentityOutput,
};

use crate::aws::{
    self,
    model::{Cloud, Refusal, Service},
};

/// The buckets of the account and of others.
#[derive(Clone, Default)]
pub(super) struct S3 {
    buckets: Vec<Bucket>,
    /// The names of buckets in other accounts.
    pub(super) foreign: Vec<String>,
}

/// A bucket of the account.
#[derive(Clone)]
pub(super) struct Bucket {
    name: String,
    pub(super) tags: Vec<Tag>,
    block: PublicAccessBlockConfiguration,
    ownership: Option<ObjectOwnership>,
    encryption: ServerSideEncryption,
    versioning: Option<BucketVersioningStatus>,
    policy: Option<String>,
    /// The key of each object, which is also the id of its only version.
    objects: Vec<String>,
}

impl Service for S3 {
    fn present(&self) -> Vec<String> {
        let line = |bucket: &Bucket| {
            let address = aws::tag_value(&bucket.tags, aws::ADDRESS).unwrap_or("of nobody");
            format!("bucket {address} with {} objects", bucket.objects.len())
        };
        self.buckets.iter().map(line).collect()
    }
}

/// Returns an AWS with S3 and without buckets.
pub(super) fn cloud() -> Cloud {
    let cloud = Cloud::new();
    cloud.on(GetCallerIdentityError::generic, caller);
    cloud.on(ListBucketsError::generic, list);
    cloud.on(CreateBucketError::generic, create);
    cloud.on(DeleteBucketError::generic, delete);
    cloud.on(GetBucketTaggingError::generic, tags);
    cloud.on(PutBucketTaggingError::generic, put_tags);
    cloud.on(GetPublicAccessBlockError::generic, block);
    cloud.on(PutPublicAccessBlockError::generic, put_block);
    cloud.on(GetBucketOwnershipControlsError::generic, ownership);
    cloud.on(PutBucketOwnershipControlsError::generic, put_ownership);
    cloud.on(GetBucketEncryptionError::generic, encryption);
    cloud.on(PutBucketEncryptionError::generic, put_encryption);
    cloud.on(GetBucketVersioningError::generic, versioning);
    cloud.on(PutBucketVersioningError::generic, put_versioning);
    cloud.on(GetBucketPolicyError::generic, policy);
    cloud.on(PutBucketPolicyError::generic, put_policy);
    cloud.on(ListObjectVersionsError::generic, versions);
    cloud.on(DeleteObjectsError::generic, delete_objects);
    cloud
}

/// Changes every bucket, as a user of the console would.
pub(super) fn each(cloud: &Cloud, change: impl Fn(&mut Bucket)) {
    cloud.with(|s3: &mut S3| s3.buckets.iter_mut().for_each(change));
}

impl Bucket {
    pub(super) fn open(&mut self) {
        self.block = PublicAccessBlockConfiguration::builder().block_public_acls(true).build();
    }

    pub(super) fn allow_acls(&mut self) {
        self.ownership = None;
    }

    pub(super) fn encrypt_otherwise(&mut self) {
        self.encryption = ServerSideEncryption::AwsKms;
    }

    pub(super) fn suspend_versions(&mut self) {
        self.versioning = Some(BucketVersioningStatus::Suspended);
    }

    pub(super) fn drop_policy(&mut self) {
        self.policy = None;
    }

    /// Adds `count` objects.
    pub(super) fn put(&mut self, count: usize) {
        self.objects.extend((0..count).map(|number| format!("object-{number}")));
    }
}

impl S3 {
    fn bucket(&mut self, name: Option<&str>) -> Result<&mut Bucket, Refusal> {
        let name = name.unwrap_or_default();
        if self.foreign.iter().any(|foreign| foreign == name) {
            return Err(Refusal::new("AccessDenied", "Access Denied"));
        }
        let found = self.buckets.iter_mut().find(|bucket| bucket.name == name);
        found.ok_or_else(|| Refusal::new("NoSuchBucket", "The specified bucket does not exist"))
    }
}

#[expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and this operation is never refused")]
fn caller(_s3: &mut S3, _input: &GetCallerIdentityInput) -> Result<GetCallerIdentityOutput, Refusal> {
    let arn = "arn:aws:iam::123456789012:user/ada";
    Ok(GetCallerIdentityOutput::builder().account("123456789012").arn(arn).build())
}

#[expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and this operation is never refused")]
fn list(s3: &mut S3, input: &ListBucketsInput) -> Result<ListBucketsOutput, Refusal> {
    let prefix = input.prefix().unwrap_or_default();
    let shown = s3.buckets.iter().filter(|bucket| bucket.name.starts_with(prefix));
    let shown = shown.map(|bucket| types::Bucket::builder().name(&bucket.name).build());
    Ok(ListBucketsOutput::builder().set_buckets(Some(shown.collect())).build())
}

fn create(s3: &mut S3, input: &CreateBucketInput) -> Result<CreateBucketOutput, Refusal> {
    let name = input.bucket().unwrap_or_default().to_owned();
    if s3.foreign.contains(&name) {
        return Err(Refusal::new("BucketAlreadyExists", "The requested bucket name is not available"));
    }
    if s3.bucket(Some(&name)).is_ok() {
        return Err(Refusal::new("BucketAlreadyOwnedByYou", "you have it already"));
    }
    let configuration = input.create_bucket_configuration();
    if configuration.and_then(|configuration| configuration.location_constraint()).is_none() {
        return Err(Refusal::new("IllegalLocationConstraintException", "the region is not named"));
    }
    // The AWS defaults.
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html
    let block = PublicAccessBlockConfiguration::builder().block_public_acls(true).ignore_public_acls(true);
    s3.buckets.push(Bucket {
        name,
        tags: configuration.map(|configuration| configuration.tags().to_vec()).unwrap_or_default(),
        block: block.block_public_policy(true).restrict_public_buckets(true).build(),
        ownership: input.object_ownership.clone(),
        encryption: ServerSideEncryption::Aes256,
        versioning: None,
        policy: None,
        objects: Vec::new(),
    });
    Ok(CreateBucketOutput::builder().build())
}

fn delete(s3: &mut S3, input: &DeleteBucketInput) -> Result<DeleteBucketOutput, Refusal> {
    if !s3.bucket(input.bucket())?.objects.is_empty() {
        return Err(Refusal::new("BucketNotEmpty", "The bucket you tried to delete is not empty"));
    }
    s3.buckets.retain(|bucket| Some(bucket.name.as_str()) != input.bucket());
    Ok(DeleteBucketOutput::builder().build())
}

fn tags(s3: &mut S3, input: &GetBucketTaggingInput) -> Result<GetBucketTaggingOutput, Refusal> {
    let tags = s3.bucket(input.bucket())?.tags.clone();
    if tags.is_empty() {
        return Err(Refusal::new("NoSuchTagSet", "The TagSet does not exist"));
    }
    Ok(GetBucketTaggingOutput::builder().set_tag_set(Some(tags)).build().expect("the tags are given"))
}

fn put_tags(s3: &mut S3, input: &PutBucketTaggingInput) -> Result<PutBucketTaggingOutput, Refusal> {
    s3.bucket(input.bucket())?.tags = input.tagging().map(|tagging| tagging.tag_set().to_vec()).unwrap_or_default();
    Ok(PutBucketTaggingOutput::builder().build())
}

fn block(s3: &mut S3, input: &GetPublicAccessBlockInput) -> Result<GetPublicAccessBlockOutput, Refusal> {
    let block = s3.bucket(input.bucket())?.block.clone();
    Ok(GetPublicAccessBlockOutput::builder().public_access_block_configuration(block).build())
}

fn put_block(s3: &mut S3, input: &PutPublicAccessBlockInput) -> Result<PutPublicAccessBlockOutput, Refusal> {
    let block = input.public_access_block_configuration().cloned();
    s3.bucket(input.bucket())?.block = block.ok_or_else(|| Refusal::new("MalformedXML", "nothing is given"))?;
    Ok(PutPublicAccessBlockOutput::builder().build())
}

fn ownership(
    s3: &mut S3,
    input: &GetBucketOwnershipControlsInput,
) -> Result<GetBucketOwnershipControlsOutput, Refusal> {
    let Some(ownership) = s3.bucket(input.bucket())?.ownership.clone() else {
        return Err(Refusal::new("OwnershipControlsNotFoundError", "The bucket ownership controls were not found"));
    };
    let rule = OwnershipControlsRule::builder().object_ownership(ownership).build().expect("it says who owns");
    let controls = OwnershipControls::builder().rules(rule).build().expect("it has a rule");
    Ok(GetBucketOwnershipControlsOutput::builder().ownership_controls(controls).build())
}

fn put_ownership(
    s3: &mut S3,
    input: &PutBucketOwnershipControlsInput,
) -> Result<PutBucketOwnershipControlsOutput, Refusal> {
    let rule = input.ownership_controls().and_then(|controls| controls.rules().first());
    s3.bucket(input.bucket())?.ownership = rule.map(|rule| rule.object_ownership().clone());
    Ok(PutBucketOwnershipControlsOutput::builder().build())
}

fn encryption(s3: &mut S3, input: &GetBucketEncryptionInput) -> Result<GetBucketEncryptionOutput, Refusal> {
    let encryption = s3.bucket(input.bucket())?.encryption.clone();
    let default = ServerSideEncryptionByDefault::builder().sse_algorithm(encryption).build().expect("it says how");
    let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(default).build();
    let rules = ServerSideEncryptionConfiguration::builder().rules(rule).build().expect("it has a rule");
    Ok(GetBucketEncryptionOutput::builder().server_side_encryption_configuration(rules).build())
}

fn put_encryption(s3: &mut S3, input: &PutBucketEncryptionInput) -> Result<PutBucketEncryptionOutput, Refusal> {
    let rule = input.server_side_encryption_configuration().and_then(|rules| rules.rules().first());
    let default = rule.and_then(ServerSideEncryptionRule::apply_server_side_encryption_by_default);
    let default = default.ok_or_else(|| Refusal::new("MalformedXML", "nothing is given"))?;
    s3.bucket(input.bucket())?.encryption = default.sse_algorithm().clone();
    Ok(PutBucketEncryptionOutput::builder().build())
}

fn versioning(s3: &mut S3, input: &GetBucketVersioningInput) -> Result<GetBucketVersioningOutput, Refusal> {
    let status = s3.bucket(input.bucket())?.versioning.clone();
    Ok(GetBucketVersioningOutput::builder().set_status(status).build())
}

fn put_versioning(s3: &mut S3, input: &PutBucketVersioningInput) -> Result<PutBucketVersioningOutput, Refusal> {
    let status = input.versioning_configuration().and_then(|configuration| configuration.status.clone());
    s3.bucket(input.bucket())?.versioning = status;
    Ok(PutBucketVersioningOutput::builder().build())
}

fn policy(s3: &mut S3, input: &GetBucketPolicyInput) -> Result<GetBucketPolicyOutput, Refusal> {
    let Some(policy) = s3.bucket(input.bucket())?.policy.clone() else {
        return Err(Refusal::new("NoSuchBucketPolicy", "The bucket policy does not exist"));
    };
    Ok(GetBucketPolicyOutput::builder().policy(policy).build())
}

fn put_policy(s3: &mut S3, input: &PutBucketPolicyInput) -> Result<PutBucketPolicyOutput, Refusal> {
    s3.bucket(input.bucket())?.policy = input.policy.clone();
    Ok(PutBucketPolicyOutput::builder().build())
}

fn versions(s3: &mut S3, input: &ListObjectVersionsInput) -> Result<ListObjectVersionsOutput, Refusal> {
    let objects = &s3.bucket(input.bucket())?.objects;
    let page = usize::try_from(input.max_keys().unwrap_or(1000)).unwrap_or_default();
    let shown = objects.iter().take(page);
    let shown = shown.map(|key| ObjectVersion::builder().key(key).version_id(key).is_latest(true).build());
    let more = objects.len() > page;
    Ok(ListObjectVersionsOutput::builder().set_versions(Some(shown.collect())).is_truncated(more).build())
}

fn delete_objects(s3: &mut S3, input: &DeleteObjectsInput) -> Result<DeleteObjectsOutput, Refusal> {
    let bucket = s3.bucket(input.bucket())?;
    let going = input.delete().map(types::Delete::objects).unwrap_or_default();
    if going.len() > 1000 {
        return Err(Refusal::new("MalformedXML", "there are more than 1000 objects"));
    }
    bucket.objects.retain(|key| !going.iter().any(|one| one.key() == key && one.version_id() == Some(key)));
    Ok(DeleteObjectsOutput::builder().build())
}
