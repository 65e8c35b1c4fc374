//! Generates the tables of the reference, docs/reference/stack-yaml.md, from the declared keys. The text around the
//! tables is written by hand.

use super::{
    check,
    keys::{Absence, Key, Kind, Literal, Section, TOP},
};

/// The markers around a table in the reference. The table's name follows the first one.
const BEGIN: &str = "<!-- generated: ";
const END: &str = "<!-- end -->";

/// Returns the reference `page` with every table generated again.
///
/// # Panics
/// If a marker names an unknown table, or has no end.
pub fn reference(page: &str) -> String {
    let mut made = String::new();
    let mut rest = page;
    while let Some((before, from)) = rest.split_once(BEGIN) {
        let (name, body) = from.split_once(" -->\n").expect("a marker ends on its line");
        let (_, after) = body.split_once(END).unwrap_or_else(|| panic!("{name} has no {END}"));
        made.extend([before, BEGIN, name, " -->\n", &table(name), END]);
        rest = after;
    }
    made + rest
}

fn table(name: &str) -> String {
    if name == "CPU and memory" {
        let rows = check::CPUS.iter().map(|cpu| format!("| {cpu} | {} |\n", check::memory_in_words(*cpu)));
        return format!("| `cpu` | `memory` |\n| --- | --- |\n{}", rows.collect::<String>());
    }
    let section = name.strip_prefix("keys of ").and_then(|name| find(&TOP, name));
    let section = section.unwrap_or_else(|| panic!("there is no table called {name}"));
    let rows = section.keys.iter().map(row).collect::<String>();
    format!("| key | type | default | |\n| --- | --- | --- | --- |\n{rows}")
}

/// Returns the section called `name`: `section` or one below it.
fn find(section: &'static Section, name: &str) -> Option<&'static Section> {
    if section.name == name {
        return Some(section);
    }
    section.keys.iter().flat_map(|key| key.kind.sections()).find_map(|section| find(section, name))
}

fn row(key: &Key) -> String {
    let default = match key.absence {
        Absence::Error(_) => "required".to_owned(),
        Absence::Default(Literal::Text(text)) if text.parse::<f64>().is_ok() => format!("`\"{text}\"`"),
        Absence::Default(Literal::Text(text)) => format!("`{text}`"),
        Absence::Default(Literal::Number(number)) => format!("`{number}`"),
        Absence::Default(Literal::Truth(truth)) => format!("`{truth}`"),
        Absence::Means(words) => words.to_owned(),
    };
    format!("| `{}` | {} | {default} | {} |\n", key.name, type_in_words(&key.kind), key.doc)
}

fn type_in_words(kind: &Kind) -> String {
    match kind {
        Kind::Text(text) => text.one.to_owned(),
        Kind::Number { least, most, unit } => format!("{least} to {most} {unit}").trim_end().to_owned(),
        Kind::Numbers(numbers) => alternatives(numbers.iter().map(ToString::to_string)),
        Kind::Truth => "`true` or `false`".to_owned(),
        Kind::Ports => "list of ports from 1 to 65535".to_owned(),
        Kind::Seconds { least, most } => format!("{least} to {most} s"),
        Kind::Choice(words) => alternatives(words.iter().map(|word| match word.parse::<f64>() {
            Ok(_) => format!("`\"{word}\"`"),
            Err(_) => format!("`{word}`"),
        })),
        Kind::Scalar => "text, number, `true` or `false`".to_owned(),
        Kind::Command(_) => "list of words".to_owned(),
        Kind::List(text, _) => format!("list of {}", text.many),
        Kind::Map(_) | Kind::Named { .. } | Kind::Environments { .. } => "mapping".to_owned(),
        Kind::Maps(_) => "list of mappings".to_owned(),
        Kind::Either(kinds) => kinds.iter().map(type_in_words).collect::<Vec<_>>().join(", or "),
    }
}

/// Joins words as `a, b or c`.
fn alternatives(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    match words.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        words => words.concat(),
    }
}

#[cfg(test)]
mod tests;
