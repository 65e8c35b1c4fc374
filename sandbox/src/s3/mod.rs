//! The parts of S3 that moto lacks: identifying operations, decoding chunked bodies, and permissions.

mod access;
mod body;
mod request;

pub(crate) use access::{check_owner, needs};
pub(crate) use body::unchunked;
pub(crate) use request::{Target, bucket_of_host, operation};

/// The service name in the scope of a signature.
pub(crate) const SERVICE: &str = "s3";
