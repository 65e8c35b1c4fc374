//! The registry of kinds that the engine uses. The program uses `kinds::registry()`; tests create their own.

use std::{fmt, sync::Arc};

use super::AnyKind;
use crate::model::{Address, Failure};

/// Kinds by name. Each kind follows the kinds that it may refer to. Cheap to clone.
#[derive(Clone)]
pub struct Registry(Arc<[Arc<dyn AnyKind>]>);

impl Registry {
    /// Creates a registry of `kinds`, in this order.
    pub fn new(kinds: impl IntoIterator<Item = Arc<dyn AnyKind>>) -> Self {
        Self(kinds.into_iter().collect())
    }

    /// Returns the kinds, in the registry's order.
    pub fn iter(&self) -> impl Iterator<Item = &dyn AnyKind> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// Returns the kind called `name`.
    pub fn named(&self, name: &str) -> Option<&dyn AnyKind> {
        self.iter().find(|kind| kind.name() == name)
    }

    /// Returns the kind of the resource at `address`.
    ///
    /// # Errors
    /// An internal failure if the kind is unknown, because addresses come from kinds.
    pub fn of(&self, address: &Address) -> Result<&dyn AnyKind, Failure> {
        self.named(address.kind()).ok_or_else(|| Failure::internal(format!("{address}: unknown kind")))
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(AnyKind::name)).finish()
    }
}
