//! Formats the secrets of a stack, without their values.

use jiff::Timestamp;
use serde::Serialize;

use super::{human::table, style::Style};

/// The output of `secrets list`. Its JSON keys are stable.
#[derive(Clone, Debug, Serialize)]
pub struct SecretsView {
    /// The stack.
    pub stack: String,
    /// The environment.
    pub environment: String,
    /// The secrets.
    pub secrets: Vec<SecretLine>,
}

/// A secret.
#[derive(Clone, Debug, Serialize)]
pub struct SecretLine {
    /// The name in `secrets set` and `secrets rotate`.
    pub name: String,
    /// `generate`, `set` or `from`, as in stack.yaml, or `stackctl` for a secret that stackctl adds.
    pub source: &'static str,
    /// The services that get it.
    pub services: Vec<String>,
    /// The jobs that get it.
    pub jobs: Vec<String>,
    /// Its name in Secrets Manager, or the ARN of an external secret. `None` before it has a value.
    pub kept_as: Option<String>,
    /// When its value last changed. `None` for an external secret or one without a value.
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
