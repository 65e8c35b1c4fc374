//! Task definitions.

use serde_json::{Value, json};

use super::{
    input::text,
    ledger::Ledger,
    model::{Definition, without_nulls},
    ordering,
    pages::page,
};
use crate::{
    api::{ApiError, now},
    place::ACCOUNT,
};

/// The CPU sizes of Fargate, each with the minimum, maximum and step of its memory.
const FARGATE: &[(u32, u32, u32, u32)] = &[
    (256, 512, 2048, 512),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
    (8192, 16384, 61440, 4096),
    (16384, 32768, 122_880, 8192),
];

/// The size limit of a task definition, in bytes of its JSON.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html>
const LARGEST: usize = 64 * 1024;

/// Checks the size of a task definition. Tags do not count.
fn check_size(input: &Value) -> Result<(), ApiError> {
    let mut definition = input.clone();
    definition.as_object_mut().map(|fields| fields.remove("tags"));
    let length = definition.to_string().len();
    if length <= LARGEST {
        return Ok(());
    }
    let message = format!("Actual length: '{length}'. Max allowed length is '{LARGEST}' bytes.");
    Err(ApiError::client("ClientException", message))
}

/// Refuses a revision if the previous one of its family is less than `pause` seconds old.
/// <https://github.com/hashicorp/terraform-provider-aws/issues/9777>
pub(super) fn refuse_concurrent(state: &Ledger, input: &Value, pause: f64) -> Result<(), ApiError> {
    let last = state.definitions.get(text(input, "family")).and_then(|revisions| revisions.last());
    let registered = last.and_then(|last| last.document["registeredAt"].as_f64());
    if registered.is_none_or(|at| now() - at >= pause) {
        return Ok(());
    }
    let message = "Too many concurrent attempts to create a new revision of the specified family.";
    Err(ApiError::client("ClientException", message))
}

pub(super) fn register(state: &mut Ledger, region: &str, input: &Value) -> Result<Value, ApiError> {
    check_size(input)?;
    let family = text(input, "family").to_owned();
    let number = |key: &str| text(input, key).parse::<u32>().unwrap_or_default();
    let (cpu, memory) = (number("cpu"), number("memory"));
    let pair = FARGATE.iter().any(|(known, first, last, step)| {
        *known == cpu
            && (*first..=*last).contains(&memory)
            && (memory - first) % step == 0
            && (cpu, memory) != (256, 1536)
    });
    if !pair {
        return Err(ApiError::client("ClientException", "No Fargate configuration exists for given values."));
    }
    let disk = input["ephemeralStorage"]["sizeInGiB"].as_u64();
    if disk.is_some_and(|disk| !(21..=200).contains(&disk)) {
        let message = "Ephemeral storage size should be between 21 and 200 GiB.";
        return Err(ApiError::client("ClientException", message));
    }
    if text(input, "networkMode") != "awsvpc" {
        return Err(ApiError::client("ClientException", "Fargate only supports network mode ‘awsvpc’."));
    }
    let containers = input["containerDefinitions"].as_array().cloned().unwrap_or_default();
    if containers.iter().any(|container| container["secrets"].as_array().is_some_and(|secrets| !secrets.is_empty()))
        && text(input, "executionRoleArn").is_empty()
    {
        let message =
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.";
        return Err(ApiError::client("ClientException", message));
    }
    if let Some(message) = ordering::refusal(&containers) {
        return Err(ApiError::client("ClientException", message));
    }
    let revisions = state.definitions.entry(family.clone()).or_default();
    let revision = revisions.last().map_or(0, |last| last.document["revision"].as_u64().unwrap_or_default()) + 1;
    let arn = format!("arn:aws:ecs:{region}:{ACCOUNT}:task-definition/{family}:{revision}");
    let mut document = input.clone();
    if let Some(fields) = document.as_object_mut() {
        fields.remove("tags");
    }
    document["taskDefinitionArn"] = json!(arn);
    document["revision"] = json!(revision);
    document["status"] = json!("ACTIVE");
    document["registeredAt"] = json!(now());
    // The caller that moto assumes for all calls.
    document["registeredBy"] = json!(format!("arn:aws:sts::{ACCOUNT}:user/moto"));
    without_nulls(&mut document);
    revisions.push(Definition { arn, active: true, document: document.clone(), tags: input["tags"].clone() });
    Ok(json!({ "taskDefinition": document, "tags": input["tags"] }))
}

