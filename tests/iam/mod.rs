//! The IAM action names of AWS operations.

/// Operations of S3 whose IAM action has another name.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>
const RENAMED: &[(&str, &str)] = &[
    ("DeleteObjects", "DeleteObject"),
    ("GetBucketEncryption", "GetEncryptionConfiguration"),
    ("GetPublicAccessBlock", "GetBucketPublicAccessBlock"),
    ("ListBuckets", "ListAllMyBuckets"),
    ("ListObjectVersions", "ListBucketVersions"),
    ("PutBucketEncryption", "PutEncryptionConfiguration"),
    ("PutPublicAccessBlock", "PutBucketPublicAccessBlock"),
];

/// Returns the name of the IAM action of `operation`.
pub fn action(operation: &str) -> &str {
    RENAMED.iter().find(|(renamed, _)| *renamed == operation).map_or(operation, |(_, action)| action)
}
