//! The fields in which resources of a kind can differ: an enum for each kind, with the names that plans use.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    fmt::{self, Debug},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// The placeholder for an item in a field's name: `env.*` is every environment variable.
const ITEM: char = '*';

/// A field of a kind. The enums are declared with `fields!`.
pub trait Field: Copy + Debug + PartialEq + Send + Sync + 'static {
    /// All fields, in the order in which an update sets them.
    const ALL: &'static [Self];
    /// The names of all fields, in the same order.
    const NAMES: &'static [&'static str];

    /// Returns the name in plans, which is the key in stack.yaml if there is one. A `*` stands for the item of a field
    /// with many items: `env.*`.
    fn name(self) -> &'static str;
}

/// Declares enums of fields, each field with its name in plans: `pub enum Field { Class = "class" }`.
macro_rules! fields {
    ($($(#[$about:meta])* $visibility:vis enum $of:ident { $($field:ident = $name:literal),+ $(,)? })+) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $visibility enum $of {
            $(#[doc = concat!("`", $name, "`.")] $field,)+
        }

        impl $of {
            /// All fields, in the order in which an update sets them.
            pub const ALL: &'static [Self] = &[$(Self::$field),+];

            /// Returns the name in plans.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$field => $name,)+
                }
            }
        }

        impl $crate::model::Field for $of {
            const ALL: &'static [Self] = Self::ALL;
            const NAMES: &'static [&'static str] = &[$($name),+];

            fn name(self) -> &'static str {
                self.name()
            }
        }
    )+};
}

pub(crate) use fields;

/// The fields of a kind that changes nothing in place, or replaces nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoField {}

impl Field for NoField {
    const ALL: &'static [Self] = &[];
    const NAMES: &'static [&'static str] = &[];

    fn name(self) -> &'static str {
        match self {}
    }
}

/// A field's name as a plan shows it, including the item: `class`, `env.LOG_LEVEL`.
#[derive(Clone, Debug)]
pub struct Name<F> {
    field: F,
    text: String,
}

impl<F: Field> Name<F> {
    /// Parses a name from a plan. Returns `None` if the kind has no such field. An exact name has precedence over a
    /// name with items, and a longer name with items over a shorter one.
    pub fn parse(text: &str) -> Option<Self> {
        let called = F::ALL.iter().copied().filter(|field| covers(field.name(), text));
        let field = called.max_by_key(|field| (field.name() == text, field.name().len()))?;
        Some(Self { field, text: text.to_owned() })
    }

    /// Returns the field.
    pub fn field(&self) -> F {
        self.field
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Returns whether a field called `name` can appear as `text`.
fn covers(name: &str, text: &str) -> bool {
    match name.split_once(ITEM) {
        None => name == text,
        Some((before, after)) => {
            let item = text.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            item.is_some_and(|item| !item.is_empty())
        }
    }
}

impl<F: Field> From<F> for Name<F> {
    fn from(field: F) -> Self {
        Self { field, text: field.name().to_owned() }
    }
}

impl<F: Field, S: AsRef<str>> From<(F, S)> for Name<F> {
    fn from((field, item): (F, S)) -> Self {
        Self { field, text: field.name().replacen(ITEM, item.as_ref(), 1) }
    }
}

impl<F> PartialEq for Name<F> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<F> Eq for Name<F> {}

impl<F> PartialOrd for Name<F> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<F> Ord for Name<F> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl<F> Borrow<str> for Name<F> {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl<F> fmt::Display for Name<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<F> Serialize for Name<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de, F: Field> Deserialize<'de> for Name<F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("unknown field `{text}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fields! {
        /// A set of fields with and without items.
        enum Sample {
            Secret = "secrets.*",
            Version = "secrets.*.version",
            Any = "*",
            Class = "class",
        }
    }

    #[test]
    fn a_field_name_is_parsed_back_to_its_field() {
        for name in [
            Name::from(Sample::Class),
            Name::from((Sample::Secret, "DATABASE_URL")),
            Name::from((Sample::Version, "DATABASE_URL")),
            Name::from((Sample::Any, "cpu")),
        ] {
            let read = Name::<Sample>::parse(name.as_str()).expect("it is the name of a field");
            assert_eq!((read.field(), read.as_str()), (name.field(), name.as_str()));
        }
    }
}
