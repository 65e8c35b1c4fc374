//! The report of a conversion: a table of all keys, the open decisions, and the next command.

use serde_json::json;

use crate::{
    convert::{
        conversion::{Conversion, Question},
        ledger::{Fate, Report, Row},
    },
    output::{Output, Style},
    spec::Problems,
};

/// The widths of the columns for a line number and for a key.
const LINE: usize = 5;
const LONGEST_KEY: usize = 44;

/// Returns the table: a line for each key, grouped by file, and the totals.
pub(super) fn lines(report: &Report, colored: bool) -> Vec<String> {
    let style = Style::new(colored);
    let key = report.rows.iter().map(|row| row.key.chars().count()).max().unwrap_or_default().min(LONGEST_KEY);
    let mut lines = Vec::new();
    let mut file = "";
    for row in &report.rows {
        if row.file != file {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.push(style.strong(&row.file));
            file = &row.file;
        }
        lines.push(line(row, key, style));
        lines.extend(row.note.iter().map(|note| format!("{:LINE$}  {}", "", style.dim(note))));
    }
    lines.push(String::new());
    lines.push(totals(report));
    lines
}

fn line(row: &Row, key: usize, style: Style) -> String {
    let word = format!("{:<12}", row.fate.word());
    let word = match row.fate {
        Fate::Carried => style.good(&word),
        Fate::Approximated => style.changed(&word),
        Fate::NotPossible => style.bad(&word),
    };
    let to = row.to.as_ref().map(|to| format!("  {to}")).unwrap_or_default();
    format!("{:>LINE$}  {:<key$}  {word}{to}", row.line, row.key).trim_end().to_owned()
}

/// Returns the number of keys for each result.
fn totals(report: &Report) -> String {
    let counts = [Fate::Carried, Fate::Approximated, Fate::NotPossible]
        .map(|fate| format!("{} {}", report.count(fate), fate.word()));
    let keys = report.rows.len();
    format!("{keys} {}: {}.", if keys == 1 { "key" } else { "keys" }, counts.join(", "))
}

/// Returns the report as JSON.
pub(super) fn document(file: &str, conversion: &Conversion, problems: Option<&Problems>) -> serde_json::Value {
    let open = conversion.open.iter();
    let open: Vec<serde_json::Value> = open
        .map(|question| json!({ "key": question.key, "question": question.text, "default": question.default }))
        .collect();
    let count = |fate| conversion.report.count(fate);
    json!({
        "written": [file],
        "keys": conversion.report.rows,
        "open": open,
        "problems": problems.map(Problems::list).unwrap_or_default(),
        "carried": count(Fate::Carried),
        "approximated": count(Fate::Approximated),
        "not_possible": count(Fate::NotPossible),
    })
}

/// The part after the table.
pub(super) struct End<'a> {
    /// The result of `validate`.
    pub(super) problems: Option<&'a Problems>,
    pub(super) open: &'a [Question],
    /// The folder in which stack.yaml belongs, if it is in another one.
    pub(super) elsewhere: Option<String>,
}

impl End<'_> {
    pub(super) fn tell(&self, file: &str, output: &Output) {
        if !self.open.is_empty() {
            output.status("\nDecide, then edit stack.yaml or add --answer:");
            for question in self.open {
                let taken = question.default.as_ref().map(|default| format!(" (now: {default})")).unwrap_or_default();
                output.status(&format!("  {}: {}{taken}", question.key, question.text));
            }
        }
        if let Some(problems) = self.problems {
            output
                .status(&format!("\n`stackctl validate` reports these errors:\n{}", problems.render(output.colored())));
        }
        if let Some(folder) = &self.elsewhere {
            output.status(&format!("\nMove it to {folder}: its paths are relative to that folder."));
        }
        let flag = if file == "stack.yaml" { String::new() } else { format!(" --file {file}") };
        let first = if self.problems.is_some() { "validate" } else { "plan" };
        output.status(&format!("\nNext: review it, then run `stackctl {first}{flag}`."));
    }
}
