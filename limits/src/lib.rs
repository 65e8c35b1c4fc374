//! How many requests AWS takes of one account in one region: the table, and token buckets of its sizes. stackctl paces its
//! calls by them, and the sandbox refuses what is beyond them. It knows neither of the two.

mod buckets;
mod table;

pub use buckets::Buckets;
pub use table::{Bucket, Size, of};
