//! What the tests of all kinds need from each kind: a desired state, and every way in which it can differ.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::{Images, NoImages};
use crate::aws::{Aws, model::Cloud};

/// Creates the builder of images from the clients of a session.
pub type Builder = fn(Arc<Aws>) -> Arc<dyn Images>;

/// A sample resource of a kind, and the fake AWS that it is tested on.
pub struct Sample<D = Value> {
    /// The name in the resource's address.
    pub name: &'static str,
    /// Creates a fake AWS that answers the kind's calls and has what `base` and the variants refer to.
    pub cloud: fn() -> Cloud,
    /// What builds and pushes images.
    pub images: Builder,
    /// The desired state.
    pub base: D,
    /// Other desired states. Together with the drifts, they change every field of the kind's diff.
    pub variants: Vec<Variant<D>>,
    /// Changes outside stackctl that no other desired state can cause.
    pub drifts: Vec<Drift>,
    /// Temporary refusals of AWS.
    pub delays: Vec<Delay>,
}

/// A desired state that differs from the base.
pub struct Variant<D = Value> {
    /// The fields in which it differs from the base.
    pub fields: &'static [&'static str],
    /// The desired state.
    pub desired: D,
    /// Whether going back to the base restores what the base describes.
    pub returns: bool,
}

/// A change outside stackctl, made to the resource as the base or a variant describes it.
#[derive(Clone, Copy)]
pub struct Drift {
    /// The fields in which the resource differs afterwards.
    pub fields: &'static [&'static str],
    /// Makes the change.
    pub make: fn(&Cloud),
    /// The index of the variant that describes the resource, or `None` for the base.
    pub variant: Option<usize>,
}

/// A temporary refusal of AWS.
#[derive(Clone, Copy)]
pub struct Delay {
    /// What happens, for the report of a test.
    pub what: &'static str,
    /// Makes AWS refuse from now on, until the delay is over.
    pub begin: fn(&Cloud),
}

impl<D> Sample<D> {
    /// Creates a sample of `base` on the AWS of `cloud`, without variants.
    pub fn new(cloud: fn() -> Cloud, base: D) -> Self {
        let (variants, drifts, delays) = (Vec::new(), Vec::new(), Vec::new());
        Self { name: "main", cloud, images: |_| Arc::new(NoImages), base, variants, drifts, delays }
    }

    /// Sets the builder of images.
    #[must_use]
    pub fn images(self, images: Builder) -> Self {
        Self { images, ..self }
    }

    /// Sets the name in the address, which is `main` by default.
    #[must_use]
    pub fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Adds a variant that differs from the base in `fields`.
    #[must_use]
    pub fn variant(mut self, fields: &'static [&'static str], desired: D) -> Self {
        self.variants.push(Variant { fields, desired, returns: true });
        self
    }

    /// Adds a variant from which no run leads back to the base.
    #[must_use]
    pub fn one_way(mut self, fields: &'static [&'static str], desired: D) -> Self {
        self.variants.push(Variant { fields, desired, returns: false });
        self
    }

    /// Adds a drift after which the resource differs from the base in `fields`.
    #[must_use]
    pub fn drift(mut self, fields: &'static [&'static str], make: fn(&Cloud)) -> Self {
        self.drifts.push(Drift { fields, make, variant: None });
        self
    }

    /// Adds a temporary refusal of AWS that each change of the resource waits for.
    #[must_use]
    pub fn delay(mut self, what: &'static str, begin: fn(&Cloud)) -> Self {
        self.delays.push(Delay { what, begin });
        self
    }

    /// Adds a drift of the last variant, after which the resource differs from it in `fields`.
    #[must_use]
    pub fn drift_of_variant(mut self, fields: &'static [&'static str], make: fn(&Cloud)) -> Self {
        let variant = self.variants.len().checked_sub(1);
        self.drifts.push(Drift { fields, make, variant });
        self
    }
}

impl<D: Serialize> Sample<D> {
    /// Returns the sample as plain data.
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
