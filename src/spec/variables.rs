//! Replaces `${VAR}` in values by the caller's environment variables. As in shells and Docker Compose, a variable can
//! have a default or an error message. `$${` is a literal `${`.

use super::{
    problem::Collector,
    yaml::{Node, Value},
};

/// Replaces every variable in the values below `node`, but not in keys.
pub(super) fn substitute(node: &mut Node, variables: &dyn Fn(&str) -> Option<String>, problems: &mut Collector) {
    let span = node.span;
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| substitute(item, variables, problems)),
        Value::Map(entries) => entries.iter_mut().for_each(|(_, value)| substitute(value, variables, problems)),
        Value::Scalar { text, .. } if text.contains("${") => {
            let mut done = String::with_capacity(text.len());
            let mut missing = false;
            let mut rest = text.as_str();
            while let Some(at) = rest.find("${") {
                let (before, from) = rest.split_at(at);
                if let Some(escaped) = before.strip_suffix('$') {
                    done.push_str(escaped);
                    done.push_str("${");
                    rest = &from[2..];
                    continue;
                }
                done.push_str(before);
                let Some((name, after)) = from[2..].split_once('}') else {
                    problems.add(span, "", "missing `}` after `${`", "add the `}`, or write `$${` for a literal `${`");
                    problems.silence(span);
                    return;
                };
                match Wanted::of(name).value(variables) {
                    Ok(value) => {
                        done.push_str(&value);
                        problems.takes_variable(span);
                    }
                    Err((message, hint)) => {
                        problems.add(span, "", message, hint);
                        missing = true;
                    }
                }
                rest = after;
            }
            done.push_str(rest);
            if missing {
                problems.silence(span);
            } else {
                *text = done;
            }
        }
        Value::Scalar { .. } => {}
    }
}

/// The parsed text between `${` and `}`.
struct Wanted<'a> {
    name: &'a str,
    /// Whether an empty value counts as missing.
    filled: bool,
    otherwise: Otherwise<'a>,
}

/// What to do if the variable has no value.
enum Otherwise<'a> {
    Nothing,
    /// Use this value.
    Default(&'a str),
    /// Report this message.
    Message(&'a str),
}

impl<'a> Wanted<'a> {
    /// Parses `NAME`, `NAME:-default`, `NAME-default`, `NAME:?message` or `NAME?message`.
    fn of(text: &'a str) -> Self {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let (filled, rest) = rest.strip_prefix(':').map_or((false, rest), |rest| (true, rest));
        match rest.chars().next() {
            Some('-') => Self { name, filled, otherwise: Otherwise::Default(&rest[1..]) },
            Some('?') => Self { name, filled, otherwise: Otherwise::Message(&rest[1..]) },
            // Text of any other form is looked up as a name, which is not found.
            _ => Self { name: text, filled: false, otherwise: Otherwise::Nothing },
        }
    }

    /// Returns the value; or a message and a hint.
    fn value(&self, variables: &dyn Fn(&str) -> Option<String>) -> Result<String, (String, String)> {
        let Self { name, filled, otherwise } = self;
        if let Some(value) = variables(name).filter(|value| !(*filled && value.is_empty())) {
            return Ok(value);
        }
        let hint = format!(
            "set it, as in `{name}=… stackctl …`, write `${{{name}:-default}}` for a default, or `$${{{name}}}` for the literal \
             text"
        );
        let empty = if *filled { " or is empty" } else { "" };
        match otherwise {
            Otherwise::Default(default) => Ok((*default).to_owned()),
            Otherwise::Message(message) if !message.trim().is_empty() => {
                Err((format!("the environment variable {name} is not set{empty}: {}", message.trim()), hint))
            }
            Otherwise::Message(_) | Otherwise::Nothing => {
                Err((format!("the environment variable {name} is not set{empty}"), hint))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<String, String> {
        let variables = |name: &str| match name {
            "SET" => Some("value".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        Wanted::of(text).value(&variables).map_err(|(message, _)| message)
    }

    #[test]
    fn variables_can_have_a_default() {
        let table = [
            ("SET", "value"),
            ("SET:-x", "value"),
            ("NONE:-x y", "x y"),
            ("NONE-", ""),
            ("NONE:-", ""),
            ("EMPTY-x", ""),
            ("EMPTY:-x", "x"),
            ("NONE:-postgres://u:p@h:5432/d?x=1", "postgres://u:p@h:5432/d?x=1"),
        ];
        for (text, expected) in table {
            assert_eq!(value(text), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn variables_can_have_an_error_message() {
        assert_eq!(value("SET:?say it"), Ok("value".to_owned()));
        assert_eq!(
            value("NONE:?say it"),
            Err("the environment variable NONE is not set or is empty: say it".to_owned())
        );
        assert_eq!(value("EMPTY?say it"), Ok(String::new()));
        assert_eq!(value("NONE?"), Err("the environment variable NONE is not set".to_owned()));
        assert_eq!(value("NONE"), Err("the environment variable NONE is not set".to_owned()));
    }
}
