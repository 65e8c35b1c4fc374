//! The kinds of SNS.

pub mod topic;
