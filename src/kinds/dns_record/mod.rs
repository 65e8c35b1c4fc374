//! A record in a public hosted zone of Route 53: the name that leads to the load balancer, or the one by which ACM sees
//! whose a domain is.
//!
//! <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/rrsets-working-with.html>
//!
//! Records take no tags; whose one is, a TXT record beside it says ([`ownership`]). One that somebody else made is never
//! changed or deleted.

mod ownership;
mod zone;

use std::{collections::BTreeSet, time::Duration};

use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::acm::{self, Issuance, Owned};
use super::elb;
use crate::{
    kind::{Context, Kind},
    model::{Address, Change, Diff, Failure, Found, How, Input, Outputs, Phase, Shown},
};
pub use ownership::Ownership;
use zone::{Act, Record};

/// How long resolvers may remember a value, in seconds.
const TTL: i64 = 300;

/// A record.
pub struct DnsRecord;

/// Where a record leads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A CNAME with this value.
    Cname(Input),
    /// An alias of type A.
    Alias {
        /// The other name.
        name: Input,
        /// The hosted zone of the other name.
        zone: Input,
    },
}

/// What stack.yaml asks of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The id of its hosted zone.
    pub zone: String,
    /// Its name.
    pub name: Input,
    /// Where it leads.
    pub target: Target,
    /// The ARN of the certificate that ACM issues once it has seen this record; the record is ready when it has.
    pub proves: Option<Input>,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// These values, remembered for so many seconds.
    Values {
        /// Seconds.
        ttl: i64,
        /// The values, as Route 53 has them.
        values: Vec<String>,
    },
    /// An alias of another name.
    Alias {
        /// The hosted zone of the other name.
        zone: String,
        /// The other name.
        name: String,
    },
}

/// What AWS has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// The id of its hosted zone.
    pub zone: String,
    /// Its name.
    pub name: String,
    /// `A` or `CNAME`.
    pub kind: String,
    /// What it says; none if it was deleted behind our back.
    pub content: Option<Content>,
    /// What the TXT record beside it says.
    pub ownership: Ownership,
    /// Where the certificate is on its way that this record is for.
    pub issuance: Option<Issuance>,
}

impl Kind for DnsRecord {
    type Desired = Desired;
    type Live = Live;

    const NAME: &'static str = "dns_record";
    // Where the stack has records, the tags of these two say: they go after the records.
    const USES: &'static [&'static str] = &["load_balancer", "certificate"];
    // ACM usually sees a record within minutes, and says that it can take more than half an hour.
    // https://docs.aws.amazon.com/acm/latest/userguide/troubleshooting-DNS-validation.html
    const USUAL: Duration = Duration::from_secs(120);
    const DEADLINE: Duration = Duration::from_secs(3600);

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let (balancers, certificates) = futures::try_join!(elb::load_balancers(cx), acm::certificates(cx))?;
        let of_balancers = balancers.iter().flat_map(|balancer| &balancer.zones);
        let zones: BTreeSet<&String> = of_balancers.chain(certificates.iter().flat_map(|one| &one.zones)).collect();
        let reads = zones.into_iter().map(|zone| async {
            let records = zone::records(cx, zone).await?;
            Ok::<_, Failure>(owned(cx, zone, &records, &certificates))
        });
        Ok(try_join_all(reads).await?.into_iter().flatten().collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Vec<Change> {
        let mut diff = Diff::new();
        diff.fixed("zone", &live.zone, &desired.zone);
        diff.fixed_input("name", &live.name, &desired.name);
        diff.fixed("type", &live.kind, &desired.target.kind().to_owned());
        let has = live.content.as_ref().map(Content::words).unwrap_or_default();
        match desired.target.known() {
            Some(content) => diff.field("target", &has, &content.words()),
            None => diff.push("target", Shown::value(has), Shown::KnownAfterApply, How::InPlace),
        };
        diff.finish()
    }

    fn phase(live: &Live, _desired: Option<&Desired>) -> Phase {
        live.issuance.as_ref().map_or(Phase::Ready, Issuance::phase)
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("name", &live.name)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let (name, kind, content) = (desired.name.get()?, desired.target.kind(), desired.target.get()?);
        let txt = ownership::name(name, kind);
        let (there, texts) = futures::try_join!(zone::at(cx, &desired.zone, name), zone::at(cx, &desired.zone, &txt))?;
        let owner = texts.iter().find_map(|text| Some((text, Ownership::read(text.content.first()?)?)));
        if let Some((_, owner)) = owner.as_ref().filter(|(_, owner)| !owner.is_of(&cx.id)) {
            let message = format!("{name} belongs to the stack {}/{}", owner.stack, owner.environment);
            return Err(
                Failure::refused("dns_record", message).hint("choose another `domain`, or destroy that stack first")
            );
        }
        let same = there.iter().any(|record| record.kind == kind && record.content.words() == content.words());
        let ours = owner.as_ref().is_some_and(|(_, owner)| !owner.shared);
        // ACM asks for the same record in every region and stack that has a certificate for the name.
        let shared = same && desired.proves.is_some() && !ours;
        if let Some(record) = there.iter().find(|record| conflicts(&record.kind, kind)).filter(|_| !ours && !shared) {
            return Err(taken(&desired.zone, record));
        }
        let ownership = Ownership::new(&cx.id, address, &content, shared);
        let mut changes = vec![(Act::Put, text(name, kind, &ownership))];
        if !shared {
            let act = if ours { Act::Put } else { Act::Create };
            changes.push((act, Record { name: name.to_owned(), kind: kind.to_owned(), content: content.clone() }));
        }
        zone::change(cx, &desired.zone, &changes).await?;
        Ok(Live {
            zone: desired.zone.clone(),
            name: name.to_owned(),
            kind: kind.to_owned(),
            content: Some(content),
            ownership,
            // ACM's word is the next look's business.
            issuance: desired.proves.as_ref().map(|_| pending()),
        })
    }

    async fn update(
        cx: &Context,
        address: &Address,
        desired: &Desired,
        live: &Live,
        _changes: &[Change],
    ) -> Result<Live, Failure> {
        let content = desired.target.get()?;
        let ownership = Ownership::new(&cx.id, address, &content, live.ownership.shared);
        let record = Record { name: live.name.clone(), kind: live.kind.clone(), content: content.clone() };
        let changes = [(Act::Put, record), (Act::Put, text(&live.name, &live.kind, &ownership))];
        zone::change(cx, &live.zone, &changes).await?;
        Ok(Live { content: Some(content), ownership, ..live.clone() })
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let mut changes = vec![(Act::Delete, text(&live.name, &live.kind, &live.ownership))];
        // What somebody has since pointed elsewhere, or needs too, stays; it only is not ours any more.
        if let Some(content) = live.content.as_ref().filter(|content| live.ownership.covers(content)) {
            let record = Record { name: live.name.clone(), kind: live.kind.clone(), content: content.clone() };
            changes.push((Act::Delete, record));
        }
        match zone::change(cx, &live.zone, &changes).await {
            Err(failure) if failure.is(&["NoSuchHostedZone"]) => Ok(()),
            Err(failure) if failure.is(&["InvalidChangeBatch"]) => {
                // It is there no more, or not as it was: the first is a success.
                let left = zone::at(cx, &live.zone, &ownership::name(&live.name, &live.kind)).await?;
                if left.is_empty() { Ok(()) } else { Err(failure) }
            }
            other => other,
        }
    }
}

