//! Formats log lines: for people with a colour for each task and readable JSON, for programs unchanged.

use std::{
    collections::{HashMap, VecDeque},
    io::Write,
};

use serde_json::{Map, Value, json};

use super::{format::Format, style::Style};
use crate::{
    logs::Line,
    model::{LONGEST_LINE, cut},
};

/// How many characters of a task's id are shown. They tell apart the tasks of an hour.
const SHOWN_OF_ID: usize = 8;

/// The names that programs use for the time, the level and the message of a log record.
const TIME: &[&str] = &["timestamp", "time", "ts", "@timestamp"];
const LEVEL: &[&str] = &["level", "severity", "lvl"];
const MESSAGE: &[&str] = &["message", "msg"];

/// Writes lines of logs to standard output.
pub struct LogWriter {
    format: Format,
    style: Style,
    grep: Option<String>,
    /// Whether standard output is a terminal, where long lines are cut.
    terminal: bool,
    /// The colour of each task.
    tasks: HashMap<String, usize>,
    /// The last lines, while only these are wanted.
    held: Option<Held>,
    /// How many lines were written.
    written: usize,
}

/// The last lines of many.
struct Held {
    most: usize,
    lines: VecDeque<String>,
}

/// A log line that is a JSON object, in its parts.
struct Record {
    time: Option<String>,
    level: Option<String>,
    message: String,
    fields: Vec<(String, String)>,
}

impl LogWriter {
    pub(super) fn new(format: Format, style: Style, grep: Option<String>, terminal: bool) -> Self {
        Self { format, style, grep, terminal, tasks: HashMap::new(), held: None, written: 0 }
    }

    /// Keeps the last `most` lines back until [`Self::release`], instead of writing all. Forgets lines kept before.
    pub fn hold(&mut self, most: usize) {
        self.held = Some(Held { most, lines: VecDeque::new() });
    }

    /// How many lines are kept back.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.lines.len())
    }

    /// How many lines were written.
    #[must_use]
    pub fn written(&self) -> usize {
        self.written
    }

    /// Writes the lines that were kept back, and from now on every line; false when nobody reads them any more.
    pub fn release(&mut self) -> bool {
        let held = self.held.take();
        self.print(held.into_iter().flat_map(|held| held.lines).collect())
    }

    /// Writes those of `lines` that contain the wanted text; false when nobody reads them any more.
    pub fn write(&mut self, lines: &[Line]) -> bool {
        let lines: Vec<String> = lines.iter().filter_map(|line| self.line(line)).collect();
        let Some(held) = &mut self.held else { return self.print(lines) };
        held.lines.extend(lines);
        held.lines.drain(..held.lines.len().saturating_sub(held.most));
        true
    }

    fn print(&mut self, lines: Vec<String>) -> bool {
        self.written += lines.len();
        let text: String = lines.into_iter().map(|line| line + "\n").collect();
        let mut stdout = std::io::stdout().lock();
        // A closed pipe (`stackctl logs | head`) is not an error.
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_ok()
    }

    fn line(&mut self, line: &Line) -> Option<String> {
        let record = record(&line.message);
        let plain = record.as_ref().map_or_else(|| printable(&line.message), |record| record.text(Style::new(false)));
        let wanted = |text: &String| line.message.contains(text.as_str()) || plain.contains(text.as_str());
        if !self.grep.as_ref().is_none_or(wanted) {
            return None;
        }
        let time = time(line.time);
        if self.format == Format::Json {
            let (service, task, message) = (&line.service, &line.task, &line.message);
            let document =
                json!({ "event": "log", "time": time, "service": service, "task": task, "message": message });
            return Some(document.to_string());
        }
        let (record, plain) = if self.terminal && line.message.len() > LONGEST_LINE {
            (None, printable(&cut(&line.message, LONGEST_LINE)))
        } else {
            (record, plain)
        };
        let next = self.tasks.len();
        let number = *self.tasks.entry(line.task.clone()).or_insert(next);
        let id: String = line.task.chars().take(SHOWN_OF_ID).collect();
        let task = self.style.numbered(format!("{}/{id}", line.service), number);
        // The time in the record is more precise than the time of the log event.
        let time = record.as_ref().and_then(|record| record.time.clone()).unwrap_or(time);
        let text = record.map_or(plain, |record| record.text(self.style));
        Some(format!("{} {task} {text}", self.style.dim(time)))
    }
}

impl Record {
    /// Formats level, message and fields.
    fn text(&self, style: Style) -> String {
        let level = self.level.as_ref().map(|level| {
            let padded = format!("{level:<5}");
            match level.as_str() {
                "ERROR" | "FATAL" | "CRITICAL" => style.bad(padded),
                "WARN" | "WARNING" => style.changed(padded),
                "INFO" => style.good(padded),
                _ => style.dim(padded),
            }
        });
        let message = Some(self.message.clone()).filter(|message| !message.is_empty());
        let fields = self.fields.iter().map(|(name, value)| format!("{}{value}", style.dim(format!("{name}="))));
        level.into_iter().chain(message).chain(fields).collect::<Vec<_>>().join(" ")
    }
}

