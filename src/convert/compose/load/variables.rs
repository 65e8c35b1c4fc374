//! The variables of Compose files: the caller's, those of `.env`, or of its example where there is none.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{super::marks, dotenv};
use crate::{
    convert::source::{Place, Sources},
    document::problem::Problems,
};

/// A file that is there, or the example that stands in for it.
#[derive(Clone, Debug)]
pub(in super::super) enum Fallback<T> {
    There(T),
    Example(PathBuf, T),
}

impl<T> Fallback<T> {
    /// What was read of it.
    pub(in super::super) fn inside(&self) -> &T {
        match self {
            Self::There(inside) | Self::Example(_, inside) => inside,
        }
    }

    /// The example, if it is one.
    pub(in super::super) fn example(&self) -> Option<&Path> {
        match self {
            Self::There(_) => None,
            Self::Example(path, _) => Some(path),
        }
    }
}

impl Fallback<PathBuf> {
    pub(super) fn path(&self) -> &Path {
        self.inside()
    }

    pub(super) fn with<T>(self, inside: T) -> Fallback<T> {
        match self {
            Self::There(_) => Fallback::There(inside),
            Self::Example(path, _) => Fallback::Example(path, inside),
        }
    }
}

/// What the variables are.
pub(in super::super) struct Variables<'a> {
    caller: &'a dyn Fn(&str) -> Option<String>,
    file: BTreeMap<String, String>,
    /// Whether there is a `.env` that Compose itself would read: what it does not say is empty then.
    is_real: bool,
    /// The example that was read in its place.
    pub(in super::super) example: Option<PathBuf>,
    /// The lines of the file.
    pub(in super::super) lines: Vec<(String, Place)>,
    /// What was asked for and found.
    used: RefCell<BTreeMap<String, String>>,
}

impl<'a> Variables<'a> {
    pub(super) fn read(
        home: &Path,
        caller: &'a dyn Fn(&str) -> Option<String>,
        sources: &mut Sources,
    ) -> Result<Self, Problems> {
        let mut variables = Self {
            caller,
            file: BTreeMap::new(),
            is_real: false,
            example: None,
            lines: Vec::new(),
            used: RefCell::default(),
        };
        let Some(found) = found(&home.join(".env")) else { return Ok(variables) };
        variables.is_real = found.example().is_none();
        variables.example = found.example().map(Path::to_owned);
        let lookup = |name: &str| caller(name);
        let lines = dotenv::read(found.path(), sources, &lookup, &|name, _| marks::unset(name))?;
        for line in lines {
            variables.lines.push((line.name.clone(), line.place));
            if let Some(value) = line.value {
                variables.file.insert(line.name, value);
            }
        }
        Ok(variables)
    }

    /// The value of a variable.
    pub(in super::super) fn value(&self, name: &str) -> Option<String> {
        let value = match name {
            // The folder that Compose runs in is that of stack.yaml.
            "PWD" => Some(".".to_owned()),
            _ => (self.caller)(name).or_else(|| self.file.get(name).cloned()),
        }?;
        self.used.borrow_mut().insert(name.to_owned(), value.clone());
        Some(value)
    }

    /// Whether some file takes a variable.
    pub(in super::super) fn is_used(&self, name: &str) -> bool {
        self.used.borrow().contains_key(name)
    }

    /// What stands for a variable that is not set.
    pub(super) fn missing(&self, name: &str, must: bool) -> String {
        if self.is_real && !must { String::new() } else { marks::unset(name) }
    }

    /// All that were found, and all of the file.
    pub(in super::super) fn known(&self) -> Vec<(String, String)> {
        let mut known = self.file.clone();
        known.extend(self.used.borrow().clone());
        known.into_iter().collect()
    }
}

/// The file at `path`, or one beside it that shows what it is to have.
pub(super) fn found(path: &Path) -> Option<Fallback<PathBuf>> {
    if path.is_file() {
        return Some(Fallback::There(path.to_owned()));
    }
    let name = path.file_name()?.to_str()?;
    let bare = name.trim_start_matches('.');
    let folder = path.parent()?;
    let endings = ["example", "sample", "template", "dist", "local.example"];
    let mut names: Vec<String> = endings.iter().map(|ending| format!("{name}.{ending}")).collect();
    names.extend(endings.iter().map(|ending| format!("{bare}.{ending}")));
    names.extend(endings.iter().map(|ending| format!("{ending}.{bare}")));
    names.extend(endings.iter().map(|ending| format!("{bare}_{ending}")));
    if name == ".env" {
        names.extend([".env.production.example", ".env.production.sample", ".env.prod.example"].map(str::to_owned));
    }
    let example = names.iter().map(|name| folder.join(name)).find(|path| path.is_file())?;
    Some(Fallback::Example(example.clone(), example))
}
