//! An in-memory model of Route 53 with the operations that the kind `dns_record` calls, as the API reference describes
//! them.
//!
//! <https://docs.aws.amazon.com/Route53/latest/APIReference/Welcome.html>

use aws_sdk_route53::{
    operation::{
        change_resource_record_sets::{
            ChangeResourceRecordSetsError, ChangeResourceRecordSetsInput, ChangeResourceRecordSetsOutput,
        },
        list_resource_record_sets::{
            ListResourceRecordSetsError, ListResourceRecordSetsInput, ListResourceRecordSetsOutput,
        },
    },
    primitives::DateTime,
    types::{Change, ChangeAction, ChangeBatch, ChangeInfo, ChangeStatus, ResourceRecord, ResourceRecordSet, RrType},
};

use crate::aws::model::{Cloud, Refusal, Service};

/// The number of records on one page. Route 53 returns 300; with fewer, the tests cover paging.
const PAGE: usize = 3;

/// The hosted zones of the account.
#[derive(Clone, Default)]
pub(in crate::kinds) struct Route53 {
    zones: Vec<Zone>,
}

#[derive(Clone)]
struct Zone {
    id: &'static str,
    /// The zone's name, with the trailing dot.
    name: &'static str,
    records: Vec<ResourceRecordSet>,
}

impl Service for Route53 {
    /// `ListResourceRecordSets` returns the most recent version of the records, including pending changes.
    /// <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html>
    const LAGS: bool = false;

    fn present(&self) -> Vec<String> {
        let of = |zone: &Zone| zone.records.iter().map(|record| line(zone.id, record)).collect::<Vec<_>>();
        self.zones.iter().flat_map(of).collect()
    }
}

