//! The certificate of the load balancer: one that Amazon issues for a domain of Route 53, or a self-signed one, imported.
//!
//! <https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html>,
//! <https://docs.aws.amazon.com/acm/latest/userguide/import-certificate.html>
//!
//! Of an issued one, this kind makes the request; the record by which ACM sees whose the domain is, and the waiting for it,
//! are `dns_record`'s. Amazon renews it by itself for as long as that record stands.

use aws_sdk_acm::{primitives::Blob, types::ValidationMethod};
use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use crate::kinds::acm::{proven_at, self_signed_domain};
use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Context, Cost, Doc, Kind, Replacement},
    kinds::acm::{self, Issuance},
    model::{Address, Changed, Changes, Diff, Failure, Found, On, Outputs, Permission, Phase, Shown, fields},
};

/// How long a certificate is valid: the longest that browsers took in 2020 to 2026.
const VALID: SignedDuration = SignedDuration::from_hours(397 * 24);

/// How long before its end it is made anew.
const RENEWED_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A certificate.
pub struct Certificate;

/// What stack.yaml asks of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The name that it is made out to.
    pub domain: String,
    /// The id of the hosted zone in which the domain is proved to be ours, for one that Amazon issues; none for one that
    /// is self-signed.
    pub zone: Option<String>,
    /// The other names that Amazon issues it for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<String>,
    /// The hosted zones of those, as far as they are others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_zones: Vec<String>,
}

impl Desired {
    /// One that is self-signed.
    pub fn self_signed(domain: String) -> Self {
        Self { domain, zone: None, others: Vec::new(), other_zones: Vec::new() }
    }
}

/// The output with the name, or the value, of the record that proves `domain`. A certificate has such outputs for each of its
/// names; those of its first one have a short name.
pub fn validation(part: &str, domain: &str, first: &str) -> String {
    let (domain, first) = (proven_at(domain), proven_at(first));
    if domain == first { format!("validation_{part}") } else { format!("validation_{part}/{domain}") }
}

/// What AWS has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its ARN.
    pub arn: String,
    /// The name that it is made out to.
    pub domain: String,
    /// The other names that it is for.
    #[serde(default)]
    pub others: Vec<String>,
    /// Whether fewer than 30 days are left.
    pub expiring: bool,
    /// Where it is on its way, if Amazon issues it.
    pub issuance: Option<Issuance>,
}

fields! {
    /// What is changed in place.
    pub enum Field {
        ValidFor = "valid_for",
    }

    /// What takes a replacement.
    pub enum Fixed {
        Domain = "domain",
        Issuer = "issuer",
        Status = "status",
    }
}

impl Kind for Certificate {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = Fixed;

