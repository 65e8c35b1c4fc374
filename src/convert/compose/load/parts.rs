//! One file after another, with what `include` and `extends` bring in.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{
    super::marks,
    forms,
    interpolate::interpolated,
    merge::{Merge, Twins},
    paths,
    variables::Variables,
};
use crate::{
    convert::{
        ledger::Ledger,
        source::{Entry, Item, Place, Sources, Value},
    },
    document::problem::Problems,
};

/// How many files may include or extend each other.
const DEEPEST: usize = 20;

/// Names of files, with their places.
type Named = Vec<(String, Place)>;

/// Reads files.
pub(super) struct Reader<'a, 'b> {
    pub(super) sources: &'a mut Sources,
    pub(super) ledger: &'a mut Ledger,
    pub(super) twins: &'a mut Twins,
    pub(super) variables: &'a Variables<'b>,
    /// What paths are relative to.
    pub(super) folder: &'a Path,
    pub(super) roots: Vec<Item>,
    /// The files that are being included.
    pub(super) open: Vec<PathBuf>,
}

impl Reader<'_, '_> {
    /// A file and what it includes. Its paths are those of `home`.
    pub(super) fn file(&mut self, path: &Path, home: &Path) -> Result<Item, Problems> {
        let raw = self.sources.yaml(path)?;
        self.roots.push(raw.clone());
        let mut root = self.prepared(raw, home)?;
        let Some(include) = taken(&mut root, "include") else { return Ok(root) };
        if self.open.len() > DEEPEST || self.open.contains(&path.to_owned()) {
            let message = format!("{} includes itself", path.display());
            return Err(self.sources.problem(include.place, message, "remove one of the two `include` entries"));
        }
        self.ledger.carried_with(include.place, None, "the files are included");
        self.open.push(path.to_owned());
        let own = path.parent().unwrap_or(Path::new("")).to_owned();
        let mut whole: Option<Item> = None;
        for one in include.item.items() {
            let (names, folder) = self.included(one)?;
            let mut together: Option<Item> = None;
            let home = match (&folder, names.first()) {
                (Some(folder), _) => own.join(folder),
                (None, Some((first, _))) => own.join(first).parent().unwrap_or(Path::new("")).to_owned(),
                (None, None) => continue,
            };
            for (name, place) in &names {
                let path = own.join(name);
                self.there(&path, *place)?;
                let item = self.file(&path, &home)?;
                together = Some(self.laid(together, item));
            }
            if let Some(item) = together {
                whole = Some(self.laid(whole, item));
            }
        }
        self.open.pop();
        Ok(self.laid(whole, root))
    }

    /// The files that one of `include` names, and their folder.
    fn included(&mut self, item: &Item) -> Result<(Named, Option<String>), Problems> {
        let path = if matches!(item.value, Value::Map(_)) { item.at(&["path"]) } else { Some(item) };
        let texts = match path {
            Some(Item { value: Value::List(items), .. }) => items.iter().collect(),
            Some(one) => vec![one],
            None => Vec::new(),
        };
        let named: Option<Named> =
            texts.iter().map(|item| item.text().map(|text| (text.to_owned(), item.place))).collect();
        let folder = item.at(&["project_directory"]).and_then(Item::text).map(str::to_owned);
        match named.filter(|named| !named.is_empty()) {
            Some(named) => Ok((named, folder)),
            None => Err(self.sources.problem(item.place, "expected a file path", "write `- path: file.yaml`")),
        }
    }

    fn there(&self, path: &Path, place: Place) -> Result<(), Problems> {
        if path.is_file() {
            return Ok(());
        }
        let message = format!("{} not found", path.display());
        Err(self.sources.problem(place, message, "write the path relative to the folder of this file"))
    }

    fn laid(&mut self, base: Option<Item>, over: Item) -> Item {
        match base {
            None => over,
            Some(base) => {
                let mut merge = Merge { sources: self.sources, ledger: self.ledger, twins: self.twins };
                merge.merged(base, over, &[])
            }
        }
    }

    /// Its variables replaced, each key in its one form, its paths from the folder of stack.yaml.
    fn prepared(&self, mut root: Item, home: &Path) -> Result<Item, Problems> {
        self.replace(&mut root, false)?;
        forms::canonical(&mut root, self.sources)?;
        paths::rebase(&mut root, home, self.folder);
        Ok(root)
    }

