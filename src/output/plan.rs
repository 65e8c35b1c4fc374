//! Formats a plan for the reader who has to approve it.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use serde_json::Value;

use super::{
    style::Style,
    text::{distinct, fitted, wrapped},
};
use crate::{
    cost,
    engine::Forecast,
    kind::{AnyKind, Registry},
    model::{Action, How, Plan, Shown, Step, readable, unknown},
};

/// The longest address that the columns of a part make room for.
const WIDEST_ADDRESS: usize = 40;

/// A shorter plan is over before anybody wonders how long it takes.
const WORTH_SAYING: Duration = Duration::from_secs(30);

/// How a plan looks.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The colours.
    pub style: Style,
    /// Whether all fields of new resources are shown.
    pub details: bool,
    /// How many columns there are; none where lines may be of any length.
    pub width: Option<usize>,
}

/// The plan as text, without a line end at its end.
pub fn render(kinds: &Registry, plan: &Plan, look: Look) -> String {
    let style = look.style;
    let targets: Vec<String> = plan.targets.iter().map(ToString::to_string).collect();
    let alone = if targets.is_empty() { String::new() } else { targets.join(", ") + " of " };
    if plan.is_empty() {
        let matches = if targets.len() > 1 { "match" } else { "matches" };
        return format!("{} {alone}{} {matches} stack.yaml.", style.good("No changes."), plan.id);
    }
    let place = plan.place.as_ref().map(|place| format!(" in {}, account {}", place.region, place.account));
    let mut text = format!("Plan for {alone}{}{}:\n", style.strong(&plan.id), place.unwrap_or_default());
    let mut parts: Vec<(Option<&str>, Vec<&Step>)> = Vec::new();
    let names = plan.parts.iter().map(|part| Some(part.name.as_str())).chain([None]);
    for name in names {
        let of_part = |step: &&Step| step.action != Action::DeleteReplaced && plan.part_of(&step.address) == name;
        let steps: Vec<&Step> = plan.steps.iter().filter(of_part).collect();
        if !steps.is_empty() {
            parts.push((name, steps));
        }
    }
    let is_grouped = parts.iter().any(|(name, _)| name.is_some());
    for (name, steps) in parts {
        text.push('\n');
        if is_grouped {
            let _ = writeln!(text, "{}", style.strong(name.unwrap_or("no longer in stack.yaml")));
        }
        let width = steps.iter().map(|step| step.address.to_string().chars().count()).max().unwrap_or_default();
        for step in steps {
            render_step(kinds, &mut text, plan, step, width.min(WIDEST_ADDRESS), look);
        }
    }
    let mut note = |sign: String, note: String| {
        let _ = write!(text, "\n{sign} {}\n", wrapped(&note, look.width, 2));
    };
    for (address, why) in &plan.guarded {
        note(style.bad("!"), format!("{address} is protected: {}", readable(why)));
    }
    for (address, what) in &plan.by_hand {
        note(style.bad("!"), format!("{address} {}", readable(what)));
    }
    for (address, what) in &plan.warnings {
        note(style.changed("!"), format!("{address} {what}"));
    }
    text.push('\n');
    let summary = [Some(summary(plan)), duration(kinds, plan), price(kinds, plan)];
    let summary: Vec<String> = summary.into_iter().flatten().collect();
    text.push_str(&wrapped(&summary.join(" "), look.width, 0));
    text
}

/// Returns the summary, such as `Plan: 2 to create, 1 to update.`
pub(super) fn summary(plan: &Plan) -> String {
    let counts = [
        (Action::Create, "to create"),
        (Action::Update, "to update"),
        (Action::Narrow, "to narrow"),
        (Action::Replace, "to replace"),
        (Action::Run, "to run"),
        (Action::Delete, "to delete"),
        (Action::Wait, "to wait for"),
    ];
    let counts: Vec<String> = counts
        .into_iter()
        .filter_map(|(action, words)| Some((plan.count(action), words)).filter(|(count, _)| *count > 0))
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    format!("Plan: {}.", counts.join(", "))
}

/// How long the plan usually takes.
fn duration(kinds: &Registry, plan: &Plan) -> Option<String> {
    let usual = Forecast::of(kinds, plan).usual();
    let minutes = usual.as_secs().div_ceil(60);
    (usual >= WORTH_SAYING).then(|| format!("This usually takes about {minutes} min on AWS."))
}

/// What the plan changes of the monthly cost; none if it is nothing or not known.
fn price(kinds: &Registry, plan: &Plan) -> Option<String> {
    // A plan that deletes everything has not read what the resources are.
    let region = &plan.place.as_ref().filter(|_| !plan.parts.is_empty())?.region;
    let prices = cost::built_in_for(region)?;
    let month = |resources| Some(cost::estimate(kinds, &resources, region, &prices).ok()?.month);
    let (before, after) = (month(cost::before(plan))?, month(cost::after(plan))?);
    let (more, all) = (cost::dollars((after - before).abs()), cost::dollars(after));
    match after - before {
        _ if more == "0.00" => None,
        _ if cost::dollars(before) == "0.00" => Some(format!("It costs about {all} USD a month.")),
        change if change > 0.0 => Some(format!("It costs about {more} USD a month more, {all} in total.")),
        _ => Some(format!("It costs about {more} USD a month less, {all} in total.")),
    }
}

