//! The buckets, and what a service gets of those that it uses.

use crate::{
    kinds::{iam::role, s3::bucket},
    model::{Address, Graph, Input},
    spec::{Bucket, Service, Stack},
};

/// What a service may do with its buckets. Older versions are kept from it: they are what is left after a mistake.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>
const ON_BUCKETS: [&str; 3] = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"];

/// And with what is in them.
const ON_OBJECTS: [&str; 5] =
    ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"];

pub(super) fn draw(graph: &mut Graph, stack: &Stack) {
    for (name, bucket) in &stack.buckets {
        graph.add(address(name), &bucket::Desired { protect: bucket.protect });
    }
}

fn address(name: &str) -> Address {
    Address::new("bucket", name)
}

/// What the role of the tasks of `service` allows for its buckets.
pub(super) fn statements(service: &Service) -> Vec<role::Statement> {
    let all = |output: &str| service.buckets.iter().map(|name| Input::output(&address(name), output)).collect();
    if service.buckets.is_empty() {
        return Vec::new();
    }
    vec![role::Statement::new(&ON_BUCKETS, all("arn")), role::Statement::new(&ON_OBJECTS, all("objects"))]
}

/// The variables with the names of the buckets of `service`.
pub(super) fn variables(service: &Service) -> impl Iterator<Item = (String, Input)> {
    service.buckets.iter().map(|name| (Bucket::variable(name), Input::output(&address(name), "name")))
}
