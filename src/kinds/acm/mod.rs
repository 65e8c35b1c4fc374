//! Helpers for the kinds that use certificates: the stack's certificates, which are listed once per look at AWS, and
//! explanations of ACM's failure codes.

pub mod certificate;
#[cfg(test)]
pub(super) mod model;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use aws_sdk_acm::types::{
    CertificateDetail, CertificateSummary, CertificateType, DomainValidation, FailureReason, Filters, KeyAlgorithm,
};
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Outcome},
    kind::Context,
    kinds::elb,
    model::{Address, Failure, Phase},
};

/// The name of the certificate kind.
pub(super) const CERTIFICATE: &str = "certificate";

/// Every key algorithm. By default, ACM lists only certificates with RSA keys of up to 2048 bits.
/// <https://docs.aws.amazon.com/acm/latest/APIReference/API_Filters.html>
const KEYS: [KeyAlgorithm; 7] = [
    KeyAlgorithm::EcPrime256v1,
    KeyAlgorithm::EcSecp384r1,
    KeyAlgorithm::EcSecp521r1,
    KeyAlgorithm::Rsa1024,
    KeyAlgorithm::Rsa2048,
    KeyAlgorithm::Rsa3072,
    KeyAlgorithm::Rsa4096,
];

/// The largest page size of `ListCertificates`.
/// <https://docs.aws.amazon.com/acm/latest/APIReference/API_ListCertificates.html>
const PAGE: i32 = 1000;

/// Returns the domain of a stack's self-signed certificate. It names the stack and its environment, and no public
/// certificate can have it.
pub fn self_signed_domain(stack: &str, environment: &str) -> String {
    format!("{environment}.{stack}.internal")
}

/// A certificate that belongs to the stack.
#[derive(Clone, Debug)]
pub(super) struct Owned {
    pub(super) address: Address,
    pub(super) arn: String,
    pub(super) domain: String,
    /// The subject alternative names.
    pub(super) others: Vec<String>,
    /// The ids of the hosted zones in which the stack has validation records for it.
    pub(super) zones: Vec<String>,
    /// When it expires.
    pub(super) end: Option<Timestamp>,
    /// The state of the request, if Amazon issues the certificate. `None` for an imported certificate.
    pub(super) issuance: Option<Issuance>,
}

/// The state of a certificate that Amazon issues.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Issuance {
    /// The status that ACM reports, such as `PENDING_VALIDATION` or `ISSUED`.
    pub status: String,
    /// The failure reason that ACM reports, such as `CAA_ERROR`.
    pub failure: Option<String>,
    /// The validation record of the primary domain. ACM provides it some seconds after the request.
    pub record: Option<ValidationRecord>,
    /// The validation records of the alternative names, by domain. `*.example.com` shares the record of `example.com`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<String, ValidationRecord>,
}

/// A CNAME record that proves to ACM that the account controls a domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValidationRecord {
    /// The record's name, without the trailing dot.
    pub name: String,
    /// The record's value, without the trailing dot.
    pub value: String,
}

/// Returns the domain whose validation record proves `domain`: the domain without a leading `*.`.
pub fn proven_at(domain: &str) -> &str {
    domain.strip_prefix("*.").unwrap_or(domain)
}

impl Issuance {
    /// Whether the record called `name` validates one of the certificate's domains.
    pub(super) fn is_proven_by(&self, name: &str) -> bool {
        self.record.iter().chain(self.others.values()).any(|record| record.name == name)
    }

    /// Whether the certificate is issued or can still be issued.
    pub(super) fn is_hopeful(&self) -> bool {
        matches!(self.status.as_str(), "PENDING_VALIDATION" | "ISSUED" | "")
    }

    /// Returns a rank by which the newest of several certificates is chosen: pending ones come before issued ones, and
    /// issued ones before failed ones.
    pub(super) fn age(&self) -> u8 {
        match self.phase() {
            Phase::Pending(_) | Phase::Deleting(_) => 0,
            Phase::Ready => 1,
            Phase::Failed(_) | Phase::RolledBack(_) => 2,
        }
    }

    /// Returns whether the certificate can be used yet.
    pub(super) fn phase(&self) -> Phase {
        match self.status.as_str() {
            "ISSUED" => Phase::Ready,
            _ if !self.is_hopeful() => Phase::Failed(self.why()),
            _ => Phase::Pending("waiting for DNS validation".to_owned()),
        }
    }

