//! Parses YAML into a tree of nodes with source positions. No other module uses the YAML parser directly.
//!
//! [`parse`] reads a stack file. It refuses anchors and aliases: a stack file does not need them, and aliases can turn
//! a small file into a large tree. [`parse_foreign`] reads files of other tools, which use anchors, aliases and tags.

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span as ParserSpan, Tag};

use super::{
    problem::{Collector, Span},
    syntax,
};

/// The maximum nesting depth of lists and mappings. stack.yaml needs six levels.
const DEEPEST: usize = 32;

/// The maximum number of nodes that the aliases of a file expand to. The largest application that was examined has
/// 2,000 nodes in total.
const MOST_ALIASED: usize = 100_000;

/// A value and its position.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

/// The content of a node.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A scalar: its text, and whether it is unquoted, such as `3000` or `true`.
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A key and its position.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) span: Span,
    pub(crate) text: String,
}

impl Node {
    /// Returns the entries of a mapping.
    pub(crate) fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Returns the indexes of the entries whose key occurs earlier in the same mapping.
    pub(crate) fn duplicates(&self) -> BTreeSet<usize> {
        let mut seen = BTreeSet::new();
        let keys = self.entries().iter().enumerate();
        keys.filter(|(_, (key, _))| !seen.insert(key.text.clone())).map(|(index, _)| index).collect()
    }

    /// Returns the number of nodes in this subtree, including this node.
    fn size(&self) -> usize {
        1 + match &self.value {
            Value::Scalar { .. } => 0,
            Value::List(items) => items.iter().map(Self::size).sum(),
            Value::Map(entries) => entries.iter().map(|(_, node)| node.size()).sum(),
        }
    }

    /// Returns whether the node is empty: no text, `~` or `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Returns the text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Returns whether the node is the number 0.
    pub(crate) fn is_zero(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if text.parse() == Ok(0_u32))
    }

    /// Describes the type of the node for messages.
    pub(crate) fn what(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Value::Scalar { text, plain: true } if matches!(text.as_str(), "true" | "false") => "a boolean",
            Value::Scalar { text, plain: true } if text.parse::<f64>().is_ok() => "a number",
            Value::Scalar { .. } => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// A list or mapping that is still being read, and where it starts.
struct Open {
    span: Span,
    /// The number of the anchor; 0 if there is none.
    anchor: usize,
    what: Unfinished,
}

enum Unfinished {
    List(Vec<Node>),
    /// The entries, and the key that has no value yet.
    Map(Vec<(Key, Node)>, Option<Key>),
}

/// Parses the only document of `text`. Returns `None` if a problem leaves no tree.
pub(crate) fn parse(text: &str, problems: &mut Collector) -> Option<Node> {
    let root = Builder { text, aliases: None, tags: BTreeMap::new() }.build(problems)?;
    if root.as_ref().is_none_or(Node::is_null) {
        problems.add(Span { start: 0, end: 1 }, "", "the file is empty", "run `stackctl init --force` to write one");
        return None;
    }
    root
}

/// A file of another tool.
#[derive(Debug)]
pub(crate) struct Foreign {
    /// The only document. Each alias is replaced with a copy of its target, with the positions of the target.
    pub(crate) root: Node,
    /// The tags, such as `!Sub`, by the start of the tagged node.
    pub(crate) tags: BTreeMap<usize, String>,
}

/// Like [`parse`], for a file of another tool, which may contain anchors, aliases and tags.
pub(crate) fn parse_foreign(text: &str, problems: &mut Collector) -> Option<Foreign> {
    let mut builder = Builder { text, aliases: Some(Aliases::default()), tags: BTreeMap::new() };
    let root = builder.build(problems)?;
    let Some(root) = root.filter(|root| !root.is_null()) else {
        problems.add(Span { start: 0, end: 1 }, "", "the file is empty", "");
        return None;
    };
    Some(Foreign { root, tags: builder.tags })
}

/// The nodes with an anchor, by its number, and the number of nodes that aliases have added.
#[derive(Default)]
struct Aliases {
    anchored: BTreeMap<usize, Node>,
    copied: usize,
}

/// Builds the tree of nodes from parser events.
struct Builder<'a> {
    text: &'a str,
    /// `None` if anchors and aliases are not allowed.
    aliases: Option<Aliases>,
    tags: BTreeMap<usize, String>,
}

