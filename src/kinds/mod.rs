//! Every kind of AWS resource that stackctl manages, one file each, and the list of them.
//!
//! A kind imports the contract ([`crate::kind`]), the model and `aws`; never another kind.

mod ec2;
pub mod vpc;

use crate::kind::{AnyKind, Erased};

/// All kinds, each after the kinds that it may refer to.
pub const ALL: &[&dyn AnyKind] = &[&Erased::<vpc::Vpc>::new()];

/// The kind called `name`.
pub fn named(name: &str) -> Option<&'static dyn AnyKind> {
    ALL.iter().find(|kind| kind.name() == name).copied()
}
