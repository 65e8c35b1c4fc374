//! Parses the price table and looks up prices in it. Users can extend the built-in table with a file.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::Failure;

/// The price table that is compiled into stackctl.
const BUILT_IN: &str = include_str!("prices.json");

/// List prices by region.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The date of the table, as YYYY-MM-DD.
    pub date: String,
    /// The hours that count as one month.
    pub hours_a_month: f64,
    /// The pages where AWS publishes the prices.
    #[serde(default)]
    pub sources: BTreeMap<String, String>,
    /// Prices in US dollars, by region and price name. A name ends in ` hour` or ` month`, the unit of its price.
    pub regions: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Prices {
    /// Parses a file in the format of `prices.json`.
    ///
    /// # Errors
    /// If the format is invalid, a price is negative, or a price name does not end in ` hour` or ` month`.
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

    /// Adds the prices of `other` that this table lacks.
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

    /// Returns the monthly price of `part` in `region` in US dollars, if the table has it.
    pub fn a_month(&self, region: &str, part: &str) -> Option<f64> {
        let price = self.regions.get(region)?.get(part)?;
        Some(if part.ends_with(" hour") { price * self.hours_a_month } else { *price })
    }
}

/// Returns the price table that is compiled into stackctl, if it has the prices of `region`.
pub fn built_in_for(region: &str) -> Option<Prices> {
    built_in().ok().filter(|prices| prices.regions.contains_key(region))
}

/// Returns the price table that is compiled into stackctl.
///
/// # Errors
/// If the built-in table is invalid, which is a bug.
pub fn built_in() -> Result<Prices, Failure> {
    Prices::parse(BUILT_IN).map_err(Failure::internal)
}
