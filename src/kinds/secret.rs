//! A secret value in Secrets Manager: a password that was made once, or a URL made of one. What is shown, compared and
//! passed on is never the value.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/intro.html>

use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, Tag};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::secretsmanager::{self, once};
use crate::{
    aws::{self, Outcome, given},
    kind::{Context, Kind},
    model::{Address, Change, Diff, Failure, Found, How, Input, Outputs, Phase, Shown},
};

/// The tag with a hash of all that a made value is made of, but the password.
const INPUTS: &str = "stackctl:inputs";

/// A secret.
pub struct Secret;

/// Where its value comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "a stack has a handful of them")]
pub enum Source {
    /// Random letters and digits, made once and never again.
    Generated {
        /// How many.
        length: usize,
    },
    /// The URL of a database, with its parts, as JSON.
    DatabaseUrl {
        /// The user.
        user: String,
        /// The ARN of the secret with the user's password.
        password: Input,
        /// The host.
        host: Input,
        /// The port.
        port: Input,
        /// The database.
        database: String,
    },
}

/// What stack.yaml asks of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// Where its value comes from.
    pub source: Source,
}

/// What AWS has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its ARN, with the six characters that AWS adds.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The hash of what its value was made of; empty for one that was generated.
    pub inputs: String,
}

impl Kind for Secret {
    type Desired = Desired;
    type Live = Live;

