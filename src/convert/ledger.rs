//! The account of a conversion: what became of each key. Whatever no converter speaks of is told as not possible, so that nothing
//! is dropped in silence.

use std::collections::BTreeMap;

use serde::Serialize;

use super::source::{Item, Place, Sources, Value};

/// What became of a key; the worst is last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// stack.yaml says the same.
    Carried,
    /// stack.yaml says something like it; the note says how it differs.
    Approximated,
    /// No stack.yaml says it; the note says what to do instead.
    NotPossible,
}

impl Fate {
    /// In words.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Carried => "carried",
            Self::Approximated => "approximated",
            Self::NotPossible => "not possible",
        }
    }
}

/// What became of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// The key, such as `services.web.ports`.
    pub(crate) key: String,
    pub(crate) fate: Fate,
    /// The key of stack.yaml that says it.
    pub(crate) to: Option<String>,
    /// How it differs, or what to do instead.
    pub(crate) note: Option<String>,
}

/// What became of every key, in the order of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
}

impl Report {
    /// How many keys came to this.
    pub(crate) fn count(&self, fate: Fate) -> usize {
        self.rows.iter().filter(|row| row.fate == fate).count()
    }
}

#[derive(Debug)]
struct Verdict {
    fate: Fate,
    to: Option<String>,
    note: Option<String>,
}

/// Takes down what became of each key while the files are converted. A verdict on a key is one on all that stands below it, except
/// where there is another one.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    verdicts: BTreeMap<Place, Verdict>,
    /// Keys that no mapping has: lines of text files.
    named: BTreeMap<Place, String>,
}

impl Ledger {
    /// stack.yaml says the same at `to`.
    pub(crate) fn carried(&mut self, place: Place, to: impl Into<String>) {
        self.add(place, Fate::Carried, Some(to.into()), None);
    }

    /// stack.yaml says the same at `to`; `note` says what a reader may wonder about.
    pub(crate) fn carried_with(&mut self, place: Place, to: Option<&str>, note: impl Into<String>) {
        self.add(place, Fate::Carried, to.map(str::to_owned), Some(note.into()));
    }

    /// `how` says in what it differs.
    pub(crate) fn approximated(&mut self, place: Place, to: Option<&str>, how: impl Into<String>) {
        self.add(place, Fate::Approximated, to.map(str::to_owned), Some(how.into()));
    }

    /// `instead` says what to do instead.
    pub(crate) fn not_possible(&mut self, place: Place, instead: impl Into<String>) {
        self.add(place, Fate::NotPossible, None, Some(instead.into()));
    }

    /// Takes back what was said of a key: that of what it belongs to counts.
    pub(crate) fn take_back(&mut self, place: Place) {
        self.verdicts.remove(&place);
    }

    /// Gives the line of a text file at `place` a key.
    pub(crate) fn name(&mut self, place: Place, key: impl Into<String>) {
        self.named.insert(place, key.into());
    }

    /// What several uses of one key come to is the worst of it.
    fn add(&mut self, place: Place, fate: Fate, to: Option<String>, note: Option<String>) {
        let verdict = self.verdicts.entry(place).or_insert(Verdict { fate, to: None, note: None });
        if fate > verdict.fate {
            *verdict = Verdict { fate, to, note };
            return;
        }
        if fate < verdict.fate {
            return;
        }
        join(&mut verdict.to, to, ", ");
        join(&mut verdict.note, note, "; ");
    }

    /// Gives the key at `other` the verdict of that at `place`, unless it has one.
    pub(crate) fn share(&mut self, place: Place, other: Place) {
        if let Some(verdict) = self.verdicts.get(&place).filter(|_| !self.has(other)) {
            let verdict = Verdict { fate: verdict.fate, to: verdict.to.clone(), note: verdict.note.clone() };
            self.verdicts.insert(other, verdict);
        }
    }

    /// Whether there is a verdict on the key at `place` already.
    pub(crate) fn has(&self, place: Place) -> bool {
        self.verdicts.contains_key(&place)
    }

    /// The report on all keys of `roots`. What nobody spoke of is not possible.
    pub(crate) fn close(self, sources: &Sources, roots: &[&Item]) -> Report {
        let mut rows: BTreeMap<Place, Row> = BTreeMap::new();
        for root in roots {
            self.walk(sources, root, "", false, &mut rows);
        }
        for (place, key) in &self.named {
            let row = self.row(sources, *place, key);
            rows.insert(*place, row);
        }
        Report { rows: rows.into_values().collect() }
    }

