//! Draws the buckets, and the permissions and variables of services that use them.

use crate::{
    kinds::{iam::role, s3::bucket},
    model::{Address, Graph, Input},
    spec::{Bucket, Service, Stack},
};

/// The actions on buckets that a service gets. It cannot read or delete older versions, which allow recovery after a
/// mistake.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>
const ON_BUCKETS: [&str; 3] = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"];

/// The actions on objects that a service gets.
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

/// Returns the statements that the task role of `service` needs for its buckets.
pub(super) fn statements(service: &Service) -> Vec<role::Statement> {
    let all = |output: &str| service.buckets.iter().map(|name| Input::output(&address(name), output)).collect();
    if service.buckets.is_empty() {
        return Vec::new();
    }
    vec![role::Statement::new(&ON_BUCKETS, all("arn")), role::Statement::new(&ON_OBJECTS, all("objects"))]
}

/// Returns the variables with the names of the buckets of `service`.
pub(super) fn variables(service: &Service) -> impl Iterator<Item = (String, Input)> {
    service.buckets.iter().map(|name| (Bucket::variable(name), Input::output(&address(name), "name")))
}
