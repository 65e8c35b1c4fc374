//! Reading a mapping key by key, each value in its type, each problem in its place.

use super::{
    duplicates, nearest,
    problem::{Collector, Span},
    yaml::{Key, Node, Value},
};

/// A mapping that is being read.
pub(super) struct Map<'a> {
    pub(super) span: Span,
    pub(super) path: String,
    entries: &'a [(Key, Node)],
}

/// A key's value, with the path that leads to it.
#[derive(Clone)]
pub(super) struct Field<'a> {
    pub(super) key: &'a Key,
    pub(super) node: &'a Node,
    pub(super) path: String,
}

impl<'a> Map<'a> {
    /// `node` as a mapping with the keys `known`; those of `later` are understood and not supported yet.
    pub(super) fn new(
        node: &'a Node,
        path: &str,
        known: &[&str],
        later: &[&str],
        problems: &mut Collector,
    ) -> Option<Self> {
        let map = Self::open(node, path, problems)?;
        for (key, _) in map.entries {
            let at = map.path_of(&key.text);
            if later.contains(&key.text.as_str()) {
                let hint = "leave it out; docs/stack-yaml.md says what this version does";
                problems.add(key.span, &at, format!("`{at}` is not supported yet"), hint);
            } else if !known.contains(&key.text.as_str()) {
                let hint = match nearest(&key.text, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the keys here are: {}", known.join(", ")),
                };
                problems.add(key.span, &at, format!("there is no key `{}` here", key.text), hint);
            }
        }
        Some(map)
    }

    /// `node` as a mapping whose keys are names that the user chose.
    pub(super) fn open(node: &'a Node, path: &str, problems: &mut Collector) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            let of = if path.is_empty() { "the file".to_owned() } else { format!("`{path}`") };
            let hint = "write `key: value` lines under it";
            problems.add(node.span, path, format!("{of} has to be a mapping, and is {}", node.what()), hint);
            return None;
        };
        let map = Self { span: node.span, path: path.to_owned(), entries };
        for index in duplicates(node) {
            let key = &entries[index].0;
            problems.add(
                key.span,
                &map.path_of(&key.text),
                format!("`{}` stands here twice", key.text),
                "keep one of them",
            );
        }
        Some(map)
    }

    /// The value of `key`, if it is there and not empty.
    pub(super) fn get(&self, key: &str) -> Option<Field<'a>> {
        self.fields().find(|field| field.key.text == key).filter(|field| !field.node.is_null())
    }

    /// All of its fields, in the order of the file.
    pub(super) fn fields(&self) -> impl Iterator<Item = Field<'a>> {
        self.entries.iter().map(|(key, node)| Field { key, node, path: self.path_of(&key.text) })
    }

    /// The value of `key`, which has to be there.
    pub(super) fn required(&self, key: &str, example: &str, problems: &mut Collector) -> Option<Field<'a>> {
        let field = self.get(key);
        if field.is_none() {
            let of = if self.path.is_empty() { String::new() } else { format!(" in `{}`", self.path) };
            problems.add(
                self.span,
                &self.path_of(key),
                format!("`{key}` is missing{of}"),
                format!("add `{key}: {example}`"),
            );
        }
        field
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

impl<'a> Field<'a> {
    /// A problem of this value.
    pub(super) fn wrong(&self, message: impl Into<String>, hint: impl Into<String>, problems: &mut Collector) {
        problems.add(self.node.span, &self.path, message, hint);
    }

    fn expected(&self, what: &str, hint: &str, problems: &mut Collector) {
        self.wrong(format!("expected {what}, found {}", self.node.what()), hint, problems);
    }

    /// As text. A bare number or truth value is not taken for text: YAML reads `1.10` as a number.
    pub(super) fn text(&self, problems: &mut Collector) -> Option<String> {
        match &self.node.value {
            Value::Scalar { text, .. } if self.node.what() == "text" => Some(text.clone()),
            Value::Scalar { text, .. } => {
                self.expected("text", &format!("put it in quotes: \"{text}\""), problems);
                None
            }
            _ => {
                self.expected("text", "write one value here", problems);
                None
            }
        }
    }

    /// As text, where a number will do as well.
    pub(super) fn loose_text(&self, problems: &mut Collector) -> Option<String> {
        match &self.node.value {
            Value::Scalar { text, .. } => Some(text.clone()),
            _ => self.text(problems),
        }
    }

    /// As a whole number from `least` to `most`.
    pub(super) fn number(&self, least: u32, most: u32, problems: &mut Collector) -> Option<u32> {
        let range = format!("a whole number from {least} to {most}");
        let Value::Scalar { text, plain } = &self.node.value else {
            self.expected(&range, "write one number here", problems);
            return None;
        };
        match text.parse::<u32>() {
            Ok(number) if (least..=most).contains(&number) && *plain => Some(number),
            Ok(_) if !plain => {
                self.expected(&range, "leave out the quotes", problems);
                None
            }
            _ => {
                self.wrong(format!("expected {range}, found `{text}`"), "", problems);
                None
            }
        }
    }

    /// As a time in whole seconds, with or without the unit `s`.
    pub(super) fn seconds(&self, least: u32, most: u32, problems: &mut Collector) -> Option<u32> {
        let Value::Scalar { text, .. } = &self.node.value else { return self.number(least, most, problems) };
        let (number, factor) = match text.strip_suffix('m') {
            Some(minutes) => (minutes, 60),
            None => (text.strip_suffix('s').unwrap_or(text), 1),
        };
        let seconds = number.trim().parse::<u32>().ok().and_then(|number| number.checked_mul(factor));
        let within = seconds.filter(|seconds| (least..=most).contains(seconds));
        if within.is_none() {
            let message = format!("expected {least} to {most} seconds, found `{text}`");
            self.wrong(message, "write a number of seconds, such as 30 or 30s", problems);
        }
        within
    }

    /// As true or false.
    pub(super) fn truth(&self, problems: &mut Collector) -> Option<bool> {
        match &self.node.value {
            Value::Scalar { text, plain: true } if text == "true" => Some(true),
            Value::Scalar { text, plain: true } if text == "false" => Some(false),
            _ => {
                self.expected("true or false", "write true or false, without quotes", problems);
                None
            }
        }
    }

    /// As one of the words that `known` has a value for.
    pub(super) fn word<T: Copy>(&self, known: &[(&str, T)], problems: &mut Collector) -> Option<T> {
        let text = self.text(problems)?;
        if let Some((_, value)) = known.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        let hint = match nearest(&text, words.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => String::new(),
        };
        self.wrong(format!("`{text}` is none of: {}", words.join(", ")), hint, problems);
        None
    }

    /// As a list, each with its own place.
    pub(super) fn items(&self, problems: &mut Collector) -> Option<Vec<Field<'a>>> {
        let Value::List(items) = &self.node.value else {
            self.expected("a list", "write it in brackets: [one, two]", problems);
            return None;
        };
        let item = |(index, node)| Field { key: self.key, node, path: format!("{}[{index}]", self.path) };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// As a list of texts.
    pub(super) fn texts(&self, problems: &mut Collector) -> Option<Vec<(Field<'a>, String)>> {
        let items = self.items(problems)?;
        items.into_iter().map(|field| field.loose_text(problems).map(|text| (field, text))).collect()
    }
}
