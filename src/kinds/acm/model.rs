//! An in-memory model of ACM with the operations that the certificate kinds call, as the API reference describes them.
//! No other resource can use a certificate in this model.
//!
//! <https://docs.aws.amazon.com/acm/latest/APIReference/Welcome.html>

#![expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and some operations are never refused")]

use aws_sdk_acm::{
    operation::{
        delete_certificate::{DeleteCertificateError, DeleteCertificateInput, DeleteCertificateOutput},
        describe_certificate::{DescribeCertificateError, DescribeCertificateInput, DescribeCertificateOutput},
        import_certificate::{ImportCertificateError, ImportCertificateInput, ImportCertificateOutput},
        list_certificates::{ListCertificatesError, ListCertificatesInput, ListCertificatesOutput},
        list_tags_for_certificate::{
            ListTagsForCertificateError, ListTagsForCertificateInput, ListTagsForCertificateOutput,
        },
        request_certificate::{RequestCertificateError, RequestCertificateInput, RequestCertificateOutput},
    },
    primitives::{Blob, DateTime},
    types::{
        CertificateDetail, CertificateStatus, CertificateSummary, CertificateType, DomainValidation, Filters,
        KeyAlgorithm, RecordType, ResourceRecord, Tag, ValidationMethod,
    },
};
use aws_sdk_route53::types::RrType;
use jiff::{Timestamp, civil, tz::TimeZone};

use crate::{
    aws::{
        self,
        model::{Cloud, Refusal, Service},
    },
    kinds::route53::model::{self as route53, Route53},
};

/// The key algorithms that `ListCertificates` includes by default.
const LISTED: &[KeyAlgorithm] = &[KeyAlgorithm::Rsa1024, KeyAlgorithm::Rsa2048];

/// The certificates of the account in the region.
#[derive(Clone, Default)]
pub(in crate::kinds) struct Acm {
    made: u32,
    certificates: Vec<Certificate>,
}

#[derive(Clone)]
struct Certificate {
    detail: CertificateDetail,
    tags: Vec<Tag>,
    /// The idempotency token of the request that created it.
    token: Option<String>,
}

impl Service for Acm {
    fn present(&self) -> Vec<String> {
        let line = |certificate: &Certificate| {
            let Certificate { detail, tags, .. } = certificate;
            let (kind, domain) = (detail.r#type().map(CertificateType::as_str), detail.domain_name());
            let others = detail.subject_alternative_names();
            let zones = aws::tag_value(tags, aws::ZONES);
            let what = format!("certificate {kind:?} for {domain:?} and {others:?} with records in {zones:?}");
            aws::model::line(&what, tags)
        };
        self.certificates.iter().map(line).collect()
    }
}

pub(in crate::kinds) fn serve(cloud: &Cloud) {
    cloud.on(RequestCertificateError::generic, request);
    cloud.on(ImportCertificateError::generic, import);
    cloud.on(ListCertificatesError::generic, list);
    cloud.on(ListTagsForCertificateError::generic, tags);
    cloud.on_beside(DescribeCertificateError::generic, describe);
    cloud.on(DeleteCertificateError::generic, delete);
}

/// Returns an AWS with ACM and with the validation records for `pay.example.com` and `api.example.com`, which were
/// created from another region. A certificate for `pay.example.com` exists and belongs to no stack.
pub(super) fn cloud() -> Cloud {
    let cloud = Cloud::new();
    serve(&cloud);
    route53::serve(&cloud);
    for domain in ["pay.example.com", "api.example.com"] {
        let (name, value) = validation(domain);
        cloud.with(|dns: &mut Route53| dns.put("Z1", route53::values(&name, RrType::Cname, &value)));
    }
    cloud.with(|acm: &mut Acm| acm.give("pay.example.com", &[]));
    cloud
}

/// Returns the name and value of the validation record for a domain. They are the same in every request of the account
/// for this domain.
pub(in crate::kinds) fn validation(domain: &str) -> (String, String) {
    (format!("_proof.{domain}."), format!("_{}.acm-validations.aws.", domain.replace('.', "-")))
}

/// Returns the ARN of the certificate that was created as number `number`.
pub(in crate::kinds) fn arn(number: u32) -> String {
    format!("arn:aws:acm:eu-west-1:123456789012:certificate/{number}")
}

impl Acm {
    fn certificate(&mut self, arn: Option<&str>) -> Result<&mut Certificate, Refusal> {
        let found = self.certificates.iter_mut().find(|certificate| certificate.detail.certificate_arn() == arn);
        found.ok_or_else(|| Refusal::new("ResourceNotFoundException", "Could not find certificate"))
    }

