//! The bucket as AWS reports it. S3 returns each setting in a separate call.

use aws_sdk_s3::types::{PublicAccessBlockConfiguration, ServerSideEncryptionRule};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::{self, Outcome},
    kind::Context,
    model::{Failure, Found},
};

/// The error code for a bucket that does not exist.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList>
pub(super) const NO_BUCKET: &str = "NoSuchBucket";

/// The tag that stores whether the bucket is protected. Without the tag, it is protected.
pub(super) const PROTECT: &str = "stackctl:protect";

/// The maximum number of objects in a page of a list and in a delete call.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>
pub(super) const PAGE: i32 = 1000;

/// The text by which a plan shows the policy that denies access without TLS.
pub(super) const TLS_ONLY: &str = "TLS only";

/// The bucket as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its name.
    pub name: String,
    /// Whether all four settings that block public access are enabled.
    pub private: bool,
    /// The object ownership setting: `BucketOwnerEnforced` disables ACLs. Empty if it is not set.
    pub ownership: String,
    /// The default encryption, such as `AES256`.
    pub encryption: String,
    /// `Enabled`, `Suspended`, or empty if versioning was never enabled.
    pub versioning: String,
    /// The bucket policy: [`TLS_ONLY`], or the text of any other policy. Empty if there is none.
    pub policy: String,
    /// Whether deleting it requires `--unprotect`.
    pub protect: bool,
    /// All of its tags, including those of others, because S3 sets all tags in one call.
    pub tags: Vec<(String, String)>,
    /// The number of objects in the first page of its versions.
    pub objects: u32,
    /// The number of older versions and delete markers in that page.
    pub older: u32,
    /// Whether there are more pages.
    pub more: bool,
}

pub(super) fn arn(name: &str) -> String {
    format!("arn:aws:s3:::{name}")
}

/// Reads the bucket, if it exists and belongs to the stack or is claimed.
pub(super) async fn read(cx: &Context, name: String) -> Result<Option<Found<Live>>, Failure> {
    let Some(tags) = tags(cx, &name).await? else { return Ok(None) };
    let Some(address) = cx.address_of(&tags) else { return Ok(None) };
    // Boxed, because the futures of the calls inside are large.
    match Box::pin(live(cx, &name, tags)).await {
        // The bucket was deleted in the meantime.
        Err(failure) if failure.is(&[NO_BUCKET]) => Ok(None),
        live => Ok(Some(Found { address, id: name, live: live? })),
    }
}

/// Returns the tags of the bucket, or `None` if it does not exist.
pub(super) async fn tags(cx: &Context, name: &str) -> Result<Option<Vec<(String, String)>>, Failure> {
    let answer = cx.aws.s3.get_bucket_tagging().bucket(name).send().await;
    let owned = |tag: &aws_sdk_s3::types::Tag| (tag.key().to_owned(), tag.value().to_owned());
    match answer.during("GetBucketTagging") {
        Ok(answer) => Ok(Some(answer.tag_set().iter().map(owned).collect())),
        Err(failure) if failure.is(&["NoSuchTagSet"]) => Ok(Some(Vec::new())),
        Err(failure) if failure.is(&[NO_BUCKET]) => Ok(None),
        Err(failure) => Err(failure),
    }
}

async fn live(cx: &Context, name: &str, tags: Vec<(String, String)>) -> Result<Live, Failure> {
    let s3 = &cx.aws.s3;
    let (block, ownership, encryption, versioning, policy, page) = futures::join!(
        s3.get_public_access_block().bucket(name).send(),
        s3.get_bucket_ownership_controls().bucket(name).send(),
        s3.get_bucket_encryption().bucket(name).send(),
        s3.get_bucket_versioning().bucket(name).send(),
        s3.get_bucket_policy().bucket(name).send(),
        s3.list_object_versions().bucket(name).max_keys(PAGE).send(),
    );
    let block = block.or_absent("GetPublicAccessBlock", &["NoSuchPublicAccessBlockConfiguration"])?;
    let ownership = ownership.or_absent("GetBucketOwnershipControls", &["OwnershipControlsNotFoundError"])?;
    let absent = ["ServerSideEncryptionConfigurationNotFoundError"];
    let encryption = encryption.or_absent("GetBucketEncryption", &absent)?;
    let versioning = versioning.during("GetBucketVersioning")?.status;
    let policy = policy.or_absent("GetBucketPolicy", &["NoSuchBucketPolicy"])?.and_then(|answer| answer.policy);
    let page = page.during("ListObjectVersions")?;

    let controls = ownership.and_then(|answer| answer.ownership_controls);
    let rule = controls.as_ref().and_then(|controls| controls.rules().first());
    let encryption = encryption.and_then(|answer| answer.server_side_encryption_configuration);
    let default = encryption.as_ref().and_then(|encryption| encryption.rules().first());
    let default = default.and_then(ServerSideEncryptionRule::apply_server_side_encryption_by_default);
    let newest = page.versions().iter().filter(|version| version.is_latest() == Some(true)).count();
    let all = page.versions().len() + page.delete_markers().len();
    let counted = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Ok(Live {
        private: block.and_then(|answer| answer.public_access_block_configuration) == Some(blocked()),
        ownership: rule.map(|rule| rule.object_ownership().as_str().to_owned()).unwrap_or_default(),
        encryption: default.map(|default| default.sse_algorithm().as_str().to_owned()).unwrap_or_default(),
        versioning: versioning.map(|status| status.as_str().to_owned()).unwrap_or_default(),
        policy: policy.map(|policy| shown(name, policy)).unwrap_or_default(),
        protect: aws::tag_value(&tags, PROTECT) != Some("false"),
        objects: counted(newest),
        older: counted(all - newest),
        more: page.is_truncated() == Some(true),
        name: name.to_owned(),
        tags,
    })
}

/// Describes the content of the bucket from the first page of its versions.
pub(super) fn content(live: &Live) -> Option<String> {
    let number = |count: u32, one: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        more => Some(format!("{more} {one}s")),
    };
    let parts = [number(live.objects, "object"), number(live.older, "older version")];
    let parts = parts.into_iter().flatten().collect::<Vec<_>>().join(" and ");
    let least = if live.more { "at least " } else { "" };
    (!parts.is_empty()).then(|| format!("{least}{parts}"))
}

pub(super) fn blocked() -> PublicAccessBlockConfiguration {
    let block = PublicAccessBlockConfiguration::builder().block_public_acls(true).ignore_public_acls(true);
    block.block_public_policy(true).restrict_public_buckets(true).build()
}

/// Returns the policy that denies access without TLS.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html>
pub(super) fn tls_only(name: &str) -> Value {
    let arn = arn(name);
    json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, format!("{arn}/*")],
        "Condition": { "Bool": { "aws:SecureTransport": "false" } },
    }] })
}

/// Returns a policy as a plan shows it: [`TLS_ONLY`] for the policy of stackctl for this bucket, the full text for any
/// other.
pub(super) fn shown(name: &str, policy: String) -> String {
    let is_ours = serde_json::from_str::<Value>(&policy).is_ok_and(|policy| policy == tls_only(name));
    if is_ours { TLS_ONLY.to_owned() } else { policy }
}
