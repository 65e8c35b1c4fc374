//! Imports point one way: the rule in `src/lib.rs`, checked.

use std::{fs, path::Path};

/// What each part of the source may import of the others.
const ALLOWED: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("spec", &[]),
    ("aws", &["model"]),
    ("kind", &["aws", "model"]),
    ("kinds", &["aws", "kind", "model"]),
    ("image", &["kind", "model"]),
    ("blueprint", &["spec", "model", "kind", "kinds"]),
    ("engine", &["aws", "kind", "model"]),
    ("logs", &["aws", "kind", "model"]),
    ("cost", &["blueprint", "model", "spec"]),
    ("output", &["cost", "engine", "logs", "model", "releases"]),
    ("policy", &["aws", "blueprint", "kind", "kinds", "model", "session", "spec", "strangers"]),
    ("releases", &["aws", "kind", "kinds", "model"]),
    ("session", &["aws", "kind", "kinds", "model"]),
    ("strangers", &["aws", "kind", "model"]),
    ("task", &["aws", "kind", "kinds", "model"]),
    ("exit", &[]),
    ("dump", &[]),
    (
        "cli",
        &[
            "aws",
            "blueprint",
            "cost",
            "dump",
            "engine",
            "exit",
            "image",
            "kind",
            "kinds",
            "logs",
            "model",
            "output",
            "policy",
            "releases",
            "session",
            "spec",
            "strangers",
            "task",
        ],
    ),
];

#[test]
fn every_part_imports_only_what_it_may() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut breaches = Vec::new();
    for (part, allowed) in ALLOWED {
        for file in files(&source.join(part)).into_iter().chain([source.join(format!("{part}.rs"))]) {
            let Ok(text) = fs::read_to_string(&file) else { continue };
            for other in imported(&text) {
                if other != *part && !allowed.contains(&other.as_str()) {
                    breaches.push(format!("{} imports {other}", file.display()));
                }
            }
        }
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
}

#[test]
fn no_kind_imports_another_kind() {
    let kinds = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kinds");
    // What the kinds of one AWS service share.
    let shared = [
        "acm",
        "database_task",
        "ec2",
        "ecr",
        "ecs",
        "ecs_task",
        "elasticache",
        "elb",
        "rds",
        "scheduler",
        "secretsmanager",
        "task_end",
    ];
    for file in files(&kinds).into_iter().filter(|file| *file != kinds.join("mod.rs")) {
        let text = fs::read_to_string(&file).expect("it can be read");
        // In a part of a kind, `super` is that kind; in the kind itself, it is the list of all.
        let is_part = file.parent() != Some(&kinds) && !file.ends_with("mod.rs");
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let code = code.join("\n");
        let of_all = code.match_indices("\nuse super::").filter(|_| !is_part).map(|(at, start)| at + start.len());
        let by_name = code.match_indices("kinds::").map(|(at, start)| at + start.len());
        for at in of_all.chain(by_name) {
            for named in named(&code[at..]) {
                assert!(shared.contains(&named), "{} names {named}", file.display());
            }
        }
    }
}

/// The first word of each path that `rest`, the end of a path, goes on with: one, or those in its braces.
fn named(rest: &str) -> Vec<&str> {
    let word = |text: &str| text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let Some(inside) = rest.strip_prefix('{') else { return vec![&rest[..word(rest)]] };
    let (mut depth, mut found, mut begins) = (1, Vec::new(), true);
    for (at, c) in inside.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' if depth == 1 => begins = true,
            c if begins && c.is_alphanumeric() => {
                found.push(&inside[at..at + word(&inside[at..])]);
                begins = false;
            }
            _ => {}
        }
    }
    found
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries
        .flatten()
        .flat_map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { vec![entry.path()] })
        .collect()
}

/// The first word after each `crate::`, and those in the braces of a `use crate::{…}`.
fn imported(text: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = Vec::new();
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if !rest.starts_with('{') {
            found.push(word(rest));
            continue;
        }
        let mut depth = 0;
        let mut start = true;
        for (index, c) in rest.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => start = true,
                _ if depth == 1 && start && c.is_alphabetic() => {
                    found.push(word(&rest[index..]));
                    start = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}
