//! Determines the imports between the files of a crate without a compiler, from words and paths, `use` and `mod`.
//!
//! Items under `#[cfg(test)]` are ignored: the tests of a file may import files that import it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The path of a module from the root of its crate, one name per part.
pub type Module = Vec<String>;

/// How many `use` re-exports a name may pass through before it counts as a cycle.
const DEEPEST: usize = 16;

/// All modules of a crate that have their own file.
pub struct Source {
    modules: BTreeMap<Module, Contents>,
}

/// The names and paths in a file.
struct Contents {
    /// The target of each name that a `use` introduces.
    names: BTreeMap<String, Vec<String>>,
    /// Every path: those in `use`, and those in the code, such as `clusters::create`.
    paths: Vec<Vec<String>>,
}

/// The target of a path.
enum Found {
    /// A module.
    Module,
    /// An item that is defined in this module's file.
    Item(Module),
}

impl Source {
    /// Reads the crate in `folder`. Its root is `lib.rs`, or else `main.rs`.
    pub fn read(folder: &Path) -> Self {
        let is_library = folder.join("lib.rs").exists();
        let modules = files(folder).into_iter().filter_map(|file| {
            let mut module: Module = file
                .strip_prefix(folder)
                .ok()?
                .with_extension("")
                .iter()
                .map(|part| part.to_string_lossy().into_owned())
                .collect();
            let is_root = module == ["lib"] || (module == ["main"] && !is_library);
            if is_root || module.last().is_some_and(|last| last == "mod") {
                module.pop();
            }
            let text = fs::read_to_string(&file).expect("a source file can be read");
            Some((module, Contents::read(&text, &file)))
        });
        Self { modules: modules.collect() }
    }

    /// Returns whether the module has a file.
    pub fn has(&self, module: &[String]) -> bool {
        self.modules.contains_key(module)
    }

    /// Returns the imports of each file from other files.
    pub fn imports(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        self.modules
            .iter()
            .map(|(module, contents)| {
                let found = contents.paths.iter().filter_map(|path| match self.resolve(module, path, 0)? {
                    // Naming a module is not a use of it. Uses of its items have their own paths.
                    Found::Module => None,
                    Found::Item(other) => Some(other).filter(|other| other != module),
                });
                (module.clone(), found.collect())
            })
            .collect()
    }

    /// Resolves a path in `module`. Returns `None` if it leads out of the crate or is not a path of modules.
    fn resolve(&self, module: &[String], path: &[String], depth: usize) -> Option<Found> {
        if depth > DEEPEST {
            return None;
        }
        let (head, rest) = path.split_first()?;
        match head.as_str() {
            "crate" => self.walk(Vec::new(), rest, depth),
            "self" => self.walk(module.to_vec(), rest, depth),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                let above = module.len().checked_sub(ups)?;
                self.walk(module[..above].to_vec(), &path[ups..], depth)
            }
            _ if self.has(&child(module, head)) => self.walk(module.to_vec(), path, depth),
            _ => {
                let leads = self.modules.get(module)?.names.get(head)?;
                // `use regex::Regex;` names a crate, and so does a name that resolves to itself.
                let longer: Vec<String> = leads.iter().chain(rest).cloned().collect();
                if leads.first() == Some(head) { None } else { self.resolve(module, &longer, depth + 1) }
            }
        }
    }

    fn walk(&self, mut at: Module, mut path: &[String], depth: usize) -> Option<Found> {
        while let Some((head, rest)) = path.split_first() {
            let below = child(&at, head);
            if self.has(&below) {
                (at, path) = (below, rest);
                continue;
            }
            if let Some(leads) = self.modules.get(&at)?.names.get(head) {
                let longer: Vec<String> = leads.iter().chain(rest).cloned().collect();
                return self.resolve(&at, &longer, depth + 1);
            }
            return Some(Found::Item(at));
        }
        Some(Found::Module)
    }
}

