//! Collects the problems in a file, each with its position and a hint, and renders them.

use std::{collections::BTreeSet, fmt};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

/// The maximum number of problems reported for one file. A file with more has a more basic problem.
const MOST: usize = 100;

/// A place in the text, in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// One problem in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The name of the file.
    pub file: String,
    /// The line, from 1, or 0 if the problem concerns the whole file.
    pub line: usize,
    /// The column in characters, from 1, or 0 if the problem concerns the whole file.
    pub column: usize,
    /// The key, such as `services.web.cpu`.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub hint: Option<String>,
    #[serde(skip)]
    bytes: std::ops::Range<usize>,
}

/// All problems in a file, with the text needed to show the affected lines.
#[derive(Clone, Debug)]
pub struct Problems {
    text: String,
    list: Vec<Problem>,
}

impl Problems {
    /// Creates a problem that concerns the whole file.
    pub(crate) fn whole(file: &str, message: String, hint: &str) -> Self {
        let problem = Problem {
            file: file.to_owned(),
            line: 0,
            column: 0,
            path: String::new(),
            message,
            hint: Some(hint.to_owned()),
            bytes: 0..0,
        };
        Self { text: String::new(), list: vec![problem] }
    }

    /// Returns the problems in file order.
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// Formats the problems for a terminal, with the affected lines.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let shown = self.list.iter().map(|problem| {
            let title = Level::ERROR.primary_title(problem.message.as_str());
            let mut group = if problem.line == 0 {
                Group::with_title(title)
            } else {
                let annotation = AnnotationKind::Primary.span(problem.bytes.clone());
                title.element(Snippet::source(self.text.as_str()).path(problem.file.as_str()).annotation(annotation))
            };
            if let Some(hint) = &problem.hint {
                group = group.element(Level::HELP.message(hint.as_str()));
            }
            renderer.render(&[group])
        });
        shown.collect::<Vec<_>>().join("\n\n")
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}

/// Collects problems while a file is read.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    found: BTreeSet<(Span, String, String, String, Part)>,
    /// Values that are unknown, whose problems are no longer reported.
    unknown: BTreeSet<Span>,
    /// Values that contain an environment variable of the caller.
    of_caller: BTreeSet<Span>,
}

/// A part of a value: its text, and how many times the same text occurs before it in the value. An empty text means the
/// whole value.
type Part = (String, usize);

impl Collector {
    /// Adds a problem. Duplicates are dropped, because parts that environments share are read once per environment.
    pub(crate) fn add(&mut self, span: Span, path: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.add_within(span, Part::default(), path, message, hint);
    }

    /// Like [`Self::add`], for a part of the value at `span`.
    pub(crate) fn add_within(
        &mut self,
        span: Span,
        part: Part,
        path: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        if !self.unknown.contains(&span) {
            self.found.insert((span, message.into(), hint.into(), path.to_owned(), part));
        }
    }

    /// Records that the value at `span` contains an environment variable of the caller.
    pub(crate) fn takes_variable(&mut self, span: Span) {
        self.of_caller.insert(span);
    }

    /// Returns whether the value at `span` contains an environment variable of the caller.
    pub(crate) fn has_variable(&self, span: Span) -> bool {
        self.of_caller.contains(&span)
    }

    /// Ignores further problems of the value at `span`: an earlier problem already explains why the value is unknown.
    pub(crate) fn silence(&mut self, span: Span) {
        self.unknown.insert(span);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Returns all problems with their positions in `text`.
    pub(crate) fn finish(self, file: &str, text: &str) -> Problems {
        let untold = self.found.len().saturating_sub(MOST);
        let list = self.found.into_iter().take(MOST).map(|(span, message, hint, path, part)| {
            let byte = |index: usize| text.char_indices().nth(index).map_or(text.len(), |(byte, _)| byte);
            let (start, end) = within(text, byte(span.start)..byte(span.end), &part);
            let before = &text[..start];
            let line_start = before.rfind('\n').map_or(0, |end| end + 1);
            // The span of a block mapping extends to the next key. Its first line is enough to show.
            let line_end = text[start..].find('\n').map_or(text.len(), |end| start + end);
            Problem {
                file: file.to_owned(),
                line: before.matches('\n').count() + 1,
                column: before[line_start..].chars().count() + 1,
                path,
                message,
                hint: Some(hint).filter(|hint| !hint.is_empty()),
                bytes: start..end.clamp(start, line_end.max(start)),
            }
        });
        let mut list: Vec<Problem> = list.collect();
        if untold > 0 {
            let message = format!("and {untold} more");
            list.extend(Problems::whole(file, message, "fix these problems first, then run `stackctl validate`").list);
        }
        Problems { list, text: text.to_owned() }
    }
}

/// Returns the start and the end of `part` in the value at `range`. If the text of the file does not contain `part`,
/// because it comes from an environment variable, returns the range of the whole value.
fn within(text: &str, range: std::ops::Range<usize>, (written, before): &Part) -> (usize, usize) {
    let whole = (range.start, range.end);
    if written.is_empty() {
        return whole;
    }
    let mut places = text.get(range.clone()).unwrap_or_default().match_indices(written.as_str());
    places.nth(*before).map_or(whole, |(at, _)| (range.start + at, range.start + at + written.len()))
}
