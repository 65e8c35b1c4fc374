//! Formats a plan for the reader who has to approve it.

use std::fmt::Write;

use serde_json::Value;

use super::style::Style;
use crate::{
    kind::{AnyKind, Registry},
    model::{Action, How, Plan, Shown, Step, readable, unknown},
};

/// Formats the plan, without a line end after the last line.
pub fn render(kinds: &Registry, plan: &Plan, style: Style) -> String {
    let targets: Vec<String> = plan.targets.iter().map(ToString::to_string).collect();
    let alone = if targets.is_empty() { String::new() } else { targets.join(", ") + " of " };
    if plan.is_empty() {
        let matches = if targets.len() > 1 { "match" } else { "matches" };
        return format!("{} {alone}{} {matches} stack.yaml.", style.good("No changes."), plan.id);
    }
    let mut text = format!("Plan for {alone}{}:\n\n", style.strong(&plan.id));
    for step in plan.steps.iter().filter(|step| step.action != Action::DeleteReplaced) {
        render_step(kinds, &mut text, plan, step, style);
    }
    for (address, why) in &plan.guarded {
        let _ = writeln!(text, "\n{} {address} is protected: {}", style.bad("!"), readable(why));
    }
    for (address, what) in &plan.by_hand {
        let _ = writeln!(text, "\n{} {address} {}", style.bad("!"), readable(what));
    }
    for (address, what) in &plan.warnings {
        let _ = writeln!(text, "\n{} {address} {what}", style.changed("!"));
    }
    text.push('\n');
    text.push_str(&summary(plan));
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

fn render_step(kinds: &Registry, text: &mut String, plan: &Plan, step: &Step, style: Style) {
    let address = style.strong(&step.address);
    let (symbol, note) = match step.action {
        Action::Create => (style.good("+"), String::new()),
        Action::Update => (style.changed("~"), String::new()),
        Action::Narrow => (style.changed("~"), after(plan, step)),
        Action::Replace => (style.changed("±"), "must be replaced".to_owned()),
        Action::Run => {
            let kind = kinds.named(step.address.kind());
            (style.hint("▸"), kind.and_then(AnyKind::run_note).unwrap_or("runs once").to_owned())
        }
        Action::Wait => (style.hint("…"), "up to date, still starting".to_owned()),
        Action::Delete | Action::DeleteReplaced => (style.bad("-"), String::new()),
    };
    let note = if note.is_empty() { String::new() } else { style.dim(format!("  {note}")) };
    let _ = writeln!(text, "  {symbol} {address}{note}");
    match step.action {
        Action::Create => {
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
                let (from, to) = (shown(&change.from, style), shown(&change.to, style));
                let _ = writeln!(text, "      {:width$}  {from} → {to}{forces}", change.field);
            }
        }
        _ => {}
    }
}

/// Returns what the second step of an update or a creation waits for.
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
