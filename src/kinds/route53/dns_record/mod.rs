//! A record in a public hosted zone of Route 53: either the name of the load balancer, or the validation record of a
//! certificate.
//!
//! <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/rrsets-working-with.html>
//!
//! Records have no tags, so a TXT record next to each one stores its owner ([`ownership`]). stackctl never changes or
//! deletes a record of another owner.

mod content;
mod ownership;
#[cfg(test)]
mod sample;
mod zone;

use std::{collections::BTreeSet, time::Duration};

use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::{
    kind::{Context, Cost, Doc, Kind},
    kinds::acm::{self, Issuance, Owned},
    kinds::elb,
    model::{
        Address, Changed, Changes, Diff, Failure, Found, Input, On, Outputs, Permission, Phase, Shown, StackId, fields,
    },
};
pub use content::Content;
pub use ownership::Ownership;
use zone::{Act, Record};

/// The TTL of the values, in seconds.
const TTL: i64 = 300;

/// A DNS record.
pub struct DnsRecord;

/// The target of a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A CNAME with this value.
    Cname(Input),
    /// An alias of type A.
    Alias {
        /// The name of the target.
        name: Input,
        /// The hosted zone of the target.
        zone: Input,
    },
}

/// The record that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The id of its hosted zone.
    pub zone: String,
    /// Its name.
    pub name: Input,
    /// Its target.
    pub target: Target,
    /// The ARN of the certificate that this record validates. The record is ready once ACM has issued the certificate.
    pub proves: Option<Input>,
}

/// The record as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// The id of its hosted zone.
    pub zone: String,
    /// Its name.
    pub name: String,
    /// `A` or `CNAME`.
    pub kind: String,
    /// Its content. `None` if somebody deleted the record.
    pub content: Option<Content>,
    /// The content of the TXT record that stores its owner.
    pub ownership: Ownership,
    /// The certificate that this record validates.
    pub proof: Option<Proof>,
    /// Other certificates that this record validates. There are several while one replaces another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_proofs: Vec<Proof>,
}

/// A certificate that a record validates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// Its ARN.
    pub certificate: String,
    /// The state of the request for the certificate.
    pub issuance: Issuance,
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        Name = "name",
        Target = "target",
    }

    /// The fields whose change replaces the record.
    pub enum Fixed {
        Zone = "zone",
        Type = "type",
    }
}

impl Kind for DnsRecord {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = Fixed;

