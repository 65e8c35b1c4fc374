//! Everything that stackctl says, once, in one folder: tests/messages. A reviewer reads there how it speaks, and sees in a
//! change which texts it changes.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path, process::Command};

use super::{
    files,
    prose::{Literal, literals},
    repository,
};

/// What stands before a text that no user reads, or reads in the help.
const ELSEWHERE: &[&str] =
    &["after_help = ", "expect(", "reason = ", "unreachable!(", "panic!(", "env!(", "include_str!("];

/// Whether `literal` is a text for people: a phrase of words.
fn is_message(literal: &Literal) -> bool {
    let is_word = |word: &&str| word.len() > 2 && word.chars().all(|c| c.is_ascii_lowercase() || c == '\'');
    let words = literal.text.split([' ', '`', ':', ',', '.', ';', '(', ')']).filter(is_word).count();
    let is_elsewhere = ELSEWHERE.iter().any(|call| literal.before.ends_with(call));
    words >= 2 && !is_elsewhere
}

/// The texts of each part of the source, by the name of the part.
fn texts() -> BTreeMap<String, String> {
    let root = repository().join("src");
    let mut parts: BTreeMap<String, String> = BTreeMap::new();
    for file in files(&root, "rs") {
        let place = file.strip_prefix(&root).expect("it is below the root");
        let is_test = place
            .components()
            .any(|part| ["tests", "model", "every_kind"].iter().any(|name| part.as_os_str() == *name))
            || ["tests.rs", "sample.rs", "model.rs"].iter().any(|name| file.ends_with(name));
        if is_test {
            continue;
        }
        let part = place.components().next().expect("a file has a name").as_os_str().to_string_lossy();
        let part = part.trim_end_matches(".rs").to_owned();
        let source = fs::read_to_string(&file).expect("it can be read");
        let messages: Vec<String> = literals(&source)
            .into_iter()
            .filter(is_message)
            .map(|literal| literal.text.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        if !messages.is_empty() {
            let text = parts.entry(part).or_default();
            writeln!(text, "# {}\n{}\n", place.display(), messages.join("\n")).expect("a text takes all");
        }
    }
    parts
}

/// The help of a command and of those below it.
fn help(words: &[&str], text: &mut String) {
    let output = Command::new(env!("CARGO_BIN_EXE_stackctl")).args(words).arg("--help").output().expect("it runs");
    let said = String::from_utf8(output.stdout).expect("it is text");
    let own = said.lines().take_while(|line| *line != "Global options:" || words.is_empty());
    let own: Vec<&str> = own.map(str::trim_end).collect();
    writeln!(text, "# stackctl {}\n{}\n", words.join(" "), own.join("\n").trim_end()).expect("a text takes all");
    let listed = said.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    for name in names.filter(|name| *name != "help") {
        help(&[words, &[name]].concat(), text);
    }
}

#[test]
fn messages_folder_has_every_text() {
    let folder = repository().join("tests/messages");
    let mut wanted = texts();
    let mut commands = String::new();
    help(&[], &mut commands);
    wanted.insert("help".to_owned(), commands);
    let path = |name: &str| folder.join(format!("{name}.txt"));
    if std::env::var_os("STACKCTL_GENERATE").is_some() {
        fs::create_dir_all(&folder).expect("a folder");
        files(&folder, "txt").iter().for_each(|file| fs::remove_file(file).expect("it can be removed"));
        wanted.iter().for_each(|(name, text)| fs::write(path(name), text).expect("it can be written"));
    }
    let stale = |(name, text): &(&String, &String)| fs::read_to_string(path(name)).ok().as_ref() != Some(*text);
    let stale: Vec<&String> = wanted.iter().filter(stale).map(|(name, _)| name).collect();
    assert!(stale.is_empty(), "tests/messages is out of date for {stale:?}: run `make generate`");
    let known = |file: &&std::path::PathBuf| {
        let name = Path::new(file).file_stem().map(|name| name.to_string_lossy().into_owned());
        name.is_some_and(|name| wanted.contains_key(&name))
    };
    assert!(files(&folder, "txt").iter().all(|file| known(&file)), "tests/messages has files of parts that are gone");
}
