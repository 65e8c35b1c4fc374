//! Reads files of environment variables: one `NAME=value` per line, by the rules of Docker Compose. A line that begins
//! with `#` is a comment. After an unquoted value, a blank and `#` begin a comment. `export` before a name is ignored.

use std::path::Path;

use super::{
    check,
    problem::Span,
    yaml::{Key, Node, Value},
};

/// The largest file, in bytes: a task definition cannot hold more.
const LARGEST: u64 = 64 * 1024;

/// What is wrong with a file, and a hint.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) hint: String,
}

impl Wrong {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

/// Reads the variables of the file at `path`. stack.yaml names the file as `name`, at `span`.
pub(super) fn read(path: &Path, name: &str, span: Span) -> Result<Vec<(Key, Node)>, Wrong> {
    let unreadable = |error: &std::io::Error| {
        let hint = "name a file of NAME=value lines, relative to the folder of stack.yaml";
        match error.kind() {
            std::io::ErrorKind::NotFound => Wrong::new(format!("{name} not found"), hint),
            _ => Wrong::new(format!("cannot read {name}: {error}"), hint),
        }
    };
    let length = path.metadata().map_err(|error| unreadable(&error))?.len();
    if length > LARGEST {
        let message = format!("{name} is larger than {} KiB", LARGEST / 1024);
        return Err(Wrong::new(
            message,
            "name a smaller file of NAME=value lines; this one does not fit into a task definition",
        ));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(&error))?;
    variables(&text, name, span)
}

fn variables(text: &str, name: &str, span: Span) -> Result<Vec<(Key, Node)>, Wrong> {
    let mut variables: Vec<(Key, Node)> = Vec::new();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut line = 1;
    while !rest.is_empty() {
        let (entry, length) =
            entry(rest).map_err(|(message, hint)| Wrong::new(format!("{name}:{line}: {message}"), hint))?;
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
        if let Some((variable, value)) = entry {
            // The last value wins, as in a shell.
            variables.retain(|(key, _)| key.text != variable);
            let node = Node { span, value: Value::Scalar { text: value, plain: false } };
            variables.push((Key { span, text: variable }, node));
        }
    }
    Ok(variables)
}

/// A variable with its value, if the entry has one, and the length of the entry in bytes.
type Entry = (Option<(String, String)>, usize);

/// Parses the first entry of `text`: one line, or several if a quoted value continues on the next line.
fn entry(text: &str) -> Result<Entry, (String, &'static str)> {
    let end = text.find('\n').map_or(text.len(), |at| at + 1);
    let line = text[..end].trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok((None, end));
    }
    let Some((name, _)) = line.split_once('=') else {
        // Compose would use the caller's variable of that name; stack.yaml has `${NAME}` for that.
        return Err((
            format!("missing `=` in `{}`", shown(line)),
            "write NAME=value, or NAME=${NAME} to pass on your own variable",
        ));
    };
    let name = name.trim();
    let name = name.strip_prefix("export ").map_or(name, str::trim_start).to_owned();
    if !check::is_variable(&name) {
        let message = format!("invalid environment variable name `{}`", shown(&name));
        return Err((message, "use letters, digits and _, not beginning with a digit"));
    }
    let begin = text.find('=').map_or(end, |at| at + 1);
    let blanks = text[begin..end].len() - text[begin..end].trim_start_matches([' ', '\t']).len();
    let value = &text[begin + blanks..];
    if let Some(quote) = value.chars().next().filter(|quote| ['"', '\''].contains(quote)) {
        let Some((value, length)) = quoted(&value[1..], quote) else {
            return Err((
                format!("missing closing `{quote}` in the value of {name}"),
                "add it, or remove the opening one",
            ));
        };
        let after = begin + blanks + 1 + length;
        let end = text[after..].find('\n').map_or(text.len(), |at| after + at + 1);
        let more = text[after..end].trim();
        if !more.is_empty() && !more.starts_with('#') {
            return Err((format!("found text after the closing `{quote}` of {name}"), "put the whole value in quotes"));
        }
        return Ok((Some((name, value)), end));
    }
    let line = text[begin..end].trim();
    let comment = line.find(" #").or_else(|| line.find("\t#")).unwrap_or(line.len());
    let value = if line.starts_with('#') { "" } else { &line[..comment] };
    Ok((Some((name, value.trim_end().to_owned())), end))
}

/// Returns the value up to the closing `quote`, and its length in bytes. In double quotes, `\` escapes a quote, itself
/// and the `n` of a newline. In single quotes, `\` and `$` are literal.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            _ if c == quote => return Some((value, at + 1)),
            '\\' if quote == '"' => match characters.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                other => {
                    if !['"', '\\', '$'].contains(&other) {
                        value.push('\\');
                    }
                    value.push(other);
                }
            },
            // Escapes `${`, so that no variable replaces it later.
            '$' if quote == '\'' && text[at..].starts_with("${") => value.push_str("$$"),
            _ => value.push(c),
        }
    }
    None
}

/// Returns the beginning of `text` for a message. The rest is cut off, because an invalid line may contain a secret.
fn shown(text: &str) -> String {
    text.chars().take(20).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<(String, String)>, String> {
        let span = Span { start: 0, end: 0 };
        let all = variables(text, "web.env", span).map_err(|wrong| wrong.message)?;
        Ok(all.into_iter().map(|(key, node)| (key.text, node.text().unwrap_or_default().to_owned())).collect())
    }

    #[test]
    fn values_are_parsed_like_docker_compose() {
        let table = [
            ("A=1", "1"),
            ("export A = two words  ", "two words"),
            ("A=x # a comment", "x"),
            ("A=x#y", "x#y"),
            ("A=# nothing", ""),
            ("A=", ""),
            ("A=\"two words # no comment\" # one", "two words # no comment"),
            ("A=\"a\\nb\\\"c\\d\"", "a\nb\"c\\d"),
            ("A='a\\nb'", "a\\nb"),
            ("A=\"over\ntwo\"", "over\ntwo"),
            ("A=postgres://u:p@h/d?x=1&y=2", "postgres://u:p@h/d?x=1&y=2"),
            ("A='${B}'", "$${B}"),
            ("A=${B}", "${B}"),
            ("A=1\r\n", "1"),
        ];
        for (text, value) in table {
            assert_eq!(of(text), Ok(vec![("A".to_owned(), value.to_owned())]), "{text:?}");
        }
    }

    #[test]
    fn comments_are_ignored_and_the_last_value_of_a_name_wins() {
        let text = "\u{feff}# first\n\nA=1\n  # more\nB=2\nA=3\n";
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(of(text), Ok(vec![pair("B", "2"), pair("A", "3")]));
    }

    #[test]
    fn unreadable_lines_are_reported_with_their_number() {
        let table = [
            ("A=1\nB\n", "web.env:2: missing `=` in `B`"),
            ("A=\"over\ntwo\"\n1B=2", "web.env:3: invalid environment variable name `1B`"),
            ("A='x", "web.env:1: missing closing `'` in the value of A"),
            ("A=\"x\"y", "web.env:1: found text after the closing `\"` of A"),
        ];
        for (text, message) in table {
            assert_eq!(of(text), Err(message.to_owned()));
        }
    }
}
