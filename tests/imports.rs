//! Checks that imports point in one direction, as `src/lib.rs` requires.

#[path = "imports/source.rs"]
mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use source::{Module, Source, files};

/// The parts of the source that each part may import.
const ALLOWED: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("document", &[]),
    ("convert", &["document", "spec"]),
    ("spec", &["document"]),
    ("aws", &["model"]),
    ("kind", &["aws", "model"]),
    ("kinds", &["aws", "kind", "model", "times"]),
    ("image", &["kind", "model"]),
    ("blockers", &["kind", "kinds", "model"]),
    ("blueprint", &["spec", "model", "kind", "kinds"]),
    ("engine", &["aws", "kind", "model"]),
    ("jobs", &["aws", "kind", "kinds", "model", "times"]),
    ("times", &[]),
    ("logs", &["aws", "kind", "model"]),
    ("cost", &["blueprint", "kind", "kinds", "model", "spec"]),
    ("output", &["cost", "engine", "jobs", "kind", "logs", "model", "releases"]),
    ("offers", &["kind", "kinds", "model"]),
    ("policy", &["aws", "blueprint", "kind", "kinds", "model", "session", "spec"]),
    ("releases", &["aws", "kind", "kinds", "model"]),
    ("session", &["aws", "kind", "kinds", "model"]),
    ("task", &["aws", "kind", "kinds", "model"]),
    ("exit", &[]),
    ("dump", &[]),
    (
        "cli",
        &[
            "aws",
            "blockers",
            "blueprint",
            "convert",
            "cost",
            "dump",
            "engine",
            "exit",
            "image",
            "jobs",
            "kind",
            "kinds",
            "logs",
            "model",
            "offers",
            "output",
            "policy",
            "releases",
            "session",
            "spec",
            "task",
        ],
    ),
];

#[test]
fn every_part_imports_only_allowed_parts() {
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
fn files_of_a_part_have_no_import_cycle() {
    let source = Source::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let parts = ALLOWED.iter().map(|(part, _)| (*part).to_owned());
    let found: Vec<String> = parts.flat_map(|part| circles(&source, &[part])).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn files_of_the_sandbox_have_no_import_cycle() {
    let source = Source::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("sandbox/src"));
    let found = circles(&source, &[]);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// A kind is a leaf: shared code belongs in the file of its service, or in a file next to it that is not a kind.
#[test]
fn no_kind_is_imported_by_another_kind_or_shared_code() {
    let source = Source::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let kinds = registered(&source);
    let kind_of = |module: &Module| kinds.iter().find(|kind| module.starts_with(kind));
    let mut breaches = Vec::new();
    for (module, imported) in source.imports() {
        // The registry may name all kinds.
        if module.first().is_none_or(|part| part != "kinds") || module.len() == 1 {
            continue;
        }
        for other in imported {
            if let Some(kind) = kind_of(&other)
                && kind_of(&module) != Some(kind)
            {
                breaches.push(format!("{} imports the kind {}", module.join("::"), kind.join("::")));
            }
        }
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
}

/// Returns the modules of the kinds in the registry: `kind::<ec2::vpc::Vpc>()` is `kinds::ec2::vpc`.
fn registered(source: &Source) -> Vec<Module> {
    let registry = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kinds/mod.rs");
    let words = source::words(&fs::read_to_string(registry).expect("the registry can be read"));
    let starts = words.windows(3).enumerate().filter(|(_, three)| *three == ["kind", "::", "<"]);
    let kinds: Vec<Module> = starts
        .map(|(at, _)| {
            let path = words[at + 3..].iter().take_while(|word| *word != ">").filter(|word| *word != "::");
            let mut module: Module = ["kinds".to_owned()].into_iter().chain(path.cloned()).collect();
            module.pop();
            module
        })
        .collect();
    assert!(kinds.len() > 30, "the registry has another form than this test reads: {kinds:?}");
    for kind in &kinds {
        assert!(source.has(kind), "{} has no file", kind.join("::"));
    }
    kinds
}

/// Returns the import cycles among the files below `part`, each with the imports of its files.
fn circles(source: &Source, part: &[String]) -> Vec<String> {
    let mut imports = source.imports();
    imports.retain(|module, _| module.starts_with(part));
    for imported in imports.values_mut() {
        imported.retain(|module| module.starts_with(part));
    }
    let reached = |from: &Module| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(module) = next.pop() {
            next.extend(imports.get(module).into_iter().flatten().filter(|other| seen.insert((*other).clone())));
        }
        seen
    };
    let reachable: BTreeMap<&Module, BTreeSet<Module>> =
        imports.keys().map(|module| (module, reached(module))).collect();
    let mut told = BTreeSet::new();
    let mut found = Vec::new();
    for (module, all) in &reachable {
        if !all.contains(*module) || told.contains(*module) {
            continue;
        }
        let members: BTreeSet<&Module> =
            all.iter().filter(|other| reachable.get(other).is_some_and(|back| back.contains(*module))).collect();
        let lines = members.iter().map(|member| {
            let inside = imports[*member].iter().filter(|other| members.contains(other)).map(|other| other.join("::"));
            format!("  {} imports {}", member.join("::"), inside.collect::<Vec<_>>().join(", "))
        });
        let heading = format!("{} files import each other in a circle:", members.len());
        found.push([heading].into_iter().chain(lines).collect::<Vec<_>>().join("\n"));
        told.extend(members.into_iter().cloned());
    }
    found
}

/// Returns the first word after each `crate::`, and the words in the braces of a `use crate::{…}`.
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