fn child(module: &[String], name: &str) -> Module {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

impl Contents {
    fn read(text: &str, file: &Path) -> Self {
        let words = without_tests(&words(text));
        let children: BTreeSet<&str> = words
            .windows(3)
            .filter(|three| three[0] == "mod" && three[2] == ";")
            .map(|three| three[1].as_str())
            .collect();
        let inline = words.windows(3).find(|three| three[0] == "mod" && three[2] == "{");
        assert!(inline.is_none(), "{}: this check does not understand an inline module", file.display());
        let (mut names, mut paths) = (BTreeMap::new(), Vec::new());
        let mut at = 0;
        while at < words.len() {
            let is_use = words[at] == "use" && words.get(at + 1).is_some_and(|next| next != "<");
            if is_use {
                let end = (at..words.len()).find(|index| words[*index] == ";").unwrap_or(words.len());
                let is_passed_on = at > 0 && (words[at - 1] == "pub" || words[at - 1] == ")");
                for (path, name) in tree(&words[at + 1..end]) {
                    // A file that only re-exports a name of its part does not use it, unless it also mentions the
                    // name elsewhere.
                    let is_of_part = path.first().is_some_and(|head| children.contains(head.as_str()));
                    let is_said = words[end..].contains(&name);
                    if !(is_passed_on && is_of_part) || is_said {
                        paths.push(path.clone());
                    }
                    names.insert(name, path);
                }
                at = end;
            } else if is_name(&words[at]) {
                let mut path = vec![words[at].clone()];
                while words.get(at + 1).is_some_and(|next| next == "::")
                    && words.get(at + 2).is_some_and(|next| is_name(next))
                {
                    path.push(words[at + 2].clone());
                    at += 2;
                }
                if path.len() > 1 {
                    paths.push(path);
                }
            } else if words[at] == "::" {
                // The rest of a path that does not start with a name, such as `<T>::new`.
                at += 1;
            }
            at += 1;
        }
        Self { names, paths }
    }
}

/// Returns the paths of a `use`, each with the name that it introduces.
fn tree(words: &[String]) -> Vec<(Vec<String>, String)> {
    let mut path = Vec::new();
    let mut at = 0;
    while at < words.len() {
        match words[at].as_str() {
            "{" => {
                let inner = &words[at + 1..words.len() - 1];
                let longer = parts(inner).into_iter().flat_map(tree).map(|(rest, name)| {
                    let is_self = rest == ["self"];
                    let whole: Vec<String> =
                        path.iter().cloned().chain(rest.into_iter().filter(|_| !is_self)).collect();
                    let name = if name == "self" { path.last().cloned().unwrap_or(name) } else { name };
                    (whole, name)
                });
                return longer.collect();
            }
            "as" => return vec![(path, words[at + 1].clone())],
            "::" => {}
            word => path.push(word.to_owned()),
        }
        at += 1;
    }
    let name = path.last().cloned().unwrap_or_default();
    vec![(path, name)]
}

/// Splits at commas outside braces.
fn parts(words: &[String]) -> Vec<&[String]> {
    let (mut depth, mut begin, mut found) = (0, 0, Vec::new());
    for (at, word) in words.iter().enumerate() {
        match word.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 0 => {
                found.push(&words[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    found.push(&words[begin..]);
    found.into_iter().filter(|part| !part.is_empty()).collect()
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Removes each item under `#[cfg(test)]`.
fn without_tests(words: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if words[at..].starts_with(&["#", "[", "cfg", "(", "test", ")", "]"].map(str::to_owned)) {
            let mut depth = 0;
            at += 7;
            while at < words.len() {
                match words[at].as_str() {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    _ => {}
                }
                let is_end = depth == 0 && (words[at] == ";" || words[at] == "}");
                at += 1;
                if is_end {
                    break;
                }
            }
        } else {
            kept.push(words[at].clone());
            at += 1;
        }
    }
    kept
}

/// Returns the words and symbols of a source text, without comments and the contents of literals.
pub fn words(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    let begins = |at: usize, what: &str| what.chars().enumerate().all(|(index, c)| chars.get(at + index) == Some(&c));
    while at < chars.len() {
        let c = chars[at];
        if begins(at, "//") {
            at += chars[at..].iter().take_while(|c| **c != '\n').count();
        } else if begins(at, "/*") {
            at += 2;
            while at < chars.len() && !begins(at, "*/") {
                at += 1;
            }
            at += 2;
        } else if c == '"' {
            at = end_of_text(&chars, at);
        } else if c == 'r' && raw_hashes(&chars, at).is_some() {
            let hashes = raw_hashes(&chars, at).unwrap_or_default();
            let end = format!("\"{}", "#".repeat(hashes));
            at += hashes + 2;
            while at < chars.len() && !begins(at, &end) {
                at += 1;
            }
            at += hashes + 1;
        } else if c == '\'' {
            at = end_of_quote(&chars, at);
        } else if c.is_alphanumeric() || c == '_' {
            let length = chars[at..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').count();
            let word: String = chars[at..at + length].iter().collect();
            // `br"…"` and `b"…"`: the literal itself follows.
            if word == "br" && raw_hashes(&chars, at + 1).is_some() {
                at += 1;
                continue;
            }
            found.push(word);
            at += length;
        } else if begins(at, "::") {
            found.push("::".to_owned());
            at += 2;
        } else {
            if !c.is_whitespace() {
                found.push(c.to_string());
            }
            at += 1;
        }
    }
    found
}

/// Returns the number of hashes of a raw string that starts here, or `None` if none does.
fn raw_hashes(chars: &[char], at: usize) -> Option<usize> {
    let is_word_before = at > 0 && (chars[at - 1].is_alphanumeric() && chars[at - 1] != 'b' || chars[at - 1] == '_');
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    (!is_word_before && chars.get(at + 1 + hashes) == Some(&'"')).then_some(hashes)
}

/// Returns the end of the string that starts at `at`.
fn end_of_text(chars: &[char], mut at: usize) -> usize {
    at += 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Returns the position after a character such as `'x'` or `'\n'`, or after the quote of a lifetime.
fn end_of_quote(chars: &[char], at: usize) -> usize {
    if chars.get(at + 1) == Some(&'\\') {
        let escaped = at + 3;
        return escaped + chars[escaped.min(chars.len())..].iter().take_while(|c| **c != '\'').count() + 1;
    }
    if chars.get(at + 2) == Some(&'\'') { at + 3 } else { at + 1 }
}

/// Returns all files below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let found = entries
        .flatten()
        .flat_map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { vec![entry.path()] });
    found.filter(|file| file.extension().is_some_and(|extension| extension == "rs")).collect()
}
