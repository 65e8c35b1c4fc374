//! How one file is laid over another: mappings key by key, lists added, and what a later file says of the same port or path counts.
//! `!reset` takes a key away, `!override` replaces what is there.
//! <https://docs.docker.com/reference/compose-file/merge/>

use super::super::words;
use crate::convert::{
    ledger::Ledger,
    source::{Entry, Item, Place, Sources, Value},
};

/// What the files say of a key that is in several: the places of a later one share the verdict of the first.
#[derive(Debug, Default)]
pub(in super::super) struct Twins(Vec<(Place, Place)>);

impl Twins {
    /// Gives each key that was merged into another the verdict of that one.
    pub(in super::super) fn settle(&self, ledger: &mut Ledger) {
        for (first, other) in &self.0 {
            ledger.share(*first, *other);
        }
    }
}

/// Lays items over each other.
pub(super) struct Merge<'a> {
    pub(super) sources: &'a Sources,
    pub(super) ledger: &'a mut Ledger,
    pub(super) twins: &'a mut Twins,
}

impl Merge<'_> {
    /// `over` laid over `base`. `path` is where they are, without the names of services.
    pub(super) fn merged(&mut self, base: Item, over: Item, path: &[&str]) -> Item {
        if over.tag.as_deref() == Some("!override") {
            self.replaced(&base, over.place);
            return Item { tag: None, ..over };
        }
        match (base.value, over.value) {
            (Value::Map(mut entries), Value::Map(more)) => {
                for entry in more {
                    self.entry(&mut entries, entry, path);
                }
                Item { place: base.place, tag: base.tag, value: Value::Map(entries) }
            }
            (Value::List(items), Value::List(more)) if !is_whole(path) => {
                let value = Value::List(self.list(items, more, path));
                Item { place: base.place, tag: base.tag, value }
            }
            (value, more) => {
                let base = Item { place: base.place, tag: base.tag, value };
                let over = Item { place: over.place, tag: over.tag, value: more };
                if over.is_null() {
                    return base;
                }
                self.replaced(&base, over.place);
                over
            }
        }
    }

    fn entry(&mut self, entries: &mut Vec<Entry>, entry: Entry, path: &[&str]) {
        let Some(at) = entries.iter().position(|known| known.key == entry.key) else {
            if entry.item.tag.as_deref() == Some("!reset") {
                self.ledger.carried_with(entry.place, None, "there is nothing to reset");
            } else {
                entries.push(entry);
            }
            return;
        };
        if entry.item.tag.as_deref() == Some("!reset") {
            let known = entries.remove(at);
            self.gone(known.place, &known.item, entry.place);
            self.ledger.carried_with(entry.place, None, "removed by `!reset` or `!override`");
            return;
        }
        let known = entries.remove(at);
        let is_map = |item: &Item| matches!(item.value, Value::Map(_) | Value::List(_));
        let both = is_map(&known.item) && is_map(&entry.item) && entry.item.tag.is_none();
        let below: Vec<&str> = path.iter().copied().chain([entry.key.as_str()]).collect();
        let place = if both || entry.item.is_null() {
            self.twins.0.push((known.place, entry.place));
            known.place
        } else {
            self.gone(known.place, &known.item, entry.place);
            entry.place
        };
        // The name of a service is nothing that a rule is about.
        let below = if path == ["services"] { vec!["services", "*"] } else { below };
        let item = self.merged(known.item, entry.item, &below);
        entries.insert(at.min(entries.len()), Entry { key: entry.key.clone(), place, item });
    }

    fn list(&mut self, items: Vec<Item>, more: Vec<Item>, path: &[&str]) -> Vec<Item> {
        let mut all = items;
        for item in more {
            let identity = identity(&item, path);
            let same = |known: &Item| identity.is_some() && self::identity(known, path) == identity;
            if let Some(at) = all.iter().position(same) {
                let known = std::mem::replace(&mut all[at], item);
                let over = all[at].place;
                self.replaced(&known, over);
            } else {
                all.push(item);
            }
        }
        all
    }

    /// Tells of each part of `item` that a later file says something else.
    fn replaced(&mut self, item: &Item, by: Place) {
        self.gone(item.place, item, by);
    }

    fn gone(&mut self, place: Place, item: &Item, by: Place) {
        let note = format!("{}:{} overrides this value", self.sources.file(by), by.line);
        self.ledger.carried_with(place, None, note.clone());
        for entry in item.entries() {
            self.gone(entry.place, &entry.item, by);
        }
        for one in item.items() {
            self.gone(one.place, one, by);
        }
    }
}

/// Whether a list is replaced as a whole.
fn is_whole(path: &[&str]) -> bool {
    matches!(path, ["services", "*", "command" | "entrypoint"] | ["services", "*", "healthcheck", "test"])
}

/// By what an item of a list is the same as one of an earlier file.
fn identity(item: &Item, path: &[&str]) -> Option<String> {
    let long = |key: &str| item.at(&[key]).and_then(Item::text).map(str::to_owned);
    match path {
        ["services", "*", "volumes"] => match item.text() {
            Some(text) => Some(words::mount(text).target),
            None => long("target").map(|target| target.trim_end_matches('/').to_owned()),
        },
        ["services", "*", "secrets" | "configs"] => {
            item.text().map(str::to_owned).or_else(|| long("target")).or_else(|| long("source"))
        }
        ["services", "*", "ports"] => match item.text() {
            Some(text) => Some(text.to_owned()),
            None => Some(format!("{:?} {:?} {:?}", long("published"), long("target"), long("protocol"))),
        },
        ["services", "*", "env_file" | "expose" | "tmpfs" | "profiles"] => item.text().map(str::to_owned),
        _ => None,
    }
}
