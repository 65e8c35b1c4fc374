//! The kinds of Application Auto Scaling.

#[cfg(test)]
mod model;
pub mod scaling;
