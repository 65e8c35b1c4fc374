//! Makes text from AWS or containers safe to show: no control characters reach the terminal, and lines have a maximum
//! length.

use std::fmt::Write;

/// The longest line that is shown, in characters. AWS messages, some of which must be copied in full, are shorter.
pub const LONGEST_LINE: usize = 8_000;

/// Returns `text` with control characters escaped, as in `\x1b`, and long lines cut. Line ends and tabs stay.
pub fn readable(text: &str) -> String {
    let is_plain = |line: &str| line.len() <= LONGEST_LINE && !line.contains(|c: char| c.is_control() && c != '\t');
    if text.split('\n').all(is_plain) {
        return text.to_owned();
    }
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Formats a number of things, such as `1 step` or `2 steps`.
pub fn count(number: usize, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

/// Returns `line` cut to `most` characters, with a note of how many are left out.
pub fn cut(line: &str, most: usize) -> String {
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{} … ({} more characters)", &line[..end], line[end..].chars().count()),
        None => line.to_owned(),
    }
}

fn line(text: &str) -> String {
    let text = cut(text.strip_suffix('\r').unwrap_or(text), LONGEST_LINE);
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\t' {
            // Writing to a string cannot fail.
            let _ = write!(shown, "\\x{:02x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        for (text, shown) in [
            ("plain \u{f6} \u{2713}\ttext", "plain \u{f6} \u{2713}\ttext"),
            ("\u{1b}[31mred\u{1b}[0m", "\\x1b[31mred\\x1b[0m"),
            ("\u{1b}]0;title\u{7}\u{9b}2J", "\\x1b]0;title\\x07\\x9b2J"),
            ("one\r\ntwo\rthree\n", "one\ntwo\\x0dthree\n"),
        ] {
            assert_eq!(readable(text), shown);
        }
    }

    #[test]
    fn a_long_line_is_cut_with_a_note() {
        let text = format!("short\n{}\nshort", "\u{f6}".repeat(1_000_000));
        let shown = readable(&text);
        assert!(
            shown.len() < 3 * LONGEST_LINE && shown.ends_with(" … (992000 more characters)\nshort"),
            "{}",
            shown.len()
        );
        assert_eq!(readable(&"a".repeat(LONGEST_LINE)).len(), LONGEST_LINE);
        assert_eq!(cut("abcdef", 4), "abcd … (2 more characters)");
    }
}
