//! A stack.yaml that is written by a program: keys in their order, comments above and beside them, and each text in the quotes that
//! it needs.

use crate::spec;

/// How long a line may get that holds a list or a mapping.
const WIDTH: usize = 100;

/// A value of stack.yaml.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A number, or `true` or `false`.
    Bare(String),
    /// A text that stands for itself, whatever is in it.
    Text(String),
    /// A text whose `${VARIABLES}` and `((references))` are meant.
    Live(String),
    List(Vec<Value>),
    Map(Map),
}

/// A mapping, in the order in which its keys were set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Map {
    fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    key: String,
    value: Value,
    /// Lines of comment above it.
    above: Vec<String>,
    /// Comments that need no value: below the mapping's last key, the key is empty.
    beside: Option<String>,
}

/// A whole stack.yaml.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// The comment at its head, line by line.
    pub(crate) head: Vec<String>,
    pub(crate) root: Map,
}

impl Value {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn live(text: impl Into<String>) -> Self {
        Self::Live(text.into())
    }

    pub(crate) fn number(number: impl std::fmt::Display) -> Self {
        Self::Bare(number.to_string())
    }

    pub(crate) fn truth(truth: bool) -> Self {
        Self::Bare(truth.to_string())
    }

    /// `null`: what takes a key away in an environment.
    pub(crate) fn null() -> Self {
        Self::Bare("null".to_owned())
    }

    pub(crate) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::List(items) => items.is_empty(),
            Self::Map(map) => map.fields.is_empty(),
            _ => false,
        }
    }

    /// On one line; none if it has comments.
    fn flow(&self) -> Option<String> {
        match self {
            Self::Bare(text) => Some(text.clone()),
            Self::Text(text) => Some(scalar(text)),
            Self::Live(text) => Some(quoted(text)),
            Self::List(items) => {
                let items = items.iter().map(Self::flow).collect::<Option<Vec<String>>>()?;
                Some(format!("[{}]", items.join(", ")))
            }
            Self::Map(map) if map.fields.is_empty() => Some("{}".to_owned()),
            Self::Map(map) => {
                let fields = map.fields.iter().map(|field| {
                    let silent = field.above.is_empty() && field.beside.is_none();
                    let value = field.value.flow().filter(|_| silent)?;
                    Some(format!("{}: {value}", scalar(&field.key)))
                });
                Some(format!("{{ {} }}", fields.collect::<Option<Vec<String>>>()?.join(", ")))
            }
        }
    }
}

impl Map {
    /// Sets a key, at its place if it is set already.
    pub(crate) fn set(&mut self, key: impl Into<String>, value: Value) -> &mut Self {
        let key = key.into();
        match self.fields.iter_mut().find(|field| field.key == key) {
            Some(field) => field.value = value,
            None => self.fields.push(Field { key, value, above: Vec::new(), beside: None }),
        }
        self
    }

