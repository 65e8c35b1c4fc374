//! The kinds of Application Auto Scaling.

pub mod scaling;