    /// Explains why ACM issued no certificate.
    /// <https://docs.aws.amazon.com/acm/latest/userguide/troubleshooting-failed.html>
    fn why(&self) -> String {
        let reason = self.failure.as_deref().unwrap_or_default();
        let words = match (self.status.as_str(), reason) {
            (_, "CAA_ERROR") => {
                "a CAA record of the domain or of a parent domain does not allow Amazon: add `0 issue \
                 \"amazon.com\"` to it"
            }
            (_, "DOMAIN_NOT_ALLOWED") => {
                "AWS does not issue certificates for this domain: ask AWS Support for the reason"
            }
            (_, "INVALID_PUBLIC_DOMAIN") => "this is not a public domain: check the spelling",
            (_, "ADDITIONAL_VERIFICATION_REQUIRED") => {
                "AWS must review the request: contact AWS Support, then run the command again"
            }
            ("VALIDATION_TIMED_OUT", _) => {
                "ACM did not find the validation record within 72 hours: check that the domain's registrar lists the \
                 name servers of the zone"
            }
            ("REVOKED", _) => "the certificate was revoked",
            _ => "AWS gave no known reason",
        };
        let code = if reason.is_empty() { self.status.as_str() } else { reason };
        format!("the certificate was not issued ({code}): {words}")
    }
}

/// Returns the stack's certificates. ACM returns tags for one certificate per call, so only likely certificates are
/// asked for: those with the domain of a self-signed certificate or of the stack, those on the stack's listeners, and
/// those that are not in use.
pub(super) async fn certificates(cx: &Context) -> Result<Arc<Vec<Owned>>, Failure> {
    let read = async {
        let filter = Filters::builder().set_key_types(Some(KEYS.to_vec())).build();
        let pages = cx.aws.acm.list_certificates().includes(filter).max_items(PAGE).into_paginator().items().send();
        let all: Vec<CertificateSummary> = pages.try_collect().await.during("ListCertificates")?;
        let own = self_signed_domain(&cx.id.stack, &cx.id.environment);
        let wanted = cx.expected(CERTIFICATE).flat_map(|(_, desired)| {
            let others = desired["others"].as_array().into_iter().flatten();
            std::iter::once(&desired["domain"]).chain(others).filter_map(|name| name.as_str())
        });
        let names: Vec<&str> = wanted.chain([own.as_str()]).collect();
        let shown: BTreeSet<String> = if all.iter().any(|found| is_issued(found) && found.in_use() == Some(true)) {
            elb::shown_certificates(cx).await?
        } else {
            BTreeSet::new()
        };
        let likely = all.into_iter().filter(|found| is_likely(found, &names, &shown));
        let reads = likely.map(|found| async move {
            if is_issued(&found) { with_issuance(cx, found).await } else { with_tags(cx, &found).await }
        });
        Ok(try_join_all(reads).await?.into_iter().flatten().collect())
    };
    cx.shared("acm certificates", Box::pin(read)).await
}

fn is_issued(found: &CertificateSummary) -> bool {
    found.r#type() == Some(&CertificateType::AmazonIssued)
}

/// Whether the certificate may belong to the stack: it has one of `names`, or Amazon issued it and it is either not in
/// use or in `shown`, the certificates on the stack's listeners. For a while after a listener is deleted, ACM still
/// reports its certificate as in use.
fn is_likely(found: &CertificateSummary, names: &[&str], shown: &BTreeSet<String>) -> bool {
    let is_named = found.domain_name().is_some_and(|domain| names.iter().any(|name| domain.eq_ignore_ascii_case(name)));
    let is_shown = found.certificate_arn().is_some_and(|arn| shown.contains(arn));
    is_named || (is_issued(found) && (found.in_use() != Some(true) || is_shown))
}

/// Returns the certificate with the data in its tags, or `None` if it does not belong to the stack.
async fn with_tags(cx: &Context, found: &CertificateSummary) -> Result<Option<Owned>, Failure> {
    let Some(arn) = found.certificate_arn() else { return Ok(None) };
    let call = cx.aws.acm.list_tags_for_certificate().certificate_arn(arn).send().await;
    let tags = call.or_absent("ListTagsForCertificate", &["ResourceNotFoundException"])?;
    let tags = tags.and_then(|answer| answer.tags).unwrap_or_default();
    let Some(address) = aws::address_of(&cx.id, &tags) else { return Ok(None) };
    Ok(Some(Owned {
        address,
        arn: arn.to_owned(),
        domain: found.domain_name().unwrap_or_default().to_owned(),
        others: Vec::new(),
        zones: aws::zones_of(&tags),
        end: found.not_after().and_then(|end| Timestamp::from_second(end.secs()).ok()),
        issuance: None,
    }))
}

