//! `env` and `secrets` of a service.

use std::collections::BTreeMap;

use crate::spec::{
    check,
    problem::Collector,
    read::{Field, Map},
    stack::SecretFrom,
};

/// What stackctl gives every container itself: always these, and what the stack's parts add to them.
fn reserved(name: &str, given: &[&str]) -> bool {
    matches!(name, "PORT" | "APP_VERSION" | "STACK_NAME" | "STACK_ENVIRONMENT") || given.contains(&name)
}

fn variable(field: &Field, given: &[&str], problems: &mut Collector) -> String {
    let name = field.key.text.clone();
    if !check::is_variable(&name) {
        let hint = "letters, digits and _, not beginning with a digit";
        problems.add(field.key.span, &field.path, format!("`{name}` cannot name an environment variable"), hint);
    } else if reserved(&name, given) {
        let hint = "leave it out, or take another name";
        problems.add(field.key.span, &field.path, format!("{name} is given to every container by stackctl"), hint);
    }
    name
}

pub(super) fn env(field: &Field, given: &[&str], problems: &mut Collector) -> Option<BTreeMap<String, String>> {
    let map = Map::open(field.node, &field.path, problems)?;
    let mut env = BTreeMap::new();
    for field in map.fields() {
        let name = variable(&field, given, problems);
        env.insert(name, field.loose_text(problems)?);
    }
    Some(env)
}

pub(super) fn secrets(field: &Field, given: &[&str], problems: &mut Collector) -> Option<BTreeMap<String, SecretFrom>> {
    let map = Map::open(field.node, &field.path, problems)?;
    let mut secrets = BTreeMap::new();
    for field in map.fields() {
        let name = variable(&field, given, problems);
        if field.node.what() == "a mapping" {
            field.wrong("a secret from an ARN is not supported yet", "`generate` is", problems);
            continue;
        }
        if field.text(problems)? == "generate" {
            secrets.insert(name, SecretFrom::Generate);
        } else {
            let hint = "write `generate`; a value itself never belongs into stack.yaml";
            field.wrong("a secret's value is not written here", hint, problems);
        }
    }
    Some(secrets)
}