impl Builder<'_> {
    /// Builds the tree. Returns `Some(None)` for an empty text, and `None` if there is a problem.
    #[expect(clippy::option_option, reason = "an empty text is no problem, and has no tree")]
    fn build(&mut self, problems: &mut Collector) -> Option<Option<Node>> {
        let mut stack: Vec<Open> = Vec::new();
        let mut root = None;
        for event in Parser::new_from_str(self.text) {
            let (event, span) = match event {
                Ok((event, span)) => (event, here(&span)),
                Err(error) => {
                    self.tell(&error, problems);
                    return None;
                }
            };
            if let Some((message, hint)) = self.refusal(&event, root.is_some(), stack.len()) {
                problems.add(span, "", message, hint);
                return None;
            }
            let (node, anchor) = match event {
                Event::Alias(anchor) => {
                    let node = self.copy(anchor, span, problems)?;
                    (node, 0)
                }
                Event::Scalar(text, style, anchor, tag) => {
                    self.note_tag(span, tag.as_deref());
                    let value = Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                    (Node { span, value }, anchor)
                }
                Event::SequenceStart(anchor, tag) => {
                    self.note_tag(span, tag.as_deref());
                    stack.push(Open { span, anchor, what: Unfinished::List(Vec::new()) });
                    continue;
                }
                Event::MappingStart(anchor, tag) => {
                    self.note_tag(span, tag.as_deref());
                    stack.push(Open { span, anchor, what: Unfinished::Map(Vec::new(), None) });
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    let Some(open) = stack.pop() else { continue };
                    let value = match open.what {
                        Unfinished::List(items) => Value::List(items),
                        Unfinished::Map(entries, _) => Value::Map(entries),
                    };
                    (Node { span: Span { start: open.span.start, end: span.end }, value }, open.anchor)
                }
                _ => continue,
            };
            if let Some(aliases) = self.aliases.as_mut().filter(|_| anchor > 0) {
                aliases.anchored.insert(anchor, node.clone());
            }
            place(node, &mut stack, &mut root, problems)?;
        }
        Some(root)
    }

    /// Returns the reason and a hint if `event` must be refused.
    fn refusal(&self, event: &Event, is_second: bool, depth: usize) -> Option<(String, &'static str)> {
        let may_alias = self.aliases.is_some();
        match event {
            Event::DocumentStart(_) if is_second && may_alias => {
                Some(("found a second YAML document".to_owned(), "keep one document in each file"))
            }
            Event::DocumentStart(_) if is_second => {
                Some(("found a second YAML document".to_owned(), "write each stack in its own file"))
            }
            Event::Alias(_) if !may_alias => {
                let hint = "repeat the value instead; put a value that begins with * in quotes";
                Some(("YAML aliases are not supported".to_owned(), hint))
            }
            Event::Scalar(_, _, anchor, _) | Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _)
                if *anchor > 0 && !may_alias =>
            {
                Some(("YAML anchors are not supported".to_owned(), "repeat the value where it is needed"))
            }
            Event::SequenceStart(..) | Event::MappingStart(..) if depth >= DEEPEST => {
                Some((format!("the values are nested more than {DEEPEST} levels deep"), "use fewer levels"))
            }
            _ => None,
        }
    }

    /// Returns a copy of the node with this anchor.
    fn copy(&mut self, anchor: usize, span: Span, problems: &mut Collector) -> Option<Node> {
        let aliases = self.aliases.as_mut()?;
        let Some(node) = aliases.anchored.get(&anchor) else {
            problems.add(span, "", "this alias refers to a value that contains it", "repeat the value instead");
            return None;
        };
        aliases.copied += node.size();
        if aliases.copied > MOST_ALIASED {
            let message = format!("the aliases of this file expand to more than {MOST_ALIASED} values");
            problems.add(span, "", message, "use fewer aliases");
            return None;
        }
        Some(node.clone())
    }

    fn note_tag(&mut self, span: Span, tag: Option<&Tag>) {
        if let Some(tag) = tag.filter(|_| self.aliases.is_some()) {
            self.tags.insert(span.start, format!("{}{}", tag.handle, tag.suffix));
        }
    }

    /// Reports that the text is not valid YAML.
    fn tell(&self, error: &ScanError, problems: &mut Collector) {
        let at = error.marker();
        let span = Span { start: at.index(), end: at.index() + 1 };
        let lines: Vec<&str> = self.text.lines().take(at.line()).collect();
        let hint = syntax::help(&lines)
            .unwrap_or_else(|| "check the indentation, quotes and brackets of this line and the line above".to_owned());
        problems.add(span, "", format!("invalid YAML: {}", error.info()), hint);
    }
}

/// Adds a finished node to its parent. Returns `None` if the node is a key that is not text.
fn place(node: Node, stack: &mut [Open], root: &mut Option<Node>, problems: &mut Collector) -> Option<()> {
    match stack.last_mut().map(|open| &mut open.what) {
        None => *root = Some(node),
        Some(Unfinished::List(items)) => items.push(node),
        Some(Unfinished::Map(entries, key)) => match key.take() {
            Some(key) => entries.push((key, node)),
            None => {
                if let Value::Scalar { text, .. } = node.value {
                    *key = Some(Key { span: node.span, text });
                } else {
                    let message = format!("expected text as a key, found {}", node.what());
                    let hint = "write `key: value`; put a value that begins with { or [ in quotes";
                    problems.add(node.span, "", message, hint);
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
