//! An in-memory model of Secrets Manager with the operations that the kind `secret` calls, as the API reference
//! describes them.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/Welcome.html>

#![expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and some operations are never refused")]

use std::{collections::HashMap, time::Duration};

use aws_sdk_secretsmanager::{
    operation::{
        create_secret::{CreateSecretError, CreateSecretInput, CreateSecretOutput},
        delete_secret::{DeleteSecretError, DeleteSecretInput, DeleteSecretOutput},
        describe_secret::{DescribeSecretError, DescribeSecretInput, DescribeSecretOutput},
        get_secret_value::{GetSecretValueError, GetSecretValueInput, GetSecretValueOutput},
        list_secrets::{ListSecretsError, ListSecretsInput, ListSecretsOutput},
        put_secret_value::{PutSecretValueError, PutSecretValueInput, PutSecretValueOutput},
        restore_secret::{RestoreSecretError, RestoreSecretInput, RestoreSecretOutput},
        tag_resource::{TagResourceError, TagResourceInput, TagResourceOutput},
    },
    primitives::DateTime,
    types::{FilterNameStringType, SecretListEntry, Tag},
};

use tokio::time::Instant;

use crate::aws::{
    self,
    model::{Cloud, Refusal, Service},
};

/// The maximum age of the list. `DescribeSecret` returns the current state.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html>
const LISTED_AFTER: Duration = Duration::from_mins(5);

/// The secrets of the account in the region.
#[derive(Clone, Default)]
pub(super) struct Secrets {
    made: u32,
    all: Vec<Secret>,
    /// The time of each change, and the secrets before it.
    before: Vec<(Instant, Vec<Secret>)>,
}

/// A secret. The format of its ARN is specific to this model.
#[derive(Clone, Default)]
struct Secret {
    name: String,
    arn: String,
    value: String,
    version: String,
    tags: Vec<Tag>,
    /// Whether it is scheduled for deletion.
    deleted: bool,
}

impl Service for Secrets {
    /// Leaves out secrets that are scheduled for deletion, which only block their name.
    fn present(&self) -> Vec<String> {
        let there = self.all.iter().filter(|secret| !secret.deleted);
        let line =
            |secret: &Secret| format!("secret {}", aws::tag_value(&secret.tags, aws::ADDRESS).unwrap_or("of nobody"));
        there.map(line).collect()
    }
}

/// Returns an AWS with a Secrets Manager that has a password of somebody else, `arn:of:password`, with the version
/// `version-0`.
pub(in crate::kinds) fn cloud() -> Cloud {
    let cloud = Cloud::new();
    cloud.on(CreateSecretError::generic, create);
    cloud.on(DescribeSecretError::generic, describe);
    cloud.on(ListSecretsError::generic, list);
    cloud.on(GetSecretValueError::generic, value);
    cloud.on(PutSecretValueError::generic, put);
    cloud.on(TagResourceError::generic, tag);
    cloud.on(DeleteSecretError::generic, delete);
    cloud.on(RestoreSecretError::generic, restore);
    cloud.with(|secrets: &mut Secrets| {
        let (name, arn, value) = ("password".to_owned(), "arn:of:password".to_owned(), "open sesame".to_owned());
        secrets.all.push(Secret { name, arn, value, version: "version-0".to_owned(), ..Secret::default() });
    });
    cloud
}

impl Secret {
    /// Returns its current version in the format of responses.
    fn stages(&self) -> HashMap<String, Vec<String>> {
        HashMap::from([(self.version.clone(), vec!["AWSCURRENT".to_owned()])])
    }
}

impl Secrets {
    /// Returns the secret with this name or ARN, even if it is scheduled for deletion.
    fn secret(&mut self, id: Option<&str>) -> Result<&mut Secret, Refusal> {
        let id = id.unwrap_or_default();
        let found = self.all.iter_mut().find(|secret| secret.name == id || secret.arn == id);
        found.ok_or_else(|| {
            Refusal::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        })
    }

    /// Returns the secret with this name or ARN. Secrets Manager rejects one that is scheduled for deletion.
    fn usable(&mut self, id: Option<&str>) -> Result<&mut Secret, Refusal> {
        let secret = self.secret(id)?;
        if secret.deleted {
            return Err(Refusal::new("InvalidRequestException", "the secret is scheduled for deletion"));
        }
        Ok(secret)
    }

    /// Stores the secrets before a change, for the list.
    fn change(&mut self) {
        self.before.push((Instant::now(), self.all.clone()));
    }

    /// Returns the secrets that the list contains.
    fn listed(&self) -> &[Secret] {
        let old = self.before.iter().find(|(changed, _)| changed.elapsed() < LISTED_AFTER);
        old.map_or(&self.all, |(_, before)| before)
    }

    /// Schedules the deletion of every secret of a stack.
    pub(super) fn schedule_deletion(&mut self) {
        self.change();
        let of_stacks = self.all.iter_mut().filter(|secret| aws::tag_value(&secret.tags, aws::ADDRESS).is_some());
        of_stacks.for_each(|secret| secret.deleted = true);
    }

