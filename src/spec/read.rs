//! Reads mappings key by key: converts each value to its type, and reports problems with their position.

use super::{
    keys::{Absence, Check, Key as Declared, Kind, Literal, Section},
    mistakes,
    nearest::{meant, nearest},
    problem::{Collector, Span},
    yaml::{Key, Node, Value},
};

/// A mapping with known keys. Its section declares the type of each value.
pub(super) struct Map<'a> {
    entries: Entries<'a>,
    section: &'static Section,
}

/// A mapping whose keys the user chose.
pub(super) struct Entries<'a> {
    span: Span,
    path: String,
    list: &'a [(Key, Node)],
}

/// A key's value, with the path that leads to it.
#[derive(Clone)]
pub(super) struct Field<'a> {
    pub(super) key: &'a Key,
    pub(super) node: &'a Node,
    pub(super) path: String,
}

impl<'a> Entries<'a> {
    /// Reads `node` as a mapping at `path`.
    pub(super) fn new(node: &'a Node, path: &str, problems: &mut Collector) -> Option<Self> {
        let Value::Map(list) = &node.value else {
            let of = if path.is_empty() { String::new() } else { format!(" for `{path}`") };
            let name = path.rsplit('.').next().unwrap_or_default();
            let hint = match node.what() {
                "nothing" => format!("write the keys of `{name}` below it, indented by two spaces"),
                "a boolean" if node.text() == Some("true") => format!("write `{name}: {{}}` for the defaults"),
                "a boolean" => format!("remove `{name}`"),
                _ => "write it as `key: value` lines".to_owned(),
            };
            problems.add(node.span, path, format!("expected a mapping{of}, found {}", node.what()), hint);
            return None;
        };
        let entries = Self { span: node.span, path: path.to_owned(), list };
        for index in node.duplicates() {
            let key = &list[index].0;
            let message = format!("duplicate key `{}`", key.text);
            problems.add(key.span, &entries.path_of(&key.text), message, "keep one of them");
        }
        Some(entries)
    }

    /// All fields, in the order of the file.
    pub(super) fn fields(&self) -> impl Iterator<Item = Field<'a>> {
        self.list.iter().map(|(key, node)| Field { key, node, path: self.path_of(&key.text) })
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

impl<'a> Map<'a> {
    /// Reads `node` as the mapping that `section` declares, at `path`. Reports unknown keys.
    pub(super) fn new(node: &'a Node, path: &str, section: &'static Section, problems: &mut Collector) -> Option<Self> {
        let entries = Entries::new(node, path, problems)?;
        for field in entries.fields() {
            let name = field.key.text.as_str();
            if section.find(name).is_none() {
                let hint = section.help_for(name).map_or_else(|| nearest_key(name, section), str::to_owned);
                problems.add(field.key.span, &field.path, format!("unknown key `{name}`"), hint);
                continue;
            }
            if field.node.text() == Some("") && field.node.is_null() {
                let hint = without_value(section.key(name));
                problems.add(field.key.span, &field.path, format!("`{name}` has no value"), hint);
            }
            // `image: { port: 80 }`: another tool has a mapping where stack.yaml has a plain value.
            for (inner, _) in field.node.entries() {
                if let Some(help) = section.help_for(&format!("{name}.{}", inner.text)) {
                    let path = format!("{}.{}", field.path, inner.text);
                    problems.add(inner.span, &path, format!("unknown key `{}`", inner.text), help);
                    problems.silence(field.node.span);
                }
            }
        }
        Some(Self { entries, section })
    }

    /// The mapping that `section` declares, with every key absent.
    pub(super) fn empty(section: &'static Section) -> Self {
        Self { entries: Entries { span: Span::default(), path: String::new(), list: &[] }, section }
    }

    /// All fields, in the order of the file.
    pub(super) fn fields(&self) -> impl Iterator<Item = Field<'a>> {
        self.entries.fields()
    }

