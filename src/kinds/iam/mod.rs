//! The kinds of IAM.

#[cfg(test)]
mod model;
pub mod role;