    fn add(&mut self, mut detail: CertificateDetail, tags: &[Tag], token: Option<&str>) -> String {
        self.made += 1;
        let arn = arn(self.made);
        detail.certificate_arn = Some(arn.clone());
        self.certificates.push(Certificate { detail, tags: tags.to_vec(), token: token.map(str::to_owned) });
        arn
    }

    /// Adds a certificate that was requested some time ago.
    pub(in crate::kinds) fn give(&mut self, domain: &str, tags: &[Tag]) {
        let mut detail = requested(domain, &[]);
        detail.domain_validation_options = Some(vec![domain_validation(domain, true)]);
        self.add(detail, tags, None);
    }

    /// Revokes every certificate that Amazon issued.
    pub(super) fn revoke(&mut self) {
        let issued = self.certificates.iter_mut().map(|certificate| &mut certificate.detail);
        let issued = issued.filter(|detail| detail.status == Some(CertificateStatus::Issued));
        issued.for_each(|detail| detail.status = Some(CertificateStatus::Revoked));
    }

    /// Sets the expiry of every certificate to three weeks from now.
    pub(super) fn age(&mut self) {
        let end = DateTime::from_secs(Timestamp::now().as_second() + 21 * 24 * 3600);
        self.certificates.iter_mut().for_each(|certificate| certificate.detail.not_after = Some(end));
    }
}

fn requested(domain: &str, others: &[String]) -> CertificateDetail {
    let names = || std::iter::once(domain).chain(others.iter().map(String::as_str));
    CertificateDetail::builder()
        .domain_name(domain)
        .set_subject_alternative_names(Some(names().map(str::to_owned).collect()))
        .set_domain_validation_options(Some(names().map(|name| domain_validation(name, false)).collect()))
        .status(CertificateStatus::PendingValidation)
        .r#type(CertificateType::AmazonIssued)
        .key_algorithm(KeyAlgorithm::Rsa2048)
        .build()
}

/// Returns the validation options of a domain. ACM provides the record some seconds after the request.
fn domain_validation(domain: &str, named: bool) -> DomainValidation {
    let (name, value) = validation(domain);
    let record = ResourceRecord::builder().name(name).r#type(RecordType::Cname).value(value).build();
    let record = record.expect("it has all that it needs");
    let built = DomainValidation::builder().domain_name(domain).set_resource_record(named.then_some(record)).build();
    built.expect("it has a domain")
}

/// Requests with the same token return the same certificate.
fn request(acm: &mut Acm, input: &RequestCertificateInput) -> Result<RequestCertificateOutput, Refusal> {
    if input.validation_method() != Some(&ValidationMethod::Dns) {
        return Err(Refusal::new("InvalidParameterException", "the model validates by DNS alone"));
    }
    let token = input.idempotency_token();
    let earlier = acm.certificates.iter().find(|other| token.is_some() && other.token.as_deref() == token);
    let earlier = earlier.and_then(|earlier| earlier.detail.certificate_arn.clone());
    let arn = if let Some(arn) = earlier {
        arn
    } else {
        let detail = requested(input.domain_name().unwrap_or_default(), input.subject_alternative_names());
        acm.add(detail, input.tags(), token)
    };
    Ok(RequestCertificateOutput::builder().certificate_arn(arn).build())
}

/// A second import creates a second certificate, unless it gives the ARN of the first. Only the keys that the kind
/// generates are supported.
fn import(acm: &mut Acm, input: &ImportCertificateInput) -> Result<ImportCertificateOutput, Refusal> {
    let invalid = |message: &str| Refusal::new("ValidationException", message);
    let pem = input.certificate().map(Blob::as_ref).unwrap_or_default();
    let (domain, end) = read(pem).ok_or_else(|| invalid("The certificate could not be parsed"))?;
    let mut detail = CertificateDetail::builder()
        .domain_name(domain)
        .not_after(end)
        .status(CertificateStatus::Issued)
        .r#type(CertificateType::Imported)
        .key_algorithm(KeyAlgorithm::EcPrime256v1)
        .build();
    let Some(arn) = input.certificate_arn() else {
        let arn = acm.add(detail, input.tags(), None);
        return Ok(ImportCertificateOutput::builder().certificate_arn(arn).build());
    };
    if !input.tags().is_empty() {
        return Err(invalid("Tagging is not permitted on re-import."));
    }
    let certificate = acm.certificate(Some(arn))?;
    if certificate.detail.r#type() != Some(&CertificateType::Imported) {
        return Err(invalid("The certificate was not imported"));
    }
    detail.certificate_arn = Some(arn.to_owned());
    certificate.detail = detail;
    Ok(ImportCertificateOutput::builder().certificate_arn(arn).build())
}

