//! An addon: a template of other resources.

use crate::convert::{
    names,
    source::{Entry, Item},
};

/// An addon of a workload, or of the environment.
pub(super) struct Addon<'a> {
    pub(super) template: &'a Item,
    /// The workload's name in Copilot, and the section and name in stack.yaml.
    pub(super) workload: Option<&'a str>,
}

/// One of its resources.
pub(super) struct Resource<'a> {
    pub(super) entry: &'a Entry,
    pub(super) kind: &'a str,
}

/// The name of a bucket in stack.yaml.
pub(super) fn bucket(logical: &str) -> String {
    let name = logical.strip_suffix("Bucket").filter(|name| name.len() > 1).unwrap_or(logical);
    let mut words = String::new();
    for (index, c) in name.chars().enumerate() {
        if c.is_ascii_uppercase() && index > 0 && !words.ends_with('-') {
            words.push('-');
        }
        words.push(c.to_ascii_lowercase());
    }
    names::name(&words).unwrap_or_else(|| "files".to_owned())
}
