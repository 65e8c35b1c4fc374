//! The request rate limits of AWS for one account in one region: a table, and token buckets of the sizes in it. stackctl
//! paces its calls with the buckets, and the sandbox rejects calls over the limit. This crate depends on neither.

mod buckets;
mod table;

pub use buckets::Buckets;
pub use table::{Bucket, Size, of};
