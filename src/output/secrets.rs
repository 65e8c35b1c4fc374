//! The secrets of a stack, as a table or a document. No value comes here.

use jiff::Timestamp;
use serde::Serialize;

use super::{human::table, style::Style};

/// What `secrets list` shows; its JSON keys are stable.
#[derive(Clone, Debug, Serialize)]
pub struct SecretsView {
    /// The stack.
    pub stack: String,
    /// The environment.
    pub environment: String,
    /// The secrets.
    pub secrets: Vec<SecretLine>,
}

/// One secret.
#[derive(Clone, Debug, Serialize)]
pub struct SecretLine {
    /// What `secrets set` and `secrets rotate` call it.
    pub name: String,
    /// `generate`, `set` or `from`, as stack.yaml has it; `stackctl` for one that the stack has by itself.
    pub source: &'static str,
    /// The services whose containers get it.
    pub services: Vec<String>,
    /// The jobs whose containers get it.
    pub jobs: Vec<String>,
    /// Its name in Secrets Manager, or the ARN of one that is kept elsewhere; none before it has a value.
    pub kept_as: Option<String>,
    /// When its value was last changed; none where stackctl does not keep it, or it has no value.
    pub changed: Option<Timestamp>,
}

pub(super) fn render(view: &SecretsView, style: Style) -> String {
    if view.secrets.is_empty() {
        return format!("{}/{} has no secrets.", view.stack, view.environment);
    }
    let rows = view.secrets.iter().map(|secret| {
        let services = secret.services.iter().cloned();
        let users: Vec<String> = services.chain(secret.jobs.iter().map(|job| format!("{job} (job)"))).collect();
        let changed = match (secret.changed, &secret.kept_as) {
            (Some(at), _) => at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            (None, Some(_)) => "-".to_owned(),
            (None, None) => style.changed("no value yet"),
        };
        let dash = || "-".to_owned();
        vec![
            secret.name.clone(),
            secret.source.to_owned(),
            if users.is_empty() { dash() } else { users.join(", ") },
            changed,
            secret.kept_as.clone().unwrap_or_else(dash),
        ]
    });
    table(&["NAME", "SOURCE", "USED BY", "CHANGED", "KEPT AS"], rows)
}
