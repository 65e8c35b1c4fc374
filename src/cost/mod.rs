//! Estimates the monthly cost of a stack from list prices, for desired and for live resources, without any I/O.
//! Each kind lists its charges ([`crate::kind::Cost`]); `prices.json` holds the prices with their date and sources.

mod prices;
mod state;

use serde::Serialize;

pub use prices::{Prices, built_in, built_in_for};
pub use state::{Resources, after, asked_for, before};

use crate::{kind::Registry, model::Failure};

/// The costs that an estimate leaves out, because they depend on use or are small.
pub const NOT_COUNTED: &str = "traffic, requests and capacity units, logs, images, backups, the hosted zone, jobs \
                               and release commands while they run, tasks that autoscaling adds to the minimum, free \
                               tiers and tax";

/// The estimated monthly cost of a set of resources in one region.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The AWS region whose prices apply.
    pub region: String,
    /// The date of the price table, as YYYY-MM-DD.
    pub prices_of: String,
    /// The charges, sorted by address.
    pub lines: Vec<Line>,
    /// The sum of all lines with a known price, in US dollars a month.
    pub month: f64,
    /// The price names that the table lacks for this region.
    pub unknown: Vec<String>,
    /// [`NOT_COUNTED`].
    pub not_counted: &'static str,
}

/// The charge for one resource.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The address of the resource.
    pub address: String,
    /// A description of what AWS charges for.
    pub what: String,
    /// The cost in US dollars a month, or `None` if a price is unknown.
    pub month: Option<f64>,
}

/// Estimates the monthly cost of `resources` in `region`.
///
/// # Errors
/// If a kind cannot parse a resource. This is a bug, because the same kind wrote the data.
pub fn estimate(kinds: &Registry, resources: &Resources, region: &str, prices: &Prices) -> Result<Estimate, Failure> {
    let mut unknown: Vec<String> = Vec::new();
    let mut lines = Vec::new();
    for (address, charge) in resources.charges(kinds)? {
        let mut month = Some(0.0);
        for (part, quantity) in &charge.parts {
            let price = prices.a_month(region, part);
            if price.is_none() && !unknown.contains(part) {
                unknown.push(part.clone());
            }
            month = month.zip(price).map(|(sum, price)| sum + price * quantity);
        }
        lines.push(Line { address: address.to_string(), what: charge.what, month });
    }
    let month = lines.iter().filter_map(|line| line.month).sum();
    let (region, prices_of) = (region.to_owned(), prices.date.clone());
    Ok(Estimate { region, prices_of, lines, month, unknown, not_counted: NOT_COUNTED })
}

/// Formats an amount in US dollars with two decimals. Half a cent is rounded away from zero.
pub fn dollars(amount: f64) -> String {
    // Sums of list prices have at most six decimals. Any further digits are floating-point error.
    let cents = (amount * 100.0 + 1e-6 * amount.signum()).round() / 100.0;
    format!("{:.2}", if cents == 0.0 { 0.0 } else { cents })
}

#[cfg(test)]
mod tests;
