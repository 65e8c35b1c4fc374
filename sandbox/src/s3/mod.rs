//! S3, as far as it is not moto's: which operation a request is, bodies in chunks, and what a call needs of a role.

mod access;
mod body;
mod request;

pub(crate) use access::{check_owner, needs};
pub(crate) use body::unchunked;
pub(crate) use request::{Target, bucket_of_host, operation};

/// How the service is called in the scope of a signature.
pub(crate) const SERVICE: &str = "s3";
