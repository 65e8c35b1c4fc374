//! A YAML file that somebody wrote: its tree, the place of each of its parts, and what is wrong with it. Imports nothing of ours.

pub(crate) mod problem;
mod syntax;
pub(crate) mod yaml;
