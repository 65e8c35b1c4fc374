//! The fields that an update must set, taken from the changes of a plan.

use super::{
    change::{Change, How},
    failure::Failure,
    field::{Field, Name},
};

/// The fields of one resource that an update must set, without duplicates and in the order of [`Field::ALL`].
#[derive(Clone, Debug, PartialEq)]
pub struct Changed<F>(Vec<F>);

impl<F: Field> Changed<F> {
    /// Returns the fields of `changes`.
    ///
    /// # Errors
    /// An internal failure if the kind cannot change one of them in place.
    pub fn of(changes: &[Change]) -> Result<Self, Failure> {
        let mut named = Vec::with_capacity(changes.len());
        for change in changes {
            let name = Name::<F>::parse(&change.field).filter(|_| change.how == How::InPlace);
            let name =
                name.ok_or_else(|| Failure::internal(format!("`{}` cannot be changed in place", change.field)))?;
            named.push(name.field());
        }
        Ok(F::ALL.iter().copied().filter(|field| named.contains(field)).collect())
    }

    /// Returns whether `field` must be set.
    pub fn contains(&self, field: F) -> bool {
        self.0.contains(&field)
    }

    /// Returns the fields.
    pub fn iter(&self) -> impl Iterator<Item = F> {
        self.0.iter().copied()
    }
}

impl<F> FromIterator<F> for Changed<F> {
    fn from_iter<I: IntoIterator<Item = F>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

impl<F: Field> IntoIterator for &Changed<F> {
    type Item = F;
    type IntoIter = std::vec::IntoIter<F>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.clone().into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NoField, Shown, fields};

    fields! {
        /// A set of fields with and without items.
        enum Sample {
            Secret = "secrets.*",
            Version = "secrets.*.version",
            Any = "*",
            Class = "class",
        }
    }

    fn change(field: &str, how: How) -> Change {
        Change { field: field.to_owned(), from: Shown::Absent, to: Shown::value("x"), how }
    }

    #[test]
    fn changed_fields_are_unique_and_in_order() {
        let changes = ["class", "secrets.B", "secrets.A"].map(|field| change(field, How::InPlace));
        let changed = Changed::<Sample>::of(&changes).expect("all are fields");
        assert_eq!(changed.iter().collect::<Vec<_>>(), [Sample::Secret, Sample::Class]);
    }

    #[test]
    fn refuses_an_unknown_field_and_a_replacement() {
        assert!(Changed::<NoField>::of(&[change("class", How::InPlace)]).is_err());
        assert!(Changed::<Sample>::of(&[change("class", How::Replace)]).is_err());
    }
}