async fn with_issuance(cx: &Context, found: CertificateSummary) -> Result<Option<Owned>, Failure> {
    let arn = found.certificate_arn().unwrap_or_default();
    // Most certificates that are not in use belong to somebody else.
    let Some(owned) = with_tags(cx, &found).await? else { return Ok(None) };
    let call = cx.aws.acm.describe_certificate().certificate_arn(arn).send().await;
    let described = call.or_absent("DescribeCertificate", &["ResourceNotFoundException"])?;
    let detail = described.and_then(|answer| answer.certificate);
    Ok(detail.map(|detail| {
        let names = detail.subject_alternative_names().iter().filter(|name| **name != owned.domain);
        Owned { others: names.cloned().collect(), issuance: Some(issuance(&detail)), ..owned }
    }))
}

fn issuance(detail: &CertificateDetail) -> Issuance {
    let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
    let options = detail.domain_validation_options();
    let named = options.iter().filter_map(|option| {
        let record = option.resource_record()?;
        let record = ValidationRecord { name: plain(record.name()), value: plain(record.value()) };
        Some((proven_at(option.domain_name()).to_owned(), record))
    });
    // Until ACM has provided every record, treat it as if it had provided none.
    let all = options.iter().all(|option: &DomainValidation| option.resource_record().is_some());
    let mut records: BTreeMap<String, ValidationRecord> = named.filter(|_| all).collect();
    let record = records.remove(proven_at(detail.domain_name().unwrap_or_default()));
    Issuance {
        status: detail.status().map_or(String::new(), |status| status.as_str().to_owned()),
        failure: detail.failure_reason().map(FailureReason::as_str).map(str::to_owned),
        record,
        others: records,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(status: &str, failure: Option<&str>) -> Issuance {
        Issuance { status: status.to_owned(), failure: failure.map(str::to_owned), ..Issuance::default() }
    }

    #[test]
    fn certificate_in_use_is_read_if_name_or_listener_matches() {
        let names = ["default.demo.internal", "rates.example.com"];
        let shown = BTreeSet::from(["arn:shown".to_owned()]);
        let table = [
            ("arn:a", "rates.example.com", true, true, true),
            ("arn:a", "other.example.com", true, true, false),
            ("arn:a", "other.example.com", true, false, true),
            ("arn:shown", "other.example.com", true, true, true),
            ("arn:a", "default.demo.internal", false, true, true),
            ("arn:a", "other.example.com", false, false, false),
        ];
        for (arn, domain, issued, in_use, expected) in table {
            let kind = if issued { CertificateType::AmazonIssued } else { CertificateType::Imported };
            let found =
                CertificateSummary::builder().certificate_arn(arn).domain_name(domain).r#type(kind).in_use(in_use);
            assert_eq!(is_likely(&found.build(), &names, &shown), expected, "{arn} {domain} {issued} {in_use}");
        }
    }

    #[test]
    fn certificate_is_ready_only_after_it_is_issued() {
        assert_eq!(with("ISSUED", None).phase(), Phase::Ready);
        assert_eq!(with("PENDING_VALIDATION", None).phase(), Phase::Pending("waiting for DNS validation".to_owned()));
    }

    #[test]
    fn failure_reason_includes_the_acm_code_and_a_fix() {
        for (status, failure, code, way_out) in [
            ("FAILED", Some("CAA_ERROR"), "CAA_ERROR", "amazon.com"),
            ("FAILED", Some("ADDITIONAL_VERIFICATION_REQUIRED"), "ADDITIONAL_VERIFICATION_REQUIRED", "AWS Support"),
            ("VALIDATION_TIMED_OUT", None, "VALIDATION_TIMED_OUT", "name servers"),
        ] {
            let Phase::Failed(why) = with(status, failure).phase() else { panic!("{status} is a failure") };
            assert!(why.contains(code) && why.contains(way_out), "{why}");
        }
    }
}
