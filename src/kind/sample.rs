//! What the tests over all kinds need of a kind: something to ask for, and all the ways in which it can differ.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::{Images, NoImages};
use crate::aws::{Aws, model::Cloud};

/// Gives what builds and pushes images, with the clients of a session.
pub type Builder = fn(Arc<Aws>) -> Arc<dyn Images>;

/// One resource of a kind, and the AWS that it is tried on.
pub struct Sample<D = Value> {
    /// The name in the resource's address.
    pub name: &'static str,
    /// An AWS that answers what the kind calls, and has what `base` and the variants refer to.
    pub cloud: fn() -> Cloud,
    /// What builds and pushes images.
    pub images: Builder,
    /// What is asked for.
    pub base: D,
    /// What can be asked for instead. With the drifts, they change every field of the kind's diff.
    pub variants: Vec<Variant<D>>,
    /// What can happen behind the back of stackctl that asking for something else does not bring about.
    pub drifts: Vec<Drift>,
    /// What AWS refuses for a while, and takes in the end.
    pub delays: Vec<Delay>,
}

/// Another desired state than the base.
pub struct Variant<D = Value> {
    /// The fields in which it differs from the base.
    pub fields: &'static [&'static str],
    /// What is asked for.
    pub desired: D,
    /// Whether asking for the base again brings back what the base describes.
    pub returns: bool,
}

/// A change that somebody else makes to the resource as the base, or a variant, describes it.
#[derive(Clone, Copy)]
pub struct Drift {
    /// The fields in which the resource then differs from that.
    pub fields: &'static [&'static str],
    /// Makes the change.
    pub make: fn(&Cloud),
    /// The number of the variant that describes the resource, if the base does not.
    pub variant: Option<usize>,
}

/// Refusals of AWS that pass by themselves.
#[derive(Clone, Copy)]
pub struct Delay {
    /// What happens, for the report of a test.
    pub what: &'static str,
    /// Makes AWS refuse from now on, until the time is over.
    pub begin: fn(&Cloud),
}

impl<D> Sample<D> {
    /// `base` on what `cloud` gives, with nothing else to ask for.
    pub fn new(cloud: fn() -> Cloud, base: D) -> Self {
        let (variants, drifts, delays) = (Vec::new(), Vec::new(), Vec::new());
        Self { name: "main", cloud, images: |_| Arc::new(NoImages), base, variants, drifts, delays }
    }

    /// With what builds and pushes images.
    #[must_use]
    pub fn images(self, images: Builder) -> Self {
        Self { images, ..self }
    }

    /// With another name in the address than `main`.
    #[must_use]
    pub fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// With a variant that differs from the base in `fields`.
    #[must_use]
    pub fn variant(mut self, fields: &'static [&'static str], desired: D) -> Self {
        self.variants.push(Variant { fields, desired, returns: true });
        self
    }

    /// With a variant from which no run leads back to the base.
    #[must_use]
    pub fn one_way(mut self, fields: &'static [&'static str], desired: D) -> Self {
        self.variants.push(Variant { fields, desired, returns: false });
        self
    }

    /// With a drift after which the resource differs from the base in `fields`.
    #[must_use]
    pub fn drift(mut self, fields: &'static [&'static str], make: fn(&Cloud)) -> Self {
        self.drifts.push(Drift { fields, make, variant: None });
        self
    }

    /// With refusals of AWS that pass by themselves, which each change of the resource waits for.
    #[must_use]
    pub fn delay(mut self, what: &'static str, begin: fn(&Cloud)) -> Self {
        self.delays.push(Delay { what, begin });
        self
    }

    /// With a drift of the last variant, after which the resource differs from it in `fields`.
    #[must_use]
    pub fn drift_of_variant(mut self, fields: &'static [&'static str], make: fn(&Cloud)) -> Self {
        let variant = self.variants.len().checked_sub(1);
        self.drifts.push(Drift { fields, make, variant });
        self
    }
}

impl<D: Serialize> Sample<D> {
    /// The same as plain data.
    pub(super) fn plain(self) -> Sample {
        let plain = |desired: D| serde_json::to_value(desired).expect("a kind's Desired is plain data");
        let Self { name, cloud, images, base, variants, drifts, delays } = self;
        let variants = variants.into_iter().map(|Variant { fields, desired, returns }| Variant {
            fields,
            desired: plain(desired),
            returns,
        });
        let variants = variants.collect();
        Sample { name, cloud, images, base: plain(base), variants, drifts, delays }
    }
}