/// Returns the domain and the expiry of a certificate: the value after the OID of the common name, and the second of
/// the two times.
fn read(pem: &[u8]) -> Option<(String, DateTime)> {
    let text = std::str::from_utf8(pem).ok()?;
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = aws_smithy_types::base64::decode(body).ok()?;
    let common_name = [0x06, 0x03, 0x55, 0x04, 0x03];
    let at = der.windows(5).position(|window| window == common_name)? + 5;
    let length = usize::from(*der.get(at + 1)?);
    let domain = std::str::from_utf8(der.get(at + 2..at + 2 + length)?).ok()?;
    let times = der.windows(15).filter(|window| window.starts_with(&[0x17, 13]) && window.ends_with(b"Z"));
    let end = times.filter_map(|window| std::str::from_utf8(&window[2..]).ok()).nth(1)?;
    let end = civil::DateTime::strptime("%y%m%d%H%M%SZ", end).ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some((domain.to_owned(), DateTime::from_secs(end.timestamp().as_second())))
}

fn list(acm: &mut Acm, input: &ListCertificatesInput) -> Result<ListCertificatesOutput, Refusal> {
    let asked = input.includes().map(Filters::key_types).filter(|types| !types.is_empty());
    let listed = asked.unwrap_or(LISTED);
    let details = acm.certificates.iter().map(|certificate| &certificate.detail);
    let shown = details.filter(|detail| detail.key_algorithm().is_some_and(|key| listed.contains(key)));
    let shown = shown.map(|detail| {
        CertificateSummary::builder()
            .set_certificate_arn(detail.certificate_arn.clone())
            .set_domain_name(detail.domain_name.clone())
            .set_type(detail.r#type.clone())
            .set_status(detail.status.clone())
            .set_not_after(detail.not_after)
            .in_use(false)
            .build()
    });
    Ok(ListCertificatesOutput::builder().set_certificate_summary_list(Some(shown.collect())).build())
}

fn tags(acm: &mut Acm, input: &ListTagsForCertificateInput) -> Result<ListTagsForCertificateOutput, Refusal> {
    let certificate = acm.certificate(input.certificate_arn())?;
    Ok(ListTagsForCertificateOutput::builder().set_tags(Some(certificate.tags.clone())).build())
}

fn describe(
    acm: &mut Acm,
    dns: &Route53,
    input: &DescribeCertificateInput,
) -> Result<DescribeCertificateOutput, Refusal> {
    let detail = &mut acm.certificate(input.certificate_arn())?.detail;
    let shown = detail.clone();
    advance(detail, dns);
    Ok(DescribeCertificateOutput::builder().certificate(shown).build())
}

/// Moves a certificate on between two reads: ACM provides its validation record, and issues the certificate once that
/// record exists.
fn advance(detail: &mut CertificateDetail, dns: &Route53) {
    if detail.status != Some(CertificateStatus::PendingValidation) {
        return;
    }
    let names: Vec<String> =
        detail.domain_validation_options().iter().map(|one| one.domain_name().to_owned()).collect();
    let mut records = detail.domain_validation_options().iter().map(DomainValidation::resource_record);
    let stands = |record: Option<&ResourceRecord>| record.is_some_and(|one| dns.has(one.name(), one.value()));
    if records.clone().any(|record| record.is_none()) {
        detail.domain_validation_options = Some(names.iter().map(|name| domain_validation(name, true)).collect());
    } else if records.all(stands) {
        detail.status = Some(CertificateStatus::Issued);
    }
}

fn delete(acm: &mut Acm, input: &DeleteCertificateInput) -> Result<DeleteCertificateOutput, Refusal> {
    acm.certificate(input.certificate_arn())?;
    acm.certificates.retain(|certificate| certificate.detail.certificate_arn() != input.certificate_arn());
    Ok(DeleteCertificateOutput::builder().build())
}
