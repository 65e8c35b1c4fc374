//! Files of variables, as Compose reads them: `.env` for the variables of the file itself, and what `env_file` names.
//! <https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax>

use std::{collections::BTreeMap, path::Path};

use super::{
    super::marks,
    interpolate::{Lookup, Missing, interpolated},
};
use crate::{
    convert::source::{Place, Sources},
    document::problem::Problems,
};

/// A line of such a file.
#[derive(Clone, Debug)]
pub(in super::super) struct Line {
    pub(in super::super) name: String,
    /// Without its quotes, and with its variables replaced. None for a name alone, which takes the caller's value.
    pub(in super::super) value: Option<String>,
    /// Whether stackctl reads something else there: a `$`.
    pub(in super::super) has_variable: bool,
    pub(in super::super) place: Place,
}

/// Reads the file at `path`. Each line can use those before it.
///
/// # Errors
/// It cannot be read, or a line is none.
pub(super) fn read(
    path: &Path,
    sources: &mut Sources,
    lookup: Lookup<'_>,
    missing: Missing<'_>,
) -> Result<Vec<Line>, Problems> {
    let text = sources.text(path)?;
    let mut lines = Vec::new();
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut rest = text.as_str();
    let mut number = 1;
    while !rest.is_empty() {
        let (entry, length) = entry(rest).map_err(|(message, hint)| {
            let place = sources.place(number);
            sources.problem(place, message, hint)
        })?;
        let place = sources.place(number);
        number += rest[..length].matches('\n').count();
        rest = &rest[length..];
        let Some((name, raw)) = entry else { continue };
        let has_variable = raw.as_ref().is_some_and(|raw| raw.text.contains('$'));
        let value = match raw {
            Some(Raw { text, is_literal: true }) => Some(marks::cleaned(&text)),
            Some(Raw { text, .. }) => {
                // A file's own lines count after what the caller has set.
                let look = |name: &str| lookup(name).or_else(|| known.get(name).cloned());
                let value = interpolated(&marks::cleaned(&text), &look, missing);
                // What Compose would refuse here is a password with a sign in it more often than a mistake.
                Some(value.unwrap_or(text))
            }
            None => None,
        };
        if let Some(value) = &value {
            known.insert(name.clone(), value.clone());
        }
        lines.push(Line { name, value, has_variable, place });
    }
    Ok(lines)
}

struct Raw {
    text: String,
    /// Whether it stands in single quotes, where `$` is a sign like others.
    is_literal: bool,
}

/// A name and its value, and how much of the text they take; none for a line without one.
type Entry = (Option<(String, Option<Raw>)>, usize);

fn entry(text: &str) -> Result<Entry, (String, &'static str)> {
    let end = text.find('\n').map_or(text.len(), |at| at + 1);
    let line = text[..end].trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok((None, end));
    }
    let (name, has_value) = match line.split_once('=') {
        Some((name, _)) => (name, true),
        None => (line, false),
    };
    let name = name.trim();
    let name = name.strip_prefix("export ").map_or(name, str::trim_start);
    if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control() || "\"'`$".contains(c)) {
        return Err(("expected a variable".to_owned(), "write NAME=value"));
    }
    let name = name.to_owned();
    if !has_value {
        return Ok((Some((name, None)), end));
    }
    let begin = text.find('=').map_or(end, |at| at + 1);
    let blanks = text[begin..end].len() - text[begin..end].trim_start_matches([' ', '\t']).len();
    let value = &text[begin + blanks..];
    if let Some(quote) = value.chars().next().filter(|quote| ['"', '\''].contains(quote)) {
        let Some((value, length)) = quoted(&value[1..], quote) else {
            return Err((
                format!("the value of {name} has no closing `{quote}`"),
                "add the closing quote, or remove both quotes",
            ));
        };
        let after = begin + blanks + 1 + length;
        let end = text[after..].find('\n').map_or(text.len(), |at| after + at + 1);
        return Ok((Some((name, Some(Raw { text: value, is_literal: quote == '\'' }))), end));
    }
    let line = text[begin..end].trim();
    let comment = line.find(" #").or_else(|| line.find("\t#")).unwrap_or(line.len());
    let value = if line.starts_with('#') { "" } else { line[..comment].trim_end() };
    Ok((Some((name, Some(Raw { text: value.to_owned(), is_literal: false }))), end))
}

/// The value up to its end `quote`, and how much of the text it takes.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            _ if c == quote => return Some((value, at + 1)),
            '\\' if quote == '"' => match characters.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                '$' => value.push_str("$$"),
                other => {
                    if !['"', '\\'].contains(&other) {
                        value.push('\\');
                    }
                    value.push(other);
                }
            },
            _ => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn of(text: &str) -> Result<Vec<(String, Option<String>)>, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("web.env");
        fs::write(&path, text).expect("it can be written");
        let lines = read(&path, &mut Sources::default(), &|_| None, &|name, _| format!("<{name}>"));
        let lines = lines.map_err(|problems| problems.render(false))?;
        Ok(lines.into_iter().map(|line| (line.name, line.value)).collect())
    }

    #[test]
    fn lines_are_read_as_compose_reads_them() {
        let table = [
            ("A=1", "1"),
            ("export A = two words  ", "two words"),
            ("A=x # a comment", "x"),
            ("A=\"two words # none\" # one", "two words # none"),
            ("A='a$b'", "a$b"),
            ("A=\"a\\$b\"", "a$b"),
            ("A=${B}", "<B>"),
            ("A=a$", "a$"),
        ];
        for (text, value) in table {
            assert_eq!(of(text), Ok(vec![("A".to_owned(), Some(value.to_owned()))]), "{text}");
        }
        let two = of("A=1\nB=x${A}\nC\n").expect("it is one");
        assert_eq!(two[1], ("B".to_owned(), Some("x1".to_owned())));
        assert_eq!(two[2], ("C".to_owned(), None));
    }

    #[test]
    fn what_is_no_line_is_told_at_its_place() {
        for (text, told) in [("A=1\nnot one\n", "web.env:2:1"), ("A=\"x\n", "web.env:1:1"), ("\n=1", "web.env:2:1")] {
            let message = of(text).map(drop).expect_err(text);
            assert!(message.contains(told), "{message}");
        }
    }
}
