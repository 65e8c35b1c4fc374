//! Decodes `env` of a service, and checks the names of environment variables.

use std::{collections::BTreeMap, path::Path};

use super::image::below;
use crate::spec::{
    check,
    nearest::nearest,
    problem::Collector,
    read::{Entries, Field, Map},
    scope::Scope,
    service::SecretFrom,
    template::{self, Template},
    yaml::{Key, Node},
};

/// The variables that stackctl sets in every container. It reads them back to find out which version runs.
const RESERVED: [&str; 3] = ["APP_VERSION", "STACK_NAME", "STACK_ENVIRONMENT"];

/// Whether the key of `field` is a valid name of an environment variable. Reports it if not.
pub(super) fn is_variable(field: &Field, problems: &mut Collector) -> bool {
    let name = &field.key.text;
    let is_one = check::is_variable(name);
    if !is_one {
        let hint = "use letters, digits and _, not beginning with a digit";
        problems.add(field.key.span, &field.path, format!("invalid environment variable name `{name}`"), hint);
    }
    is_one
}

/// Returns the key of `field` as the name of an environment variable; reports an invalid or reserved name.
pub(super) fn variable(field: &Field, problems: &mut Collector) -> String {
    let name = field.key.text.clone();
    if is_variable(field, problems) && RESERVED.contains(&name.as_str()) {
        let hint = "remove it, or use another name";
        problems.add(field.key.span, &field.path, format!("stackctl already sets {name} in every container"), hint);
    }
    name
}

pub(super) fn env(field: &Field, scope: &Scope, problems: &mut Collector) -> Option<BTreeMap<String, Template>> {
    let entries = Entries::new(field.node, &field.path, problems)?;
    let mut env = BTreeMap::new();
    for field in entries.fields() {
        let name = variable(&field, problems);
        if field.node.is_null() {
            let hint = format!("write `{name}: \"\"` for an empty value, or remove the line");
            field.wrong(format!("the variable {name} has no value"), hint, problems);
            continue;
        }
        let hint = |name: &str, text: &str| format!("move it to `secrets`: `secrets: {{ {name}: {text} }}`");
        if let Some(value) = plain(&field, scope, hint, problems) {
            env.insert(name, value);
        }
    }
    Some(env)
}

/// Checks the paths in `env_file`. The variables in the files are already in `env`.
pub(super) fn files(map: &Map, problems: &mut Collector) {
    let Some(field) = map.get("env_file") else { return };
    let named = match field.node.text() {
        Some(_) => field.text(problems).map(|text| vec![(field, text)]),
        None => field.texts(problems),
    };
    for (field, name) in named.unwrap_or_default() {
        below(&field, Path::new(&name), "write the path of a file, such as deploy/web.env", problems);
    }
}

/// Reports variables of `owner` that are both in `env` and in `secrets`.
pub(super) fn apart(
    owner: &Field,
    env: &BTreeMap<String, Template>,
    secrets: &BTreeMap<String, SecretFrom>,
    problems: &mut Collector,
) {
    for name in secrets.keys().filter(|name| env.contains_key(*name)) {
        let message = format!("{name} is both in `env` and in `secrets`");
        problems.add(owner.key.span, &owner.path, message, "keep one of them");
    }
}

/// Returns a value that contains no secret; none if the value is invalid. `hint` returns the hint for a variable and a
/// text with a secret.
pub(super) fn plain(
    field: &Field,
    scope: &Scope,
    hint: impl Fn(&str, &str) -> String,
    problems: &mut Collector,
) -> Option<Template> {
    let (name, text) = (&field.key.text, field.loose_text(problems)?);
    let value = template(field, &text, scope, problems);
    if value.iter().flat_map(Template::references).any(template::Reference::is_secret) {
        let message = format!("{name} contains a secret, and `env` is plain text in the task definition");
        field.wrong(message, hint(name, &quoted(&text)), problems);
    }
    value
}

/// Whether `service` sets the variable `name` in `env` or lists it in `without`.
pub(super) fn is_said(service: &Map, name: &str) -> bool {
    let env = service.get("env");
    let own = env.iter().flat_map(|field| field.node.entries()).any(|(key, _)| key.text == name);
    let without = service.get("without");
    let left_out = without.and_then(|field| field.texts(&mut Collector::default())).unwrap_or_default();
    own || left_out.iter().any(|(_, text)| text == name)
}

/// Quotes `text` for YAML, if it needs quotes.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "()._-/".contains(c);
    if text.chars().all(is_plain) { text.to_owned() } else { format!("{text:?}") }
}

/// Parses `text`, the value of `field`. Reports every invalid reference with its position.
pub(super) fn template(field: &Field, text: &str, scope: &Scope, problems: &mut Collector) -> Option<Template> {
    let wrong = match scope.read(text) {
        Ok(template) => return Some(template),
        Err(wrong) => wrong,
    };
    for wrong in wrong {
        let part = (wrong.written, wrong.before);
        problems.add_within(field.node.span, part, &field.path, wrong.message, wrong.hint);
    }
    None
}

/// Decodes `without`: the variables that the container does not get, from those in `given`.
pub(super) fn without(map: &Map, given: &[&str], problems: &mut Collector) -> Option<Vec<String>> {
    let mut without = Vec::new();
    for (field, name) in map.texts("without", problems)? {
        if !given.contains(&name.as_str()) {
            let hint = match nearest(&name, given.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None if given.is_empty() => "remove `without`; this container gets no such variables".to_owned(),
                None => format!("use one of: {}", given.join(", ")),
            };
            field.wrong(format!("this container does not get the variable `{name}`"), hint, problems);
        }
        if without.contains(&name) {
            field.wrong(format!("duplicate variable `{name}`"), "keep one of them", problems);
        }
        without.push(name);
    }
    Some(without)
}

/// Reports references to the load balancer in a stack without one. `services` is the section as written.
pub(super) fn need_balancer(services: &Field, problems: &mut Collector) {
    for (name, service) in services.node.entries() {
        let sidecars =
            service.entries().iter().filter(|(key, _)| key.text == "sidecars").flat_map(|(_, all)| all.entries());
        let path = format!("{}.{}", services.path, name.text);
        let sidecars = sidecars.map(|(name, node)| (format!("{path}.sidecars.{}", name.text), node));
        for (path, container) in std::iter::once((path.clone(), service)).chain(sidecars) {
            without_balancer(&path, container, problems);
        }
    }
}

fn without_balancer(path: &str, container: &Node, problems: &mut Collector) {
    let of_values = |key: &Key| ["env", "secrets"].contains(&key.text.as_str());
    for (key, variables) in container.entries().iter().filter(|(key, _)| of_values(key)) {
        for (variable, node) in variables.entries() {
            let Some(text) = node.text() else { continue };
            for wanted in template::names(text).filter(|name| ["stack.url", "stack.domain"].contains(name)) {
                let path = format!("{path}.{}.{}", key.text, variable.text);
                let message = format!("`{wanted}` not found: the stack has no load balancer");
                let hint = "add `port` to a service, or remove this";
                problems.add_within(node.span, (format!("(({wanted}))"), 0), &path, message, hint);
            }
        }
    }
}
