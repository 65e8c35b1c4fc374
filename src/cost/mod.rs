//! What AWS charges for a stack a month, by list prices: for what stack.yaml asks for, and for what is there. Pure. Each kind
//! says what is charged for it ([`crate::kind::Cost`]); the prices are in `prices.json`, with their date and source.

mod prices;
mod state;

use serde::Serialize;

pub use prices::{Prices, built_in};
pub use state::{Resources, after, asked_for, before};

use crate::{kind::Registry, model::Failure};

/// What is not counted: it depends on use, or is little.
pub const NOT_COUNTED: &str = "traffic, requests and capacity units, logs, images, backups, the hosted zone, jobs \
                               and release commands while they run, tasks that autoscaling adds to the minimum, free \
                               tiers and tax";

/// An estimate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The region.
    pub region: String,
    /// The day on which the prices were put together.
    pub prices_of: String,
    /// What costs something, in the order of the addresses.
    pub lines: Vec<Line>,
    /// US dollars a month of all that has a price.
    pub month: f64,
    /// What has no price here.
    pub unknown: Vec<String>,
    /// [`NOT_COUNTED`].
    pub not_counted: &'static str,
}

/// One thing that costs something.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The resource.
    pub address: String,
    /// What of it, in words.
    pub what: String,
    /// US dollars a month, if the price is known.
    pub month: Option<f64>,
}

/// What `resources` cost in `region`.
///
/// # Errors
/// If a resource cannot be read: a defect, because its kind wrote it.
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

/// US dollars with cents, half a cent rounded up.
pub fn dollars(amount: f64) -> String {
    // Sums of list prices have no more than six digits behind the point; what is beyond is the binary form's.
    let cents = (amount * 100.0 + 1e-6 * amount.signum()).round() / 100.0;
    format!("{:.2}", if cents == 0.0 { 0.0 } else { cents })
}

#[cfg(test)]
mod tests;
