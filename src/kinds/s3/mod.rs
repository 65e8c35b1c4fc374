//! The kinds of S3.

pub mod bucket;
#[cfg(test)]
mod model;