    /// Returns the value of `key`, if it exists and is not empty.
    pub(super) fn get(&self, key: &str) -> Option<Field<'a>> {
        let declared = self.section.key(key);
        self.fields().find(|field| field.key.text == declared.name).filter(|field| !field.node.is_null())
    }

    /// Reports a problem with the value of `key`, if it exists.
    pub(super) fn wrong(
        &self,
        key: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
        problems: &mut Collector,
    ) {
        if let Some(field) = self.get(key) {
            field.wrong(message, hint, problems);
        }
    }

    /// Returns the value of `key`; reports a problem if it is required and missing.
    pub(super) fn required(&self, key: &str, problems: &mut Collector) -> Option<Field<'a>> {
        match self.section.key(key).absence {
            Absence::Error(example) => self.required_such_as(key, example, problems),
            Absence::Default(_) | Absence::Means(_) => self.get(key),
        }
    }

    /// Like [`Self::required`], with an example that fits the file.
    pub(super) fn required_such_as(&self, key: &str, example: &str, problems: &mut Collector) -> Option<Field<'a>> {
        let field = self.get(key);
        // A key without a value, or with a misspelled name, is already reported.
        let is_told = self.fields().any(|field| {
            let name = field.key.text.as_str();
            name == key || self.section.find(name).is_none() && nearest(name, [key]).is_some()
        });
        if field.is_none() && !is_told {
            let path = &self.entries.path;
            let of = if path.is_empty() { String::new() } else { format!(" in `{path}`") };
            let message = format!("missing key `{key}`{of}");
            problems.add(self.entries.span, &self.entries.path_of(key), message, format!("add `{key}: {example}`"));
        }
        field
    }

    /// Reads the value of `key` with `read`; without a value, returns the default, if there is one. Reports a required
    /// key that is missing.
    fn value<T>(
        &self,
        key: &str,
        default: impl FnOnce(Literal) -> Option<T>,
        read: impl FnOnce(&Field<'a>, &mut Collector) -> Option<T>,
        problems: &mut Collector,
    ) -> Option<T> {
        if let Some(field) = self.required(key, problems) {
            return read(&field, problems);
        }
        match self.section.key(key).absence {
            Absence::Default(literal) => default(literal),
            Absence::Error(_) | Absence::Means(_) => None,
        }
    }

    /// Returns the whole number at `key`, or its default.
    pub(super) fn number(&self, key: &str, problems: &mut Collector) -> Option<u32> {
        let (least, most, unit) = match &self.section.key(key).kind {
            Kind::Number { least, most, unit } => (*least, *most, *unit),
            Kind::Numbers([least, .., most]) => (*least, *most, ""),
            kind => unreachable!("{key} is declared as {kind:?}, which is no number"),
        };
        self.value(key, number, |field, problems| field.number(least, most, unit, problems), problems)
    }

    /// Returns the duration at `key` in seconds, or its default.
    pub(super) fn seconds(&self, key: &str, problems: &mut Collector) -> Option<u32> {
        let Kind::Seconds { least, most } = self.section.key(key).kind else {
            unreachable!("{key} is not declared as a time")
        };
        self.value(key, number, |field, problems| field.seconds(least, most, problems), problems)
    }

    /// Returns the boolean at `key`, or its default.
    pub(super) fn truth(&self, key: &str, problems: &mut Collector) -> Option<bool> {
        let default = |literal| if let Literal::Truth(truth) = literal { Some(truth) } else { None };
        self.value(key, default, Field::truth, problems)
    }

    /// Returns the text at `key`, or its default. Reports text that fails the declared check.
    pub(super) fn text(&self, key: &str, problems: &mut Collector) -> Option<String> {
        let check = match &self.section.key(key).kind {
            Kind::Text(text) | Kind::Either([Kind::Text(text), ..]) => text.check.as_ref(),
            _ => None,
        };
        let read = |field: &Field, problems: &mut Collector| {
            if !self.is_choice(field, problems) {
                return None;
            }
            let text = field.text(problems)?;
            field.checked(&text, check, problems);
            Some(text)
        };
        self.value(key, |literal| text(literal).map(str::to_owned), read, problems)
    }

    /// Returns the value in `known` for the word at `key`, or for its default.
    pub(super) fn word<T: Copy>(&self, key: &str, known: &[(&str, T)], problems: &mut Collector) -> Option<T> {
        let default = |literal| known.iter().find(|(word, _)| text(literal) == Some(*word)).map(|(_, value)| *value);
        let read = |field: &Field, problems: &mut Collector| {
            if self.is_choice(field, problems) { field.word(known, problems) } else { None }
        };
        self.value(key, default, read, problems)
    }

    /// Whether `field` can be a word of its key. Reports a boolean, which cannot.
    fn is_choice(&self, field: &Field, problems: &mut Collector) -> bool {
        let words = self.section.key(&field.key.text).kind.words();
        let is_boolean = field.node.what() == "a boolean" && !words.is_empty();
        if is_boolean {
            let example = match self.section.key(&field.key.text).absence {
                Absence::Default(Literal::Text(default)) => default,
                _ => words[0],
            };
            let hint = format!("write one of these words, such as `{}: {example}`", field.key.text);
            field.expected(&one_of(&words), &hint, problems);
        }
        !is_boolean
    }

    /// Returns the texts of the list at `key`, each with its field. Reports texts that fail the declared check. The
    /// list is empty if the key is missing.
    pub(super) fn texts(&self, key: &str, problems: &mut Collector) -> Option<Vec<(Field<'a>, String)>> {
        let Kind::List(declared, _) = self.section.key(key).kind else {
            unreachable!("{key} is not declared as a list")
        };
        let Some(field) = self.get(key) else { return Some(Vec::new()) };
        let texts = field.texts(problems)?;
        for (field, text) in &texts {
            field.checked(text, declared.check.as_ref(), problems);
        }
        Some(texts)
    }

    /// Returns the words of the command at `key`. They are empty if the key is missing.
    pub(super) fn command(&self, key: &str, problems: &mut Collector) -> Option<Vec<String>> {
        let Kind::Command(help) = self.section.key(key).kind else {
            unreachable!("{key} is not declared as a command")
        };
        let Some(field) = self.required(key, problems) else { return Some(Vec::new()) };
        if let Value::Scalar { text, .. } = &field.node.value {
            let hint = if text.trim().is_empty() {
                help.to_owned()
            } else {
                format!("write it as a list: {}", as_words(text))
            };
            field.expected("a list of words", &hint, problems);
            return None;
        }
        let words: Vec<String> = field.texts(problems)?.into_iter().map(|(_, text)| text).collect();
        if words.is_empty() {
            field.wrong("the command is empty", help, problems);
        }
        Some(words)
    }
}

