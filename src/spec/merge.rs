//! Merges an environment over the rest of the file. Mappings merge key by key, other values replace, and `null` removes
//! a key.

use super::{
    check,
    keys::ONLY_AT_THE_TOP,
    nearest::nearest,
    problem::Collector,
    stack::DEFAULT_ENVIRONMENT,
    yaml::{Key, Node, Value},
};

/// Removes `environments:` from the file and returns its entries.
pub(super) fn take_environments(root: &mut Node, problems: &mut Collector) -> Vec<(Key, Node)> {
    let Value::Map(entries) = &mut root.value else { return Vec::new() };
    let Some(at) = entries.iter().position(|(key, _)| key.text == "environments") else { return Vec::new() };
    let (_, node) = entries.remove(at);
    let Value::Map(environments) = node.value else {
        if !node.is_null() {
            let message = format!("expected a mapping of environments, found {}", node.what());
            problems.add(node.span, "environments", message, "write `environments: { staging: { … } }`");
        }
        return Vec::new();
    };
    for (name, over) in &environments {
        let path = format!("environments.{}", name.text);
        if name.text == DEFAULT_ENVIRONMENT {
            let hint = "use another name; `default` is the stack without an environment";
            problems.add(name.span, &path, "`default` is a reserved environment name", hint);
        }
        if !check::is_name(&name.text, check::LONGEST_ENVIRONMENT) {
            let hint = "use 2 to 12 characters of a-z, 0-9 and -, beginning with a letter";
            problems.add(name.span, &path, format!("invalid environment name `{}`", name.text), hint);
        }
        for (key, _) in over.entries() {
            if let Some((_, hint)) = ONLY_AT_THE_TOP.iter().find(|(name, _)| *name == key.text) {
                let message = format!("`{}` cannot differ between environments", key.text);
                problems.add(key.span, &path, message, *hint);
            }
        }
        if !matches!(over.value, Value::Map(_)) && !over.is_null() {
            let message = format!("expected a mapping, found {}", over.what());
            let near = over_hint(over);
            problems.add(over.span, &path, message, near);
        }
    }
    environments
}

fn over_hint(node: &Node) -> String {
    let Value::Scalar { text, .. } = &node.value else { return "write keys of stack.yaml below it".to_owned() };
    match nearest(text, ["services", "database", "network", "load_balancer"]) {
        Some(key) => format!("did you mean `{key}: …` on a separate line?"),
        None => "write keys of stack.yaml below it, such as `database: { multi_az: true }`".to_owned(),
    }
}

/// Returns `base` with `over` merged over it.
pub(super) fn over(base: Node, over: &Node) -> Node {
    match (base.value, &over.value) {
        (Value::Map(mut entries), Value::Map(changes)) => {
            for (key, change) in changes {
                let at = entries.iter().position(|(known, _)| known.text == key.text);
                match at {
                    Some(at) if change.is_null() => {
                        entries.remove(at);
                    }
                    Some(at) => {
                        let (_, below) = entries.remove(at);
                        entries.insert(at, (key.clone(), self::over(below, change)));
                    }
                    None if change.is_null() => {}
                    None => entries.push((key.clone(), change.clone())),
                }
            }
            Node { span: base.span, value: Value::Map(entries) }
        }
        (value, _) if over.is_null() => Node { span: base.span, value },
        _ => over.clone(),
    }
}