    /// The mapping at a key, which is made if it is not there.
    pub(crate) fn map(&mut self, key: &str) -> &mut Self {
        if !matches!(self.get(key), Some(Value::Map(_))) {
            self.set(key, Value::Map(Self::default()));
        }
        match self.fields.iter_mut().find(|field| field.key == key).map(|field| &mut field.value) {
            Some(Value::Map(map)) => map,
            _ => unreachable!("it was just made"),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.fields.iter().find(|field| field.key == key).map(|field| &field.value)
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.fields.iter().position(|field| field.key == key)?;
        Some(self.fields.remove(at).value)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| field.key.as_str())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Brings the keys into this order; others stay behind them as they are.
    pub(crate) fn order(&mut self, keys: &[&str]) {
        self.fields.sort_by_key(|field| keys.iter().position(|key| *key == field.key).unwrap_or(keys.len()));
    }

    /// Puts a comment above a key; nothing if the key is not there.
    pub(crate) fn comment(&mut self, key: &str, comment: impl Into<String>) {
        let comment = comment.into();
        if let Some(field) = self.fields.iter_mut().find(|field| field.key == key)
            && !field.above.contains(&comment)
        {
            field.above.push(comment);
        }
    }

    /// Puts a comment beside a key; nothing if the key is not there.
    pub(crate) fn note(&mut self, key: &str, note: impl Into<String>) {
        if let Some(field) = self.fields.iter_mut().find(|field| field.key == key) {
            field.beside = Some(note.into());
        }
    }

    /// What has to be laid over this mapping so that it becomes `other`, as `environments` lays it.
    pub(crate) fn changes_to(&self, other: &Self) -> Self {
        let mut changes = Self::default();
        for field in &other.fields {
            match (self.get(&field.key), &field.value) {
                (Some(known), value) if known == value => {}
                (Some(Value::Map(known)), Value::Map(map)) => {
                    let below = known.changes_to(map);
                    if !below.is_empty() {
                        changes.fields.push(Field { value: Value::Map(below), ..field.clone() });
                    }
                }
                _ => changes.fields.push(field.clone()),
            }
        }
        for gone in self.fields.iter().filter(|field| other.get(&field.key).is_none()) {
            changes.set(gone.key.clone(), Value::null());
        }
        changes
    }

    /// Takes a key over from another mapping, with its comments.
    pub(crate) fn copy(&mut self, from: &Self, key: &str) {
        let Some(field) = from.fields.iter().find(|field| field.key == key) else { return };
        self.remove(key);
        self.fields.push(field.clone());
    }

    /// Lays another mapping over this one: mappings key by key, lists one behind the other, and comments beside each other.
    pub(crate) fn absorb(&mut self, other: Self) {
        for field in other.fields {
            let Some(own) = self.fields.iter_mut().find(|own| own.key == field.key) else {
                self.fields.push(field);
                continue;
            };
            own.above.extend(field.above);
            match (&mut own.value, field.value) {
                (Value::Map(own), Value::Map(other)) => own.absorb(other),
                (Value::List(own), Value::List(other)) => own.extend(other),
                _ => {}
            }
        }
    }

    fn render(&self, depth: usize, text: &mut String) {
        let indent = "  ".repeat(depth);
        for (index, field) in self.fields.iter().enumerate() {
            if depth == 0 && (index > 0 && (matches!(field.value, Value::Map(_)) || !field.above.is_empty())) {
                text.push('\n');
            }
            for line in field.above.iter().flat_map(|comment| wrapped(comment, WIDTH.saturating_sub(indent.len()))) {
                let line = format!("{indent}# {line}\n");
                text.push_str(&line);
            }
            let key = scalar(&field.key);
            let beside = field.beside.as_ref().map(|note| format!(" # {}", one_line(note))).unwrap_or_default();
            match &field.value {
                Value::Map(map) if !field.value.is_empty() && !is_short(&field.value, depth, &key) => {
                    let line = format!("{indent}{key}:{beside}\n");
                    text.push_str(&line);
                    map.render(depth + 1, text);
                }
                Value::List(items) if !items.is_empty() && !is_short(&field.value, depth, &key) => {
                    let line = format!("{indent}{key}:{beside}\n");
                    text.push_str(&line);
                    for item in items {
                        // An item of its own lines begins with a dash, and goes on below its first key.
                        match item {
                            Value::Map(map) if !map.is_empty() => {
                                let mut below = String::new();
                                map.render(depth + 2, &mut below);
                                let first = below.trim_start_matches(' ');
                                let line = format!("{indent}  - {first}");
                                text.push_str(&line);
                            }
                            other => {
                                let flow = other.flow().unwrap_or_default();
                                let line = format!("{indent}  - {flow}\n");
                                text.push_str(&line);
                            }
                        }
                    }
                }
                value => {
                    let flow = value.flow().unwrap_or_default();
                    let line = format!("{indent}{key}: {flow}{beside}\n");
                    text.push_str(&line);
                }
            }
        }
    }
}

impl Page {
    /// The text of it.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        for line in self.head.iter().flat_map(|line| wrapped(line, WIDTH)) {
            text.push_str(format!("# {line}").trim_end());
            text.push('\n');
        }
        self.root.render(0, &mut text);
        text
    }
}

