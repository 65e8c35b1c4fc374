//! What the resources of a kind cost: each kind decides it, `cost/` adds the prices.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Kind;
use crate::model::{Address, Failure, LiveResource};

/// The price of a public IPv4 address, whatever has it.
/// <https://aws.amazon.com/vpc/pricing/>
pub const PUBLIC_ADDRESS: &str = "public_ipv4 hour";

/// What AWS charges for each resource of a kind. Prices are keys of `src/cost/prices.json`: `<part> hour` or `<part> month`.
pub enum Cost<K: Kind> {
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
        charge: ChargeFor<K>,
    },
}

/// Gives the charge for one resource, from its address and all resources of the same state; none if nothing is charged.
pub type ChargeFor<K> = fn(&Address, &State<K>, &Resources) -> Result<Option<Charge>, Failure>;

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

/// A resource: as stack.yaml asks for it, or as AWS has it.
pub enum State<K: Kind> {
    /// As stack.yaml asks for it.
    Desired(K::Desired),
    /// As AWS has it.
    Live(K::Live),
}

/// The same as plain data.
#[derive(Clone, Debug, PartialEq)]
pub enum Resource {
    /// A [`Kind::Desired`].
    Desired(Value),
    /// A [`Kind::Live`].
    Live(Value),
}

/// The resources of a stack in one state, such as before or after a plan. AWS can have several at one address.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    /// By address and by AWS's identifier, which is empty for what is asked for.
    all: BTreeMap<(Address, String), Resource>,
}

impl Resources {
    /// Adds what stack.yaml asks for at `address`.
    pub fn add_desired(&mut self, address: &Address, desired: &Value) {
        self.all.insert((address.clone(), String::new()), Resource::Desired(desired.clone()));
    }

    /// Adds what AWS has.
    pub fn add_live(&mut self, found: &LiveResource) {
        self.all.insert((found.address.clone(), found.id.clone()), Resource::Live(found.live.clone()));
    }

    /// All of them, in the order of their addresses.
    pub fn iter(&self) -> impl Iterator<Item = (&Address, &Resource)> {
        self.all.iter().map(|((address, _), resource)| (address, resource))
    }

    /// The resources of the kind `K` that are called `name`.
    ///
    /// # Errors
    /// If one of them cannot be read: a defect, because the kind wrote it.
    pub fn named<K: Kind>(&self, name: &str) -> Result<Vec<State<K>>, Failure> {
        let wanted = Address::new(K::NAME, name);
        self.iter().filter(|(address, _)| **address == wanted).map(|(_, resource)| resource.typed()).collect()
    }
}

impl Resource {
    pub(super) fn typed<K: Kind>(&self) -> Result<State<K>, Failure> {
        Ok(match self {
            Self::Desired(desired) => State::Desired(read::<K, _>(desired)?),
            Self::Live(live) => State::Live(read::<K, _>(live)?),
        })
    }
}

fn read<K: Kind, T: DeserializeOwned>(value: &Value) -> Result<T, Failure> {
    T::deserialize(value).map_err(|error| Failure::internal(format!("{}: {error}", K::NAME)))
}

impl<K: Kind> Cost<K> {
    pub(super) fn charge(
        &self,
        address: &Address,
        resource: &Resource,
        all: &Resources,
    ) -> Result<Option<Charge>, Failure> {
        match self {
            Self::Free(_) => Ok(None),
            Self::Each { what, price } => Ok(Some(Charge::new(*what).plus(*price, 1))),
            Self::Counted { charge, .. } => charge(address, &resource.typed()?, all),
        }
    }

    pub(super) fn prices(&self) -> Vec<&'static str> {
        match self {
            Self::Free(_) => Vec::new(),
            Self::Each { price, .. } => vec![price],
            Self::Counted { prices, .. } => prices.to_vec(),
        }
    }

    pub(super) fn free(&self) -> Option<&'static str> {
        match self {
            Self::Free(why) => Some(why),
            Self::Each { .. } | Self::Counted { .. } => None,
        }
    }
}