    /// What `must` be set is asked for, even where Compose would go on with nothing.
    fn replace(&self, item: &mut Item, must: bool) -> Result<(), Problems> {
        let place = item.place;
        match &mut item.value {
            Value::Scalar { text, .. } => {
                let lookup = |name: &str| self.variables.value(name);
                let missing = |name: &str, insists: bool| self.variables.missing(name, insists || must);
                *text = interpolated(&marks::cleaned(text), &lookup, &missing).map_err(|message| {
                    self.sources.problem(place, message, "write `$$` for a dollar sign, or `${NAME}` for a variable")
                })?;
            }
            Value::List(items) => {
                for item in items {
                    self.replace(item, must)?;
                }
            }
            Value::Map(entries) => {
                for entry in entries {
                    entry.key = marks::cleaned(&entry.key);
                    self.replace(&mut entry.item, entry.key == "image")?;
                }
            }
        }
        Ok(())
    }

    /// Resolves `extends` of all services.
    pub(super) fn extended(&mut self, root: &mut Item, home: &Path) -> Result<(), Problems> {
        let Some(services) = root.at(&["services"]).cloned() else { return Ok(()) };
        let mut done: Vec<Entry> = Vec::new();
        for entry in services.entries() {
            let item = self.resolved(&entry.key, &services, home, &mut BTreeSet::new())?;
            done.push(Entry { item: item.unwrap_or_else(|| entry.item.clone()), ..entry.clone() });
        }
        if let Some(item) = forms::item_mut(root, "services") {
            item.value = Value::Map(done);
        }
        Ok(())
    }

    /// The service `name` of `services` with what it extends.
    fn resolved(
        &mut self,
        name: &str,
        services: &Item,
        home: &Path,
        seen: &mut BTreeSet<(PathBuf, String)>,
    ) -> Result<Option<Item>, Problems> {
        let Some(mut item) = services.entry(name).map(|entry| entry.item.clone()) else { return Ok(None) };
        let Some(extends) = taken(&mut item, "extends") else { return Ok(Some(item)) };
        let text = |key: &str| extends.item.at(&[key]).and_then(Item::text).map(str::to_owned);
        let Some(other) = text("service") else {
            let hint = "write `extends: { service: NAME }`";
            return Err(self.sources.problem(extends.item.place, "expected the name of a service", hint));
        };
        self.ledger.carried_with(extends.place, None, format!("the keys of `{other}` are included"));
        let (base, home) = match text("file") {
            None => (self.again(&other, services, home, home, &extends, seen)?, home.to_owned()),
            Some(file) => {
                let path = home.join(&file);
                self.there(&path, extends.place)?;
                let own = path.parent().unwrap_or(Path::new("")).to_owned();
                let raw = self.sources.yaml(&path)?;
                self.roots.extend(only(&raw, &other));
                let root = self.prepared(raw, &own)?;
                let services = root.at(&["services"]).cloned();
                let base = match services {
                    Some(services) => self.again(&other, &services, &own, &path, &extends, seen)?,
                    None => None,
                };
                (base, own)
            }
        };
        let Some(base) = base else {
            let message = format!("service `{other}` not found in {}", home.display());
            return Err(self.sources.problem(extends.item.place, message, "name an existing service"));
        };
        let mut merge = Merge { sources: self.sources, ledger: self.ledger, twins: self.twins };
        Ok(Some(merge.merged(base, item, &["services", "*"])))
    }

    fn again(
        &mut self,
        name: &str,
        services: &Item,
        home: &Path,
        file: &Path,
        extends: &Entry,
        seen: &mut BTreeSet<(PathBuf, String)>,
    ) -> Result<Option<Item>, Problems> {
        if !seen.insert((file.to_owned(), name.to_owned())) || seen.len() > DEEPEST {
            let message = format!("`{name}` extends itself");
            return Err(self.sources.problem(extends.place, message, "remove `extends` from one of them"));
        }
        self.resolved(name, services, home, seen)
    }
}

/// The entry of a key, taken out.
fn taken(item: &mut Item, key: &str) -> Option<Entry> {
    let Value::Map(entries) = &mut item.value else { return None };
    let at = entries.iter().position(|entry| entry.key == key)?;
    Some(entries.remove(at))
}

/// A file with one service alone: the others of a file that is extended say nothing.
fn only(root: &Item, service: &str) -> Option<Item> {
    let services = root.entry("services")?;
    let entry = services.item.entry(service)?;
    let inside = Item { value: Value::Map(vec![entry.clone()]), ..services.item.clone() };
    Some(Item { value: Value::Map(vec![Entry { item: inside, ..services.clone() }]), ..root.clone() })
}
