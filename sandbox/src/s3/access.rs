//! The permissions that calls of S3 need: actions and resources.
//!
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>

use super::request::{Target, decoded};
use crate::{
    api::{ApiError, Call},
    place::ACCOUNT,
};

/// Refuses a call if the bucket's owner is not the account that the caller expects.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>
pub(crate) fn check_owner(call: &Call) -> Result<(), ApiError> {
    if call.headers.get("x-amz-expected-bucket-owner").is_some_and(|owner| owner != ACCOUNT) {
        return Err(ApiError { status: 403, ..ApiError::client("AccessDenied", "Access Denied") });
    }
    Ok(())
}

/// Returns the actions and resources that a role must allow for `call`.
pub(crate) fn needs(call: &Call) -> Vec<(String, String)> {
    let target = Target::of(&call.path_and_query);
    let bucket = format!("arn:aws:s3:::{}", target.bucket);
    let object = |key: &str| format!("{bucket}/{key}");
    let of_version = |action: &str| {
        let version = if target.parameter("versionId").is_some() { "Version" } else { "" };
        action.replace("Object", &format!("Object{version}"))
    };
    let one = |action: &str, resource: String| vec![(format!("s3:{action}"), resource)];
    match call.operation.as_str() {
        "ListBuckets" => one("ListAllMyBuckets", "*".to_owned()),
        "HeadBucket" | "ListObjects" | "ListObjectsV2" => one("ListBucket", bucket),
        "ListObjectVersions" => one("ListBucketVersions", bucket),
        "ListMultipartUploads" => one("ListBucketMultipartUploads", bucket),
        "GetObject" | "HeadObject" => one(&of_version("GetObject"), object(&target.key)),
        "GetObjectAcl"
        | "GetObjectTagging"
        | "PutObjectAcl"
        | "PutObjectTagging"
        | "DeleteObjectTagging"
        | "DeleteObject" => one(&of_version(&call.operation), object(&target.key)),
        "GetObjectAttributes" => ["GetObject", "GetObjectAttributes"]
            .iter()
            .flat_map(|action| one(&of_version(action), object(&target.key)))
            .collect(),
        "PutObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => {
            one("PutObject", object(&target.key))
        }
        "CopyObject" | "UploadPartCopy" => {
            let source =
                call.headers.get("x-amz-copy-source").and_then(|value| value.to_str().ok()).unwrap_or_default();
            let source = decoded(source.split('?').next().unwrap_or_default());
            let source = format!("arn:aws:s3:::{}", source.trim_start_matches('/'));
            [one("GetObject", source), one("PutObject", object(&target.key))].concat()
        }
        "AbortMultipartUpload" => one("AbortMultipartUpload", object(&target.key)),
        "ListParts" => one("ListMultipartUploadParts", object(&target.key)),
        "DeleteObjects" => listed(&call.body)
            .into_iter()
            .flat_map(|(key, is_version)| {
                one(if is_version { "DeleteObjectVersion" } else { "DeleteObject" }, object(&key))
            })
            .collect(),
        other => one(action_on_bucket(other), bucket),
    }
}

/// Returns the action of an operation on a bucket. Most have the same name; these do not.
fn action_on_bucket(operation: &str) -> &str {
    match operation {
        "GetBucketAccelerateConfiguration" => "GetAccelerateConfiguration",
        "PutBucketAccelerateConfiguration" => "PutAccelerateConfiguration",
        "GetBucketCors" => "GetBucketCORS",
        "PutBucketCors" | "DeleteBucketCors" => "PutBucketCORS",
        "GetBucketEncryption" => "GetEncryptionConfiguration",
        "PutBucketEncryption" | "DeleteBucketEncryption" => "PutEncryptionConfiguration",
        "GetBucketLifecycleConfiguration" => "GetLifecycleConfiguration",
        "PutBucketLifecycleConfiguration" | "DeleteBucketLifecycle" => "PutLifecycleConfiguration",
        "GetBucketNotificationConfiguration" => "GetBucketNotification",
        "PutBucketNotificationConfiguration" => "PutBucketNotification",
        "GetObjectLockConfiguration" => "GetBucketObjectLockConfiguration",
        "PutObjectLockConfiguration" => "PutBucketObjectLockConfiguration",
        "DeleteBucketOwnershipControls" => "PutBucketOwnershipControls",
        "GetPublicAccessBlock" => "GetBucketPublicAccessBlock",
        "PutPublicAccessBlock" | "DeletePublicAccessBlock" => "PutBucketPublicAccessBlock",
        "GetBucketReplication" => "GetReplicationConfiguration",
        "PutBucketReplication" | "DeleteBucketReplication" => "PutReplicationConfiguration",
        "DeleteBucketTagging" => "PutBucketTagging",
        same => same,
    }
}

/// Returns the keys in the body of `DeleteObjects`, and whether each has a version.
fn listed(body: &[u8]) -> Vec<(String, bool)> {
    let body = String::from_utf8_lossy(body);
    let within = |text: &str, name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        let (inside, _) = rest.split_once(&format!("</{name}>"))?;
        quick_xml::escape::unescape(inside).ok().map(std::borrow::Cow::into_owned)
    };
    let objects = body.split("<Object>").skip(1);
    objects.filter_map(|object| Some((within(object, "Key")?, within(object, "VersionId").is_some()))).collect()
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn needed(operation: &str, path: &str, body: &str) -> Vec<String> {
        let mut call = Call { path_and_query: path.into(), ..Call::example("s3", operation, body) };
        call.headers.insert("x-amz-copy-source", HeaderValue::from_static("/other/a%20b?versionId=1"));
        needs(&call).into_iter().map(|(action, resource)| format!("{action} on {resource}")).collect()
    }

    #[test]
    fn names_the_action_and_resource_of_each_call() {
        for (operation, path, expected) in [
            ("ListBuckets", "/", "s3:ListAllMyBuckets on *"),
            ("ListObjectsV2", "/up?list-type=2", "s3:ListBucket on arn:aws:s3:::up"),
            ("PutBucketEncryption", "/up?encryption", "s3:PutEncryptionConfiguration on arn:aws:s3:::up"),
            ("PutBucketTagging", "/up?tagging", "s3:PutBucketTagging on arn:aws:s3:::up"),
            ("GetObject", "/up/a/b", "s3:GetObject on arn:aws:s3:::up/a/b"),
            ("HeadObject", "/up/a?versionId=1", "s3:GetObjectVersion on arn:aws:s3:::up/a"),
            ("DeleteObject", "/up/a?versionId=1", "s3:DeleteObjectVersion on arn:aws:s3:::up/a"),
            ("UploadPart", "/up/a?uploadId=1", "s3:PutObject on arn:aws:s3:::up/a"),
        ] {
            assert_eq!(needed(operation, path, ""), [expected]);
        }
        let copied = ["s3:GetObject on arn:aws:s3:::other/a b", "s3:PutObject on arn:aws:s3:::up/c"];
        assert_eq!(needed("CopyObject", "/up/c", ""), copied);
    }

    #[test]
    fn names_every_object_that_one_call_deletes() {
        let body = "<Delete><Object><Key>a&amp;b</Key></Object>\
                    <Object><Key>c</Key><VersionId>1</VersionId></Object></Delete>";
        let expected = ["s3:DeleteObject on arn:aws:s3:::up/a&b", "s3:DeleteObjectVersion on arn:aws:s3:::up/c"];
        assert_eq!(needed("DeleteObjects", "/up?delete", body), expected);
    }
}