    const NAME: &'static str = "secret";
    const USES: &'static [&'static str] = &["db_instance"];

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let filter = |key, value: &str| Filter::builder().key(key).values(value).build();
        let call = cx
            .aws
            .secrets
            .list_secrets()
            .filters(filter(FilterNameStringType::TagKey, aws::STACK))
            .filters(filter(FilterNameStringType::Name, &name(cx, "")));
        let pages = call.into_paginator().send().try_collect().await.during("ListSecrets")?;
        Ok(pages
            .into_iter()
            .flat_map(|page| page.secret_list.unwrap_or_default())
            .filter(|secret| secret.deleted_date().is_none())
            .filter_map(|secret| {
                let tag =
                    |tag: &Tag| (tag.key().unwrap_or_default().to_owned(), tag.value().unwrap_or_default().to_owned());
                let tags: Vec<(String, String)> = secret.tags().iter().map(tag).collect();
                let address = aws::address_of(&cx.id, tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
                let inputs = tags.into_iter().find(|(key, _)| key == INPUTS).map(|(_, value)| value);
                let live = Live { arn: secret.arn?, name: secret.name?, inputs: inputs.unwrap_or_default() };
                Some(Found { address, id: live.name.clone(), live })
            })
            .collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Vec<Change> {
        let mut diff = Diff::new();
        match &desired.source {
            Source::Generated { .. } => {}
            source @ Source::DatabaseUrl { .. } => match fingerprint(source) {
                Some(inputs) if inputs == live.inputs => {}
                Some(_) => {
                    diff.push("value", Shown::Sensitive, Shown::Sensitive, How::InPlace);
                }
                None => {
                    diff.push("value", Shown::Sensitive, Shown::KnownAfterApply, How::InPlace);
                }
            },
        }
        diff.finish()
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("arn", &live.arn).with("name", &live.name)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let name = name(cx, address.name());
        let inputs = fingerprint(&desired.source).unwrap_or_default();
        let mut tags = aws::tags(&cx.id, address).map(|(key, value)| tag(key, &value)).to_vec();
        if !inputs.is_empty() {
            tags.push(tag(INPUTS, &inputs));
        }
        let call = cx
            .aws
            .secrets
            .create_secret()
            .name(&name)
            .secret_string(make(cx, &desired.source).await?)
            .set_tags(Some(tags));
        let answer = call.customize().config_override(once()).send().await;
        // The name of one that somebody scheduled for deletion stays taken for days, and so does its value: it is called
        // back, and `update` writes it anew.
        let Some(answer) = answer.or_absent("CreateSecret", &["InvalidRequestException"])? else {
            return restore(cx, address, desired, &name).await;
        };
        Ok(Live { arn: given(answer.arn, "CreateSecret", "ARN")?, name, inputs })
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        _changes: &[Change],
    ) -> Result<Live, Failure> {
        write(cx, desired, live).await
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        // What stackctl generated it can generate again, and a name that stays taken for a week would keep the next `up`
        // from finishing.
        let call = cx.aws.secrets.delete_secret().secret_id(&live.arn).force_delete_without_recovery(true);
        let answer = call.customize().config_override(once()).send().await;
        answer.or_absent("DeleteSecret", &["ResourceNotFoundException"]).map(drop)
    }
}

fn name(cx: &Context, of_stack: &str) -> String {
    format!("{}/{}/{of_stack}", cx.id.stack, cx.id.environment)
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

/// A hash of what a value is made of; none while a part is unknown, empty for a generated one.
fn fingerprint(source: &Source) -> Option<String> {
    let Source::DatabaseUrl { user, password, host, port, database } = source else { return Some(String::new()) };
    let parts = [user.as_str(), password.known()?, host.known()?, port.known()?, database.as_str()];
    let digest = Sha256::digest(parts.join("\n").as_bytes());
    Some(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

/// The value itself.
async fn make(cx: &Context, source: &Source) -> Result<String, Failure> {
    match source {
        Source::Generated { length } => Ok(generate(*length)),
        Source::DatabaseUrl { user, password, host, port, database } => {
            let password = secretsmanager::value(cx, password.get()?).await?;
            let (password, host, port) = (password.expose(), host.get()?, port.get()?);
            // RDS for PostgreSQL takes no connection without TLS from version 15 on.
            let url = format!("postgres://{user}:{password}@{host}:{port}/{database}?sslmode=require");
            let parts = serde_json::json!({
                "username": user, "password": password, "host": host, "port": port, "database": database, "url": url,
            });
            Ok(parts.to_string())
        }
    }
}

/// Letters and digits, which need no escaping in a URL, from the system's random source.
fn generate(length: usize) -> String {
    rand::rng().sample_iter(rand::distr::Alphanumeric).take(length).map(char::from).collect()
}

async fn write(cx: &Context, desired: &Desired, live: &Live) -> Result<Live, Failure> {
    let value = make(cx, &desired.source).await?;
    let call = cx.aws.secrets.put_secret_value().secret_id(&live.arn).secret_string(value);
    call.customize().config_override(once()).send().await.during("PutSecretValue")?;
    let inputs = fingerprint(&desired.source).unwrap_or_default();
    if !inputs.is_empty() {
        let call = cx.aws.secrets.tag_resource().secret_id(&live.arn).tags(tag(INPUTS, &inputs));
        call.customize().config_override(once()).send().await.during("TagResource")?;
    }
    Ok(Live { inputs, ..live.clone() })
}

async fn restore(cx: &Context, address: &Address, desired: &Desired, name: &str) -> Result<Live, Failure> {
    let call = cx.aws.secrets.restore_secret().secret_id(name).customize().config_override(once());
    let arn = given(call.send().await.during("RestoreSecret")?.arn, "RestoreSecret", "ARN")?;
    let tags = aws::tags(&cx.id, address).map(|(key, value)| tag(key, &value)).to_vec();
    let call = cx.aws.secrets.tag_resource().secret_id(&arn).set_tags(Some(tags));
    call.customize().config_override(once()).send().await.during("TagResource")?;
    write(cx, desired, &Live { arn, name: name.to_owned(), inputs: String::new() }).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(host: Input) -> Desired {
        let (user, database) = ("u".to_owned(), "d".to_owned());
        let source = Source::DatabaseUrl { user, password: "arn".into(), host, port: "5432".into(), database };
        Desired { source }
    }

    #[test]
    fn a_generated_value_is_never_made_again() {
        let live = Live { arn: "a".into(), name: "n".into(), inputs: String::new() };
        assert_eq!(Secret::diff(&Desired { source: Source::Generated { length: 32 } }, &live), []);
    }

    #[test]
    fn a_url_is_written_again_when_a_part_of_it_changes_and_the_plan_shows_none_of_it() {
        let inputs = fingerprint(&url("one".into()).source).expect("all is known");
        let live = Live { arn: "a".into(), name: "n".into(), inputs };
        assert_eq!(Secret::diff(&url("one".into()), &live), []);
        let changes = Secret::diff(&url("two".into()), &live);
        assert_eq!((changes.len(), &changes[0].to), (1, &Shown::Sensitive));
    }

    #[test]
    fn a_generated_value_has_its_length_and_needs_no_escaping() {
        let value = generate(32);
        assert_eq!(value.len(), 32);
        assert!(value.chars().all(|c| c.is_ascii_alphanumeric()));
        assert_ne!(value, generate(32));
    }
}
