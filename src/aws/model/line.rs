//! How a model says what is there.

use crate::aws::{ADDRESS, Tag};

/// What [`super::Service::present`] says of a thing with these tags.
pub fn line<T: Tag>(what: &str, tags: &[T]) -> String {
    let address = tags.iter().map(Tag::pair).find(|(key, _)| *key == ADDRESS);
    format!("{what} {}", address.map_or("of nobody", |(_, address)| address))
}
