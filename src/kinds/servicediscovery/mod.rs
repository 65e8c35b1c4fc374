//! The kinds of AWS Cloud Map, and their helpers.

#[cfg(test)]
mod model;
mod names;
pub mod namespace;
pub mod registry;

pub use names::{NAMESPACE, namespace_name};
