//! `env` of a service, and the names that its environment may have.

use std::collections::BTreeMap;

use crate::spec::{
    check,
    problem::Collector,
    read::{Entries, Field},
};

/// What stackctl gives every container itself: always these, and what the stack's parts add to them.
fn reserved(name: &str, given: &[&str]) -> bool {
    matches!(name, "PORT" | "APP_VERSION" | "STACK_NAME" | "STACK_ENVIRONMENT") || given.contains(&name)
}

/// The name of an environment variable that the key of `field` is.
pub(super) fn variable(field: &Field, given: &[&str], problems: &mut Collector) -> String {
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
    let entries = Entries::new(field.node, &field.path, problems)?;
    let mut env = BTreeMap::new();
    for field in entries.fields() {
        let name = variable(&field, given, problems);
        env.insert(name, field.loose_text(problems)?);
    }
    Some(env)
}
