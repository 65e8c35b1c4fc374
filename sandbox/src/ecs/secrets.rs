//! Reads the secrets of a container from Secrets Manager and from Systems Manager parameters, with the permissions of
//! the execution role.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html>

use serde_json::{Value, json};

use super::input::text;
use crate::{moto::Moto, permissions};

/// Returns the value that `from` names, or the reason for its absence.
pub(super) async fn value(moto: &Moto, at: &str, from: &str, roles: &Value, role: &str) -> Result<String, String> {
    if from.split(':').nth(2) == Some("ssm") {
        return parameter(moto, at, from, roles, role).await;
    }
    if !from.starts_with("arn:") {
        // A parameter name without an ARN means this region and account.
        let account = role.split(':').nth(4).unwrap_or_default();
        let slash = if from.starts_with('/') { "" } else { "/" };
        let arn = format!("arn:aws:ssm:{at}:{account}:parameter{slash}{from}");
        return parameter(moto, at, &arn, roles, role).await;
    }
    // arn:aws:secretsmanager:region:account:secret:name[:key:stage:version]
    let parts: Vec<&str> = from.split(':').collect();
    let arn = parts.iter().take(7).copied().collect::<Vec<_>>().join(":");
    let question = json!({ "SecretId": arn });
    let answer = moto.json("secretsmanager", "secretsmanager.GetSecretValue", at, &question).await;
    // A policy is evaluated against the full ARN, even if the caller gave only part of it.
    let whole = answer.as_ref().map_or(arn.as_str(), |answer| text(answer, "ARN"));
    may(roles, role, "secretsmanager:GetSecretValue", whole)?;
    let answer = answer.map_err(|error| format!("{}: {}", error.code, error.message))?;
    let whole = text(&answer, "SecretString").to_owned();
    let Some(key) = parts.get(7).filter(|key| !key.is_empty()) else { return Ok(whole) };
    let fields: Value = serde_json::from_str(&whole).unwrap_or_default();
    let field = fields[*key].as_str().map(str::to_owned);
    field.ok_or_else(|| format!("retrieved secret did not contain json key {key}"))
}

async fn parameter(moto: &Moto, at: &str, arn: &str, roles: &Value, role: &str) -> Result<String, String> {
    may(roles, role, "ssm:GetParameters", arn)?;
    let path = arn.split_once(":parameter").map_or("", |(_, path)| path);
    // The ARN of a parameter always has a slash before the name, but a name without a path has none.
    let name = if path.matches('/').count() == 1 { &path[1..] } else { path };
    let question = json!({ "Names": [name], "WithDecryption": true });
    let answer = moto.json("ssm", "AmazonSSM.GetParameters", at, &question).await;
    let answer = answer.map_err(|error| format!("{}: {}", error.code, error.message))?;
    let value = answer["Parameters"][0]["Value"].as_str().map(str::to_owned);
    value.ok_or_else(|| format!("invalid ssm parameters: {name}"))
}

fn may(roles: &Value, role: &str, action: &str, resource: &str) -> Result<(), String> {
    if permissions::allows(roles, role, action, resource) {
        return Ok(());
    }
    Err(format!("AccessDeniedException: {role} is not authorized to perform: {action} on resource: {resource}"))
}