    /// Takes up the keys below `item`. Gives whether there was any.
    fn walk(&self, sources: &Sources, item: &Item, path: &str, told: bool, rows: &mut BTreeMap<Place, Row>) -> bool {
        match &item.value {
            Value::Scalar { .. } => false,
            Value::List(items) => {
                let mut any = false;
                for (index, item) in items.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    let spoken = self.has(item.place);
                    if spoken {
                        rows.entry(item.place).or_insert_with(|| self.row(sources, item.place, &path));
                    }
                    any |= self.walk(sources, item, &path, told || spoken, rows) | spoken;
                }
                any
            }
            Value::Map(entries) => {
                for entry in entries {
                    let path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
                    let spoken = self.has(entry.place);
                    let below = self.walk(sources, &entry.item, &path, told || spoken, rows);
                    if spoken || !below && !told {
                        rows.entry(entry.place).or_insert_with(|| self.row(sources, entry.place, &path));
                    }
                }
                !entries.is_empty()
            }
        }
    }

    fn row(&self, sources: &Sources, place: Place, key: &str) -> Row {
        let (fate, to, note) = match self.verdicts.get(&place) {
            Some(verdict) => (verdict.fate, verdict.to.clone(), verdict.note.clone()),
            None => (Fate::NotPossible, None, Some(UNKNOWN.to_owned())),
        };
        let (file, line, column) = (sources.file(place), place.line, place.column);
        Row { file, line, column, key: key.to_owned(), fate, to, note }
    }
}

/// The note on a key that no converter speaks of.
pub(crate) const UNKNOWN: &str = "stackctl does not know this key: it was not converted";

fn join(into: &mut Option<String>, more: Option<String>, between: &str) {
    match (into.as_mut(), more) {
        (Some(known), Some(more)) if !known.split(between).any(|one| one == more) && !is_told(known, &more) => {
            known.push_str(between);
            known.push_str(&more);
        }
        (None, more) => *into = more,
        _ => {}
    }
}

/// Whether a note is in another one already.
fn is_told(known: &str, note: &str) -> bool {
    note.contains(' ') && known.contains(note)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn report(text: &str, speak: impl FnOnce(&Item, &mut Ledger)) -> Vec<(String, Fate)> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("manifest.yml");
        fs::write(&path, text).expect("it can be written");
        let mut sources = Sources::default();
        let item = sources.yaml(&path).expect("it is YAML");
        let mut ledger = Ledger::default();
        speak(&item, &mut ledger);
        ledger.close(&sources, &[&item]).rows.into_iter().map(|row| (row.key, row.fate)).collect()
    }

    #[test]
    fn a_key_that_nobody_speaks_of_is_not_possible() {
        let rows = report("name: web\nhttp: { path: /, odd: 1 }\ncount: 2\n", |item, ledger| {
            ledger.carried(item.entry("name").expect("it is there").place, "services.web");
            let http = item.at(&["http"]).expect("it is there");
            ledger.carried(http.entry("path").expect("it is there").place, "services.web.routes");
        });
        let expected = [
            ("name", Fate::Carried),
            ("http.path", Fate::Carried),
            ("http.odd", Fate::NotPossible),
            ("count", Fate::NotPossible),
        ];
        assert_eq!(rows, expected.map(|(key, fate)| (key.to_owned(), fate)));
    }

    #[test]
    fn a_verdict_counts_for_all_that_stands_below_it() {
        let rows = report("http: { path: /, deep: { odd: 1 } }\nlist: [{ a: 1 }, { b: 2 }]\n", |item, ledger| {
            ledger.approximated(item.entry("http").expect("it is there").place, None, "as it is");
            let list = item.at(&["list"]).expect("it is there");
            ledger.carried(list.items()[1].place, "second");
        });
        let expected = [("http", Fate::Approximated), ("list[0].a", Fate::NotPossible), ("list[1]", Fate::Carried)];
        assert_eq!(rows, expected.map(|(key, fate)| (key.to_owned(), fate)));
    }

    #[test]
    fn of_several_verdicts_on_a_key_the_worst_counts() {
        let rows = report("x: &x { a: 1 }\none: *x\n", |item, ledger| {
            let place = item.at(&["one"]).and_then(|one| one.entry("a")).expect("it is there").place;
            ledger.carried(place, "somewhere");
            ledger.not_possible(place, "leave it out");
        });
        assert_eq!(rows, [("x.a".to_owned(), Fate::NotPossible)]);
    }
}
