//! Reads the stack's secrets. The list of Secrets Manager may omit changes of the last five minutes, while
//! `DescribeSecret` is current. So this asks for each name in the list and for each name that the stack may use.
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

/// The label of the current version, which callers get by default.
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version>
const CURRENT: &str = "AWSCURRENT";

/// The tag with a hash of all parts of a value that stackctl composed, except the password. `given` for a value that a
/// user set.
pub(super) const INPUTS: &str = "stackctl:inputs";

/// The secret as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its ARN, with the six characters that AWS adds.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The hash of the parts of its value. Empty for a generated value.
    pub inputs: String,
    /// The id of its current version, which changes with its value.
    #[serde(default)]
    pub version: String,
    /// When anybody last changed it. Not compared.
    #[serde(default)]
    pub changed: Option<Timestamp>,
}

/// A secret whose name belongs to the stack.
pub(super) struct Seen {
    /// The address in its tags. `None` if it does not belong to the stack.
    pub(super) address: Option<Address>,
    pub(super) live: Live,
    /// Whether it is being deleted or scheduled for deletion.
    pub(super) is_leaving: bool,
}

/// Returns the stack's secrets.
pub(super) async fn all(cx: &Context, kind: &str) -> Result<Vec<Found<Live>>, Failure> {
    let expected: BTreeSet<String> = cx.expected(kind).map(|(address, _)| name(cx, address.name())).collect();
    let (mut found, listed) = futures::try_join!(each(cx, expected.iter()), listed(cx))?;
    found.extend(each(cx, listed.difference(&expected)).await?);
    Ok(found)
}

/// Returns the names of the stack's secrets in the list.
async fn listed(cx: &Context) -> Result<BTreeSet<String>, Failure> {
    let filter = |key, value: &str| Filter::builder().key(key).values(value).build();
    let call = cx.aws.secrets.list_secrets();
    let call = call.filters(filter(FilterNameStringType::TagKey, aws::STACK));
    let call = call.filters(filter(FilterNameStringType::Name, &name(cx, "")));
    let pages = call.into_paginator().send().try_collect().await.during("ListSecrets")?;
    let secrets = pages.into_iter().flat_map(|page| page.secret_list.unwrap_or_default());
    Ok(secrets.filter_map(|secret| secret.name).collect())
}

/// Returns those of the named secrets that exist and belong to the stack.
async fn each(cx: &Context, names: impl Iterator<Item = &String>) -> Result<Vec<Found<Live>>, Failure> {
    let looked_at = try_join_all(names.map(|name| described(cx, name))).await?;
    let found = looked_at.into_iter().flatten();
    Ok(found.map(|(address, live)| Found { address, id: live.name.clone(), live }).collect())
}

/// Returns the current state of the secret `id` with its address. `None` if it does not exist, is being deleted, or
/// does not belong to the stack.
pub(super) async fn described(cx: &Context, id: &str) -> Result<Option<(Address, Live)>, Failure> {
    let there = seen(cx, id).await?.filter(|seen| !seen.is_leaving);
    Ok(there.and_then(|seen| Some((seen.address?, seen.live))))
}

/// Returns the current state of the secret `id`, even if it is being deleted.
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
