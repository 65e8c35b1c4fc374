//! What the resources of a kind cost: each kind decides it, `cost/` adds the prices.

use std::collections::BTreeMap;

use crate::model::{Address, Failure};

/// The price of a public IPv4 address, whatever has it.
/// <https://aws.amazon.com/vpc/pricing/>
pub const PUBLIC_ADDRESS: &str = "public_ipv4 hour";

/// What AWS charges for each resource of a kind with these types of `Desired` and `Live`. Prices are keys of
/// `src/cost/prices.json`: `<part> hour` or `<part> month`.
pub enum Cost<D, L> {
    /// Nothing that stackctl counts. The text says why.
    Free(&'static str),
    /// The same price for each.
    Each {
        /// What is paid for, in words.
        what: &'static str,
        /// The price.
        price: &'static str,
    },
    /// An amount that depends on the resource.
    Counted {
        /// Every price that a charge can have. `*` stands for a class: `database * hour`.
        prices: &'static [&'static str],
        /// The charge for one resource.
        charge: ChargeFor<D, L>,
    },
}

/// Gives the charge for the resource at an address, beside the others of the same state; none if nothing is charged.
pub type ChargeFor<D, L> = fn(&Address, &State<D, L>, &dyn Others) -> Result<Option<Charge>, Failure>;

/// A resource: as stack.yaml asks for it, or as AWS has it.
#[derive(Clone, Debug, PartialEq)]
pub enum State<D, L> {
    /// As stack.yaml asks for it: a kind's `Desired`.
    Desired(D),
    /// As AWS has it: a kind's `Live`.
    Live(L),
}

/// Numbers that a resource tells other kinds for their charges, by their names.
pub type Figures = BTreeMap<&'static str, u32>;

/// The resources beside the one that is charged for.
pub trait Others {
    /// The figures of the resources of `kind` that are called `name`, each with the id that AWS has for it. The id is empty for
    /// what stack.yaml asks for.
    ///
    /// # Errors
    /// If one of them cannot be read: a defect, because its kind wrote it.
    fn figures(&self, kind: &str, name: &str) -> Result<Vec<(String, Figures)>, Failure>;
}

/// One thing to pay for.
#[derive(Clone, Debug, PartialEq)]
pub struct Charge {
    /// What is paid for, in words.
    pub what: String,
    /// Prices, and how many of their units. Hours are counted as one: the price table knows how many a month has.
    pub parts: Vec<(String, f64)>,
}

impl Charge {
    /// A charge without parts.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), parts: Vec::new() }
    }

    /// This charge with `quantity` units of `price` added.
    #[must_use]
    pub fn plus(mut self, price: impl Into<String>, quantity: impl Into<f64>) -> Self {
        self.parts.push((price.into(), quantity.into()));
        self
    }
}

impl<D, L> Cost<D, L> {
    /// Every price that a charge can have; none for what is free.
    pub(super) fn prices(&self) -> Vec<&'static str> {
        match self {
            Self::Free(_) => Vec::new(),
            Self::Each { price, .. } => vec![price],
            Self::Counted { prices, .. } => prices.to_vec(),
        }
    }

    /// Why it is free, if it is.
    pub(super) fn free(&self) -> Option<&'static str> {
        match self {
            Self::Free(why) => Some(why),
            Self::Each { .. } | Self::Counted { .. } => None,
        }
    }
}
