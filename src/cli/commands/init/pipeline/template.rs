//! Templates with placeholders such as `@STACK@`. YAML, Groovy and shell use braces and dollar signs themselves, so
//! these stay readable.

use crate::model::Failure;

/// Returns `template` with its placeholders filled in. `@INDENT@` in a value becomes the indentation of that value's
/// line.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> Result<String, Failure> {
    let mut text = String::with_capacity(template.len());
    for line in template.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let mut filled = line.to_owned();
        for (name, value) in values {
            filled = filled.replace(&format!("@{name}@"), value);
        }
        text.push_str(&filled.replace("@INDENT@", indent));
        text.push('\n');
    }
    match left_over(&text) {
        Some(place) => Err(Failure::internal(format!("a template has the place {place}, which nothing fills"))),
        None => Ok(text),
    }
}

/// Returns a placeholder that is left.
fn left_over(text: &str) -> Option<&str> {
    let mut parts = text.match_indices('@').map(|(at, _)| at).peekable();
    while let Some(at) = parts.next() {
        let end = *parts.peek()?;
        let name = &text[at + 1..end];
        if !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
            return Some(&text[at..=end]);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_a_missing_value_fails() {
        let filled = fill("a: @ONE@\n  - run @TWO@\n", &[("ONE", "1"), ("TWO", "x\n@INDENT@y")]);
        assert_eq!(filled.expect("all are filled"), "a: 1\n  - run x\n  y\n");
        assert!(fill("mail@example.com and user@host\n", &[]).is_ok());
        assert!(fill("a: @THREE@\n", &[]).expect_err("nothing fills it").message.contains("@THREE@"));
    }
}
