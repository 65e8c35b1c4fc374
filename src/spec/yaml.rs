//! YAML as a tree of nodes that know where they stand. The only module that knows the parser.
//!
//! Anchors, aliases and tags are refused: a stack file has no use for them, and an alias can make a small file a large
//! tree.

use std::collections::BTreeSet;

use saphyr_parser::{Event, Parser, ScalarStyle, Span as ParserSpan};

use super::problem::{Collector, Span};

/// How deep lists and mappings may stand in each other; stack.yaml needs six.
const DEEPEST: usize = 32;

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) value: Value,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A scalar: its text, and whether it stands without quotes, as `3000` or `true` does.
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A key and its place.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) span: Span,
    pub(super) text: String,
}

impl Node {
    /// The entries, if it is a mapping.
    pub(super) fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The keys that stand twice in a mapping, by their places.
    pub(super) fn duplicates(&self) -> BTreeSet<usize> {
        let mut seen = BTreeSet::new();
        let keys = self.entries().iter().enumerate();
        keys.filter(|(_, (key, _))| !seen.insert(key.text.clone())).map(|(index, _)| index).collect()
    }

    /// Whether it is empty: nothing at all, `~` or `null`.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The text, if it is one value.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Whether it is the number 0.
    pub(super) fn is_zero(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if text.parse() == Ok(0_u32))
    }

    /// What it is, in words.
    pub(super) fn what(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Value::Scalar { text, plain: true } if matches!(text.as_str(), "true" | "false") => "true or false",
            Value::Scalar { text, plain: true } if text.parse::<f64>().is_ok() => "a number",
            Value::Scalar { .. } => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// A list or mapping that is not finished.
enum Open {
    List(Span, Vec<Node>),
    Map(Span, Vec<(Key, Node)>, Option<Key>),
}

/// Whether the indentation of the line `number`, counted from 1, has a tab in it: YAML takes spaces alone.
fn has_tab_in_indentation(text: &str, number: usize) -> bool {
    let line = text.lines().nth(number.saturating_sub(1)).unwrap_or_default();
    line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t')
}

/// The one document of `text`; none if there is a problem that leaves no tree to look at.
pub(super) fn parse(text: &str, problems: &mut Collector) -> Option<Node> {
    let mut stack: Vec<Open> = Vec::new();
    let mut root = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok((event, span)) => (event, here(&span)),
            Err(error) => {
                let at = error.marker();
                let span = Span { start: at.index(), end: at.index() + 1 };
                let hint = if has_tab_in_indentation(text, at.line()) {
                    "indent with spaces"
                } else {
                    "see https://yaml.org for its rules"
                };
                problems.add(span, "", format!("this is not YAML: {}", error.info()), hint);
                return None;
            }
        };
        let node = match event {
            Event::DocumentStart(_) if root.is_some() => {
                problems.add(span, "", "there is a second document", "keep one stack a file");
                return None;
            }
            Event::Alias(_) => {
                problems.add(span, "", "aliases are not supported", "write the value out");
                return None;
            }
            Event::Scalar(_, _, anchor, _) | Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _)
                if anchor > 0 =>
            {
                problems.add(span, "", "anchors are not supported", "write the value out where it is needed");
                return None;
            }
            Event::SequenceStart(..) | Event::MappingStart(..) if stack.len() >= DEEPEST => {
                problems.add(
                    span,
                    "",
                    format!("this is nested more than {DEEPEST} deep"),
                    "stack.yaml needs no such depth",
                );
                return None;
            }
            Event::Scalar(text, style, ..) => {
                let value = Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                Some(Node { span, value })
            }
            Event::SequenceStart(..) => {
                stack.push(Open::List(span, Vec::new()));
                None
            }
            Event::MappingStart(..) => {
                stack.push(Open::Map(span, Vec::new(), None));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => match stack.pop() {
                Some(Open::List(start, items)) => {
                    Some(Node { span: Span { start: start.start, end: span.end }, value: Value::List(items) })
                }
                Some(Open::Map(start, entries, _)) => {
                    Some(Node { span: Span { start: start.start, end: span.end }, value: Value::Map(entries) })
                }
                None => None,
            },
            _ => None,
        };
        if let Some(node) = node {
            place(node, &mut stack, &mut root, problems)?;
        }
    }
    if root.as_ref().is_none_or(Node::is_null) {
        problems.add(Span { start: 0, end: 1 }, "", "the file is empty", "start from the example in README.md");
        return None;
    }
    root
}

/// Puts a finished node where it belongs. None if it is a key that is no text.
fn place(node: Node, stack: &mut [Open], root: &mut Option<Node>, problems: &mut Collector) -> Option<()> {
    match stack.last_mut() {
        None => *root = Some(node),
        Some(Open::List(_, items)) => items.push(node),
        Some(Open::Map(_, entries, key)) => match key.take() {
            Some(key) => entries.push((key, node)),
            None => {
                if let Value::Scalar { text, .. } = node.value {
                    *key = Some(Key { span: node.span, text });
                } else {
                    problems.add(node.span, "", "a key has to be text", "write the key out");
                    return None;
                }
            }
        },
    }
    Some(())
}

fn here(span: &ParserSpan) -> Span {
    Span { start: span.start.index(), end: span.end.index() }
}