/// Whether a list or mapping is written on the line of its key: a list of values, or a mapping of one or two.
fn is_short(value: &Value, depth: usize, key: &str) -> bool {
    let fits = |flow: Option<String>| flow.is_some_and(|flow| 2 * depth + key.len() + 2 + flow.len() <= WIDTH);
    match value {
        Value::List(items) => {
            !items.iter().any(|item| matches!(item, Value::Map(_) | Value::List(_))) && fits(value.flow())
        }
        Value::Map(map) => {
            let scalars = map.fields.iter().all(|field| !matches!(field.value, Value::Map(_) | Value::List(_)));
            depth >= 2 && scalars && map.fields.len() <= 2 && !["env", "secrets"].contains(&key) && fits(value.flow())
        }
        _ => true,
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<&str>>().join(" ")
}

/// `text` in lines of at most `width` characters, where its words allow it.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && line + 1 + word.chars().count() > width.saturating_sub(2) {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// `text` as a YAML scalar that reads as exactly this text: bare where that is sure, in quotes otherwise.
pub(crate) fn scalar(text: &str) -> String {
    let is_dotted = text.starts_with("./") || text.starts_with('.') && text.len() > 1 && !is_number(text);
    let is_plain = (text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') || is_dotted)
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str());
    if is_plain || text == "." { text.to_owned() } else { quoted(&spec::escaped(text)) }
}

/// Whether a text that begins with a dot is a number of YAML, such as `.5` or `.inf`.
fn is_number(text: &str) -> bool {
    let rest = text.trim_start_matches('.').to_lowercase();
    !rest.starts_with(|c: char| c.is_ascii_alphabetic()) || ["inf", "nan"].contains(&rest.as_str())
}

/// `text` in quotes, unless it is one reference. JSON's quotes are YAML's, but for characters that YAML does not print.
fn quoted(text: &str) -> String {
    let inside = text.strip_prefix("((").and_then(|text| text.strip_suffix("))"));
    if inside
        .is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)))
    {
        return text.to_owned();
    }
    let json = serde_json::Value::from(text).to_string();
    json.chars().fold(String::new(), |mut safe, c| {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                let escaped = format!("\\u{:04x}", u32::from(c));
                safe.push_str(&escaped);
            }
            c => safe.push(c),
        }
        safe
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_page_reads_as_a_person_would_write_it() {
        let mut page = Page { head: vec!["Converted from Copilot.".to_owned()], root: Map::default() };
        page.root.set("name", Value::text("shop")).set("region", Value::text("eu-west-1"));
        let web = page.root.map("services").map("web");
        web.set("port", Value::number(80)).set("routes", Value::texts(["/*", "/api/*"]));
        web.map("build").set("dockerfile", Value::text("web/Dockerfile"));
        web.map("env").set("DB", Value::live("jdbc://((database.host))")).set("PRICE", Value::text("${x} ((a.b)) #"));
        web.comment("port", "Decide: which port?");
        web.note("port", "given to the program");
        let text = "# Converted from Copilot.
name: shop
region: eu-west-1

services:
  web:
    # Decide: which port?
    port: 80 # given to the program
    routes: [\"/*\", \"/api/*\"]
    build: { dockerfile: web/Dockerfile }
    env:
      DB: \"jdbc://((database.host))\"
      PRICE: \"$${x} ((!a.b)) #\"
";
        assert_eq!(page.render(), text.replace("\"/api/*\"", "/api/*").replace("/api/*", "\"/api/*\""));
    }

    #[test]
    fn an_environment_has_what_differs() {
        let mut base = Map::default();
        base.map("services").map("web").set("cpu", Value::number(256)).set("port", Value::number(80));
        let mut other = Map::default();
        other.map("services").map("web").set("cpu", Value::number(512)).set("spot", Value::truth(true));
        let mut expected = Map::default();
        let web = expected.map("services").map("web");
        web.set("cpu", Value::number(512)).set("spot", Value::truth(true)).set("port", Value::null());
        assert_eq!(base.changes_to(&other), expected);
        assert!(base.changes_to(&base).is_empty());
    }

    proptest! {
        #[test]
        fn any_text_comes_back_from_yaml_as_it_was(text in "\\PC{0,40}|[ -~\\n\\t\u{80}-\u{a0}]{0,40}") {
            let mut page = Page::default();
            page.root.set("text", Value::text(text.clone()));
            let rendered = page.render();
            let mut problems = crate::document::problem::Collector::default();
            let tree = crate::document::yaml::parse(&rendered, &mut problems).expect("it is YAML");
            let read = tree.entries()[0].1.text().expect("it is text").to_owned();
            prop_assert_eq!(read, spec::escaped(&text));
        }
    }
}