    /// Removes the tags of every secret.
    pub(super) fn untag(&mut self) {
        self.all.iter_mut().for_each(|secret| secret.tags.clear());
    }

    fn version(&mut self) -> String {
        self.made += 1;
        format!("version-{}", self.made)
    }
}

fn create(secrets: &mut Secrets, input: &CreateSecretInput) -> Result<CreateSecretOutput, Refusal> {
    if secrets.secret(input.name()).is_ok() {
        secrets.usable(input.name())?;
        return Err(Refusal::new("ResourceExistsException", "the secret already exists"));
    }
    secrets.change();
    let (version, name) = (secrets.version(), input.name().unwrap_or_default().to_owned());
    let secret = Secret {
        arn: format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-{version}"),
        name,
        value: input.secret_string().unwrap_or_default().to_owned(),
        version: version.clone(),
        tags: input.tags().to_vec(),
        deleted: false,
    };
    let answer = CreateSecretOutput::builder().arn(&secret.arn).name(&secret.name).version_id(version).build();
    secrets.all.push(secret);
    Ok(answer)
}

fn describe(secrets: &mut Secrets, input: &DescribeSecretInput) -> Result<DescribeSecretOutput, Refusal> {
    let secret = secrets.secret(input.secret_id())?;
    let answer = DescribeSecretOutput::builder()
        .arn(&secret.arn)
        .name(&secret.name)
        .set_tags(Some(secret.tags.clone()))
        .set_version_ids_to_stages(Some(secret.stages()))
        .set_deleted_date(secret.deleted.then(|| DateTime::from_secs(0)));
    Ok(answer.build())
}

/// Lists the secrets as of five minutes ago. The model supports only the filters by name prefix and by tag key.
fn list(secrets: &mut Secrets, input: &ListSecretsInput) -> Result<ListSecretsOutput, Refusal> {
    let passes = |secret: &&Secret| {
        input.filters().iter().all(|filter| {
            filter.values().iter().any(|value| match filter.key() {
                Some(FilterNameStringType::Name) => secret.name.starts_with(value.as_str()),
                Some(FilterNameStringType::TagKey) => aws::tag_value(&secret.tags, value).is_some(),
                other => panic!("the model has no filter {other:?}"),
            })
        })
    };
    let shown = secrets.listed().iter().filter(|secret| !secret.deleted).filter(passes).map(|secret| {
        SecretListEntry::builder()
            .arn(&secret.arn)
            .name(&secret.name)
            .set_tags(Some(secret.tags.clone()))
            .set_secret_versions_to_stages(Some(secret.stages()))
            .build()
    });
    Ok(ListSecretsOutput::builder().set_secret_list(Some(shown.collect())).build())
}

fn value(secrets: &mut Secrets, input: &GetSecretValueInput) -> Result<GetSecretValueOutput, Refusal> {
    let secret = secrets.usable(input.secret_id())?;
    let answer = GetSecretValueOutput::builder().arn(&secret.arn).secret_string(&secret.value);
    Ok(answer.version_id(&secret.version).build())
}

fn put(secrets: &mut Secrets, input: &PutSecretValueInput) -> Result<PutSecretValueOutput, Refusal> {
    secrets.change();
    let version = secrets.version();
    let secret = secrets.usable(input.secret_id())?;
    secret.value = input.secret_string().unwrap_or_default().to_owned();
    secret.version.clone_from(&version);
    Ok(PutSecretValueOutput::builder().arn(&secret.arn).version_id(version).build())
}

fn tag(secrets: &mut Secrets, input: &TagResourceInput) -> Result<TagResourceOutput, Refusal> {
    secrets.change();
    let secret = secrets.usable(input.secret_id())?;
    secret.tags.retain(|old| input.tags().iter().all(|new| new.key() != old.key()));
    secret.tags.extend_from_slice(input.tags());
    Ok(TagResourceOutput::builder().build())
}

/// Deletes a secret. Without recovery, it is gone at once. A second scheduled deletion fails.
fn delete(secrets: &mut Secrets, input: &DeleteSecretInput) -> Result<DeleteSecretOutput, Refusal> {
    secrets.change();
    if input.force_delete_without_recovery() == Some(true) {
        let arn = secrets.secret(input.secret_id())?.arn.clone();
        secrets.all.retain(|secret| secret.arn != arn);
        return Ok(DeleteSecretOutput::builder().arn(arn).build());
    }
    let secret = secrets.usable(input.secret_id())?;
    secret.deleted = true;
    Ok(DeleteSecretOutput::builder().arn(&secret.arn).build())
}

fn restore(secrets: &mut Secrets, input: &RestoreSecretInput) -> Result<RestoreSecretOutput, Refusal> {
    secrets.change();
    let secret = secrets.secret(input.secret_id())?;
    secret.deleted = false;
    Ok(RestoreSecretOutput::builder().arn(&secret.arn).name(&secret.name).build())
}
