//! `${VAR}` in values: the caller's environment variables. `$${` stands for `${` itself.

use super::{
    problem::Collector,
    yaml::{Node, Value},
};

/// Replaces every variable in the values below `node`; keys are left alone.
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
                    problems.add(
                        span,
                        "",
                        "`${` without its `}`",
                        "close it, or write `$${` for the characters themselves",
                    );
                    problems.silence(span);
                    return;
                };
                if let Some(value) = variables(name) {
                    done.push_str(&value);
                    problems.takes_variable(span);
                } else {
                    let hint = format!(
                        "set it, as in `{name}=… stackctl …`, or write `$${{{name}}}` for the characters themselves"
                    );
                    problems.add(span, "", format!("the environment variable {name} is not set"), hint);
                    missing = true;
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
