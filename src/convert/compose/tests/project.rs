//! A project in a temporary folder, and what its conversion says.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::super::{Asked, convert};
use crate::{
    convert::{
        conversion::{Answers, Conversion, Options, Question},
        ledger::Fate,
    },
    spec::{self, Surroundings},
};

/// Files, and what is asked of them.
pub(super) struct Project {
    folder: tempfile::TempDir,
    files: Vec<PathBuf>,
    profiles: Vec<String>,
    answers: BTreeMap<String, String>,
    caller: BTreeMap<String, String>,
}

impl Answers for Project {
    fn answer(&self, question: &Question) -> Option<String> {
        self.answers.get(&question.key).cloned()
    }
}

/// What came of it.
pub(super) struct Converted {
    pub(super) page: String,
    pub(super) conversion: Conversion,
    /// What `validate` says.
    pub(super) problems: Option<String>,
}

impl Project {
    /// A project with `compose.yaml`.
    pub(super) fn new(compose: &str) -> Self {
        Self::empty().with("compose.yaml", compose)
    }

    pub(super) fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let answers = BTreeMap::from([("region".to_owned(), "eu-west-1".to_owned())]);
        Self { folder, files: Vec::new(), profiles: Vec::new(), answers, caller: BTreeMap::new() }
    }

    pub(super) fn with(self, name: &str, text: &str) -> Self {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
        self
    }

    pub(super) fn file(mut self, name: &str) -> Self {
        self.files.push(self.folder.path().join(name));
        self
    }

    pub(super) fn profile(mut self, name: &str) -> Self {
        self.profiles.push(name.to_owned());
        self
    }

    pub(super) fn answer(mut self, key: &str, value: &str) -> Self {
        self.answers.insert(key.to_owned(), value.to_owned());
        self
    }

    pub(super) fn caller(mut self, name: &str, value: &str) -> Self {
        self.caller.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The conversion, or what is wrong with the files.
    pub(super) fn converted(&self) -> Result<Converted, String> {
        let options =
            Options { name: Some("shop".to_owned()), folder: self.folder.path().to_owned(), ..Options::default() };
        let caller = |name: &str| self.caller.get(name).cloned();
        let asked = Asked { files: &self.files, profiles: &self.profiles, caller: &caller };
        let conversion = convert(&asked, &options, self).map_err(|problems| problems.render(false))?;
        let page = conversion.page.render();
        let variables = |_: &str| Some("value".to_owned());
        let around = Surroundings { variables: &variables, folder: Some(self.folder.path()) };
        let parsed = spec::parse_in(&around, "stack.yaml", &page, spec::DEFAULT_ENVIRONMENT);
        let problems = parsed.err().map(|problems| problems.render(false));
        Ok(Converted { page, conversion, problems })
    }

    /// A conversion that `validate` accepts.
    pub(super) fn valid(&self) -> Converted {
        let converted = self.converted().unwrap_or_else(|problems| panic!("{problems}"));
        if let Some(problems) = &converted.problems {
            panic!("{}\n{problems}", converted.page);
        }
        converted
    }
}

impl Converted {
    /// The keys of the questions that are open.
    pub(super) fn open(&self) -> Vec<&str> {
        self.conversion.open.iter().map(|question| question.key.as_str()).collect()
    }

    /// What became of a key, with its note.
    pub(super) fn fate(&self, key: &str) -> (Fate, &str) {
        let row = self.conversion.report.rows.iter().find(|row| row.key == key);
        let row = row.unwrap_or_else(|| {
            let keys: Vec<&str> = self.conversion.report.rows.iter().map(|row| row.key.as_str()).collect();
            panic!("no row for {key} among {keys:?}")
        });
        (row.fate, row.note.as_deref().unwrap_or_default())
    }

    /// Checks that the page has this text.
    pub(super) fn has(&self, text: &str) {
        assert!(self.page.contains(text), "no `{text}` in\n{}", self.page);
    }

    pub(super) fn has_not(&self, text: &str) {
        assert!(!self.page.contains(text), "`{text}` in\n{}", self.page);
        let note = self.conversion.report.rows.iter().find(|row| format!("{row:?}").contains(text));
        assert!(note.is_none(), "`{text}` in {note:?}");
    }
}
