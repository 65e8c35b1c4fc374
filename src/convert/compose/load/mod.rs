//! Reads Compose files by Compose's own rules: which files, their variables, `extends`, `include`, and one file laid over another.

mod dotenv;
mod files;
mod forms;
mod interpolate;
mod merge;
mod parts;
mod paths;
mod variables;

use std::path::{Path, PathBuf};

pub(super) use self::{
    dotenv::Line,
    merge::Twins,
    variables::{Fallback, Variables},
};
use self::{merge::Merge, parts::Reader};
use crate::{
    convert::{
        ledger::Ledger,
        source::{Item, Sources},
    },
    document::problem::Problems,
};

/// What is to be read.
pub(super) struct Request<'a> {
    /// As they were named; none for those that Compose takes by itself.
    pub(super) files: &'a [PathBuf],
    /// What paths in stack.yaml are relative to.
    pub(super) folder: &'a Path,
    /// The caller's environment.
    pub(super) caller: &'a dyn Fn(&str) -> Option<String>,
}

/// All files as one.
pub(super) struct Project<'a> {
    pub(super) sources: Sources,
    pub(super) ledger: Ledger,
    pub(super) twins: Twins,
    /// What all files say together.
    pub(super) root: Item,
    /// Each file by itself, for the report.
    pub(super) roots: Vec<Item>,
    pub(super) variables: Variables<'a>,
    /// The folder of the first file.
    pub(super) home: PathBuf,
    /// The files that were named or found.
    pub(super) files: Vec<PathBuf>,
}

impl Project<'_> {
    /// Reads a file of variables that a service has, as Compose would. None if there is no such file, nor an example of it.
    pub(super) fn env_file(&mut self, path: &Path) -> Result<Option<Fallback<Vec<Line>>>, Problems> {
        let Some(found) = variables::found(path) else { return Ok(None) };
        let variables = &self.variables;
        let lookup = |name: &str| variables.value(name);
        let missing = |name: &str, must: bool| variables.missing(name, must);
        let lines = dotenv::read(found.path(), &mut self.sources, &lookup, &missing)?;
        Ok(Some(found.with(lines)))
    }
}

/// Reads the files, and lays them over each other.
///
/// # Errors
/// A file is missing, is not YAML, or has a value that Compose does not take.
pub(super) fn load<'a>(request: &Request<'a>) -> Result<Project<'a>, Problems> {
    let files = files::chosen(request.files, request.folder)?;
    let home = files.first().and_then(|file| file.parent()).map(Path::to_owned).unwrap_or_default();
    let mut sources = Sources::default();
    let mut ledger = Ledger::default();
    let mut twins = Twins::default();
    let variables = Variables::read(&home, request.caller, &mut sources)?;
    let mut reader = Reader {
        sources: &mut sources,
        ledger: &mut ledger,
        twins: &mut twins,
        variables: &variables,
        folder: request.folder,
        roots: Vec::new(),
        open: Vec::new(),
    };
    let mut root: Option<Item> = None;
    for file in &files {
        let item = reader.file(file, &home)?;
        root = Some(match root {
            None => item,
            Some(base) => {
                Merge { sources: reader.sources, ledger: reader.ledger, twins: reader.twins }.merged(base, item, &[])
            }
        });
    }
    let Some(mut root) = root else {
        return Err(Problems::whole("compose.yaml", "no Compose file found".to_owned(), "name the file"));
    };
    reader.extended(&mut root, &home)?;
    let roots = std::mem::take(&mut reader.roots);
    Ok(Project { sources, ledger, twins, root, roots, variables, home, files })
}
