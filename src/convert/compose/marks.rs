//! Texts with holes in them: variables that nobody has set, and references to what the stack makes. Characters of Unicode's private
//! use stand around a hole, so that such a text can be cut and compared as any other until it is written.

use crate::{convert::page::Value, spec};

const UNSET: [char; 2] = ['\u{e000}', '\u{e001}'];
const REFERENCE: [char; 2] = ['\u{e002}', '\u{e003}'];

/// A variable that is not set.
pub(super) fn unset(name: &str) -> String {
    format!("{}{name}{}", UNSET[0], UNSET[1])
}

/// What stack.yaml writes as `((name))`.
pub(super) fn reference(name: &str) -> String {
    format!("{}{name}{}", REFERENCE[0], REFERENCE[1])
}

/// A text of a file, without the characters that would look like a hole.
pub(super) fn cleaned(text: &str) -> String {
    let is_mark = |c: char| UNSET.contains(&c) || REFERENCE.contains(&c);
    if text.contains(is_mark) { text.replace(is_mark, "\u{fffd}") } else { text.to_owned() }
}

/// The variables in it that are not set.
pub(super) fn unset_in(text: &str) -> Vec<&str> {
    text.split(UNSET[0]).skip(1).filter_map(|rest| rest.split_once(UNSET[1])).map(|(name, _)| name).collect()
}

/// Whether nothing in it is open.
pub(super) fn is_whole(text: &str) -> bool {
    !text.contains(UNSET[0])
}

/// Whether it refers to something that the stack makes.
pub(super) fn has_reference(text: &str) -> bool {
    text.contains(REFERENCE[0])
}

/// Fills the variables that `value` knows.
pub(super) fn filled(text: &str, value: &mut dyn FnMut(&str) -> Option<String>) -> String {
    let mut parts = text.split(UNSET[0]);
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(UNSET[1]) {
            Some((name, rest)) => {
                whole.push_str(&value(name).unwrap_or_else(|| unset(name)));
                whole.push_str(rest);
            }
            None => whole.push_str(part),
        }
    }
    whole
}

/// As stack.yaml has it: `${NAME}` for a variable that is not set, `((name))` for a reference.
pub(super) fn value(text: &str) -> Value {
    let is_mark = |c: char| UNSET.contains(&c) || REFERENCE.contains(&c);
    if text.contains(is_mark) { Value::live(written(text, &|part| spec::escaped(part))) } else { Value::text(text) }
}

/// For a reader.
pub(super) fn shown(text: &str) -> String {
    written(text, &str::to_owned)
}

fn written(text: &str, literal: &dyn Fn(&str) -> String) -> String {
    let mut whole = String::new();
    let mut rest = text;
    while let Some(at) = rest.find([UNSET[0], REFERENCE[0]]) {
        let is_unset = rest[at..].starts_with(UNSET[0]);
        let end = if is_unset { UNSET[1] } else { REFERENCE[1] };
        whole.push_str(&literal(&rest[..at]));
        let inside = &rest[at + UNSET[0].len_utf8()..];
        let (name, after) = inside.split_once(end).unwrap_or((inside, ""));
        let [open, close] = if is_unset { ["${", "}"] } else { ["((", "))"] };
        [open, name, close].iter().for_each(|part| whole.push_str(part));
        rest = after;
    }
    whole.push_str(&literal(rest));
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_written_as_stack_yaml_has_them() {
        let text = format!("a{}b{}${{c}}", unset("A"), reference("database.host"));
        assert_eq!(value(&text), Value::live("a${A}b((database.host))$${c}"));
        assert_eq!(shown(&text), "a${A}b((database.host))${c}");
        assert_eq!(unset_in(&text), ["A"]);
        assert!(!is_whole(&text) && has_reference(&text));
    }

    #[test]
    fn what_is_known_is_filled_in() {
        let text = format!("{}-{}", unset("A"), unset("B"));
        let filled = filled(&text, &mut |name| (name == "A").then(|| "1".to_owned()));
        assert_eq!(filled, format!("1-{}", unset("B")));
    }

    #[test]
    fn marks_in_a_file_are_no_holes() {
        assert_eq!(cleaned("a\u{e000}b"), "a\u{fffd}b");
    }
}
