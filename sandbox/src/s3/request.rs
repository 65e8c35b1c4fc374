//! Identifies the operation of an S3 request. No header names it; method, path and query do together.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>

use hyper::{HeaderMap, Method};

/// The settings of a bucket, by query parameter, with the operations that read, write and delete each. An operation
/// that does not exist is empty.
const SETTINGS: &[(&str, &str, &str, &str)] = &[
    ("accelerate", "GetBucketAccelerateConfiguration", "PutBucketAccelerateConfiguration", ""),
    ("acl", "GetBucketAcl", "PutBucketAcl", ""),
    ("cors", "GetBucketCors", "PutBucketCors", "DeleteBucketCors"),
    ("encryption", "GetBucketEncryption", "PutBucketEncryption", "DeleteBucketEncryption"),
    ("lifecycle", "GetBucketLifecycleConfiguration", "PutBucketLifecycleConfiguration", "DeleteBucketLifecycle"),
    ("location", "GetBucketLocation", "", ""),
    ("logging", "GetBucketLogging", "PutBucketLogging", ""),
    ("notification", "GetBucketNotificationConfiguration", "PutBucketNotificationConfiguration", ""),
    ("object-lock", "GetObjectLockConfiguration", "PutObjectLockConfiguration", ""),
    ("ownershipControls", "GetBucketOwnershipControls", "PutBucketOwnershipControls", "DeleteBucketOwnershipControls"),
    ("policy", "GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"),
    ("policyStatus", "GetBucketPolicyStatus", "", ""),
    ("publicAccessBlock", "GetPublicAccessBlock", "PutPublicAccessBlock", "DeletePublicAccessBlock"),
    ("replication", "GetBucketReplication", "PutBucketReplication", "DeleteBucketReplication"),
    ("tagging", "GetBucketTagging", "PutBucketTagging", "DeleteBucketTagging"),
    ("uploads", "ListMultipartUploads", "", ""),
    ("versioning", "GetBucketVersioning", "PutBucketVersioning", ""),
    ("versions", "ListObjectVersions", "", ""),
    ("website", "GetBucketWebsite", "PutBucketWebsite", "DeleteBucketWebsite"),
];

/// Parameters of operations that moto does not implement. moto would take the call for another operation.
const ABSENT: &[&str] = &[
    "analytics",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "metadataConfiguration",
    "metadataTable",
    "metrics",
    "renameObject",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "session",
    "torrent",
];

/// The target of an S3 request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The bucket; empty if the request has none.
    pub(crate) bucket: String,
    /// The object key; empty if the request is about the bucket.
    pub(crate) key: String,
    query: Vec<(String, String)>,
}

impl Target {
    /// Parses a path such as `/bucket/folder/object?versionId=…`.
    pub(crate) fn of(path_and_query: &str) -> Self {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let path = path.strip_prefix('/').unwrap_or(path);
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let query = pairs.map(|(name, value)| (decoded(name), decoded(value))).collect();
        Self { bucket: decoded(bucket), key: decoded(key), query }
    }

    /// Returns the value of a parameter, which is empty if it has none.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn has(&self, name: &str) -> bool {
        self.parameter(name).is_some()
    }
}

/// Decodes a part of a URL.
pub(super) fn decoded(text: &str) -> String {
    urlencoding::decode(text).map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
}

/// Returns the bucket in a virtual-hosted host name, or `None` if the bucket is in the path.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>
pub(crate) fn bucket_of_host(host: &str) -> Option<&str> {
    let host = host.split(':').next().unwrap_or(host);
    let of_service = host.strip_suffix(".amazonaws.com").and_then(|host| {
        // `bucket.s3.eu-west-1` or `bucket.s3`; the name of a bucket may contain dots too.
        host.rsplit_once(".s3.").map(|(bucket, _)| bucket).or_else(|| host.strip_suffix(".s3"))
    });
    of_service.or_else(|| host.strip_suffix(".localhost")).filter(|bucket| !bucket.is_empty())
}

