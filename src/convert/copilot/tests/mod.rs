//! Small applications of ours, converted; and the real ones, where a folder of them is at hand.

mod applications;
mod shapes;

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    convert::{
        conversion::{Answers, Conversion, Options, Question},
        copilot,
        ledger::Fate,
    },
    spec::{self, Stack, Surroundings},
};

/// Answers that were written down before.
#[derive(Default)]
struct Given(BTreeMap<&'static str, &'static str>);

impl Answers for Given {
    fn answer(&self, question: &Question) -> Option<String> {
        self.0.get(question.key.as_str()).map(|answer| (*answer).to_owned())
    }
}

/// Writes files of an application into a folder.
fn application(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }
    folder
}

fn options(folder: &Path) -> Options {
    Options { folder: folder.to_owned(), region: Some("eu-west-1".to_owned()), ..Options::default() }
}

fn convert(files: &[(&str, &str)], answers: &Given) -> Result<(String, Conversion), String> {
    convert_with(files, answers, false)
}

/// As [`convert`], with the database where Copilot made it if `keep_data`.
fn convert_with(files: &[(&str, &str)], answers: &Given, keep_data: bool) -> Result<(String, Conversion), String> {
    let folder = application(files);
    let options = Options { keep_data, ..options(folder.path()) };
    let conversion = copilot::convert(&options, answers).map_err(|problems| problems.render(false))?;
    Ok((conversion.page.render(), conversion))
}

/// The stack that a page describes in an environment.
fn stack(page: &str, environment: &str) -> Stack {
    let around = Surroundings { variables: &|name| Some(name.to_lowercase()), folder: None };
    let stack = spec::parse_in(&around, "stack.yaml", page, environment);
    stack.unwrap_or_else(|problems| panic!("{page}\n{}", problems.render(false)))
}

/// What became of a key, and the note on it.
fn fate<'a>(conversion: &'a Conversion, key: &str) -> (Fate, &'a str) {
    let row = conversion.report.rows.iter().find(|row| row.key == key);
    let row = row.unwrap_or_else(|| panic!("{key} is not accounted for: {:#?}", conversion.report.rows));
    (row.fate, row.note.as_deref().unwrap_or_default())
}
