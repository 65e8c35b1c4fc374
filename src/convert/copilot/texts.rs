//! Texts of a manifest: the names that Copilot puts into them, the caller's variables, words of a command, and times.

use super::context::{Context, Scene};
use crate::{convert::page::Value, spec::escaped};

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// As it stands.
    Text(String),
    /// `${NAME}`.
    Variable(&'a str),
}

/// The parts of `text`. A backslash before `${NAME}` means these characters.
pub(super) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        let end = from.find('}');
        let name = end.map(|end| &from[2..end]).filter(|name| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        match (name, before.strip_suffix('\\')) {
            (Some(name), None) => {
                plain.push_str(before);
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(Part::Variable(name));
                rest = &from[name.len() + 3..];
            }
            (Some(_), Some(escaped)) => {
                plain.push_str(escaped);
                plain.push_str("${");
                rest = &from[2..];
            }
            (None, _) => {
                plain.push_str(before);
                plain.push_str("${");
                rest = &from[2..];
            }
        }
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        parts.push(Part::Text(plain));
    }
    parts
}

/// A text of stack.yaml: as YAML's value, without quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Live {
    pub(super) text: String,
    /// Whether there is a variable or a reference in it.
    pub(super) is_live: bool,
}

impl Live {
    pub(super) fn value(self) -> Value {
        if self.is_live { Value::live(self.text) } else { Value::text(self.text) }
    }
}

impl Context<'_> {
    /// `text` where values can refer to the environment's name.
    pub(super) fn live(&self, scene: &Scene, text: &str) -> Live {
        self.filled(text, scene.reference())
    }

    /// `text` where no reference is possible.
    pub(super) fn fixed(&self, scene: &Scene, text: &str) -> Live {
        self.filled(text, scene.literal())
    }

    fn filled(&self, text: &str, environment: &str) -> Live {
        let parts = parts(text);
        let is_live = parts.iter().any(|part| match part {
            Part::Variable("COPILOT_APPLICATION_NAME") | Part::Text(_) => false,
            Part::Variable("COPILOT_ENVIRONMENT_NAME") => environment.starts_with("(("),
            Part::Variable(_) => true,
        });
        let word = |part: &Part| match part {
            Part::Text(text) if is_live => escaped(text),
            Part::Text(text) => text.clone(),
            Part::Variable("COPILOT_APPLICATION_NAME") => self.application.clone(),
            Part::Variable("COPILOT_ENVIRONMENT_NAME") => environment.to_owned(),
            Part::Variable(name) => format!("${{{name}}}"),
        };
        Live { text: parts.iter().map(word).collect(), is_live }
    }

    /// `text` with Copilot's own names in it and nothing else replaced.
    pub(super) fn named(&self, scene: &Scene, text: &str) -> String {
        text.replace("${COPILOT_APPLICATION_NAME}", &self.application)
            .replace("${COPILOT_ENVIRONMENT_NAME}", scene.literal())
            .replace("${App}", &self.application)
            .replace("${Env}", scene.literal())
    }
}

/// The words of a command line, as a shell splits them. None if a quote has no end.
pub(super) fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if open == c => quote = None,
            (None | Some('"'), '\\') => word.get_or_insert_default().push(chars.next()?),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// A time in milliseconds, as Go writes it: `1h30m`, `250ms`; a number alone is seconds.
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    if let Ok(seconds) = rest.parse::<u64>() {
        return seconds.checked_mul(1000);
    }
    let mut whole: f64 = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|end| *end > 0)?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let factor = match &rest[..unit] {
            "ms" => 1.0,
            "s" => 1000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            "d" => 86_400_000.0,
            _ => return None,
        };
        whole += number * factor;
        rest = &rest[unit..];
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is positive, and checked above")]
    (whole.is_finite() && (0.0..1e12).contains(&whole)).then_some(whole as u64)
}

/// A time in whole seconds, upwards.
pub(super) fn seconds(text: &str) -> Option<u64> {
    milliseconds(text).map(|time| time.div_ceil(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_go_writes_them() {
        for (text, time) in [("10s", 10_000), ("1h30m", 5_400_000), ("250ms", 250), ("60", 60_000), ("1.5m", 90_000)] {
            assert_eq!(milliseconds(text), Some(time), "{text}");
        }
        for bad in ["", "s", "1x", "-1s", "1s2"] {
            assert!(bad.is_empty() || milliseconds(bad).is_none(), "{bad}");
        }
        assert_eq!(seconds("100ms"), Some(1));
    }

    #[test]
    fn a_command_is_split_as_a_shell_does() {
        let split = |text: &str| words(text).map(|words| words.join("|"));
        assert_eq!(split("bin/run --a 'b c' \"d e\" f\\ g ''").as_deref(), Some("bin/run|--a|b c|d e|f g|"));
        assert_eq!(split("a 'b"), None);
    }

    #[test]
    fn variables_are_told_from_texts() {
        let text = |text: &str| Part::Text(text.to_owned());
        assert_eq!(parts("a${B}c"), [text("a"), Part::Variable("B"), text("c")]);
        assert_eq!(parts("\\${B} ${ x} ${"), [text("${B} ${ x} ${")]);
    }
}
