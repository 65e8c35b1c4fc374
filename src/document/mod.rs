//! Parses a YAML file into a tree with source positions, and describes problems in it. Imports no other module of stackctl.

pub(crate) mod problem;
mod syntax;
pub(crate) mod yaml;
