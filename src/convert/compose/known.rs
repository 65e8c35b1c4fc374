//! Values that are secret: what is made of them is secret too.

use super::marks;
use crate::convert::secrecy::is_name;

/// Values that are known to be secret, wherever they are found.
#[derive(Debug, Default)]
pub(super) struct Known(Vec<String>);

impl Known {
    /// Takes down a secret. One that may be a word like others is none.
    pub(super) fn add(&mut self, value: &str) {
        let is_long = value.chars().count() >= 6 || value.len() >= 4 && value.contains(|c: char| c.is_ascii_digit());
        let is_word = ["postgres", "password", "localhost", "production", "default"].contains(&value);
        if is_long && !is_word && !value.contains('\u{e000}') && !self.0.iter().any(|known| known == value) {
            self.0.push(value.to_owned());
            self.0.sort_by_key(|known| std::cmp::Reverse(known.len()));
        }
    }

    /// The secret that is in `text`: a known one, or a variable that is not set and has the name of one.
    pub(super) fn within(&self, text: &str) -> Option<String> {
        let known = self.0.iter().find(|known| text.contains(known.as_str())).cloned();
        known.or_else(|| marks::unset_in(text).into_iter().find(|name| is_name(name)).map(marks::unset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_within_other_texts() {
        let mut known = Known::default();
        known.add("secret1");
        known.add("db");
        assert_eq!(known.within("--api-key=secret1").as_deref(), Some("secret1"));
        assert_eq!(known.within("db"), None);
    }
}