    const NAME: &'static str = "dns_record";
    const DOC: Doc = Doc {
        summary: "A DNS record that points a name to the load balancer, or proves ownership of the domain to ACM.",
        page: "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/rrsets-working-with.html",
    };
    // The tags of these two store the zones of the stack's records, so they are deleted after the records.
    const USES: &'static [&'static str] = &["load_balancer", "certificate"];
    const COST: Cost<Desired, Live> =
        Cost::Free("AWS charges for the hosted zone and for queries, which are not included");
    const NOT_YET: &'static [&'static str] = &[];
    // If another record takes over the name, it does so before this record is deleted.
    const TAKES_OVER: bool = true;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["route53:GetHostedZone", "route53:ListHostedZonesByName", "route53:ListResourceRecordSets"]),
        Permission::make(&["route53:ChangeResourceRecordSets"], On::Records),
        Permission::delete(&["route53:ChangeResourceRecordSets"], On::Records),
    ];
    // ACM usually finds a record within minutes, and states that it can take more than half an hour.
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

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, Fixed> {
        let mut diff = Diff::new();
        diff.fixed(Fixed::Zone, &live.zone, &desired.zone);
        // A move changes both names in one batch, so that one of them always exists.
        diff.input(Field::Name, &live.name, &desired.name);
        diff.fixed(Fixed::Type, &live.kind, &desired.target.kind().to_owned());
        let has = live.content.as_ref().map(Content::words).unwrap_or_default();
        match desired.target.known() {
            Some(content) => diff.field(Field::Target, &has, &content.words()),
            None => diff.push(Field::Target, Shown::value(has), Shown::KnownAfterApply),
        };
        diff.finish()
    }

    fn phase(live: &Live, desired: Option<&Desired>) -> Phase {
        let Some(proof) = &live.proof else { return Phase::Ready };
        let Some(wanted) = desired.and_then(|desired| desired.proves.as_ref()?.known()) else {
            return proof.issuance.phase();
        };
        // The state of a replaced certificate does not count for its replacement.
        let mut proofs = std::iter::once(proof).chain(&live.other_proofs);
        let of_it = proofs.find(|proof| proof.certificate == wanted);
        of_it.map_or_else(|| Phase::Pending("waiting for DNS validation".to_owned()), |proof| proof.issuance.phase())
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("name", &live.name)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let (live, changes) = made(cx, address, desired).await?;
        zone::change(cx, &desired.zone, &changes).await?;
        Ok(live)
    }

    async fn update(
        cx: &Context,
        address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let mut moves = false;
        for field in changes {
            match field {
                Field::Name => moves = true,
                // Both branches below write the whole record.
                Field::Target => {}
            }
        }
        if moves {
            let (moved, mut changes) = made(cx, address, desired).await?;
            changes.extend(unmade(cx, live).await?);
            zone::change(cx, &live.zone, &changes).await?;
            return Ok(moved);
        }
        let content = desired.target.get()?;
        let ownership = Ownership::new(&cx.id, address, &content, live.ownership.shared);
        let record = Record { name: live.name.clone(), kind: live.kind.clone(), content: content.clone() };
        let changes = [(Act::Put, record), (Act::Put, text(&live.name, &live.kind, &ownership))];
        zone::change(cx, &live.zone, &changes).await?;
        Ok(Live { content: Some(content), ownership, proof: asked_for(desired)?, ..live.clone() })
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let changes = unmade(cx, live).await?;
        if changes.is_empty() {
            return Ok(());
        }
        match zone::change(cx, &live.zone, &changes).await {
            Err(failure) if failure.is(&["NoSuchHostedZone"]) => Ok(()),
            other => other,
        }
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        sample::sample()
    }
}

