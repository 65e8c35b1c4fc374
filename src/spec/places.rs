//! Replaces `((stack.name))` and `((stack.environment))` in the `from` of secrets, so that a secret's place can depend
//! on the stack.

use super::yaml::{Node, Value};

/// Replaces both references in the `secrets` of services, sidecars and jobs.
pub(super) fn fill(root: &mut Node, environment: &str) {
    let name = root.entries().iter().find(|(key, _)| key.text == "name").and_then(|(_, node)| node.text());
    let name = name.unwrap_or_default().to_owned();
    for section in ["services", "jobs"] {
        for program in below(root, section).into_iter().flat_map(all) {
            for sidecar in below(program, "sidecars").into_iter().flat_map(all) {
                of(sidecar, &name, environment);
            }
            of(program, &name, environment);
        }
    }
}

fn of(program: &mut Node, name: &str, environment: &str) {
    for secret in below(program, "secrets").into_iter().flat_map(all) {
        if let Some(Node { value: Value::Scalar { text, .. }, .. }) = below(secret, "from") {
            *text = text.replace("((stack.name))", name).replace("((stack.environment))", environment);
        }
    }
}

fn below<'a>(node: &'a mut Node, key: &str) -> Option<&'a mut Node> {
    let Value::Map(entries) = &mut node.value else { return None };
    entries.iter_mut().find(|(known, _)| known.text == key).map(|(_, node)| node)
}

fn all(node: &mut Node) -> impl Iterator<Item = &mut Node> {
    let entries = match &mut node.value {
        Value::Map(entries) => &mut entries[..],
        _ => &mut [],
    };
    entries.iter_mut().map(|(_, node)| node)
}
