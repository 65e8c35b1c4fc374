//! A record in a public hosted zone of Route 53: the name that leads to the load balancer, or the one by which ACM sees
//! whose a domain is.
//!
//! <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/rrsets-working-with.html>
//!
//! Records take no tags; whose one is, a TXT record beside it says ([`ownership`]). One that somebody else made is never
//! changed or deleted.

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
    /// The certificate that this record is for.
    pub proof: Option<Proof>,
    /// The other certificates that this record is for: while one takes another's place there are two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_proofs: Vec<Proof>,
}

/// The certificate that a record is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// Its ARN.
    pub certificate: String,
    /// Where it is on its way.
    pub issuance: Issuance,
}

fields! {
    /// What is changed in place.
    pub enum Field {
        Name = "name",
        Target = "target",
    }

    /// What takes a replacement.
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
    // Where the stack has records, the tags of these two say: they go after the records.
    const USES: &'static [&'static str] = &["load_balancer", "certificate"];
    const COST: Cost<Desired, Live> =
        Cost::Free("AWS charges for the hosted zone and for queries, which are not included");
    const NOT_YET: &'static [&'static str] = &[];
    // A name that another one takes over leads there before this one goes.
    const TAKES_OVER: bool = true;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["route53:GetHostedZone", "route53:ListHostedZonesByName", "route53:ListResourceRecordSets"]),
        Permission::make(&["route53:ChangeResourceRecordSets"], On::Records),
        Permission::delete(&["route53:ChangeResourceRecordSets"], On::Records),
    ];
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

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, Fixed> {
        let mut diff = Diff::new();
        diff.fixed(Fixed::Zone, &live.zone, &desired.zone);
        // Both names go into one batch, so that a move leaves no moment without either.
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
        // What became of one that has been replaced says nothing about the one in its place.
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
                // Set in any case: both ways below write the whole record.
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

    /// The content, where all of it is known.
    fn known(&self) -> Option<Content> {
        Some(match self {
            Self::Cname(value) => Content::Values { ttl: TTL, values: vec![value.known()?.to_owned()] },
            Self::Alias { name, zone } => {
                // One record alone: there is nothing to fail over to, whatever the target's health.
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

/// A record that is yet to be made, and the changes that make it; refused where somebody else's is in the way.
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
    let live = Live {
        zone: desired.zone.clone(),
        name: name.to_owned(),
        kind: kind.to_owned(),
        content: Some(content),
        ownership,
        // ACM's word is the next look's business.
        proof: asked_for(desired)?,
        other_proofs: Vec::new(),
    };
    Ok((live, changes))
}

/// The changes that remove a record of ours. Route 53 deletes only what is named exactly as it stands, and an earlier try
/// may have deleted it: so both records are read once more.
async fn unmade(cx: &Context, live: &Live) -> Result<Vec<(Act, Record)>, Failure> {
    let txt = ownership::name(&live.name, &live.kind);
    let (there, texts) = futures::try_join!(zone::at(cx, &live.zone, &live.name), zone::at(cx, &live.zone, &txt))?;
    let owner = (&cx.id, live.ownership.address.as_str());
    Ok(removed(owner, &live.kind, there, texts).into_iter().map(|record| (Act::Delete, record)).collect())
}

/// Of what stands at a record's name and at that of its text, what is removed with a record of ours. What somebody has
/// since pointed elsewhere, or needs too, stays; it only is not ours any more. Nor is what another address of the stack has
/// taken over.
fn removed((id, address): (&StackId, &str), kind: &str, there: Vec<Record>, texts: Vec<Record>) -> Vec<Record> {
    let is_ours = |owner: &Ownership| owner.is_of(id) && owner.address == address;
    let owner = |text: &Record| Ownership::read(text.content.first()?).filter(is_ours);
    let Some((text, ownership)) = texts.into_iter().find_map(|text| owner(&text).map(|owner| (text, owner))) else {
        return Vec::new();
    };
    let own = there.into_iter().find(|record| record.kind == kind && ownership.covers(&record.content));
    std::iter::once(text).chain(own).collect()
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
        // Of several certificates for one name, one that failed and the one in its place, the younger comes first.
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
        "a record of type {} for {} already exists, and was not created by stackctl: {}",
        record.kind,
        record.name,
        record.content.words()
    );
    Failure::new(message)
        .hint(format!("nothing was changed; delete the record from the hosted zone {zone}, or set another `domain`"))
}

/// The certificate that a record has just been made for.
fn asked_for(desired: &Desired) -> Result<Option<Proof>, Failure> {
    let Some(certificate) = &desired.proves else { return Ok(None) };
    let issuance = Issuance { status: "PENDING_VALIDATION".to_owned(), ..Issuance::default() };
    Ok(Some(Proof { certificate: certificate.get()?.to_owned(), issuance }))
}

#[cfg(test)]
mod tests;
