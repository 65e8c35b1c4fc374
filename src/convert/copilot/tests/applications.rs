//! Every application in the folder that `STACKCTL_APPLICATIONS` names: each key accounted for, and each output valid.

use std::{collections::BTreeMap, fs, path::PathBuf};

use super::{Given, options};
use crate::{
    convert::{
        copilot,
        ledger::{Fate, UNKNOWN},
    },
    spec::{self, Surroundings},
};

#[test]
#[ignore = "needs a folder of applications, in STACKCTL_APPLICATIONS"]
fn real_applications_come_over() {
    let Ok(folder) = std::env::var("STACKCTL_APPLICATIONS") else { return };
    let output = std::env::var("STACKCTL_CONVERTED").ok().map(PathBuf::from);
    let mut folders: Vec<PathBuf> =
        fs::read_dir(folder).expect("it is a folder").flatten().map(|one| one.path()).collect();
    folders.retain(|path| path.join("copilot").is_dir());
    folders.sort();
    let (mut whole, mut wrong, mut notes) = (0, Vec::new(), BTreeMap::<String, usize>::new());
    for folder in &folders {
        let name = folder.file_name().expect("it has one").to_string_lossy().into_owned();
        let mut wrong_here = |what: String| wrong.push(format!("{name}: {what}"));
        let mut options = options(folder);
        options.region = None;
        let conversion = match copilot::convert(&options, &Given::default()) {
            Ok(conversion) => conversion,
            Err(problems) => {
                wrong_here(problems.render(false));
                continue;
            }
        };
        let page = conversion.page.render();
        let lost = conversion.report.rows.iter().filter(|row| row.fate == Fate::NotPossible);
        let lost: Vec<String> = lost
            .map(|row| format!("{}:{} {}: {}", row.file, row.line, row.key, row.note.as_deref().unwrap_or_default()))
            .collect();
        if lost.is_empty() {
            whole += 1;
        }
        for row in &conversion.report.rows {
            if row.note.as_deref() == Some(UNKNOWN) {
                wrong_here(format!("{}:{} {} is unknown", row.file, row.line, row.key));
            }
            *notes.entry(format!("{:?} {}", row.fate, row.note.as_deref().unwrap_or_default())).or_default() += 1;
        }
        let around = Surroundings {
            variables: &|name| {
                Some(if name.contains("IMAGE") { "nginx:1".to_owned() } else { name.to_lowercase().replace('_', "-") })
            },
            folder: Some(folder),
        };
        if let Err(problems) = spec::parse_in(&around, "stack.yaml", &page, spec::DEFAULT_ENVIRONMENT) {
            wrong_here(problems.render(false));
        }
        if let Some(output) = &output {
            fs::write(output.join(format!("{name}.yaml")), &page).expect("it can be written");
            fs::write(output.join(format!("{name}.txt")), lost.join("\n")).expect("it can be written");
        }
    }
    if let Some(output) = &output {
        let notes: Vec<String> = notes.into_iter().map(|(note, count)| format!("{count} {note}")).collect();
        fs::write(output.join("notes"), notes.join("\n")).expect("it can be written");
    }
    println!("{} applications, {whole} without a part that is not possible, {} problems", folders.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
