//! The kinds of CloudWatch.

pub mod alarm;
#[cfg(test)]
mod model;
