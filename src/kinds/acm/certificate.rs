//! The TLS certificate of the load balancer: either issued by Amazon for a domain in Route 53, or self-signed and
//! imported.
//!
//! <https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html>,
//! <https://docs.aws.amazon.com/acm/latest/userguide/import-certificate.html>
//!
//! For an Amazon-issued certificate, this kind only sends the request. `dns_record` creates the validation record and
//! waits for it. Amazon renews the certificate automatically while that record exists.

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

/// The validity of a self-signed certificate: the longest that browsers accepted from 2020 to 2026.
const VALID: SignedDuration = SignedDuration::from_hours(397 * 24);

/// How long before its expiry a self-signed certificate is replaced.
const RENEWED_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A certificate.
pub struct Certificate;

/// The certificate that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The primary domain name of the certificate.
    pub domain: String,
    /// The id of the hosted zone that validates the domain, for a certificate that Amazon issues. `None` for a
    /// self-signed certificate.
    pub zone: Option<String>,
    /// The subject alternative names that Amazon adds to the certificate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<String>,
    /// The hosted zones of the alternative names, where they differ from `zone`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_zones: Vec<String>,
}

impl Desired {
    /// Returns a self-signed certificate for `domain`.
    pub fn self_signed(domain: String) -> Self {
        Self { domain, zone: None, others: Vec::new(), other_zones: Vec::new() }
    }
}

/// Returns the key of the output that holds the name or value of the validation record for `domain`. A certificate has
/// such outputs for each of its names; the ones for its first name have a short key.
pub fn validation(part: &str, domain: &str, first: &str) -> String {
    let (domain, first) = (proven_at(domain), proven_at(first));
    if domain == first { format!("validation_{part}") } else { format!("validation_{part}/{domain}") }
}

/// The certificate as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its ARN.
    pub arn: String,
    /// The primary domain name of the certificate.
    pub domain: String,
    /// The subject alternative names.
    #[serde(default)]
    pub others: Vec<String>,
    /// Whether it expires in less than 30 days.
    pub expiring: bool,
    /// The state of the request, if Amazon issues the certificate.
    pub issuance: Option<Issuance>,
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        ValidFor = "valid_for",
    }

    /// The fields whose change replaces the certificate.
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
        // A renewal keeps the tags of the certificate, and the call accepts no new ones.
        Permission::make(&["acm:ImportCertificate"], On::Owned),
        Permission::delete(&["acm:DeleteCertificate"], On::Owned),
    ];
    const GONE_AT_ONCE: bool = true;
    const REPLACEMENT: Replacement = Replacement::CreateFirst;
    // `ImportCertificate` takes no idempotency token: a second call creates a second certificate.
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
        // ACM cannot add a name to a certificate. The order of the names does not matter.
        diff.fixed(Fixed::Domain, &names(&live.domain, &live.others), &names(&desired.domain, &desired.others));
        let issuer = |amazon: bool| if amazon { "Amazon" } else { "self-signed" };
        diff.fixed(Fixed::Issuer, &issuer(live.issuance.is_some()), &issuer(desired.zone.is_some()));
        if let Some(issuance) = live.issuance.as_ref().filter(|issuance| !issuance.is_hopeful()) {
            diff.push_fixed(Fixed::Status, Shown::value(&issuance.status), Shown::value("ISSUED"));
        }
        // Amazon renews the certificates that it issued.
        if live.expiring && live.issuance.is_none() {
            diff.push(Field::ValidFor, Shown::value("less than 30 days"), Shown::value("397 days"));
        }
        diff.finish()
    }

    fn phase(live: &Live, desired: Option<&Desired>) -> Phase {
        let Some(issuance) = &live.issuance else { return Phase::Ready };
        match (issuance.phase(), &issuance.record) {
            (Phase::Pending(_), None) => Phase::Pending("waiting for the validation record from ACM".to_owned()),
            // This kind only sends the request. The validation record comes later and needs the outputs of this
            // certificate.
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

    /// Uses a domain whose validation record exists. ACM may revoke a certificate that Amazon issued, and nobody renews
    /// an imported one.
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

/// Requests a certificate from Amazon.
async fn request(cx: &Context, address: &Address, desired: &Desired, zone: &str) -> Result<Live, Failure> {
    let mut tags = aws::tags(&cx.id, address);
    let zones: Vec<&str> = std::iter::once(zone).chain(desired.other_zones.iter().map(String::as_str)).collect();
    tags.push(aws::tag(aws::ZONES, &zones.join(" ")));
    // For one hour, ACM treats a repeated request with the same token as the same request. Another run of stackctl uses
    // another token, so it gets another certificate.
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

/// Generates a key and a certificate and imports both into ACM. stackctl keeps neither of them. ACM accepts tags only
/// with the first import of a certificate.
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

/// Returns all names of a certificate in a fixed order.
fn names(domain: &str, others: &[String]) -> String {
    let names: std::collections::BTreeSet<&str> =
        std::iter::once(domain).chain(others.iter().map(String::as_str)).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// Returns a self-signed certificate and its key in PEM format.
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
    fn self_signed_certificate_is_generated_with_its_key() {
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
    fn expiring_self_signed_certificate_is_renewed_in_place() {
        let own = Live { expiring: true, ..live(None) };
        assert_eq!(fields(&desired(None), &own), [("valid_for".to_owned(), How::InPlace)]);
        let issued = Live { expiring: true, ..live(Some(issuance("ISSUED", true))) };
        assert_eq!(fields(&desired(Some("Z1")), &issued), []);
    }

    #[test]
    fn new_domain_or_issuer_replaces_the_certificate() {
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
    fn new_name_replaces_the_certificate_but_new_order_does_not() {
        let other = |name: &str| Desired { others: vec![name.into()], ..desired(Some("Z1")) };
        let issued = Live { others: vec!["www.example.com".into()], ..live(Some(issuance("ISSUED", true))) };
        let (wanted, more) = (other("www.example.com"), other("api.example.com"));
        assert_eq!(fields(&wanted, &issued), []);
        let turned = Desired { domain: "www.example.com".into(), others: vec!["rates.example.com".into()], ..wanted };
        assert_eq!(fields(&turned, &issued), []);
        assert_eq!(fields(&more, &issued), [("domain".to_owned(), How::Replace)]);
    }

    #[test]
    fn outputs_contain_the_validation_record_of_each_name() {
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
    fn request_is_ready_once_acm_provides_the_record() {
        let (wanted, pending) = (desired(Some("Z1")), |named| live(Some(issuance("PENDING_VALIDATION", named))));
        assert!(matches!(Certificate::phase(&pending(false), Some(&wanted)), Phase::Pending(_)));
        assert_eq!(Certificate::phase(&pending(true), Some(&wanted)), Phase::Ready);
        assert_eq!(Certificate::phase(&pending(true), None), Phase::Pending("waiting for DNS validation".into()));
        assert_eq!(Certificate::phase(&live(Some(issuance("ISSUED", true))), None), Phase::Ready);
        assert_eq!(Certificate::outputs(&pending(true)).get("validation_name"), Some("_a.rates.example.com"));
        assert_eq!(Certificate::outputs(&pending(false)).get("validation_name"), None);
    }
}
