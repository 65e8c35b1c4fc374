//! Checks the language of pages, messages and test names, as far as a test can.

use std::fs;

use super::{files, pages, read, repository};

/// The longest line of a page, in characters.
const LONGEST_LINE: usize = 120;

/// The longest name of a test, in characters.
const LONGEST_NAME: usize = 60;

/// Banned phrases that read like a translation, each with a suggestion.
const BANNED: &[(&str, &str)] = &[
    ("stands here", "say that it appears twice, or where it is"),
    ("is mended", "write: is fixed"),
    ("goes on from here", "write: resumes"),
    ("no such one", "write: not found"),
    ("has to be", "write: must be"),
    ("is no stack's", "write: belongs to no stack"),
    ("arry this out", "write: apply these changes"),
    ("makes it true", "write: creates and updates"),
    ("lets nobody in", "write: admits nobody, or: denies all access"),
    ("is its own", "name the owner"),
    ("what is to come", "write: the next steps"),
    (", please", "write the instruction alone"),
];

/// Returns the prose of a page: its numbered lines outside code blocks.
fn prose(page: &str) -> Vec<(usize, &str)> {
    let mut is_code = false;
    let lines = page.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        is_code ^= fence;
        !is_code && !fence
    });
    lines.map(|(at, line)| (at + 1, line)).collect()
}

/// Returns whether `line` can be broken: it is not a table row, and it has a space outside its links.
fn breaks(line: &str) -> bool {
    let line = line.trim_start();
    let without_links: String = line
        .split('[')
        .map(|text| text.split_once("](").and_then(|(_, link)| link.split_once(')')).map_or(text, |(_, rest)| rest))
        .collect();
    !line.starts_with('|') && without_links.trim().contains(' ')
}

#[test]
fn lines_of_pages_have_at_most_120_characters() {
    let mut long = Vec::new();
    for page in pages() {
        for (number, line) in prose(&read(&page)) {
            if line.chars().count() > LONGEST_LINE && breaks(line) {
                long.push(format!("{}:{number}", page.display()));
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

/// A string literal.
#[derive(Debug)]
pub(super) struct Literal {
    /// The end of the code before it.
    pub(super) before: String,
    pub(super) text: String,
}

/// How much code before a literal is kept.
const BEFORE: usize = 24;

/// Returns the string literals of a source file outside its tests.
pub(super) fn literals(source: &str) -> Vec<Literal> {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    let mut before = String::new();
    let mut signs = code.chars();
    while let Some(sign) = signs.next() {
        match (&mut open, sign) {
            (Some(text), '\\') => text.extend(signs.next().map(|sign| if sign == 'n' { '\n' } else { sign })),
            (Some(_), '"') => {
                let text = open.take().unwrap_or_default();
                let code = std::mem::take(&mut before);
                let skipped = code.chars().count().saturating_sub(BEFORE);
                found.push(Literal { before: code.chars().skip(skipped).collect(), text });
            }
            (Some(text), _) => text.push(sign),
            // A character literal can be a quotation mark.
            (None, '\'') if signs.as_str().starts_with("\"'") => drop((signs.next(), signs.next())),
            (None, '"') => open = Some(String::new()),
            (None, sign) => before.push(sign),
        }
    }
    found
}

#[test]
fn literals_are_found_between_comments_and_quotation_marks() {
    let source = "// \"no\"\nlet a = ('\"', \"a \\\"b\\\"\");\nf(\"c\");\n#[cfg(test)]\nmod tests { \"d\" }";
    let found: Vec<String> = literals(source).into_iter().map(|literal| literal.text).collect();
    assert_eq!(found, ["a \"b\"", "c"]);
}

#[test]
fn pages_and_messages_are_without_banned_phrases() {
    let mut texts = Vec::new();
    for page in pages() {
        let text = read(&page);
        texts.extend(
            prose(&text).into_iter().map(|(number, line)| (format!("{}:{number}", page.display()), line.to_owned())),
        );
    }
    for folder in ["src", "sandbox/src"] {
        for file in files(&repository().join(folder), "rs") {
            let of_tests = file.ends_with("tests.rs") || file.components().any(|part| part.as_os_str() == "tests");
            let source = if of_tests { String::new() } else { read(&file) };
            texts.extend(literals(&source).into_iter().map(|literal| (file.display().to_string(), literal.text)));
        }
    }
    let mut found = Vec::new();
    for (place, text) in texts {
        let banned = BANNED.iter().filter(|(phrase, _)| text.contains(phrase));
        found.extend(banned.map(|(phrase, instead)| format!("{place}: `{phrase}`: {instead}")));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn names_of_tests_have_at_most_60_characters() {
    let mut long = Vec::new();
    for folder in ["src", "sandbox", "tests", "app", "bench", "limits"] {
        for file in files(&repository().join(folder), "rs") {
            let source = fs::read_to_string(&file).expect("it can be read");
            let names = source.split("#[test]").chain(source.split("#[tokio::test")).skip(1);
            let names = names.filter_map(|rest| rest.split_once("fn ")?.1.split_once('(')).map(|(name, _)| name);
            long.extend(
                names.filter(|name| name.len() > LONGEST_NAME).map(|name| format!("{}: {name}", file.display())),
            );
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}
