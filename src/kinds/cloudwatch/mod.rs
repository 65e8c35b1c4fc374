//! The kinds of CloudWatch.

pub mod alarm;
