//! Decodes `secrets` of a service: values that are generated, set by hand, composed from facts about the stack, or
//! stored outside the stack.

use std::collections::BTreeMap;

use super::environment::{template, variable};
use crate::spec::{
    check,
    keys::SECRET,
    problem::Collector,
    read::{Entries, Field, Map},
    scope::Scope,
    service::SecretFrom,
};

pub(super) fn secrets(field: &Field, scope: &Scope, problems: &mut Collector) -> Option<BTreeMap<String, SecretFrom>> {
    let entries = Entries::new(field.node, &field.path, problems)?;
    let mut secrets = BTreeMap::new();
    for field in entries.fields() {
        let name = variable(&field, problems);
        if field.node.what() == "a mapping" {
            if let Some(from) = kept(&field, problems) {
                secrets.insert(name, from);
            }
            continue;
        }
        match field.text(problems)?.as_str() {
            "generate" => drop(secrets.insert(name, SecretFrom::Generate)),
            "set" => drop(secrets.insert(name, SecretFrom::Set)),
            text => secrets.extend(composed(&field, text, scope, problems).map(|from| (name, from))),
        }
    }
    Some(secrets)
}

/// Returns the `generate` and `set` secrets of services, each as the service and the variable. The values of other
/// services can refer to them.
pub(super) fn referable<'a>(services: &'a [Field]) -> impl Iterator<Item = (String, String)> + 'a {
    services.iter().flat_map(|service| {
        let own = service.node.entries().iter().filter(|(key, _)| key.text == "secrets");
        let own = own.flat_map(|(_, secrets)| secrets.entries());
        let own = own.filter(|(_, node)| node.text().is_some_and(|text| ["generate", "set"].contains(&text)));
        own.map(|(variable, _)| (service.key.text.clone(), variable.text.clone()))
    })
}

/// Returns the names of the secrets of `service`, as written.
pub(super) fn names(service: &Map) -> impl Iterator<Item = String> {
    let field = service.get("secrets");
    let entries = field.iter().flat_map(|field| field.node.entries());
    entries.map(|(key, _)| key.text.clone()).collect::<Vec<_>>().into_iter()
}

/// Decodes a value that is composed from facts about the stack.
fn composed(field: &Field, text: &str, scope: &Scope, problems: &mut Collector) -> Option<SecretFrom> {
    let value = template(field, text, scope, problems)?;
    if value.references().next().is_none() {
        let hint = "write `generate`, `set` and run `stackctl secrets set`, `{ from: … }` with an ARN or a parameter name, or a text with a reference such as \
                    ((database.password))";
        field.wrong("stack.yaml cannot contain the value of a secret", hint, problems);
        return None;
    }
    if problems.has_variable(field.node.span) {
        let hint = "write the text itself, or use `set` and `stackctl secrets set` for the whole value";
        let message = "plans would show the value of an environment variable, which may be a secret";
        field.wrong(message, hint, problems);
    }
    Some(SecretFrom::Composed(value))
}

pub(super) fn kept(field: &Field, problems: &mut Collector) -> Option<SecretFrom> {
    let map = Map::new(field.node, &field.path, &SECRET, problems)?;
    let key = map.get("key").map(|field| {
        let key = field.text(problems)?;
        // In the reference that ECS reads, a colon ends the field name.
        if key.is_empty() || key.contains(':') {
            field.wrong(
                format!("invalid field name `{key}`"),
                "use a name such as password, without a colon",
                problems,
            );
        }
        Some(key)
    });
    let from = map.required("from", problems)?;
    let arn = from.text(problems)?;
    let from = match check::secret_place(&arn) {
        Ok(check::Store::SecretsManager) => SecretFrom::SecretsManager { arn, key: key.unwrap_or_default() },
        Ok(check::Store::Parameters) => {
            if let Some(field) = map.get("key") {
                let hint = "remove it, or store the JSON in Secrets Manager";
                field.wrong("`key` cannot be used with a parameter: ECS passes the whole value", hint, problems);
            }
            SecretFrom::Parameter { id: arn }
        }
        Err((why, hint)) => {
            from.wrong(why, hint, problems);
            return None;
        }
    };
    Some(from)
}