fn number(literal: Literal) -> Option<u32> {
    if let Literal::Number(number) = literal { Some(number) } else { None }
}

fn text(literal: Literal) -> Option<&'static str> {
    if let Literal::Text(text) = literal { Some(text) } else { None }
}

/// Formats a command line as a YAML list of words. A line that needs a shell becomes a call of a shell.
fn as_words(line: &str) -> String {
    let quoted = |word: &str| {
        let is_plain = |c: char| c.is_alphanumeric() || "_-./=@".contains(c);
        let is_word = word.chars().all(is_plain) && !word.starts_with(['@', '=']) && word != "-";
        if is_word { word.to_owned() } else { format!("{word:?}") }
    };
    if line.contains(|c: char| "|&;<>()$`\\\"'*?#~{}[]".contains(c)) {
        return format!("[sh, -c, {line:?}], if the image has a shell");
    }
    format!("[{}]", line.split_whitespace().map(quoted).collect::<Vec<_>>().join(", "))
}

/// Formats words in backticks: `a`, `b` or `c`.
fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        quoted => quoted.concat(),
    }
}

/// Whether `unit` is a unit of storage or memory. Such a unit may follow a number.
pub(super) fn is_size(unit: &str) -> bool {
    matches!(unit, "MiB" | "GiB")
}

/// Returns the hint for an unknown key.
fn nearest_key(written: &str, section: &Section) -> String {
    let known = section.keys.iter().map(|key| key.name);
    meant(written, known.clone())
        .unwrap_or_else(|| format!("use one of these keys: {}", known.collect::<Vec<_>>().join(", ")))
}

/// Returns the hint for a key without a value.
fn without_value(key: &Declared) -> String {
    let name = key.name;
    match (&key.kind, key.absence) {
        (_, Absence::Error(example)) => format!("write a value, such as `{name}: {example}`"),
        (Kind::Map(section), _) if section.keys.iter().all(|key| !matches!(key.absence, Absence::Error(_))) => {
            format!("write `{name}: {{}}` for the defaults, or remove the line")
        }
        _ => "write a value, or remove the line".to_owned(),
    }
}

