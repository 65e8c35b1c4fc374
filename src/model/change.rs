//! How a live resource differs from the desired one, field by field, and how each difference is made good.

use serde::{Deserialize, Serialize};

use super::Input;

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The field, in the words of stack.yaml where it has one: `cpu`, `health.path`, `ingress`.
    pub field: String,
    /// What AWS has.
    pub from: Shown,
    /// What stack.yaml wants.
    pub to: Shown,
    /// Whether AWS can change it on the resource that exists.
    pub how: How,
}

/// A value as a plan may show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// The value in words.
    Value(String),
    /// Nothing is there.
    Absent,
    /// It depends on a resource that is yet to be made.
    KnownAfterApply,
    /// It is a secret.
    Sensitive,
}

/// How a change is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// On the resource that exists.
    InPlace,
    /// By a new resource in its place.
    Replace,
}

/// Gathers the changes of one resource; what a kind's `diff` is made of.
#[derive(Debug, Default)]
pub struct Diff(Vec<Change>);

impl Diff {
    /// No changes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// `field` is changed in place where the two differ.
    pub fn field<T: PartialEq + ToString>(&mut self, field: &str, live: &T, desired: &T) -> &mut Self {
        self.compare(field, live, desired, How::InPlace)
    }

    /// `field` takes a replacement where the two differ.
    pub fn fixed<T: PartialEq + ToString>(&mut self, field: &str, live: &T, desired: &T) -> &mut Self {
        self.compare(field, live, desired, How::Replace)
    }

    /// `field`, one of another resource's outputs, is changed in place where the two differ.
    pub fn input(&mut self, field: &str, live: &str, desired: &Input) -> &mut Self {
        self.compare_input(field, live, desired, How::InPlace)
    }

    /// `field`, one of another resource's outputs, takes a replacement where the two differ.
    pub fn fixed_input(&mut self, field: &str, live: &str, desired: &Input) -> &mut Self {
        self.compare_input(field, live, desired, How::Replace)
    }

    /// A set of other resources' outputs; the order does not count.
    pub fn inputs(&mut self, field: &str, live: &[String], desired: &[Input], how: How) -> &mut Self {
        let mut live: Vec<&str> = live.iter().map(String::as_str).collect();
        live.sort_unstable();
        let Some(mut wanted) = desired.iter().map(Input::known).collect::<Option<Vec<&str>>>() else {
            return self.push(field, shown(&live.join(", ")), Shown::KnownAfterApply, how);
        };
        wanted.sort_unstable();
        if live != wanted {
            self.push(field, shown(&live.join(", ")), shown(&wanted.join(", ")), how);
        }
        self
    }

    /// A set of items shown one by one: each that is gone and each that is new is a change of its own.
    pub fn set<T: Ord + ToString>(&mut self, field: &str, live: &[T], desired: &[T]) -> &mut Self {
        for gone in live.iter().filter(|item| !desired.contains(item)) {
            self.push(field, shown(&gone.to_string()), Shown::Absent, How::InPlace);
        }
        for new in desired.iter().filter(|item| !live.contains(item)) {
            self.push(field, Shown::Absent, shown(&new.to_string()), How::InPlace);
        }
        self
    }

    /// A change put together by the kind itself.
    pub fn push(&mut self, field: &str, from: Shown, to: Shown, how: How) -> &mut Self {
        self.0.push(Change { field: field.to_owned(), from, to, how });
        self
    }

    /// All changes, in the order they were found.
    pub fn finish(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.0)
    }

    fn compare<T: PartialEq + ToString>(&mut self, field: &str, live: &T, desired: &T, how: How) -> &mut Self {
        if live != desired {
            self.push(field, shown(&live.to_string()), shown(&desired.to_string()), how);
        }
        self
    }

    fn compare_input(&mut self, field: &str, live: &str, desired: &Input, how: How) -> &mut Self {
        match desired.known() {
            Some(value) if value == live => self,
            Some(value) => self.push(field, shown(live), shown(value), how),
            None => self.push(field, shown(live), Shown::KnownAfterApply, how),
        }
    }
}

impl Shown {
    /// The value in words; an empty one is [`Shown::Absent`].
    #[expect(clippy::needless_pass_by_value, reason = "callers hand in what they have just made")]
    pub fn value(value: impl ToString) -> Self {
        shown(&value.to_string())
    }
}

fn shown(value: &str) -> Shown {
    if value.is_empty() { Shown::Absent } else { Shown::Value(value.to_owned()) }
}
