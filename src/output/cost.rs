//! Formats a cost estimate and the difference between two estimates as tables.

use std::{collections::BTreeMap, fmt::Write};

use super::{human::table, style::Style};
use crate::cost::{Estimate, dollars};

/// What a resource is charged for, and the amount per month.
type Side<'a> = Option<(&'a str, Option<f64>)>;

/// The text for an unknown price.
const UNKNOWN: &str = "?";

pub(super) fn estimate(estimate: &Estimate, style: Style) -> String {
    if estimate.lines.is_empty() {
        return "No resource of this stack has a fixed price.".to_owned();
    }
    let rows = estimate.lines.iter().map(|line| vec![line.address.clone(), line.what.clone(), amount(line.month)]);
    let mut text = table(&["RESOURCE", "", "USD/MONTH"], rows);
    let _ = write!(text, "\n\n{} {} USD per month", at_least(estimate), style.strong(dollars(estimate.month)));
    text.push_str(&foot(estimate));
    text
}

pub(super) fn difference(before: &Estimate, after: &Estimate, style: Style) -> String {
    let mut rows: BTreeMap<&str, [Side; 2]> = BTreeMap::new();
    for (place, estimate) in [before, after].into_iter().enumerate() {
        for line in &estimate.lines {
            rows.entry(&line.address).or_default()[place] = Some((&line.what, line.month));
        }
    }
    let changed = rows.into_iter().filter(|(_, [before, after])| before != after).map(|(address, [before, after])| {
        let what = match (before, after) {
            (Some((from, _)), Some((to, _))) => format!("{from} → {to}"),
            (Some((what, _)), None) => format!("{what} → none"),
            (None, Some((what, _))) => what.to_owned(),
            (None, None) => String::new(),
        };
        let month = |side: Side| side.map_or(Some(0.0), |(_, month)| month);
        let more = month(before).zip(month(after)).map(|(before, after)| after - before);
        vec![address.to_owned(), what, more.map_or_else(|| UNKNOWN.to_owned(), signed)]
    });
    let changed: Vec<Vec<String>> = changed.collect();
    let mut text = String::new();
    if !changed.is_empty() {
        text = table(&["RESOURCE", "", "USD/MONTH"], changed.into_iter());
        text.push_str("\n\n");
    }
    let more = signed(after.month - before.month);
    let (now, then) = (dollars(before.month), dollars(after.month));
    let about = at_least(after).to_lowercase();
    let _ = match more.as_str() {
        "0.00" => write!(text, "The monthly cost stays the same: {about} {} USD", style.strong(then)),
        more => write!(text, "{} USD per month: {now} now, {about} {then} after the change", style.strong(more)),
    };
    text.push_str(&foot(after));
    text
}

fn at_least(estimate: &Estimate) -> &'static str {
    if estimate.unknown.is_empty() { "About" } else { "At least" }
}

fn amount(month: Option<f64>) -> String {
    month.map_or_else(|| UNKNOWN.to_owned(), dollars)
}

fn signed(amount: f64) -> String {
    let text = dollars(amount);
    if text.starts_with('-') || text == "0.00" { text } else { format!("+{text}") }
}

fn foot(estimate: &Estimate) -> String {
    let mut text = format!(" (list prices of {} as of {}).", estimate.region, estimate.prices_of);
    if !estimate.unknown.is_empty() {
        let _ = write!(text, "\nPrice unknown: {}.", estimate.unknown.join(", "));
    }
    let _ = write!(text, "\nNot included: {}.", estimate.not_counted);
    text
}