/// Returns the line for a record. Leaves out the TTL and the health check of an alias, which no run has to restore.
fn line(zone: &str, record: &ResourceRecordSet) -> String {
    let alias = record.alias_target().map(|alias| (alias.hosted_zone_id(), alias.dns_name()));
    let values: Vec<&str> = record.resource_records().iter().map(ResourceRecord::value).collect();
    format!("record {} {} in {zone}: {alias:?} {values:?}", record.r#type(), record.name())
}

/// Adds a Route 53 with the zones `Z1` (`example.com`) and `Z2` (`shop.example.com`).
pub(in crate::kinds) fn serve(cloud: &Cloud) {
    cloud.on(ChangeResourceRecordSetsError::generic, change);
    cloud.on(ListResourceRecordSetsError::generic, list);
    cloud.with(|dns: &mut Route53| {
        for (id, name) in [("Z1", "example.com."), ("Z2", "shop.example.com.")] {
            let server = values(name, RrType::Ns, "ns-1.awsdns-01.org.");
            let start =
                values(name, RrType::Soa, "ns-1.awsdns-01.org. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400");
            dns.zones.push(Zone { id, name, records: vec![server, start] });
        }
    });
}

/// Returns a record with one value.
pub(in crate::kinds) fn values(name: &str, kind: RrType, value: &str) -> ResourceRecordSet {
    let value = ResourceRecord::builder().value(value).build().expect("it has a value");
    let set = ResourceRecordSet::builder().name(name).r#type(kind).ttl(60).resource_records(value);
    set.build().expect("it has a name and a type")
}

impl Route53 {
    /// Whether a zone has this CNAME.
    pub(in crate::kinds) fn has(&self, name: &str, value: &str) -> bool {
        let name = full(name);
        let is_it = |record: &ResourceRecordSet| {
            let mut values = record.resource_records().iter().map(|record| full(record.value()));
            record.name() == name && *record.r#type() == RrType::Cname && values.any(|own| own == full(value))
        };
        self.zones.iter().any(|zone| zone.records.iter().any(is_it))
    }

    /// Creates a record or overwrites the one of the same name and type, without a call to Route 53.
    pub(in crate::kinds) fn put(&mut self, zone: &str, record: ResourceRecordSet) {
        self.remove(zone, record.name(), record.r#type());
        self.records(zone).push(record);
    }

    /// Removes a record without a call to Route 53.
    pub(super) fn remove(&mut self, zone: &str, name: &str, kind: &RrType) {
        self.records(zone).retain(|record| record.name() != name || record.r#type() != kind);
    }

    /// Changes the TTL or the health check of every record, which do not affect its target.
    pub(super) fn touch(&mut self) {
        for record in self.zones.iter_mut().flat_map(|zone| &mut zone.records) {
            record.ttl = record.ttl.map(|ttl| ttl + 1);
            if let Some(alias) = &mut record.alias_target {
                alias.evaluate_target_health = true;
            }
        }
    }

    fn records(&mut self, zone: &str) -> &mut Vec<ResourceRecordSet> {
        &mut self.zone(Some(zone)).expect("the sample names a zone that is there").records
    }

    fn zone(&mut self, id: Option<&str>) -> Result<&mut Zone, Refusal> {
        let found = self.zones.iter_mut().find(|zone| Some(zone.id) == id);
        found.ok_or_else(|| Refusal::new("NoSuchHostedZone", "No hosted zone found with this ID"))
    }
}

/// Returns a name as Route 53 stores it.
fn full(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.').to_ascii_lowercase())
}

fn kept(mut record: ResourceRecordSet) -> ResourceRecordSet {
    record.name = full(&record.name);
    if let Some(alias) = &mut record.alias_target {
        alias.dns_name = full(&alias.dns_name);
    }
    record
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidChangeBatch", message)
}

/// Applies all changes of a batch or none.
fn change(dns: &mut Route53, input: &ChangeResourceRecordSetsInput) -> Result<ChangeResourceRecordSetsOutput, Refusal> {
    let zone = dns.zone(input.hosted_zone_id())?;
    let mut records = zone.records.clone();
    for change in input.change_batch().map(ChangeBatch::changes).unwrap_or_default() {
        apply(zone, &mut records, change)?;
    }
    let cnames = records.iter().filter(|record| *record.r#type() == RrType::Cname);
    let mut names = cnames.map(ResourceRecordSet::name);
    if let Some(name) = names.find(|name| records.iter().filter(|record| record.name() == *name).count() > 1) {
        return Err(invalid(format!("RRSet of type CNAME with DNS name {name} conflicts with other records")));
    }
    zone.records = records;
    let info =
        ChangeInfo::builder().id("/change/C1").status(ChangeStatus::Pending).submitted_at(DateTime::from_secs(0));
    let info = info.build().expect("it has all that it needs");
    Ok(ChangeResourceRecordSetsOutput::builder().change_info(info).build())
}

fn apply(zone: &Zone, records: &mut Vec<ResourceRecordSet>, change: &Change) -> Result<(), Refusal> {
    let record =
        change.resource_record_set().ok_or_else(|| Refusal::new("InvalidInput", "a change without a record"))?;
    let record = kept(record.clone());
    let (name, kind) = (record.name(), record.r#type());
    if name != zone.name && !name.ends_with(&format!(".{}", zone.name)) {
        return Err(invalid(format!("RRSet with DNS name {name} is not permitted in zone {}", zone.name)));
    }
    let mut texts = record.resource_records().iter().filter(|_| *kind == RrType::Txt).map(ResourceRecord::value);
    if texts.any(|text| text.len() < 2 || !text.starts_with('"') || !text.ends_with('"')) {
        return Err(invalid("Value should be enclosed in quotation marks"));
    }
    let what = format!("resource record set [name='{name}', type='{kind}']");
    let there = records.iter().position(|other| other.name() == name && other.r#type() == kind);
    match (change.action(), there) {
        (ChangeAction::Create, Some(_)) => Err(invalid(format!("Tried to create {what} but it already exists"))),
        (ChangeAction::Delete, None) => Err(invalid(format!("Tried to delete {what} but it was not found"))),
        (ChangeAction::Delete, Some(at)) if records[at] != record => {
            Err(invalid(format!("Tried to delete {what} but the values provided do not match the current values")))
        }
        (ChangeAction::Delete, Some(at)) => {
            records.remove(at);
            Ok(())
        }
        (_, Some(at)) => {
            records[at] = record;
            Ok(())
        }
        (_, None) => {
            records.push(record);
            Ok(())
        }
    }
}

/// Returns the sort key of a record: its labels from last to first, then its type.
fn place(name: &str, kind: Option<&RrType>) -> (String, String) {
    let labels: Vec<String> = full(name).trim_end_matches('.').rsplit('.').map(|label| format!("{label}.")).collect();
    (labels.concat(), kind.map(|kind| kind.as_str().to_owned()).unwrap_or_default())
}

fn list(dns: &mut Route53, input: &ListResourceRecordSetsInput) -> Result<ListResourceRecordSetsOutput, Refusal> {
    let mut records = dns.zone(input.hosted_zone_id())?.records.clone();
    let of = |record: &ResourceRecordSet| place(record.name(), Some(record.r#type()));
    records.sort_by_key(of);
    match (input.start_record_name(), input.start_record_type()) {
        (None, Some(_)) => return Err(Refusal::new("InvalidInput", "a type to start with, and no name")),
        (Some(name), kind) => records.retain(|record| of(record) >= place(name, kind)),
        (None, None) => {}
    }
    let asked = input.max_items().and_then(|items| usize::try_from(items).ok()).unwrap_or(PAGE);
    let rest = records.split_off(records.len().min(asked.min(PAGE)));
    let (name, kind) = rest.first().map(|next| (next.name().to_owned(), next.r#type().clone())).unzip();
    let page = ListResourceRecordSetsOutput::builder()
        .set_resource_record_sets(Some(records))
        .is_truncated(!rest.is_empty())
        .set_next_record_name(name)
        .set_next_record_type(kind)
        .max_items(input.max_items().unwrap_or(300));
    Ok(page.build().expect("it has all that it needs"))
}
