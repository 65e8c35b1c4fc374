//! The prices: a table that people can read and add to.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::Failure;

/// The prices that come with stackctl.
const BUILT_IN: &str = include_str!("prices.json");

/// List prices by region.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The day on which they were put together, as YYYY-MM-DD.
    pub date: String,
    /// The hours of a month.
    pub hours_a_month: f64,
    /// Where each is published.
    #[serde(default)]
    pub sources: BTreeMap<String, String>,
    /// US dollars, by region and by what is charged: `<part> hour` or `<part> month`.
    pub regions: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Prices {
    /// Prices of a file in the form of `prices.json`.
    ///
    /// # Errors
    /// If it has another form, or a price below zero.
    pub fn parse(text: &str) -> Result<Self, String> {
        let prices: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        for (region, of_region) in &prices.regions {
            if let Some((part, price)) = of_region.iter().find(|(_, price)| **price < 0.0) {
                return Err(format!("invalid price of `{part}` in {region}: {price}"));
            }
            if let Some(part) = of_region.keys().find(|part| !part.ends_with(" hour") && !part.ends_with(" month")) {
                return Err(format!("`{part}` in {region} must end in ` hour` or ` month`"));
            }
        }
        Ok(prices)
    }

    /// These, and of `other` what they do not have.
    #[must_use]
    pub fn or(mut self, other: &Self) -> Self {
        for (region, prices) in &other.regions {
            let own = self.regions.entry(region.clone()).or_default();
            for (part, price) in prices {
                own.entry(part.clone()).or_insert(*price);
            }
        }
        self
    }

    /// What `part` costs a month in `region`, in US dollars.
    pub fn a_month(&self, region: &str, part: &str) -> Option<f64> {
        let price = self.regions.get(region)?.get(part)?;
        Some(if part.ends_with(" hour") { price * self.hours_a_month } else { *price })
    }
}

/// The prices that come with stackctl.
///
/// # Errors
/// None that is known; the table is of our own making.
pub fn built_in() -> Result<Prices, Failure> {
    Prices::parse(BUILT_IN).map_err(Failure::internal)
}