/// Returns the revision called `name`: a family, `family:revision` or an ARN.
pub(super) fn find<'a>(state: &'a Ledger, name: &str) -> Option<&'a Definition> {
    let name = name.rsplit('/').next().unwrap_or(name);
    match name.rsplit_once(':') {
        Some((family, revision)) => {
            let revision: u64 = revision.parse().ok()?;
            state.definitions.get(family)?.iter().find(|known| known.document["revision"].as_u64() == Some(revision))
        }
        None => state.definitions.get(name)?.iter().rev().find(|known| known.active),
    }
}

fn missing() -> ApiError {
    ApiError::client("ClientException", "Unable to describe task definition.")
}

pub(super) fn describe(state: &Ledger, input: &Value) -> Result<Value, ApiError> {
    let found = find(state, text(input, "taskDefinition")).ok_or_else(missing)?;
    let tags = input["include"].as_array().is_some_and(|include| include.iter().any(|one| one == "TAGS"));
    Ok(json!({ "taskDefinition": found.document, "tags": if tags { found.tags.clone() } else { json!([]) } }))
}

pub(super) fn list(state: &Ledger, input: &Value) -> Result<Value, ApiError> {
    let (family, active) = (text(input, "familyPrefix"), input["status"].as_str().unwrap_or("ACTIVE") == "ACTIVE");
    let of_family = state.definitions.iter().filter(|(name, _)| family.is_empty() || *name == family);
    let mut arns: Vec<&String> = of_family
        .flat_map(|(_, revisions)| revisions)
        .filter(|known| known.active == active)
        .map(|known| &known.arn)
        .collect();
    if input["sort"] == "DESC" {
        arns.reverse();
    }
    page(input, "taskDefinitionArns", arns.into_iter().map(String::as_str), 100)
}

pub(super) fn families(state: &Ledger, input: &Value) -> Result<Value, ApiError> {
    let prefix = text(input, "familyPrefix");
    let wanted = state.definitions.iter().filter(|(name, revisions)| {
        name.starts_with(prefix) && (input["status"] != "ACTIVE" || revisions.iter().any(|known| known.active))
    });
    page(input, "families", wanted.map(|(name, _)| name.as_str()), 100)
}

pub(super) fn deregister(state: &mut Ledger, input: &Value) -> Result<Value, ApiError> {
    let arn = find(state, text(input, "taskDefinition")).ok_or_else(missing)?.arn.clone();
    let mut all = state.definitions.values_mut().flatten();
    let found = all.find(|known| known.arn == arn).ok_or_else(missing)?;
    found.active = false;
    found.document["status"] = json!("INACTIVE");
    Ok(json!({ "taskDefinition": found.document }))
}

pub(super) fn delete(state: &mut Ledger, input: &Value) -> Value {
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for arn in input["taskDefinitions"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        match find(state, arn).map(|found| (found.active, found.arn.clone(), found.document.clone())) {
            Some((false, arn, document)) => {
                state.definitions.values_mut().for_each(|revisions| revisions.retain(|known| known.arn != arn));
                deleted.push(document);
            }
            Some((true, arn, _)) => {
                let detail = "The specified task definition is still in ACTIVE status. Please deregister the target and try again.";
                failures.push(json!({ "arn": arn, "reason": "The specified task definition is still in ACTIVE status.", "detail": detail }));
            }
            None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
        }
    }
    state.definitions.retain(|_, revisions| !revisions.is_empty());
    json!({ "taskDefinitions": deleted, "failures": failures })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_definition_above_64_kib_is_refused() {
        let of = |length: usize| json!({ "family": "web", "containerDefinitions": [{ "image": "a".repeat(length) }] });
        let tagged = |length| {
            let mut input = of(length);
            input["tags"] = json!([{ "key": "a", "value": "b".repeat(200) }]);
            input
        };
        let rest = of(0).to_string().len();
        assert!(check_size(&tagged(LARGEST - rest)).is_ok());
        let refused = check_size(&of(LARGEST - rest + 1)).expect_err("it is too large");
        assert_eq!((refused.code.as_str(), refused.status), ("ClientException", 400));
        assert_eq!(refused.message, "Actual length: '65537'. Max allowed length is '65536' bytes.");
    }
}
