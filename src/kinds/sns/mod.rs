//! The kinds of SNS.

#[cfg(test)]
mod model;
pub mod topic;
