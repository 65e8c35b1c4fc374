//! Checks that no code decides by the text of a message, since stackctl's and AWS's texts can change. Codes, causes,
//! subjects and phases identify what happened.

use std::{fs, path::Path};

/// Fields and methods that contain text for people.
const TEXTS: &[&str] = &[
    ".message",
    ".reason",
    ".stopped_reason",
    ".hint",
    ".info",
    ".operation",
    ".to_string()",
    ".details",
    "reason",
    "message",
];

/// Conversions that may come between a text and its comparison.
const CONVERSIONS: &[&str] = &[
    "()",
    ".as_str()",
    ".as_deref()",
    ".as_ref()",
    ".to_lowercase()",
    ".to_uppercase()",
    ".trim()",
    ".unwrap_or_default()",
];

const COMPARISONS: &[&str] = &[
    ".contains(",
    ".starts_with(",
    ".ends_with(",
    ".strip_prefix(",
    ".strip_suffix(",
    ".split_once(",
    ".find(",
    ".eq(",
    "==",
    "!=",
    ".matches(",
];

/// Files that may compare text, each with its reason.
const ALLOWED: &[(&str, &str)] = &[
    (
        "src/kinds/ecs/task_end.rs",
        "the word at the front of a stopped reason is ECS's interface, and is parsed in one function",
    ),
    ("src/kinds/ecs/task_definition/deletion.rs", "ECS has a code, `MISSING`, in the reason of a failed deletion"),
    ("src/aws/refusal.rs", "AWS has no code of its own for a role that it cannot assume yet; read in one function"),
    ("src/model/failure.rs", "compares AWS's name of an operation, for `Failure::is_of`"),
    ("src/output/log.rs", "looks for the text of `logs --grep` in what tasks have written"),
];

#[test]
fn no_code_compares_the_text_of_a_message() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for file in files(&root.join("src")) {
        let name = file.strip_prefix(root).expect("it is below the root").display().to_string();
        let text = fs::read_to_string(&file).expect("it can be read");
        let lines = comparisons(&text);
        if ALLOWED.iter().any(|(allowed, _)| *allowed == name) {
            assert!(!lines.is_empty(), "{name} compares nothing any more: take it off the list");
        } else {
            found.extend(lines.into_iter().map(|line| format!("{name}:{line}")));
        }
    }
    assert!(found.is_empty(), "these compare the text of a message; decide by a code or a type instead: {found:#?}");
}

#[test]
fn comparisons_of_messages_are_found_in_every_form() {
    for compares in [
        "if failure.message.contains(\"protect\") {",
        "failure\n    .message\n    .to_lowercase()\n    .starts_with(\"x\")",
        "failure.operation == \"--target\"",
        "task.stopped_reason().is_some_and(|reason| reason.starts_with(\"Task failed\"))",
        "if failure.to_string().contains(\"x\") {",
        "error.info().contains(\"tab\")",
        "\"x\" == message",
    ] {
        assert!(!comparisons(compares).is_empty(), "{compares}");
    }
    for decides in [
        "failure.is(&[\"DependencyViolation\"])",
        "// if failure.message.contains(",
        "failure.message = chain(error);",
        "let message = format!(\"{name} == {other}\");",
        "fn f() {}\n#[cfg(test)]\nmod tests {\n    fn g() { assert!(failure.message.contains(\"x\")); }\n}",
    ] {
        assert_eq!(comparisons(decides), Vec::<usize>::new(), "{decides}");
    }
}

/// Returns the line numbers, from 1, on which code outside tests compares text for people.
fn comparisons(text: &str) -> Vec<usize> {
    let tests = ["#[cfg(test)]\nmod tests {", "\n#[test]"].iter().filter_map(|start| text.find(start)).min();
    let code = &text[..tests.unwrap_or(text.len())];
    // Without whitespace, a chain of calls is one word however it is broken into lines.
    let mut dense = String::new();
    let mut line_of = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let line = line.split("//").next().unwrap_or_default();
        for c in line.chars().filter(|c| !c.is_whitespace()) {
            dense.push(c);
            line_of.resize(dense.len(), number + 1);
        }
    }
    let mut found = Vec::new();
    for word in TEXTS {
        for (at, _) in dense.match_indices(word) {
            let before = dense[..at].chars().next_back();
            let is_whole = word.starts_with('.') || !before.is_some_and(|c| c.is_alphanumeric() || "_.\"".contains(c));
            let mut rest = &dense[at + word.len()..];
            while let Some(after) = CONVERSIONS.iter().find_map(|conversion| rest.strip_prefix(conversion)) {
                rest = after;
            }
            let is_compared = COMPARISONS.iter().any(|comparison| rest.starts_with(comparison))
                || dense[..at].ends_with("\"==")
                || dense[..at].ends_with("\"!=");
            if is_whole && is_compared {
                found.push(line_of[at]);
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Returns all source files below `folder` that are not only tests.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    paths
        .filter(|path| !path.ends_with("tests") && !path.ends_with("tests.rs"))
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}
