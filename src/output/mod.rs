//! The only module that writes to the terminal. Data goes to standard output, everything else to standard error.

mod cost;
mod format;
mod human;
mod jobs;
mod json;
mod line;
mod log;
mod markdown;
mod plan;
mod progress;
mod releases;
mod secrets;
mod style;
mod terminal;
mod text;

use std::{io::IsTerminal, time::Duration};

use serde::Serialize;

pub use format::Format;
pub use human::{ErrorLine, ResourceLine, ServiceLine, StatusView, image_is_gone};
pub use jobs::{JobLine, JobsView};
pub use json::plan_document;
pub use log::LogWriter;
pub use markdown::render as plan_markdown;
pub use plan::{Look, render as plan_text};
pub use progress::Reporter;
pub use releases::ReleasesView;
pub use secrets::{SecretLine, SecretsView};
pub use style::Style;
pub use terminal::{LineEnds, Raw, size as terminal_size};

use line::write_line;

use crate::{
    cost::Estimate,
    engine::Forecast,
    kind::Registry,
    model::{Action, Address, Failure, Plan, readable},
};

/// The output of the program: its format, colours and verbosity.
#[derive(Clone, Debug)]
pub struct Output {
    format: Format,
    quiet: bool,
    details: bool,
    stdout: Style,
    stderr: Style,
    animated: bool,
}

/// A failure in a run of so many steps is still on the screen at its end.
const FEW_STEPS: usize = 6;

impl Output {
    /// Creates the output of this process.
    pub fn new(format: Format, quiet: bool) -> Self {
        let environment = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let plain = environment("NO_COLOR") || dumb;
        let terminal = std::io::stderr().is_terminal();
        Self {
            format,
            quiet,
            details: false,
            stdout: Style::new(std::io::stdout().is_terminal() && !plain),
            stderr: Style::new(terminal && !plain),
            animated: terminal && !dumb && !environment("CI") && format == Format::Human && !quiet,
        }
    }

    /// The same, with the fields and IDs that are left out otherwise, if they are wanted.
    #[must_use]
    pub fn with_details(self, details: bool) -> Self {
        Self { details, ..self }
    }

    /// Whether output is for programs.
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Returns whether standard error is coloured, for texts that are formatted elsewhere.
    pub fn colored(&self) -> bool {
        self.stderr.is_on()
    }

    /// Returns whether standard output is coloured.
    pub fn stdout_is_colored(&self) -> bool {
        self.stdout.is_on()
    }

    /// Creates a reporter for the events of a run.
    pub fn reporter(&self, forecast: Forecast) -> Reporter {
        Reporter::new(self.format, self.stderr, self.animated, self.quiet, forecast)
    }

    /// A writer of the log lines that contain `grep`, or of all lines without it.
    pub fn log(&self, grep: Option<String>) -> LogWriter {
        LogWriter::new(self.format, self.stdout, grep, std::io::stdout().is_terminal())
    }

    /// Writes a line of data.
    pub fn data(&self, text: &str) {
        write_line(&mut std::io::stdout().lock(), text);
    }

    /// Writes a JSON document.
    pub fn document(&self, document: &impl Serialize) {
        let text =
            if self.is_json() { serde_json::to_string(document) } else { serde_json::to_string_pretty(document) };
        self.data(&text.expect("our documents are plain data"));
    }

    /// Writes a line about the current activity, for people only.
    pub fn status(&self, text: &str) {
        if !self.quiet && !self.is_json() {
            write_line(&mut std::io::stderr().lock(), &readable(text));
        }
    }

    /// Writes a line from a task as data. On a terminal, control characters are escaped.
    pub fn task_line(&self, line: &str) {
        if std::io::stdout().is_terminal() {
            self.data(&readable(line));
        } else {
            self.data(line);
        }
    }

    /// Writes the plan as data to standard output.
    pub fn plan(&self, kinds: &Registry, plan: &Plan) {
        if self.is_json() {
            self.document(&plan_document(plan));
        } else {
            let width = std::io::stdout().is_terminal().then(columns);
            self.data(&plan::render(kinds, plan, Look { style: self.stdout, details: self.details, width }));
        }
    }

    /// Writes the plan before it is applied: to standard error for people, as the first event for programs.
    pub fn announce(&self, kinds: &Registry, plan: &Plan) {
        if self.is_json() {
            self.document(&serde_json::json!({ "event": "plan", "plan": plan_document(plan) }));
        } else if !self.quiet {
            let width = std::io::stderr().is_terminal().then(columns);
            let look = Look { style: self.stderr, details: self.details, width };
            write_line(&mut std::io::stderr().lock(), &plan::render(kinds, plan, look));
        }
    }

    /// Writes the state of a stack.
    pub fn stack(&self, view: &StatusView) {
        if self.is_json() {
            self.document(view);
        } else {
            let width = std::io::stdout().is_terminal().then(columns);
            self.data(&human::status(view, self.stdout, self.details, width));
        }
    }

    /// Writes the 5xx responses during an operation, if there were any.
    pub fn errors(&self, errors: &[ErrorLine], when: &str) {
        if errors.is_empty() {
            return;
        }
        if self.is_json() {
            self.document(&serde_json::json!({ "event": "errors", "errors": errors }));
        }
        self.status(&human::errors(errors, when));
    }