impl<'a> Field<'a> {
    /// Whether the value is a mapping with a value at `key`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.node.entries().iter().any(|(known, value)| known.text == key && !value.is_null())
    }

    /// Reports a problem with this value.
    pub(super) fn wrong(&self, message: impl Into<String>, hint: impl Into<String>, problems: &mut Collector) {
        problems.add(self.node.span, &self.path, message, hint);
    }

    /// Reports a problem with this value, whose text is `text`, if it fails the check.
    pub(super) fn checked(&self, text: &str, check: Option<&Check>, problems: &mut Collector) {
        if let Some(check) = check.filter(|check| !(check.holds)(text)) {
            self.wrong(format!("invalid {} `{text}`", check.what), check.help, problems);
        }
    }

    fn expected(&self, what: &str, hint: &str, problems: &mut Collector) {
        self.wrong(format!("expected {what}, found {}", self.node.what()), hint, problems);
    }

    /// Reads the value as text. Numbers and booleans without quotes are rejected, because YAML reads `1.10` as a
    /// number.
    pub(super) fn text(&self, problems: &mut Collector) -> Option<String> {
        match &self.node.value {
            Value::Scalar { text, .. } if self.node.what() == "text" => Some(text.clone()),
            Value::Scalar { text, .. } => {
                self.expected("text", &format!("put it in quotes: \"{text}\""), problems);
                None
            }
            _ => {
                self.expected("text", "write a single value", problems);
                None
            }
        }
    }

    /// Reads the value as text, and also accepts a number.
    pub(super) fn loose_text(&self, problems: &mut Collector) -> Option<String> {
        match &self.node.value {
            Value::Scalar { text, .. } => Some(text.clone()),
            _ => self.text(problems),
        }
    }

    /// Reads the value as a whole number from `least` to `most`. MiB or GiB may follow the number, if that is the unit.
    pub(super) fn number(&self, least: u32, most: u32, unit: &str, problems: &mut Collector) -> Option<u32> {
        let range = format!("a whole number from {least} to {most}");
        let with_unit = |text: &str| text.strip_suffix(unit)?.trim_end().parse::<u32>().ok();
        let Value::Scalar { text, plain } = &self.node.value else {
            self.expected(&range, "write a single number", problems);
            return None;
        };
        if let Some(number) = with_unit(text).filter(|_| is_size(unit)).filter(|number| (least..=most).contains(number))
        {
            return Some(number);
        }
        match text.parse::<u32>() {
            Ok(number) if (least..=most).contains(&number) && *plain => Some(number),
            Ok(_) if !plain => {
                self.expected(&range, "remove the quotes", problems);
                None
            }
            _ => {
                let hint = mistakes::number(&self.key.text, text, (least, most), unit).unwrap_or_default();
                self.wrong(format!("expected {range}, found `{text}`"), hint, problems);
                None
            }
        }
    }

    /// Reads the value as whole seconds, with or without a unit: `30s`, `2m`, `1h`, `7d`.
    fn seconds(&self, least: u32, most: u32, problems: &mut Collector) -> Option<u32> {
        let Value::Scalar { text, .. } = &self.node.value else { return self.number(least, most, "", problems) };
        let units = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
        let with_unit = units.into_iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
        let (number, factor) = with_unit.unwrap_or((text, 1));
        let seconds = number.trim().parse::<u32>().ok().and_then(|number| number.checked_mul(factor));
        let within = seconds.filter(|seconds| (least..=most).contains(seconds));
        if within.is_none() {
            let message = format!("expected a time from {least} to {most} s, found `{text}`");
            self.wrong(message, "write seconds, such as 30 or 30s, or use the unit m, h or d", problems);
        }
        within
    }

    /// Reads the value as a boolean.
    fn truth(&self, problems: &mut Collector) -> Option<bool> {
        match &self.node.value {
            Value::Scalar { text, plain: true } if text == "true" => Some(true),
            Value::Scalar { text, plain: true } if text == "false" => Some(false),
            _ => {
                self.expected("true or false", "write true or false, without quotes", problems);
                None
            }
        }
    }

    /// Reads the value as a word of `known`, and returns what belongs to the word.
    pub(super) fn word<T: Copy>(&self, known: &[(&str, T)], problems: &mut Collector) -> Option<T> {
        let text = self.text(problems)?;
        if let Some((_, value)) = known.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        let hint = meant(&text, words.iter().copied()).unwrap_or_default();
        self.wrong(format!("expected {}, found `{text}`", one_of(&words)), hint, problems);
        None
    }

    /// Reads the value as a list, each item with its own position.
    pub(super) fn items(&self, problems: &mut Collector) -> Option<Vec<Field<'a>>> {
        let Value::List(items) = &self.node.value else {
            self.expected("a list", "write the values in brackets: [one, two]", problems);
            return None;
        };
        let item = |(index, node)| Field { key: self.key, node, path: format!("{}[{index}]", self.path) };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// Reads the value as a list of texts.
    pub(super) fn texts(&self, problems: &mut Collector) -> Option<Vec<(Field<'a>, String)>> {
        let items = self.items(problems)?;
        items.into_iter().map(|field| field.loose_text(problems).map(|text| (field, text))).collect()
    }
}
