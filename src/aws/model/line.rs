//! The text form of resources in a model.

use crate::aws::{ADDRESS, Tag};

/// Returns the line of [`super::Service::present`] for a resource with these tags.
pub fn line<T: Tag>(what: &str, tags: &[T]) -> String {
    let address = tags.iter().map(Tag::pair).find(|(key, _)| *key == ADDRESS);
    format!("{what} {}", address.map_or("of nobody", |(_, address)| address))
}
