//! The files that are converted: what they hold, and the place of each key. Aliases, merge keys and tags are read as YAML has them.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

use crate::document::{
    problem::{Collector, Problems, Span},
    yaml::{self, Foreign, Node},
};

/// How large a file may be, in bytes.
const LARGEST: u64 = 2 * 1024 * 1024;

/// Where something stands. Ordered as the files were read, then by line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    file: usize,
    /// From 1.
    pub(crate) line: usize,
    /// In characters, from 1.
    pub(crate) column: usize,
    /// In characters of the whole text, for messages.
    start: usize,
    end: usize,
}

/// A value, and its place.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) place: Place,
    /// Its tag, such as `!Sub` or `!reset`.
    pub(crate) tag: Option<String>,
    pub(crate) value: Value,
}

/// What an [`Item`] holds.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Its text, and whether it stands without quotes, as `3000` or `true` does.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Item>),
    /// In the order of the file, with what its merge keys bring in at the end.
    Map(Vec<Entry>),
}

/// One key of a mapping, and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// Of the key.
    pub(crate) place: Place,
    pub(crate) item: Item,
}

impl Item {
    /// The entries, if it is a mapping.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items, if it is a list.
    pub(crate) fn items(&self) -> &[Item] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The entry of this key.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The value at these keys, one below the other.
    pub(crate) fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |item, key| item.entry(key).map(|entry| &entry.item))
    }

    /// The text, if it is one value and not nothing.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// `true` or `false`, as YAML 1.1 has them too.
    pub(crate) fn truth(&self) -> Option<bool> {
        match &self.value {
            Value::Scalar { text, .. } => match text.to_lowercase().as_str() {
                "true" | "yes" | "on" | "y" => Some(true),
                "false" | "no" | "off" | "n" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether it is empty: nothing at all, `~` or `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// What it is, in words.
    pub(crate) fn what(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Value::Scalar { .. } => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// All files that a converter has read.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    files: Vec<Text>,
}

#[derive(Debug)]
struct Text {
    /// As it was named.
    path: PathBuf,
    text: String,
}

impl Sources {
    /// Reads a YAML file.
    ///
    /// # Errors
    /// It cannot be read, or it is not YAML.
    pub(crate) fn yaml(&mut self, path: &Path) -> Result<Item, Problems> {
        let text = self.text(path)?;
        let name = path.display().to_string();
        let mut problems = Collector::default();
        let tree = yaml::parse_foreign(&text, &mut problems).filter(|_| problems.is_empty());
        let Some(Foreign { root, tags }) = tree else { return Err(problems.finish(&name, &text)) };
        let reader = Reader { file: self.files.len() - 1, lines: Lines::of(&text), tags };
        let item = reader.item(&root, &mut problems);
        if problems.is_empty() { Ok(item) } else { Err(problems.finish(&name, &text)) }
    }

    /// Reads a text file. What is found in it is placed by [`Self::place`].
    ///
    /// # Errors
    /// It cannot be read, or it is not text.
    pub(crate) fn text(&mut self, path: &Path) -> Result<String, Problems> {
        let text = read(path)?;
        self.files.push(Text { path: path.to_owned(), text: text.clone() });
        Ok(text)
    }

    /// Line `line` of the text file that was read last, from its first character that is no blank.
    pub(crate) fn place(&self, line: usize) -> Place {
        let file = self.files.len().saturating_sub(1);
        let text = self.files.get(file).map(|file| file.text.as_str()).unwrap_or_default();
        let before: usize =
            text.split_inclusive('\n').take(line.saturating_sub(1)).map(|one| one.chars().count()).sum();
        let content = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let blank = content.chars().take_while(|c| c.is_whitespace()).count();
        let start = before + blank;
        Place { file, line, column: blank + 1, start, end: start + content.trim().chars().count() }
    }

    /// The name of the file that `place` is in.
    pub(crate) fn file(&self, place: Place) -> String {
        self.files.get(place.file).map(|file| file.path.display().to_string()).unwrap_or_default()
    }

    /// A mistake at `place`, which leaves nothing to convert.
    pub(crate) fn problem(&self, place: Place, message: impl Into<String>, hint: impl Into<String>) -> Problems {
        let mut problems = Collector::default();
        problems.add(Span { start: place.start, end: place.end }, "", message, hint);
        let text = self.files.get(place.file).map(|file| file.text.as_str()).unwrap_or_default();
        problems.finish(&self.file(place), text)
    }
}

/// The text of a file.
fn read(path: &Path) -> Result<String, Problems> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    match read {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(Problems::whole(&name, format!("{name} not found"), "name an existing file or folder"))
        }
        Err(error) => Err(Problems::whole(&name, format!("cannot read {name}: {error}"), "check its permissions")),
        Ok(_) if bytes.len() as u64 > LARGEST => {
            let message = format!("{name} is larger than {} MB", LARGEST / 1024 / 1024);
            Err(Problems::whole(&name, message, "name the file that describes the application"))
        }
        Ok(_) => String::from_utf8(bytes)
            .map(|text| text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned))
            .map_err(|error| {
                let valid = error.utf8_error().valid_up_to();
                let line = error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count() + 1;
                Problems::whole(&name, format!("{name}:{line}: the file is not valid UTF-8"), "save the file as UTF-8")
            }),
    }
}

/// Where each line of a text begins, in characters.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let ends = text.chars().enumerate().filter(|(_, c)| *c == '\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(ends).collect())
    }

    fn place(&self, file: usize, span: Span) -> Place {
        let line = self.0.partition_point(|start| *start <= span.start);
        let start = self.0[line.saturating_sub(1)];
        Place { file, line, column: span.start - start + 1, start: span.start, end: span.end }
    }
}

/// Reads the nodes of one file.
struct Reader {
    file: usize,
    lines: Lines,
    tags: BTreeMap<usize, String>,
}

impl Reader {
    fn item(&self, node: &Node, problems: &mut Collector) -> Item {
        let value = match &node.value {
            yaml::Value::Scalar { text, plain } => Value::Scalar { text: text.clone(), plain: *plain },
            yaml::Value::List(items) => Value::List(items.iter().map(|item| self.item(item, problems)).collect()),
            yaml::Value::Map(_) => Value::Map(self.entries(node, problems)),
        };
        Item { place: self.lines.place(self.file, node.span), tag: self.tags.get(&node.span.start).cloned(), value }
    }

    /// The entries of a mapping. What its merge keys bring in comes last, and only where the mapping has no such key itself.
    fn entries(&self, node: &Node, problems: &mut Collector) -> Vec<Entry> {
        let twice = node.duplicates();
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged: Vec<Entry> = Vec::new();
        for (index, (key, value)) in node.entries().iter().enumerate() {
            if key.text == "<<" {
                merged.extend(self.merged(value, problems));
            } else if twice.contains(&index) {
                problems.add(key.span, "", format!("duplicate key `{}`", key.text), "keep one of them");
            } else {
                let place = self.lines.place(self.file, key.span);
                entries.push(Entry { key: key.text.clone(), place, item: self.item(value, problems) });
            }
        }
        for entry in merged {
            if !entries.iter().any(|known| known.key == entry.key) {
                entries.push(entry);
            }
        }
        entries
    }

    /// What a merge key brings in: a mapping, or several, of which the first counts.
    fn merged(&self, value: &Node, problems: &mut Collector) -> Vec<Entry> {
        match &value.value {
            yaml::Value::Map(_) => self.entries(value, problems),
            yaml::Value::List(several) => several.iter().flat_map(|one| self.merged(one, problems)).collect(),
            yaml::Value::Scalar { .. } => {
                problems.add(value.span, "", "`<<` needs a mapping", "use an anchor of a mapping");
                Vec::new()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(text: &str) -> Result<Item, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("compose.yaml");
        fs::write(&path, text).expect("it can be written");
        Sources::default().yaml(&path).map_err(|problems| problems.render(false))
    }

    #[test]
    fn aliases_merge_keys_and_tags_are_read_as_yaml_has_them() {
        let item = read(
            "x-a: &a { one: 1, two: 2 }\nx-b: &b { two: b, three: 3 }\nservice:\n  <<: [*a, *b]\n  one: own\n  ports: !reset []\n",
        )
        .expect("it is YAML");
        let service = item.at(&["service"]).expect("it is there");
        let text = |key: &str| service.at(&[key]).and_then(Item::text);
        assert_eq!([text("one"), text("two"), text("three")], [Some("own"), Some("2"), Some("3")]);
        let two = service.entry("two").expect("it is merged in");
        assert_eq!((two.place.line, two.place.column), (1, 19));
        assert_eq!(service.at(&["ports"]).and_then(|item| item.tag.as_deref()), Some("!reset"));
    }

    #[test]
    fn what_is_not_yaml_is_told_at_its_place() {
        for (text, told) in [
            ("a: [1", "compose.yaml:1:"),
            ("a: 1\n\tb: 2\n", "found a tab"),
            ("a: 1\na: 2\n", "duplicate key `a`"),
            ("a: &a [*a]\n", "alias"),
            ("a: 1\n---\nb: 2\n", "second YAML document"),
            ("<<: 3\n", "`<<` needs a mapping"),
            ("", "the file is empty"),
        ] {
            let message = read(text).map(drop).expect_err(text);
            assert!(message.contains(told), "{text}: {message}");
        }
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let below = level - 1;
            let line =
                format!("a{level}: &a{level} [*a{below}, *a{below}, *a{below}, *a{below}, *a{below}, *a{below}]\n");
            laughs.push_str(&line);
        }
        let message = read(&laughs).map(drop).expect_err("it would fill the memory");
        assert!(message.contains("more than 100000 values"), "{message}");
    }
}