/// Parses a line that is a JSON object. Returns `None` for any other line.
fn record(message: &str) -> Option<Record> {
    if !message.trim_start().starts_with('{') {
        return None;
    }
    let mut object: Map<String, Value> = serde_json::from_str(message).ok()?;
    // `tracing` puts the event's own fields here.
    if let Some(Value::Object(fields)) = object.get("fields").cloned() {
        object.shift_remove("fields");
        object.extend(fields);
    }
    let mut take = |names: &[&str]| {
        let name = names.iter().find(|name| matches!(object.get(**name), Some(Value::String(_))))?;
        object.shift_remove(*name).and_then(|value| value.as_str().map(printable))
    };
    let read = |text: String| text.parse::<jiff::Timestamp>().ok().map(|at| time(at.as_millisecond()));
    let (time, level, message) = (take(TIME).and_then(read), take(LEVEL), take(MESSAGE));
    let fields = object.iter().map(|(name, value)| (printable(name), shown(value))).collect();
    Some(Record { time, level: level.map(|level| level.to_uppercase()), message: message.unwrap_or_default(), fields })
}

/// Formats the value of a field: simple text without quotes, everything else as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() && !text.contains([' ', '"', '=', '\n']) => printable(text),
        other => printable(&other.to_string()),
    }
}

/// Removes control sequences from a text, because logs may contain untrusted input.
fn printable(text: &str) -> String {
    let text = anstream::adapter::strip_str(text).to_string();
    text.chars().filter(|c| !c.is_control() || matches!(c, '\t' | '\n')).collect()
}

fn time(milliseconds: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(milliseconds).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown_as(grep: Option<&str>, message: &str) -> Option<String> {
        let line = Line {
            id: "1".into(),
            time: 1_795_000_000_123,
            service: "web".into(),
            task: "c71a9526fab84618".into(),
            message: message.into(),
        };
        LogWriter::new(Format::Human, Style::new(false), grep.map(str::to_owned), true).line(&line)
    }

    #[test]
    fn a_json_line_is_shown_as_time_level_message_and_fields() {
        let line = r#"{"timestamp":"2026-11-21T07:49:57.790490Z","level":"info","message":"served","path":"/a b","status":200}"#;
        assert_eq!(
            shown_as(None, line).as_deref(),
            Some(r#"2026-11-21T07:49:57.790Z web/c71a9526 INFO  served path="/a b" status=200"#)
        );
        let nested = r#"{"level":"ERROR","fields":{"message":"no","of":{"a":[1]}},"target":"app"}"#;
        assert_eq!(
            shown_as(None, nested).as_deref(),
            Some(r#"2026-11-18T11:06:40.123Z web/c71a9526 ERROR no target=app of={"a":[1]}"#)
        );
    }

    #[test]
    fn other_lines_are_shown_without_control_codes() {
        for (line, shown) in [
            ("plain", "plain"),
            ("{not json", "{not json"),
            ("\u{1b}[31mred\u{1b}[0m\u{7}", "red"),
            ("a\tb", "a\tb"),
            ("", ""),
        ] {
            let expected = format!("2026-11-18T11:06:40.123Z web/c71a9526 {shown}");
            assert_eq!(shown_as(None, line), Some(expected), "{line}");
        }
    }

    #[test]
    fn a_long_line_is_cut_on_a_terminal() {
        let long = format!("{}needle", "a".repeat(1_000_000));
        let shown = shown_as(Some("needle"), &long).expect("it is found in the whole line");
        assert!(shown.len() < 9_000 && shown.ends_with("a … (992006 more characters)"), "{}", shown.len());
    }

    #[test]
    fn grep_finds_text_in_the_raw_and_the_shown_line() {
        let line = r#"{"level":"INFO","message":"served","status":200}"#;
        for found in ["INFO  served status=200", r#""status":200"#, "serv"] {
            assert!(shown_as(Some(found), line).is_some(), "{found}");
        }
        for missing in ["SERVED", "status=201"] {
            assert_eq!(shown_as(Some(missing), line), None, "{missing}");
        }
    }

    #[test]
    fn only_the_last_wanted_lines_are_kept_back() {
        let mut writer = LogWriter::new(Format::Human, Style::new(false), Some("yes".into()), false);
        let line = |message: &str| Line {
            id: "1".into(),
            time: 0,
            service: "web".into(),
            task: "1".into(),
            message: message.into(),
        };
        writer.hold(2);
        assert!(writer.write(&["yes 1", "yes 2", "no"].map(line)) && writer.write(&["yes 3", "no"].map(line)));
        let held = writer.held.as_ref().expect("they are kept back");
        assert!(held.lines[0].ends_with("yes 2") && held.lines[1].ends_with("yes 3"), "{:?}", held.lines);
        assert_eq!((writer.held(), writer.written()), (2, 0));
        assert!(writer.release());
        assert_eq!((writer.held(), writer.written()), (0, 2));
    }

    #[test]
    fn each_task_has_a_colour_of_its_own_and_keeps_it() {
        let mut writer = LogWriter::new(Format::Human, Style::new(true), None, true);
        let mut colour = |task: &str| {
            let line = Line { id: "1".into(), time: 0, service: "web".into(), task: task.into(), message: "a".into() };
            let shown = writer.line(&line).expect("nothing is looked for");
            shown.split("web/").next().expect("there is something before it").to_owned()
        };
        let (one, other) = (colour("1"), colour("2"));
        assert_ne!(one, other);
        assert_eq!(one, colour("1"));
    }
}
