//! Variables in values, by Compose's grammar: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:?message}`, `${NAME:+other}` with and
//! without the colon, one inside another, and `$$` for the sign itself.
//! <https://docs.docker.com/reference/compose-file/interpolation/>

/// How deep one may stand inside another.
const DEEPEST: usize = 16;

/// What is asked for a variable: its value, or none.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What becomes of a variable that is not set and has no default.
pub(super) type Missing<'a> = &'a dyn Fn(&str, bool) -> String;

/// Replaces the variables of `text`. `missing` gets the name of one that is not set, and whether the file insists on it.
///
/// # Errors
/// A `$` that begins nothing.
pub(super) fn interpolated(text: &str, lookup: Lookup<'_>, missing: Missing<'_>) -> Result<String, String> {
    if !text.contains('$') {
        return Ok(text.to_owned());
    }
    Reader { lookup, missing }.text(text, 0)
}

struct Reader<'a> {
    lookup: Lookup<'a>,
    missing: Missing<'a>,
}

impl Reader<'_> {
    fn text(&self, text: &str, depth: usize) -> Result<String, String> {
        if depth > DEEPEST {
            return Err("variables are nested too deeply".to_owned());
        }
        let mut whole = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            whole.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            if let Some(escaped) = after.strip_prefix('$') {
                whole.push('$');
                rest = escaped;
            } else if let Some(inside) = after.strip_prefix('{') {
                let end = end_of(inside).ok_or("`${` has no closing `}`")?;
                whole.push_str(&self.variable(&inside[..end], depth)?);
                rest = &inside[end + 1..];
            } else {
                let length = name_length(after);
                if length == 0 {
                    return Err("`$` does not start a variable".to_owned());
                }
                let name = &after[..length];
                whole.push_str(&(self.lookup)(name).unwrap_or_else(|| (self.missing)(name, false)));
                rest = &after[length..];
            }
        }
        whole.push_str(rest);
        Ok(whole)
    }

    /// What stands between braces.
    fn variable(&self, inside: &str, depth: usize) -> Result<String, String> {
        let length = name_length(inside);
        let (name, rest) = inside.split_at(length);
        if name.is_empty() {
            return Err("`${` does not start a variable".to_owned());
        }
        let value = (self.lookup)(name);
        let (counts_empty, rest) = match rest.strip_prefix(':') {
            Some(rest) => (false, rest),
            None => (true, rest),
        };
        let present = value.filter(|value| counts_empty || !value.is_empty());
        let mut characters = rest.chars();
        match characters.next() {
            None if counts_empty => Ok(present.unwrap_or_else(|| (self.missing)(name, false))),
            Some('-') => match present {
                Some(value) => Ok(value),
                None => self.text(characters.as_str(), depth + 1),
            },
            Some('?') => Ok(present.unwrap_or_else(|| (self.missing)(name, true))),
            Some('+') => match present {
                Some(_) => self.text(characters.as_str(), depth + 1),
                None => Ok(String::new()),
            },
            _ => Err(format!("`${{{inside}}}` is not a variable")),
        }
    }
}

/// How much of the beginning of `text` is a name.
fn name_length(text: &str) -> usize {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    if begins { end } else { 0 }
}

/// Where the brace is closed that stands before `text`.
fn end_of(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        match c {
            '$' if characters.peek().is_some_and(|(_, next)| *next == '{') => {
                characters.next();
                depth += 1;
            }
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<String, String> {
        let lookup = |name: &str| match name {
            "A" => Some("1".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        interpolated(text, &lookup, &|name, must| format!("<{name}{}>", if must { "!" } else { "" }))
    }

    #[test]
    fn variables_are_replaced_as_compose_replaces_them() {
        let table = [
            ("a", "a"),
            ("$A-${A}", "1-1"),
            ("$$A $${A}", "$A ${A}"),
            ("${B:-x}", "x"),
            ("${EMPTY:-x}", "x"),
            ("${EMPTY-x}", ""),
            ("${B-}", ""),
            ("${B}", "<B>"),
            ("${B:?say it}", "<B!>"),
            ("${A:?say it}", "1"),
            ("${B:?}", "<B!>"),
            ("${A:+x}${B:+x}", "x"),
            ("${B:-a_${C:?no}}", "a_<C!>"),
            ("${B:-${A}}}", "1}"),
            ("x${B:->}", "x>"),
            ("^${B:-a\\.b|c}$$", "^a\\.b|c$"),
        ];
        for (text, expected) in table {
            assert_eq!(of(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_sign_that_begins_nothing_is_told() {
        for text in ["$(date)", "cost: 5$", "${", "${A", "${}", "${A!x}", "${A:}"] {
            assert!(of(text).is_err(), "{text}");
        }
    }
}
