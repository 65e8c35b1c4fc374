//! What Secrets Manager has of the stack's secrets. Its list may not show the changes of the last five minutes, and
//! `DescribeSecret` does: so the list says for which names to ask, and so does what the stack may have.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html>

use std::collections::BTreeSet;

use aws_sdk_secretsmanager::{
    operation::describe_secret::DescribeSecretOutput,
    types::{Filter, FilterNameStringType},
};
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Outcome},
    kind::Context,
    model::{Address, Failure, Found},
};

/// The label of the version that whoever asks for no other one gets.
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version>
const CURRENT: &str = "AWSCURRENT";

/// The tag with a hash of all that a made value is made of, but the password; of one that was given by hand, `given`.
pub(super) const INPUTS: &str = "stackctl:inputs";

/// What AWS has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its ARN, with the six characters that AWS adds.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The hash of what its value was made of; empty for one that was generated.
    pub inputs: String,
    /// The id of its current version; another value has another one.
    #[serde(default)]
    pub version: String,
    /// When it was last changed, by whomever; not compared.
    #[serde(default)]
    pub changed: Option<Timestamp>,
}

/// A secret with the name of one of the stack's.
pub(super) struct Seen {
    /// The address that its tags give it; none if it is not the stack's.
    pub(super) address: Option<Address>,
    pub(super) live: Live,
    /// Whether it is being deleted, or its deletion is scheduled.
    pub(super) is_leaving: bool,
}

/// The secrets of the stack.
pub(super) async fn all(cx: &Context, kind: &str) -> Result<Vec<Found<Live>>, Failure> {
    let expected: BTreeSet<String> = cx.expected(kind).map(|(address, _)| name(cx, address.name())).collect();
    let (mut found, listed) = futures::try_join!(each(cx, expected.iter()), listed(cx))?;
    found.extend(each(cx, listed.difference(&expected)).await?);
    Ok(found)
}

/// The names of those that the list shows.
async fn listed(cx: &Context) -> Result<BTreeSet<String>, Failure> {
    let filter = |key, value: &str| Filter::builder().key(key).values(value).build();
    let call = cx.aws.secrets.list_secrets();
    let call = call.filters(filter(FilterNameStringType::TagKey, aws::STACK));
    let call = call.filters(filter(FilterNameStringType::Name, &name(cx, "")));
    let pages = call.into_paginator().send().try_collect().await.during("ListSecrets")?;
    let secrets = pages.into_iter().flat_map(|page| page.secret_list.unwrap_or_default());
    Ok(secrets.filter_map(|secret| secret.name).collect())
}

/// Those of these names that are there and the stack's.
async fn each(cx: &Context, names: impl Iterator<Item = &String>) -> Result<Vec<Found<Live>>, Failure> {
    let looked_at = try_join_all(names.map(|name| described(cx, name))).await?;
    let found = looked_at.into_iter().flatten();
    Ok(found.map(|(address, live)| Found { address, id: live.name.clone(), live }).collect())
}

/// The secret that `id` names and whose address its tags give, as it is at this moment; none if it is not there, is being
/// deleted, or is not the stack's.
pub(super) async fn described(cx: &Context, id: &str) -> Result<Option<(Address, Live)>, Failure> {
    let there = seen(cx, id).await?.filter(|seen| !seen.is_leaving);
    Ok(there.and_then(|seen| Some((seen.address?, seen.live))))
}

/// The secret that `id` names as it is at this moment, whatever becomes of it.
pub(super) async fn seen(cx: &Context, id: &str) -> Result<Option<Seen>, Failure> {
    let call = cx.aws.secrets.describe_secret().secret_id(id).send().await;
    let found = call.or_absent("DescribeSecret", &["ResourceNotFoundException"])?;
    Ok(found.and_then(|secret| of(cx, &secret)))
}

fn of(cx: &Context, secret: &DescribeSecretOutput) -> Option<Seen> {
    let stages = secret.version_ids_to_stages().into_iter().flatten();
    let mut current = stages.filter(|(_, stages)| stages.iter().any(|stage| stage == CURRENT));
    let changed = secret.last_changed_date().or(secret.created_date());
    let live = Live {
        arn: secret.arn()?.to_owned(),
        name: secret.name()?.to_owned(),
        inputs: aws::tag_value(secret.tags(), INPUTS).unwrap_or_default().to_owned(),
        version: current.next().map(|(version, _)| version.clone()).unwrap_or_default(),
        changed: changed.and_then(|at| Timestamp::from_second(at.secs()).ok()),
    };
    Some(Seen { address: aws::address_of(&cx.id, secret.tags()), live, is_leaving: secret.deleted_date().is_some() })
}

pub(super) fn name(cx: &Context, of_stack: &str) -> String {
    format!("{}/{}/{of_stack}", cx.id.stack, cx.id.environment)
}