    /// Writes the costs of a stack.
    pub fn estimate(&self, estimate: &Estimate) {
        if self.is_json() {
            self.document(estimate);
        } else {
            self.data(&cost::estimate(estimate, self.stdout));
        }
    }

    /// Writes the change of costs by a plan.
    pub fn difference(&self, before: &Estimate, after: &Estimate) {
        if self.is_json() {
            let more = after.month - before.month;
            self.document(&serde_json::json!({ "before": before, "after": after, "difference": more }));
        } else {
            self.data(&cost::difference(before, after, self.stdout));
        }
    }

    /// Writes the releases of a stack.
    pub fn releases(&self, view: &ReleasesView) {
        if self.is_json() {
            self.document(view);
        } else {
            self.data(&releases::render(view, self.stdout));
        }
    }

    /// Writes the jobs of a stack.
    pub fn jobs(&self, view: &JobsView) {
        if self.is_json() {
            self.document(view);
        } else {
            self.data(&jobs::render(view, self.stdout));
        }
    }

    /// Writes the secrets of a stack.
    pub fn secrets(&self, view: &SecretsView) {
        if self.is_json() {
            self.document(view);
        } else {
            self.data(&secrets::render(view, self.stdout));
        }
    }

    /// Writes an error and its hint to standard error. For programs, also writes an error document to standard output.
    pub fn error(&self, message: &str, hint: Option<&str>) {
        if self.is_json() {
            self.document(&serde_json::json!({ "event": "error", "error": { "message": message, "hint": hint } }));
        }
        self.print_error(message, hint);
    }

    fn print_error(&self, message: &str, hint: Option<&str>) {
        let mut stderr = std::io::stderr().lock();
        write_line(&mut stderr, &format!("{} {}", self.stderr.bad("error:"), readable(message)));
        if let Some(hint) = hint {
            write_line(&mut stderr, &format!("{} {}", self.stderr.hint("hint:"), readable(hint)));
        }
    }

    /// Writes the failure that stopped a command, with its explanation. For programs, also writes it as data.
    pub fn failure(&self, failure: &Failure) {
        let (text, hint) = (human::failure(None, failure), failure.hint.as_deref());
        if self.is_json() {
            let error = serde_json::json!({ "message": text, "hint": hint, "failure": failure });
            self.document(&serde_json::json!({ "event": "error", "error": error }));
        }
        self.print_error(&text, hint);
    }

    /// Writes a text that is already formatted, such as the errors of stack.yaml.
    pub fn raw_error(&self, text: &str) {
        write_line(&mut std::io::stderr().lock(), text);
    }

    /// Clears the terminal, for a view that is shown anew; leaves a file as it is.
    pub fn clear(&self) {
        let terminal = dialoguer::console::Term::stdout();
        if terminal.is_term() && !self.is_json() {
            // A terminal that cannot be cleared scrolls.
            drop(terminal.clear_screen());
        }
    }

    /// The last line of a run that has done all of its plan: how many of what, and how long it took.
    pub fn done(&self, done: &[(Address, Action)], took: Duration) {
        let counted = [Action::Create, Action::Update, Action::Narrow, Action::Replace, Action::Run, Action::Delete];
        let counts = counted.into_iter().map(|action| (action, done.iter().filter(|(_, own)| *own == action).count()));
        let counts = counts.filter(|(_, count)| *count > 0);
        let counts: Vec<String> = counts.map(|(action, count)| format!("{count} {}", progress::past(action))).collect();
        let what = if counts.is_empty() { "everything is ready".to_owned() } else { counts.join(", ") };
        self.status(&format!("Done in {}: {what}.", progress::clock(took)));
    }

    /// Prints the failures of a run once more at its end, each in one line, if other lines may stand below them.
    pub fn failures(&self, failed: &[(Address, Failure)], steps: usize) {
        for (address, failure) in failed.iter().filter(|_| failed.len() > 1 || steps > FEW_STEPS) {
            let text = human::failure(Some(address), failure);
            self.status(&format!("{} {}", self.stderr.bad("✗"), text.lines().next().unwrap_or_default()));
        }
    }

    /// Asks a question on the terminal. Returns `None` if there is no terminal.
    pub fn ask(&self, question: &str) -> Option<String> {
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() || self.is_json() {
            return None;
        }
        let width = columns();
        let mut prompt = question;
        // The library would break a long question inside a word.
        if let Some((lead, rest)) = question.rsplit_once("? ").filter(|_| question.chars().count() + 2 > width) {
            write_line(&mut std::io::stderr().lock(), &text::wrapped(&format!("{lead}?"), Some(width), 0));
            prompt = rest;
        }
        dialoguer::Input::<String>::new().with_prompt(prompt).allow_empty(true).interact_text().ok()
    }

    /// Asks for a value that is not shown while it is typed.
    ///
    /// # Errors
    /// If there is no terminal.
    pub fn ask_unseen(&self, question: &str) -> std::io::Result<String> {
        let terminal = dialoguer::console::Term::stderr();
        terminal.write_str(&format!("{question}: "))?;
        terminal.read_secure_line()
    }
}

/// How many columns the terminal has.
fn columns() -> usize {
    let (_, columns) = dialoguer::console::Term::stderr().size();
    columns.into()
}