impl Target {
    fn kind(&self) -> &'static str {
        match self {
            Self::Cname(_) => "CNAME",
            Self::Alias { .. } => "A",
        }
    }

    /// Returns the content, or `None` until the target is known.
    fn known(&self) -> Option<Content> {
        Some(match self {
            Self::Cname(value) => Content::Values { ttl: TTL, values: vec![value.known()?.to_owned()] },
            Self::Alias { name, zone } => {
                // There is no second record for failover, so the health check has no use.
                let (zone, name) = (zone.known()?.to_owned(), zone::plain(name.known()?));
                Content::Alias { zone, name, checks_health: false }
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

/// Returns a new record and the changes that create it. Fails if a record of another owner is in the way.
async fn made(cx: &Context, address: &Address, desired: &Desired) -> Result<(Live, Vec<(Act, Record)>), Failure> {
    let (name, kind, content) = (desired.name.get()?, desired.target.kind(), desired.target.get()?);
    let txt = ownership::name(name, kind);
    let (there, texts) = futures::try_join!(zone::at(cx, &desired.zone, name), zone::at(cx, &desired.zone, &txt))?;
    let owner = texts.iter().find_map(|text| Ownership::read(text.content.first()?));
    if let Some(owner) = owner.as_ref().filter(|owner| !owner.is_of(&cx.id)) {
        let message = format!("{name} belongs to the stack {}/{}", owner.stack, owner.environment);
        let hint = "set another `domain`, or destroy that stack first";
        return Err(Failure::about(address, message).hint(hint));
    }
    let same = there.iter().any(|record| record.kind == kind && record.content.words() == content.words());
    let ours = owner.is_some_and(|owner| !owner.shared);
    // ACM requires the same record in every region and stack that has a certificate for the name.
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
    let live = Live {
        zone: desired.zone.clone(),
        name: name.to_owned(),
        kind: kind.to_owned(),
        content: Some(content),
        ownership,
        // The next read finds the state of the certificate.
        proof: asked_for(desired)?,
        other_proofs: Vec::new(),
    };
    Ok((live, changes))
}

/// Returns the changes that remove a record of the stack. Route 53 deletes a record only if the request matches its
/// current content, and an earlier try may have deleted it, so both records are read again.
async fn unmade(cx: &Context, live: &Live) -> Result<Vec<(Act, Record)>, Failure> {
    let txt = ownership::name(&live.name, &live.kind);
    let (there, texts) = futures::try_join!(zone::at(cx, &live.zone, &live.name), zone::at(cx, &live.zone, &txt))?;
    let owner = (&cx.id, live.ownership.address.as_str());
    Ok(removed(owner, &live.kind, there, texts).into_iter().map(|record| (Act::Delete, record)).collect())
}

/// Returns the records to remove, out of those at the name of a record and at the name of its TXT record. A record that
/// somebody changed or also needs stays, and only loses its TXT record. A record that another address of the stack took
/// over stays too.
fn removed((id, address): (&StackId, &str), kind: &str, there: Vec<Record>, texts: Vec<Record>) -> Vec<Record> {
    let is_ours = |owner: &Ownership| owner.is_of(id) && owner.address == address;
    let owner = |text: &Record| Ownership::read(text.content.first()?).filter(is_ours);
    let Some((text, ownership)) = texts.into_iter().find_map(|text| owner(&text).map(|owner| (text, owner))) else {
        return Vec::new();
    };
    let own = there.into_iter().find(|record| record.kind == kind && ownership.covers(&record.content));
    std::iter::once(text).chain(own).collect()
}

/// Returns the stack's records in a zone.
fn owned(cx: &Context, zone: &str, records: &[Record], certificates: &[Owned]) -> Vec<Found<Live>> {
    let mut found = Vec::new();
    for (kind, record) in records.iter().flat_map(|record| ["A", "CNAME"].map(|kind| (kind, record))) {
        let Some(name) = ownership::beside(&record.name, kind).filter(|_| record.kind == "TXT") else { continue };
        let ownership = record.content.first().and_then(Ownership::read).filter(|owner| owner.is_of(&cx.id));
        let Some(ownership) = ownership else { continue };
        let Ok(address) = ownership.address.parse() else { continue };
        let content = records.iter().find(|record| record.name == name && record.kind == kind);
        // If a failed certificate and its replacement have the same name, the newer one comes first.
        let proven = certificates.iter().filter_map(|one| {
            let issuance = one.issuance.clone()?;
            issuance.is_proven_by(&name).then(|| Proof { certificate: one.arn.clone(), issuance })
        });
        let mut proven: Vec<Proof> = proven.collect();
        proven.sort_by_key(|proof| proof.issuance.age());
        let mut proven = proven.into_iter();
        let live = Live {
            zone: zone.to_owned(),
            name: name.clone(),
            kind: kind.to_owned(),
            content: content.map(|record| record.content.clone()),
            ownership,
            proof: proven.next(),
            other_proofs: proven.collect(),
        };
        found.push(Found { address, id: format!("{zone}/{name}/{kind}"), live });
    }
    found
}

/// Returns the TXT record for a record.
fn text(name: &str, kind: &str, ownership: &Ownership) -> Record {
    let content = Content::Values { ttl: TTL, values: vec![ownership.text()] };
    Record { name: ownership::name(name, kind), kind: "TXT".to_owned(), content }
}

/// Whether a record of type `there` prevents one of type `new` at the same name.
fn conflicts(there: &str, new: &str) -> bool {
    there == new || there == "CNAME" || new == "CNAME" || (new == "A" && there == "AAAA")
}

fn taken(zone: &str, record: &Record) -> Failure {
    let message = format!(
        "a record of type {} for {} already exists, and was not created by stackctl: {}",
        record.kind,
        record.name,
        record.content.words()
    );
    Failure::new(message)
        .hint(format!("nothing was changed; delete the record from the hosted zone {zone}, or set another `domain`"))
}

/// Returns the certificate for which a record was just created.
fn asked_for(desired: &Desired) -> Result<Option<Proof>, Failure> {
    let Some(certificate) = &desired.proves else { return Ok(None) };
    let issuance = Issuance { status: "PENDING_VALIDATION".to_owned(), ..Issuance::default() };
    Ok(Some(Proof { certificate: certificate.get()?.to_owned(), issuance }))
}

#[cfg(test)]
mod tests;