    const NAME: &'static str = acm::CERTIFICATE;
    const HEADLINE: &'static [&'static str] = &["domain"];
    const DOC: Doc = Doc {
        summary: "The certificate of the load balancer: issued for its domain, or self-signed.",
        page: "https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html",
    };
    const USES: &'static [&'static str] = &[];
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges nothing for a certificate of a load balancer");
    const NOT_YET: &'static [&'static str] = &[];
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["acm:DescribeCertificate", "acm:ListCertificates", "acm:ListTagsForCertificate"]),
        Permission::make(&["acm:AddTagsToCertificate", "acm:ImportCertificate", "acm:RequestCertificate"], On::Tagged),
        // One that is renewed keeps its tags, and none can be given.
        Permission::make(&["acm:ImportCertificate"], On::Owned),
        Permission::delete(&["acm:DeleteCertificate"], On::Owned),
    ];
    const GONE_AT_ONCE: bool = true;
    const REPLACEMENT: Replacement = Replacement::CreateFirst;
    // An import has no token: a second one makes a second certificate.
    const MANY: bool = true;

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let owned = acm::certificates(cx).await?;
        let found = owned.iter().map(|one| {
            let expiring = one.end.is_some_and(|end| end.duration_since(Timestamp::now()) < RENEWED_BEFORE);
            let live = Live {
                arn: one.arn.clone(),
                domain: one.domain.clone(),
                others: one.others.clone(),
                expiring,
                issuance: one.issuance.clone(),
            };
            Found { address: one.address.clone(), id: one.arn.clone(), live }
        });
        Ok(found.collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, Fixed> {
        let mut diff = Diff::new();
        // ACM adds no name to a certificate. Which of them is the first does not count.
        diff.fixed(Fixed::Domain, &names(&live.domain, &live.others), &names(&desired.domain, &desired.others));
        let issuer = |amazon: bool| if amazon { "Amazon" } else { "self-signed" };
        diff.fixed(Fixed::Issuer, &issuer(live.issuance.is_some()), &issuer(desired.zone.is_some()));
        if let Some(issuance) = live.issuance.as_ref().filter(|issuance| !issuance.is_hopeful()) {
            diff.push_fixed(Fixed::Status, Shown::value(&issuance.status), Shown::value("ISSUED"));
        }
        // Amazon renews what it has issued.
        if live.expiring && live.issuance.is_none() {
            diff.push(Field::ValidFor, Shown::value("less than 30 days"), Shown::value("397 days"));
        }
        diff.finish()
    }

    fn phase(live: &Live, desired: Option<&Desired>) -> Phase {
        let Some(issuance) = &live.issuance else { return Phase::Ready };
        match (issuance.phase(), &issuance.record) {
            (Phase::Pending(_), None) => Phase::Pending("waiting for the validation record from ACM".to_owned()),
            // To ask for it was this kind's part: what is left to wait for is the record, and that needs the outputs.
            (Phase::Pending(_), Some(_)) if desired.is_some() => Phase::Ready,
            (phase, _) => phase,
        }
    }

    fn outputs(live: &Live) -> Outputs {
        let record = live.issuance.as_ref().and_then(|issuance| issuance.record.as_ref());
        let mut outputs = Outputs::new()
            .with("arn", &live.arn)
            .with_some("validation_name", record.map(|record| &record.name))
            .with_some("validation_value", record.map(|record| &record.value));
        for (domain, record) in live.issuance.iter().flat_map(|issuance| &issuance.others) {
            outputs = outputs.with(&validation("name", domain, &live.domain), &record.name);
            outputs = outputs.with(&validation("value", domain, &live.domain), &record.value);
        }
        outputs
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        match &desired.zone {
            Some(zone) => request(cx, address, desired, zone).await,
            None => import(cx, Some(address), desired, None).await,
        }
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let mut live = live.clone();
        for field in changes {
            live = match field {
                Field::ValidFor => import(cx, None, desired, Some(&live.arn)).await?,
            };
        }
        Ok(live)
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.acm.delete_certificate().certificate_arn(&live.arn).customize().once();
        call.send().await.or_absent("DeleteCertificate", &["ResourceNotFoundException"]).map(drop)
    }

    fn summary(live: &Live) -> Option<String> {
        live.issuance.as_ref().map(|_| live.domain.clone())
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        failure.is(&["ResourceInUseException"]).then_some("the load balancer to release it")
    }

    /// For a domain whose validation record stands. ACM may revoke what Amazon issued, and nobody renews what was imported.
    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        use acm::model::{Acm, cloud};

        let own = Desired::self_signed(self_signed_domain("shop", "test"));
        let issued = |domain: &str| Desired { zone: Some("Z1".to_owned()), ..Desired::self_signed(domain.to_owned()) };
        let both = Desired { others: vec!["api.example.com".to_owned()], ..issued("pay.example.com") };
        crate::kind::Sample::new(cloud, issued("pay.example.com"))
            .variant(&["domain"], issued("api.example.com"))
            .variant(&["domain"], both)
            .drift(&["status"], |cloud| cloud.with(Acm::revoke))
            .variant(&["domain", "issuer"], own)
            .drift_of_variant(&["valid_for"], |cloud| cloud.with(Acm::age))
    }
}

