//! The certificate of the load balancer: self-signed, imported into ACM.
//!
//! <https://docs.aws.amazon.com/acm/latest/userguide/import-certificate.html>

use aws_sdk_acm::{
    config,
    primitives::Blob,
    types::{CertificateSummary, Tag},
};
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Outcome, given},
    kind::{Context, Kind, Replacement},
    model::{Address, Change, Diff, Failure, Found, How, Outputs, Phase, Shown},
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
}

/// What AWS has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its ARN.
    pub arn: String,
    /// The name that it is made out to.
    pub domain: String,
    /// Whether fewer than 30 days are left.
    pub expiring: bool,
}

impl Kind for Certificate {
    type Desired = Desired;
    type Live = Live;

    const NAME: &'static str = "certificate";
    const USES: &'static [&'static str] = &[];
    const REPLACEMENT: Replacement = Replacement::CreateFirst;

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let pages = cx.aws.acm.list_certificates().into_paginator().items().send();
        let all: Vec<CertificateSummary> = pages.try_collect().await.during("ListCertificates")?;
        // ACM tells tags one certificate at a time; the name says which can be ours.
        let likely = all.into_iter().filter(|found| found.domain_name() == Some(&domain(cx)));
        let reads = likely.map(|found| async move {
            let Some(arn) = found.certificate_arn else { return Ok(None) };
            let call = cx.aws.acm.list_tags_for_certificate().certificate_arn(&arn).send().await;
            let tags = call.or_absent("ListTagsForCertificate", &["ResourceNotFoundException"])?;
            let tags = tags.and_then(|answer| answer.tags).unwrap_or_default();
            let pairs = tags.iter().map(|tag| (tag.key(), tag.value().unwrap_or_default()));
            let Some(address) = aws::address_of(&cx.id, pairs) else { return Ok(None) };
            let end = found.not_after.and_then(|end| Timestamp::from_second(end.secs()).ok());
            let expiring = end.is_some_and(|end| end.duration_since(Timestamp::now()) < RENEWED_BEFORE);
            let live = Live { arn: arn.clone(), domain: found.domain_name.unwrap_or_default(), expiring };
            Ok::<_, Failure>(Some(Found { address, id: arn, live }))
        });
        Ok(try_join_all(reads).await?.into_iter().flatten().collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Vec<Change> {
        let mut diff = Diff::new();
        diff.fixed("domain", &live.domain, &desired.domain);
        if live.expiring {
            diff.push("valid_for", Shown::value("less than 30 days"), Shown::value("397 days"), How::InPlace);
        }
        diff.finish()
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("arn", &live.arn)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        import(cx, Some(address), desired, None).await
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        _changes: &[Change],
    ) -> Result<Live, Failure> {
        import(cx, None, desired, Some(&live.arn)).await
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.acm.delete_certificate().certificate_arn(&live.arn).customize().config_override(once());
        call.send().await.or_absent("DeleteCertificate", &["ResourceNotFoundException"]).map(drop)
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        failure.is(&["ResourceInUseException"]).then_some("the load balancer to let go of it")
    }
}

/// The name that a stack's own certificate is made out to; it says what it is, and no public one can have it.
pub fn self_signed_domain(stack: &str, environment: &str) -> String {
    format!("{environment}.{stack}.internal")
}

fn domain(cx: &Context) -> String {
    self_signed_domain(&cx.id.stack, &cx.id.environment)
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
    let tags = address.map(|address| {
        let tags = aws::tags(&cx.id, address).into_iter();
        tags.filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok()).collect()
    });
    let call = cx
        .aws
        .acm
        .import_certificate()
        .certificate(Blob::new(certificate))
        .private_key(Blob::new(key))
        .set_certificate_arn(arn.map(str::to_owned))
        .set_tags(tags);
    let answer = call.customize().config_override(once()).send().await.during("ImportCertificate")?;
    let arn = given(answer.certificate_arn, "ImportCertificate", "CertificateArn")?;
    Ok(Live { arn, domain: desired.domain.clone(), expiring: false })
}

/// A certificate and its key, PEM.
fn self_signed(domain: &str, now: Timestamp) -> Result<(String, String), Failure> {
    let failed = |error: rcgen::Error| Failure::internal(format!("the certificate could not be made: {error}"));
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

/// A write's configuration: the SDK sends it once, and the engine decides about another time.
fn once() -> config::Builder {
    config::Config::builder().retry_config(aws::once())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_made_with_its_key() {
        let (certificate, key) = self_signed("default.demo.internal", Timestamp::now()).expect("it can be made");
        assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(key.starts_with("-----BEGIN PRIVATE KEY-----"));
    }

    #[test]
    fn one_that_ends_soon_is_made_anew_in_its_place() {
        let live = Live { arn: "arn".into(), domain: "d".into(), expiring: true };
        let changes = Certificate::diff(&Desired { domain: "d".into() }, &live);
        assert_eq!(changes.iter().map(|change| change.how).collect::<Vec<_>>(), [How::InPlace]);
    }
}