impl Target {
    fn kind(&self) -> &'static str {
        match self {
            Self::Cname(_) => "CNAME",
            Self::Alias { .. } => "A",
        }
    }

    /// The content, where all of it is known.
    fn known(&self) -> Option<Content> {
        Some(match self {
            Self::Cname(value) => Content::Values { ttl: TTL, values: vec![value.known()?.to_owned()] },
            Self::Alias { name, zone } => {
                Content::Alias { zone: zone.known()?.to_owned(), name: zone::plain(name.known()?) }
            }
        })
    }

    fn get(&self) -> Result<Content, Failure> {
        match self {
            Self::Cname(value) => value.get().map(drop)?,
            Self::Alias { name, zone } => {
                name.get()?;
                zone.get()?;
            }
        }
        self.known().ok_or_else(|| Failure::internal("a DNS record with something unknown in it"))
    }
}

impl Content {
    /// In words, as a plan shows it; how long it is remembered is nothing that counts.
    fn words(&self) -> String {
        match self {
            Self::Values { values, .. } => {
                let values: Vec<&str> = values.iter().map(|value| value.trim_end_matches('.')).collect();
                values.join(", ")
            }
            Self::Alias { zone, name } => format!("{name} in {zone}"),
        }
    }

    /// The first value.
    fn first(&self) -> Option<&str> {
        match self {
            Self::Values { values, .. } => values.first().map(String::as_str),
            Self::Alias { .. } => None,
        }
    }
}

/// The stack's records among those of a zone.
fn owned(cx: &Context, zone: &str, records: &[Record], certificates: &[Owned]) -> Vec<Found<Live>> {
    let mut found = Vec::new();
    for (kind, record) in records.iter().flat_map(|record| ["A", "CNAME"].map(|kind| (kind, record))) {
        let Some(name) = ownership::beside(&record.name, kind).filter(|_| record.kind == "TXT") else { continue };
        let ownership = record.content.first().and_then(Ownership::read).filter(|owner| owner.is_of(&cx.id));
        let Some(ownership) = ownership else { continue };
        let Ok(address) = ownership.address.parse() else { continue };
        let content = records.iter().find(|record| record.name == name && record.kind == kind);
        let proves = |one: &&Owned| {
            let issuance = one.issuance.as_ref();
            issuance.and_then(|issuance| issuance.record.as_ref()).is_some_and(|record| record.name == name)
        };
        let live = Live {
            zone: zone.to_owned(),
            name: name.to_owned(),
            kind: kind.to_owned(),
            content: content.map(|record| record.content.clone()),
            ownership,
            issuance: certificates.iter().find(proves).and_then(|one| one.issuance.clone()),
        };
        found.push(Found { address, id: format!("{zone}/{name}/{kind}"), live });
    }
    found
}

/// The TXT record beside a record.
fn text(name: &str, kind: &str, ownership: &Ownership) -> Record {
    let content = Content::Values { ttl: TTL, values: vec![ownership.text()] };
    Record { name: ownership::name(name, kind), kind: "TXT".to_owned(), content }
}

/// Whether a record of one type leaves no place for one of the other at the same name.
fn conflicts(there: &str, new: &str) -> bool {
    there == new || there == "CNAME" || new == "CNAME" || (new == "A" && there == "AAAA")
}

fn taken(zone: &str, record: &Record) -> Failure {
    let message = format!(
        "there is a record of type {} for {} already, and stackctl did not make it: {}",
        record.kind,
        record.name,
        record.content.words()
    );
    Failure::refused("dns_record", message)
        .hint(format!("delete it from the hosted zone {zone}, or choose another `domain`; nothing was changed there"))
}

fn pending() -> Issuance {
    Issuance { status: "PENDING_VALIDATION".to_owned(), failure: None, record: None }
}

#[cfg(test)]
mod tests;