/// Asks Amazon for a certificate.
async fn request(cx: &Context, address: &Address, desired: &Desired, zone: &str) -> Result<Live, Failure> {
    let mut tags = aws::tags(&cx.id, address);
    let zones: Vec<&str> = std::iter::once(zone).chain(desired.other_zones.iter().map(String::as_str)).collect();
    tags.push(aws::tag(aws::ZONES, &zones.join(" ")));
    // A repeated request is the same one for an hour; another run of stackctl makes another one.
    let names = names(&desired.domain, &desired.others);
    let of = format!("{} {} {address} {names} {}", cx.id.stack, cx.id.environment, cx.run);
    let token: String = Sha256::digest(of.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let call = cx
        .aws
        .acm
        .request_certificate()
        .domain_name(&desired.domain)
        .set_subject_alternative_names((!desired.others.is_empty()).then(|| desired.others.clone()))
        .validation_method(ValidationMethod::Dns)
        .idempotency_token(token)
        .set_tags(Some(tags));
    let answer = call.customize().once().send().await.during("RequestCertificate")?;
    let issuance = Issuance { status: "PENDING_VALIDATION".to_owned(), ..Issuance::default() };
    Ok(Live {
        arn: given(answer.certificate_arn, "RequestCertificate", "CertificateArn")?,
        domain: desired.domain.clone(),
        others: desired.others.clone(),
        expiring: false,
        issuance: Some(issuance),
    })
}

/// Makes a key and a certificate and hands both to ACM; nothing of them is kept here. Tags go on with a first import and
/// cannot be given with a later one.
async fn import(
    cx: &Context,
    address: Option<&Address>,
    desired: &Desired,
    arn: Option<&str>,
) -> Result<Live, Failure> {
    let (certificate, key) = self_signed(&desired.domain, Timestamp::now())?;
    let call = cx
        .aws
        .acm
        .import_certificate()
        .certificate(Blob::new(certificate))
        .private_key(Blob::new(key))
        .set_certificate_arn(arn.map(str::to_owned))
        .set_tags(address.map(|address| aws::tags(&cx.id, address)));
    let answer = call.customize().once().send().await.during("ImportCertificate")?;
    let arn = given(answer.certificate_arn, "ImportCertificate", "CertificateArn")?;
    Ok(Live { arn, domain: desired.domain.clone(), others: Vec::new(), expiring: false, issuance: None })
}

/// All names of a certificate, in an order that says nothing.
fn names(domain: &str, others: &[String]) -> String {
    let names: std::collections::BTreeSet<&str> =
        std::iter::once(domain).chain(others.iter().map(String::as_str)).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// A certificate and its key, PEM.
fn self_signed(domain: &str, now: Timestamp) -> Result<(String, String), Failure> {
    let failed = |error: rcgen::Error| Failure::internal(format!("could not create the certificate: {error}"));
    let mut parameters = CertificateParams::new(vec![domain.to_owned()]).map_err(failed)?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, domain);
    parameters.distinguished_name = name;
    let date = |when: Timestamp| {
        let zoned = when.to_zoned(jiff::tz::TimeZone::UTC);
        let part = |number: i8| u8::try_from(number).unwrap_or(1);
        rcgen::date_time_ymd(i32::from(zoned.year()), part(zoned.month()), part(zoned.day()))
    };
    parameters.not_before = date(now);
    parameters.not_after = date(now.checked_add(VALID).unwrap_or(Timestamp::MAX));
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = parameters.self_signed(&key).map_err(failed)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::How;

    #[test]
    fn a_certificate_is_made_with_its_key() {
        let (certificate, key) = self_signed("default.demo.internal", Timestamp::now()).expect("it can be made");
        assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(key.starts_with("-----BEGIN PRIVATE KEY-----"));
    }

    fn live(issuance: Option<Issuance>) -> Live {
        Live { arn: "arn".into(), domain: "rates.example.com".into(), others: Vec::new(), expiring: false, issuance }
    }

    fn desired(zone: Option<&str>) -> Desired {
        Desired { zone: zone.map(str::to_owned), ..Desired::self_signed("rates.example.com".into()) }
    }

    fn issuance(status: &str, named: bool) -> Issuance {
        let record = acm::ValidationRecord { name: "_a.rates.example.com".into(), value: "_b.acm".into() };
        Issuance { status: status.into(), record: named.then_some(record), ..Issuance::default() }
    }

    fn fields(desired: &Desired, live: &Live) -> Vec<(String, How)> {
        Certificate::diff(desired, live).into_iter().map(|change| (change.field, change.how)).collect()
    }

    #[test]
    fn an_own_certificate_that_ends_soon_is_made_anew_in_its_place() {
        let own = Live { expiring: true, ..live(None) };
        assert_eq!(fields(&desired(None), &own), [("valid_for".to_owned(), How::InPlace)]);
        let issued = Live { expiring: true, ..live(Some(issuance("ISSUED", true))) };
        assert_eq!(fields(&desired(Some("Z1")), &issued), []);
    }

    #[test]
    fn another_domain_or_issuer_takes_another_certificate() {
        let issued = live(Some(issuance("ISSUED", true)));
        let other = Desired { domain: "other.example.com".into(), ..desired(Some("Z1")) };
        assert_eq!(fields(&other, &issued), [("domain".to_owned(), How::Replace)]);
        assert_eq!(fields(&desired(None), &issued), [("issuer".to_owned(), How::Replace)]);
        for status in ["FAILED", "VALIDATION_TIMED_OUT", "REVOKED", "EXPIRED"] {
            let failed = live(Some(issuance(status, true)));
            assert_eq!(fields(&desired(Some("Z1")), &failed), [("status".to_owned(), How::Replace)], "{status}");
        }
    }

    #[test]
    fn another_name_takes_a_new_certificate_and_another_order_none() {
        let other = |name: &str| Desired { others: vec![name.into()], ..desired(Some("Z1")) };
        let issued = Live { others: vec!["www.example.com".into()], ..live(Some(issuance("ISSUED", true))) };
        let (wanted, more) = (other("www.example.com"), other("api.example.com"));
        assert_eq!(fields(&wanted, &issued), []);
        let turned = Desired { domain: "www.example.com".into(), others: vec!["rates.example.com".into()], ..wanted };
        assert_eq!(fields(&turned, &issued), []);
        assert_eq!(fields(&more, &issued), [("domain".to_owned(), How::Replace)]);
    }

    #[test]
    fn each_name_has_the_record_that_proves_it() {
        let record = |name: &str| acm::ValidationRecord { name: format!("_a.{name}"), value: "_b.acm".into() };
        let others = std::collections::BTreeMap::from([("example.org".to_owned(), record("example.org"))]);
        let live = live(Some(Issuance { others, ..issuance("ISSUED", true) }));
        let outputs = Certificate::outputs(&live);
        let output = |domain: &str| outputs.get(&validation("name", domain, "rates.example.com"));
        assert_eq!(output("rates.example.com"), Some("_a.rates.example.com"));
        assert_eq!(output("*.rates.example.com"), Some("_a.rates.example.com"), "they share it");
        assert_eq!(output("*.example.org"), Some("_a.example.org"));
    }

    #[test]
    fn a_request_is_ready_with_its_record_and_later_when_issued() {
        let (wanted, pending) = (desired(Some("Z1")), |named| live(Some(issuance("PENDING_VALIDATION", named))));
        assert!(matches!(Certificate::phase(&pending(false), Some(&wanted)), Phase::Pending(_)));
        assert_eq!(Certificate::phase(&pending(true), Some(&wanted)), Phase::Ready);
        assert_eq!(Certificate::phase(&pending(true), None), Phase::Pending("waiting for DNS validation".into()));
        assert_eq!(Certificate::phase(&live(Some(issuance("ISSUED", true))), None), Phase::Ready);
        assert_eq!(Certificate::outputs(&pending(true)).get("validation_name"), Some("_a.rates.example.com"));
        assert_eq!(Certificate::outputs(&pending(false)).get("validation_name"), None);
    }
}