/// Returns the operation of a request, or `None` if it is invalid or not implemented.
pub(crate) fn operation(method: &Method, headers: &HeaderMap, target: &Target) -> Option<&'static str> {
    if ABSENT.iter().any(|parameter| target.has(parameter)) {
        return None;
    }
    if target.bucket.is_empty() {
        return (method == Method::GET).then_some("ListBuckets");
    }
    if target.key.is_empty() {
        return on_bucket(method, target);
    }
    let is_copy = headers.contains_key("x-amz-copy-source");
    Some(match *method {
        Method::GET if target.has("uploadId") => "ListParts",
        Method::GET if target.has("acl") => "GetObjectAcl",
        Method::GET if target.has("tagging") => "GetObjectTagging",
        Method::GET if target.has("attributes") => "GetObjectAttributes",
        Method::GET => "GetObject",
        Method::HEAD => "HeadObject",
        Method::PUT if target.has("uploadId") && is_copy => "UploadPartCopy",
        Method::PUT if target.has("uploadId") => "UploadPart",
        Method::PUT if target.has("acl") => "PutObjectAcl",
        Method::PUT if target.has("tagging") => "PutObjectTagging",
        Method::PUT if is_copy => "CopyObject",
        Method::PUT => "PutObject",
        Method::POST if target.has("uploads") => "CreateMultipartUpload",
        Method::POST if target.has("uploadId") => "CompleteMultipartUpload",
        Method::DELETE if target.has("uploadId") => "AbortMultipartUpload",
        Method::DELETE if target.has("tagging") => "DeleteObjectTagging",
        Method::DELETE => "DeleteObject",
        _ => return None,
    })
}

fn on_bucket(method: &Method, target: &Target) -> Option<&'static str> {
    if let Some((_, read, written, removed)) = SETTINGS.iter().find(|(parameter, ..)| target.has(parameter)) {
        let operation = match *method {
            Method::GET => *read,
            Method::PUT => *written,
            Method::DELETE => *removed,
            _ => "",
        };
        return (!operation.is_empty()).then_some(operation);
    }
    Some(match *method {
        Method::GET if target.parameter("list-type") == Some("2") => "ListObjectsV2",
        Method::GET => "ListObjects",
        Method::HEAD => "HeadBucket",
        Method::PUT => "CreateBucket",
        Method::DELETE => "DeleteBucket",
        Method::POST if target.has("delete") => "DeleteObjects",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_operations_by_method_path_and_query() {
        for (method, path, expected) in [
            (Method::GET, "/?prefix=demo&max-buckets=10&x-id=ListBuckets", Some("ListBuckets")),
            (Method::PUT, "/uploads", Some("CreateBucket")),
            (Method::PUT, "/uploads/", Some("CreateBucket")),
            (Method::PUT, "/uploads?versioning", Some("PutBucketVersioning")),
            (Method::GET, "/uploads?publicAccessBlock", Some("GetPublicAccessBlock")),
            (Method::DELETE, "/uploads?policy", Some("DeleteBucketPolicy")),
            (Method::DELETE, "/uploads?versioning", None),
            (Method::GET, "/uploads?list-type=2&prefix=a", Some("ListObjectsV2")),
            (Method::GET, "/uploads?versions&max-keys=1", Some("ListObjectVersions")),
            (Method::POST, "/uploads?delete", Some("DeleteObjects")),
            (Method::PUT, "/uploads/a/b.txt?x-id=PutObject", Some("PutObject")),
            (Method::PUT, "/uploads/a?partNumber=1&uploadId=x", Some("UploadPart")),
            (Method::HEAD, "/uploads/a", Some("HeadObject")),
            (Method::PATCH, "/uploads/a", None),
            (Method::GET, "/uploads?metrics&id=1", None),
            (Method::POST, "/uploads/a?restore", None),
        ] {
            assert_eq!(operation(&method, &HeaderMap::new(), &Target::of(path)), expected, "{method} {path}");
        }
    }

    #[test]
    fn reads_bucket_key_and_parameters_from_a_path() {
        let target = Target::of("/uploads/a%20b/c+d?versionId=x%2Fy&tagging");
        assert_eq!((target.bucket.as_str(), target.key.as_str()), ("uploads", "a b/c+d"));
        assert_eq!((target.parameter("versionId"), target.parameter("tagging")), (Some("x/y"), Some("")));
        assert_eq!(target.parameter("acl"), None);
    }

    #[test]
    fn finds_the_bucket_that_a_host_names() {
        for (host, expected) in [
            ("uploads.s3.eu-west-1.amazonaws.com", Some("uploads")),
            ("my.uploads.s3.amazonaws.com:443", Some("my.uploads")),
            ("uploads.localhost:4566", Some("uploads")),
            ("s3.eu-west-1.amazonaws.com", None),
            ("127.0.0.1:4566", None),
            ("localhost:4566", None),
        ] {
            assert_eq!(bucket_of_host(host), expected, "{host}");
        }
    }
}
