//! The differences between a live resource and the desired one, field by field, and how each difference is resolved.

use std::{fmt, marker::PhantomData, ops::Deref};

use serde::{Deserialize, Serialize};

use super::{Field, Input, Name};

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The field, by its key in stack.yaml if it has one: `cpu`, `health.path`, `ingress`.
    pub field: String,
    /// The live value.
    pub from: Shown,
    /// The desired value.
    pub to: Shown,
    /// Whether AWS can change it in place.
    pub how: How,
}

/// A value as a plan shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// A value as text.
    Value(String),
    /// No value.
    Absent,
    /// A value that depends on a resource that does not exist yet.
    KnownAfterApply,
    /// A secret.
    Sensitive,
}

/// How a change is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// On the existing resource.
    InPlace,
    /// By replacing the resource.
    Replace,
}

/// The changes of one resource: fields `F` in place, fields `X` by a replacement. Only [`Diff`] creates them, so that a
/// kind cannot report a field that its update does not handle.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes<F, X> {
    all: Vec<Change>,
    of: PhantomData<(F, X)>,
}

/// Collects the changes of one resource. A kind's `diff` uses it.
#[derive(Debug)]
pub struct Diff<F, X>(Vec<Change>, PhantomData<(F, X)>);

impl<F: Field, X: Field> Diff<F, X> {
    /// Creates an empty diff.
    pub fn new() -> Self {
        Self(Vec::new(), PhantomData)
    }

    /// Compares `field`, which can change in place.
    pub fn field<T: PartialEq + ToString>(&mut self, field: impl Into<Name<F>>, live: &T, desired: &T) -> &mut Self {
        self.compare(text::<F>(field), live, desired, How::InPlace)
    }

    /// Compares `field`, whose change needs a replacement.
    pub fn fixed<T: PartialEq + ToString>(&mut self, field: impl Into<Name<X>>, live: &T, desired: &T) -> &mut Self {
        self.compare(text::<X>(field), live, desired, How::Replace)
    }

    /// Compares `field`, an output of another resource, which can change in place.
    pub fn input(&mut self, field: impl Into<Name<F>>, live: &str, desired: &Input) -> &mut Self {
        self.compare_input(text::<F>(field), live, desired, How::InPlace)
    }

    /// Compares `field`, an output of another resource, whose change needs a replacement.
    pub fn fixed_input(&mut self, field: impl Into<Name<X>>, live: &str, desired: &Input) -> &mut Self {
        self.compare_input(text::<X>(field), live, desired, How::Replace)
    }

    /// Compares a set of outputs of other resources, which can change in place. The order does not matter.
    pub fn inputs(&mut self, field: impl Into<Name<F>>, live: &[String], desired: &[Input]) -> &mut Self {
        let mut live: Vec<&str> = live.iter().map(String::as_str).collect();
        live.sort_unstable();
        let Some(mut wanted) = desired.iter().map(Input::known).collect::<Option<Vec<&str>>>() else {
            return self.push(field, shown(&live.join(", ")), Shown::KnownAfterApply);
        };
        wanted.sort_unstable();
        if live != wanted {
            self.push(field, shown(&live.join(", ")), shown(&wanted.join(", ")));
        }
        self
    }

    /// Compares a set of items. Each removed and each added item is a separate change in place.
    pub fn set<T: Ord + ToString>(&mut self, field: impl Into<Name<F>>, live: &[T], desired: &[T]) -> &mut Self {
        let field = text::<F>(field);
        for gone in live.iter().filter(|item| !desired.contains(item)) {
            self.add(field.clone(), shown(&gone.to_string()), Shown::Absent, How::InPlace);
        }
        for new in desired.iter().filter(|item| !live.contains(item)) {
            self.add(field.clone(), Shown::Absent, shown(&new.to_string()), How::InPlace);
        }
        self
    }

    /// Adds a change in place.
    pub fn push(&mut self, field: impl Into<Name<F>>, from: Shown, to: Shown) -> &mut Self {
        self.add(text::<F>(field), from, to, How::InPlace)
    }

    /// Adds a change that needs a replacement.
    pub fn push_fixed(&mut self, field: impl Into<Name<X>>, from: Shown, to: Shown) -> &mut Self {
        self.add(text::<X>(field), from, to, How::Replace)
    }

    /// Returns all changes, in the order they were added.
    pub fn finish(&mut self) -> Changes<F, X> {
        Changes { all: std::mem::take(&mut self.0), of: PhantomData }
    }

    fn compare<T: PartialEq + ToString>(&mut self, field: String, live: &T, desired: &T, how: How) -> &mut Self {
        if live != desired {
            self.add(field, shown(&live.to_string()), shown(&desired.to_string()), how);
        }
        self
    }

    fn compare_input(&mut self, field: String, live: &str, desired: &Input, how: How) -> &mut Self {
        match desired.known() {
            Some(value) if value == live => self,
            Some(value) => self.add(field, shown(live), shown(value), how),
            None => self.add(field, shown(live), Shown::KnownAfterApply, how),
        }
    }

    fn add(&mut self, field: String, from: Shown, to: Shown, how: How) -> &mut Self {
        self.0.push(Change { field, from, to, how });
        self
    }
}

fn text<F: Field>(field: impl Into<Name<F>>) -> String {
    field.into().to_string()
}

impl<F: Field, X: Field> Default for Diff<F, X> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F, X> Changes<F, X> {
    /// Returns the changes as data for a plan.
    pub fn into_vec(self) -> Vec<Change> {
        self.all
    }
}

impl<F, X> Deref for Changes<F, X> {
    type Target = [Change];

    fn deref(&self) -> &[Change] {
        &self.all
    }
}

impl<F, X> IntoIterator for Changes<F, X> {
    type Item = Change;
    type IntoIter = std::vec::IntoIter<Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
    }
}

impl<F, X> PartialEq<Vec<Change>> for Changes<F, X> {
    fn eq(&self, other: &Vec<Change>) -> bool {
        self.all == *other
    }
}

impl<F, X, const N: usize> PartialEq<[Change; N]> for Changes<F, X> {
    fn eq(&self, other: &[Change; N]) -> bool {
        self.all == other
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value(text) => text,
            Self::Absent => "(none)",
            Self::KnownAfterApply => "(known after apply)",
            Self::Sensitive => "(sensitive)",
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} → {}", self.field, self.from, self.to)
    }
}

impl Shown {
    /// Returns the value as text, or [`Shown::Absent`] if it is empty.
    #[expect(clippy::needless_pass_by_value, reason = "callers hand in what they have just made")]
    pub fn value(value: impl ToString) -> Self {
        shown(&value.to_string())
    }
}

fn shown(value: &str) -> Shown {
    if value.is_empty() { Shown::Absent } else { Shown::Value(value.to_owned()) }
}