fn render_step(kinds: &Registry, text: &mut String, plan: &Plan, step: &Step, column: usize, look: Look) {
    let style = look.style;
    let kind = kinds.named(step.address.kind());
    let (symbol, note) = match step.action {
        Action::Create if look.details => (style.good("+"), String::new()),
        Action::Create => (style.good("+"), kind.map(|kind| headline(kind, step)).unwrap_or_default()),
        Action::Update => (style.changed("~"), String::new()),
        Action::Narrow => (style.changed("~"), after(plan, step)),
        Action::Replace => (style.changed("±"), "must be replaced".to_owned()),
        Action::Run => (style.hint("▸"), kind.and_then(AnyKind::run_note).unwrap_or("runs once").to_owned()),
        Action::Wait => (style.hint("…"), "up to date, still starting".to_owned()),
        Action::Delete | Action::DeleteReplaced => (style.bad("-"), String::new()),
    };
    let address = step.address.to_string();
    let padding = column.saturating_sub(address.chars().count());
    let note = match fitted(&note, look.width.map(|width| width.saturating_sub(6 + address.chars().count() + padding)))
    {
        note if note.is_empty() => note,
        note => format!("{}{}", " ".repeat(padding), style.dim(format!("  {note}"))),
    };
    let _ = writeln!(text, "  {symbol} {}{note}", style.strong(address));
    match step.action {
        Action::Create if look.details => {
            let fields = step.desired.as_ref().map(fields).unwrap_or_default();
            let width = fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
            for (name, value) in fields {
                let _ = writeln!(text, "      {}", style.dim(format!("{name:width$}  {value}")));
            }
        }
        Action::Update | Action::Narrow | Action::Replace => {
            let width = step.changes.iter().map(|change| change.field.chars().count()).max().unwrap_or_default();
            for change in &step.changes {
                let forces =
                    if change.how == How::Replace { style.bad("  (forces replacement)") } else { String::new() };
                let values = changed(&change.from, &change.to, 8 + width, look);
                let _ = writeln!(text, "      {:width$}  {values}{forces}", change.field);
            }
        }
        _ => {}
    }
}

/// The fields of a new resource that its kind puts on the line of the plan, as far as they are known.
fn headline(kind: &dyn AnyKind, step: &Step) -> String {
    let all: BTreeMap<String, String> = step.desired.as_ref().map(fields).unwrap_or_default().into_iter().collect();
    let known = kind.headline().iter().filter_map(|name| Some((name, all.get(*name)?)));
    let known = known.filter(|(_, value)| !value.ends_with("(known after apply)"));
    let words =
        known.map(|(name, value)| format!("{} {value}", name.rsplit('.').next().unwrap_or(name).replace('_', " ")));
    words.collect::<Vec<_>>().join(", ")
}

/// `from → to`, on two lines where one has no room for it. Before them are `used` columns.
fn changed(from: &Shown, to: &Shown, used: usize, look: Look) -> String {
    let [from, to] = match (from, to) {
        (Shown::Value(from), Shown::Value(to)) => {
            let room = look.width.filter(|_| !look.details).map(|width| width.saturating_sub(used + 2));
            distinct(&one_line(from), &one_line(to), room)
        }
        (from, to) => [from, to].map(|value| shown(value, look.style)),
    };
    let is_short = look.width.is_none_or(|width| used + from.chars().count() + to.chars().count() + 3 <= width);
    if is_short { format!("{from} → {to}") } else { format!("{from}\n{:used$}→ {to}", "") }
}

/// What the second step of an update or a creation waits for.
fn after(plan: &Plan, step: &Step) -> String {
    let needed = step.needs.iter().map(|need| &plan.steps[*need].address).filter(|address| **address != step.address);
    let needed: Vec<String> = needed.map(ToString::to_string).collect();
    match needed.as_slice() {
        [one] => format!("after {one}"),
        [one, two] => format!("after {one} and {two}"),
        [one, more @ ..] => format!("after {one} and {} more", more.len()),
        [] => String::new(),
    }
}

fn shown(value: &Shown, style: Style) -> String {
    match value {
        Shown::Value(text) => one_line(text),
        other => style.dim(other),
    }
}

/// Returns the text if it is one line. A longer text, such as a script, would hide the rest of the plan, so only its
/// length is shown.
fn one_line(text: &str) -> String {
    match text.lines().count() {
        0 | 1 => readable(text),
        lines => format!("({lines} lines, {} characters)", text.chars().count()),
    }
}

/// Returns the fields of a desired resource that are not empty, one line each.
fn fields(desired: &Value) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    if let Value::Object(fields) = desired {
        for (name, value) in fields {
            collect(name, value, &mut lines);
        }
    }
    lines
}

fn collect(name: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) if unknown(value).is_none() => {
            for (inner, value) in fields {
                collect(&format!("{name}.{inner}"), value, lines);
            }
        }
        Value::Array(items) if items.iter().any(is_group) => {
            for (index, item) in items.iter().enumerate() {
                collect(&format!("{name}[{index}]"), item, lines);
            }
        }
        other => {
            if let Some(text) = inline(other) {
                lines.push((name.to_owned(), text));
            }
        }
    }
}

fn is_group(value: &Value) -> bool {
    value.is_object() && unknown(value).is_none()
}

fn inline(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(one_line(text)),
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => Some(items.iter().filter_map(inline).collect::<Vec<_>>().join(", ")),
        other => unknown(other).or_else(|| Some(other.to_string())),
    }
}
