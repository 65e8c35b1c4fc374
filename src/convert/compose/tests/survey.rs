//! Real applications, which are not part of this repository: `STACKCTL_APPLICATIONS` is a folder with one in each folder, and
//! `STACKCTL_ASKED` a JSON file that says which files of each are read, with answers:
//! `{ "001": { "files": ["compose.yaml"], "answers": { "services.web.routes": "/*" }, "expected": "whole" } }`.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::super::{Asked, convert};
use crate::{
    convert::{
        conversion::{Answers, Options, Question},
        ledger::{Fate, UNKNOWN},
        page::Value,
    },
    spec::{self, Surroundings},
};

#[derive(Deserialize)]
struct Application {
    files: Vec<String>,
    #[serde(default)]
    profiles: Vec<String>,
    #[serde(default)]
    answers: BTreeMap<String, String>,
    #[serde(default)]
    expected: String,
}

impl Answers for Application {
    fn answer(&self, question: &Question) -> Option<String> {
        self.answers.get(&question.key).cloned().or_else(|| (question.key == "region").then(|| "eu-west-1".to_owned()))
    }
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("it can be made");
    for entry in fs::read_dir(from).expect("it can be read").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() { copied(&entry.path(), &target) } else { drop(fs::copy(entry.path(), target)) }
    }
}

/// The files of the project that a stack.yaml names, and that a survey left out.
fn fill_in(folder: &Path, page: &crate::convert::page::Page) {
    let Some(Value::Map(services)) = page.root.get("services") else { return };
    for key in services.keys() {
        let Some(Value::Map(service)) = services.get(key) else { continue };
        let mut names: Vec<&Value> = Vec::new();
        if let Some(Value::Map(files)) = service.get("files") {
            names.extend(files.keys().filter_map(|key| files.get(key)));
        }
        match service.get("env_file") {
            Some(Value::List(list)) => names.extend(list),
            other => names.extend(other),
        }
        for name in names {
            let Value::Text(name) = name else { continue };
            let path = folder.join(name);
            if !path.exists() && !name.contains("..") {
                fs::create_dir_all(path.parent().expect("it has a folder")).expect("it can be made");
                fs::write(path, "# left out\n").expect("it can be written");
            }
        }
    }
}

#[test]
#[ignore = "the applications are not part of this repository"]
fn real_applications_are_accounted_for() {
    let (Ok(all), Ok(asked)) = (std::env::var("STACKCTL_APPLICATIONS"), std::env::var("STACKCTL_ASKED")) else {
        return;
    };
    let text = fs::read_to_string(asked).expect("it can be read");
    let applications: BTreeMap<String, Application> = serde_json::from_str(&text).expect("it is JSON");
    let out = std::env::var("STACKCTL_OUT").ok().map(PathBuf::from);
    let mut summary = String::new();
    let mut wrong = 0;
    for (name, application) in &applications {
        let folder = tempfile::tempdir().expect("a temporary folder");
        copied(&Path::new(&all).join(name), folder.path());
        let files: Vec<PathBuf> = application.files.iter().map(|file| folder.path().join(file)).collect();
        let caller = |_: &str| None;
        let request = Asked { files: &files, profiles: &application.profiles, caller: &caller };
        let options = Options { folder: folder.path().to_owned(), ..Options::default() };
        let conversion = match convert(&request, &options, application) {
            Ok(conversion) => conversion,
            Err(problems) => {
                wrong += 1;
                writeln!(summary, "{name}: {}", problems.render(false)).expect("it is text");
                continue;
            }
        };
        let page = conversion.page.render();
        fill_in(folder.path(), &conversion.page);
        let variables = |name: &str| application.answers.get(&format!("variables.{name}")).cloned();
        let around = Surroundings { variables: &variables, folder: Some(folder.path()) };
        let problems = spec::parse_in(&around, "stack.yaml", &page, spec::DEFAULT_ENVIRONMENT).err();
        let rows = &conversion.report.rows;
        let is_service = |key: &str| {
            key.starts_with("services.") && key.matches('.').count() == 1
                || key.matches('.').count() == 2 && key.contains("svc.")
        };
        let blocked = rows.iter().filter(|row| row.fate == Fate::NotPossible && is_service(&row.key)).count();
        let verdict = if blocked > 0 {
            "not possible"
        } else if rows.iter().any(|row| row.fate > Fate::Carried) {
            "approximation"
        } else {
            "whole"
        };
        let unknown: Vec<&str> =
            rows.iter().filter(|row| row.note.as_deref() == Some(UNKNOWN)).map(|row| row.key.as_str()).collect();
        let leaks = page.matches("secret1").count()
            + page.matches("secret2").count()
            + rows.iter().filter(|row| format!("{row:?}").contains("secret1\"")).count();
        let open: Vec<&str> = conversion.open.iter().map(|question| question.key.as_str()).collect();
        let counts = [Fate::Carried, Fate::Approximated, Fate::NotPossible].map(|fate| conversion.report.count(fate));
        let agrees = verdict == application.expected;
        writeln!(
            summary,
            "{name}: {verdict}{} {counts:?} valid {} leaks {leaks} unknown {unknown:?} open {open:?}",
            if agrees { "" } else { " (not as expected)" },
            problems.is_none(),
        )
        .expect("it is text");
        wrong += usize::from(!unknown.is_empty() || leaks > 0);
        if let Some(out) = &out {
            fs::create_dir_all(out).expect("it can be made");
            fs::write(out.join(format!("{name}.yaml")), &page).expect("it can be written");
            let rows: String = rows
                .iter()
                .map(|row| {
                    let to = row.to.as_deref().unwrap_or_default();
                    let note = row.note.as_deref().unwrap_or_default();
                    format!(
                        "{}:{} {} | {} | {to} | {note}\n",
                        row.file.rsplit('/').next().unwrap_or_default(),
                        row.line,
                        row.key,
                        row.fate.word()
                    )
                })
                .collect();
            let problems = problems.map(|problems| problems.render(false)).unwrap_or_default();
            fs::write(out.join(format!("{name}.txt")), format!("{rows}\n{problems}\n")).expect("it can be written");
        }
    }
    println!("{summary}");
    assert_eq!(wrong, 0, "{summary}");
}
