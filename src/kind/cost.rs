//! The costs of the resources of a kind. Each kind declares its charges; `cost/` adds the prices.

use std::collections::BTreeMap;

use crate::model::{Address, Failure};

/// The price of a public IPv4 address in any use.
/// <https://aws.amazon.com/vpc/pricing/>
pub const PUBLIC_ADDRESS: &str = "public_ipv4 hour";

/// The costs of each resource of a kind with these types of `Desired` and `Live`. Prices are keys of
/// `src/cost/prices.json`: `<part> hour` or `<part> month`.
pub enum Cost<D, L> {
    /// No cost that stackctl counts. The text says why.
    Free(&'static str),
    /// The same price for each resource.
    Each {
        /// What is charged for, in words.
        what: &'static str,
        /// The price.
        price: &'static str,
    },
    /// A charge that depends on the resource.
    Counted {
        /// All prices that a charge can have. `*` stands for a class: `database * hour`.
        prices: &'static [&'static str],
        /// The charge for one resource.
        charge: ChargeFor<D, L>,
    },
}

/// Returns the charge for the resource at an address, given the other resources of the same state, or `None` if it is
/// free.
pub type ChargeFor<D, L> = fn(&Address, &State<D, L>, &dyn Others) -> Result<Option<Charge>, Failure>;

/// The state of a resource: desired or live.
#[derive(Clone, Debug, PartialEq)]
pub enum State<D, L> {
    /// The desired state from stack.yaml: a kind's `Desired`.
    Desired(D),
    /// The live state on AWS: a kind's `Live`.
    Live(L),
}

/// Numbers by name that a resource provides for the charges of other kinds.
pub type Figures = BTreeMap<&'static str, u32>;

/// Access to the other resources when a charge is computed.
pub trait Others {
    /// Returns the figures of the resources of `kind` called `name`, each with its AWS id. The id is empty for a
    /// desired resource.
    ///
    /// # Errors
    /// If one of them cannot be decoded. That is a defect, because its kind wrote it.
    fn figures(&self, kind: &str, name: &str) -> Result<Vec<(String, Figures)>, Failure>;
}

/// A charge for one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Charge {
    /// What is charged for, in words.
    pub what: String,
    /// The prices, each with a quantity. An hourly price counts as one hour; the price table converts it to a month.
    pub parts: Vec<(String, f64)>,
}

impl Charge {
    /// Creates a charge without parts.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), parts: Vec::new() }
    }

    /// Adds `quantity` units of `price`.
    #[must_use]
    pub fn plus(mut self, price: impl Into<String>, quantity: impl Into<f64>) -> Self {
        self.parts.push((price.into(), quantity.into()));
        self
    }
}

impl<D, L> Cost<D, L> {
    /// Returns all prices that a charge can have. Empty for a free kind.
    pub(super) fn prices(&self) -> Vec<&'static str> {
        match self {
            Self::Free(_) => Vec::new(),
            Self::Each { price, .. } => vec![price],
            Self::Counted { prices, .. } => prices.to_vec(),
        }
    }

    /// Returns why the kind is free, or `None` if it is not.
    pub(super) fn free(&self) -> Option<&'static str> {
        match self {
            Self::Free(why) => Some(why),
            Self::Each { .. } | Self::Counted { .. } => None,
        }
    }
}
