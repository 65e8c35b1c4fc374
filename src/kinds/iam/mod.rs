//! The kinds of IAM.

pub mod role;
