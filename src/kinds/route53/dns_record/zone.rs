//! Hosted zones: reads and changes their records, in stackctl's types.

use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType,
    builders::ResourceRecordSetBuilder,
};
use aws_smithy_types::error::operation::BuildError;

use super::content::Content;
use crate::{
    aws::{Once, Outcome},
    kind::Context,
    model::Failure,
};

/// A record in a zone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    /// Its name, in lowercase and without the trailing dot.
    pub(super) name: String,
    /// `A`, `CNAME`, `TXT`, …
    pub(super) kind: String,
    pub(super) content: Content,
}

/// A change of a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Act {
    /// Creates it. Fails if it exists.
    Create,
    /// Creates or overwrites it.
    Put,
    /// Deletes it. Fails if the content differs.
    Delete,
}

/// Returns all records of the zone. Empty if the zone does not exist.
/// <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html>
pub(super) async fn records(cx: &Context, zone: &str) -> Result<Vec<Record>, Failure> {
    let mut all = Vec::new();
    let mut next: Option<(String, RrType, Option<String>)> = None;
    loop {
        let mut call = cx.aws.route53.list_resource_record_sets().hosted_zone_id(zone);
        if let Some((name, kind, identifier)) = next {
            call = call.start_record_name(name).start_record_type(kind).set_start_record_identifier(identifier);
        }
        let answer = call.send().await.or_absent("ListResourceRecordSets", &["NoSuchHostedZone"])?;
        let Some(answer) = answer else { return Ok(all) };
        all.extend(answer.resource_record_sets().iter().map(record));
        next = match (answer.is_truncated(), answer.next_record_name, answer.next_record_type) {
            (true, Some(name), Some(kind)) => Some((name, kind, answer.next_record_identifier)),
            _ => return Ok(all),
        };
    }
}

/// Returns the records at `name`. Empty if the zone does not exist.
pub(super) async fn at(cx: &Context, zone: &str, name: &str) -> Result<Vec<Record>, Failure> {
    let call = cx.aws.route53.list_resource_record_sets().hosted_zone_id(zone).start_record_name(name).max_items(20);
    let answer = call.send().await.or_absent("ListResourceRecordSets", &["NoSuchHostedZone"])?;
    let (sets, name) = (answer.map(|answer| answer.resource_record_sets).unwrap_or_default(), plain(name));
    Ok(sets.iter().map(record).filter(|record| record.name == name).collect())
}

/// Changes several records: all of them or none.
pub(super) async fn change(cx: &Context, zone: &str, changes: &[(Act, Record)]) -> Result<(), Failure> {
    let changes = changes.iter().map(|(act, record)| {
        let action = match act {
            Act::Create => ChangeAction::Create,
            Act::Put => ChangeAction::Upsert,
            Act::Delete => ChangeAction::Delete,
        };
        Change::builder().action(action).resource_record_set(sdk(record)?).build()
    });
    let batch = changes
        .collect::<Result<Vec<_>, BuildError>>()
        .and_then(|changes| ChangeBatch::builder().set_changes(Some(changes)).comment("stackctl").build());
    let batch = batch.map_err(|error| Failure::internal(format!("a change of DNS records: {error}")))?;
    let call = cx.aws.route53.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch);
    call.customize().once().send().await.during("ChangeResourceRecordSets").map(drop)
}

fn record(set: &ResourceRecordSet) -> Record {
    let content = match set.alias_target() {
        Some(alias) => Content::Alias {
            zone: alias.hosted_zone_id().to_owned(),
            name: plain(alias.dns_name()),
            checks_health: alias.evaluate_target_health(),
        },
        None => Content::Values {
            ttl: set.ttl().unwrap_or_default(),
            values: set.resource_records().iter().map(|record| record.value().to_owned()).collect(),
        },
    };
    Record { name: plain(set.name()), kind: set.r#type().as_str().to_owned(), content }
}

fn sdk(record: &Record) -> Result<ResourceRecordSet, BuildError> {
    let set: ResourceRecordSetBuilder =
        ResourceRecordSet::builder().name(&record.name).r#type(record.kind.as_str().into());
    match &record.content {
        Content::Alias { zone, name, checks_health } => {
            let alias = AliasTarget::builder().hosted_zone_id(zone).dns_name(name);
            set.alias_target(alias.evaluate_target_health(*checks_health).build()?).build()
        }
        Content::Values { ttl, values } => {
            let records = values.iter().map(|value| ResourceRecord::builder().value(value).build());
            set.ttl(*ttl).set_resource_records(Some(records.collect::<Result<_, _>>()?)).build()
        }
    }
}

/// Normalizes a name for comparison. Route 53 returns a trailing dot and `\052` for `*`, and ignores case.
/// <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html>
pub(super) fn plain(name: &str) -> String {
    name.trim_end_matches('.').replace("\\052", "*").to_ascii_lowercase()
}
