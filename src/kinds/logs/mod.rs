//! The kinds of CloudWatch Logs.

pub mod log_group;
#[cfg(test)]
mod model;
