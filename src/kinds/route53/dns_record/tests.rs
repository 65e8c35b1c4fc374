use std::sync::Arc;

use super::*;
use crate::{
    aws,
    kind::NoImages,
    kinds::route53::model,
    model::{Change, How},
};

fn id() -> StackId {
    StackId { stack: "rates".into(), environment: "default".into() }
}

fn desired() -> Desired {
    Desired {
        zone: "Z1".into(),
        name: "rates.example.com".into(),
        target: Target::Alias { name: "Balancer.elb.amazonaws.com.".into(), zone: "ZELB".into() },
        proves: None,
    }
}

fn to_balancer(name: &str) -> Content {
    Content::Alias { zone: "ZELB".into(), name: format!("{name}.elb.amazonaws.com"), checks_health: false }
}

fn live() -> Live {
    let content = to_balancer("balancer");
    let ownership = Ownership::new(&id(), &Address::new("dns_record", "main"), &content, false);
    Live {
        zone: "Z1".into(),
        name: "rates.example.com".into(),
        kind: "A".into(),
        content: Some(content),
        ownership,
        proof: None,
        other_proofs: Vec::new(),
    }
}

fn fields(changes: &[Change]) -> Vec<(&str, How)> {
    changes.iter().map(|change| (change.field.as_str(), change.how)).collect()
}

#[test]
fn case_and_trailing_dot_are_not_a_change() {
    assert_eq!(DnsRecord::diff(&desired(), &live()), []);
}

#[test]
fn changed_or_deleted_record_is_restored() {
    let elsewhere = Content::Values { ttl: 60, values: vec!["203.0.113.9".into()] };
    for content in [Some(elsewhere), None] {
        let drifted = Live { content, ..live() };
        assert_eq!(fields(&DnsRecord::diff(&desired(), &drifted)), [("target", How::InPlace)]);
    }
}

#[test]
fn new_zone_or_type_replaces_but_new_name_moves_the_record() {
    let moved = Desired { name: "other.example.com".into(), ..desired() };
    assert_eq!(fields(&DnsRecord::diff(&moved, &live())), [("name", How::InPlace)]);
    let elsewhere = Desired { zone: "Z2".into(), ..desired() };
    assert_eq!(fields(&DnsRecord::diff(&elsewhere, &live())), [("zone", How::Replace)]);
    let cname = Desired { target: Target::Cname("x.acm-validations.aws".into()), ..desired() };
    assert_eq!(fields(&DnsRecord::diff(&cname, &live())), [("type", How::Replace), ("target", How::InPlace)]);
}

#[test]
fn validation_record_is_ready_once_acm_issues_the_certificate() {
    let with = |status: &str, wanted: Option<&str>| {
        let issuance =
            Issuance { status: status.to_owned(), failure: Some("CAA_ERROR".to_owned()), ..Issuance::default() };
        let proof = Some(Proof { certificate: "old".to_owned(), issuance });
        let desired = wanted.map(|arn| Desired { proves: Some(arn.into()), ..desired() });
        DnsRecord::phase(&Live { proof, ..live() }, desired.as_ref())
    };
    let pending = Phase::Pending("waiting for DNS validation".to_owned());
    assert_eq!(with("PENDING_VALIDATION", None), pending);
    assert_eq!(with("ISSUED", Some("old")), Phase::Ready);
    assert!(matches!(with("FAILED", Some("old")), Phase::Failed(why) if why.contains("CAA_ERROR")));
    assert_eq!(with("FAILED", Some("new")), pending, "what became of the old one says nothing");
    let of = |certificate: &str, status: &str| {
        let issuance = Issuance { status: status.to_owned(), ..Issuance::default() };
        Proof { certificate: certificate.to_owned(), issuance }
    };
    let both = Live { proof: Some(of("old", "ISSUED")), other_proofs: vec![of("new", "ISSUED")], ..live() };
    let wanted = Desired { proves: Some("new".into()), ..desired() };
    assert_eq!(DnsRecord::phase(&both, Some(&wanted)), Phase::Ready, "both are issued, and it is for both");
    assert_eq!(DnsRecord::phase(&live(), None), Phase::Ready, "one that proves nothing is ready at once");
}

#[test]
fn record_that_somebody_took_over_is_not_covered() {
    let live = live();
    assert!(live.ownership.covers(live.content.as_ref().expect("it has one")));
    let elsewhere = to_balancer("another");
    assert!(!live.ownership.covers(&elsewhere));
}

#[test]
fn record_is_removed_with_its_txt_only_if_not_shared() {
    let names = |content: Option<Content>, ownership: &Ownership| -> Vec<String> {
        let record = |content| Record { name: "rates.example.com".into(), kind: "A".into(), content };
        let (there, texts) =
            (content.map(record).into_iter().collect(), vec![text("rates.example.com", "A", ownership)]);
        let removed = removed((&id(), "dns_record.main"), "A", there, texts);
        removed.into_iter().map(|record| format!("{} {}", record.kind, record.name)).collect()
    };
    let (text, ours) = ("TXT _stackctl-a.rates.example.com", live().ownership);
    assert_eq!(names(Some(to_balancer("balancer")), &ours), [text, "A rates.example.com"]);
    let theirs = Content::Values { ttl: 60, values: vec!["203.0.113.9".into()] };
    assert_eq!(names(Some(theirs), &ours), [text]);
    assert_eq!(names(None, &ours), [text]);
    let shared = Ownership { shared: true, ..ours.clone() };
    assert_eq!(names(Some(to_balancer("balancer")), &shared), [text]);
    let moved = Ownership { address: "dns_record.rates.example.com".into(), ..ours.clone() };
    assert_eq!(names(Some(to_balancer("balancer")), &moved), [""; 0], "another address of the stack has it");
    let others = Ownership { stack: "other".into(), ..ours };
    assert_eq!(names(Some(to_balancer("balancer")), &others), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn record_is_deleted_with_its_current_content_and_only_once() {
    let cloud = sample::cloud();
    let (before, aws) = (cloud.present(), Arc::new(aws::model::session(&cloud)));
    let id = StackId { stack: "shop".into(), environment: "test".into() };
    let cx = Context::new(id, aws, Arc::new(NoImages));
    let desired = Desired { name: "shop.example.com".into(), ..desired() };
    let address = Address::new("dns_record", "main");
    let live = DnsRecord::create(&cx, &address, &desired).await.expect("nothing is in the way");
    cloud.with(model::Route53::touch);
    for _ in 0..2 {
        DnsRecord::delete(&cx, &live).await.expect("it is named as it stands, or is gone");
        assert_eq!(cloud.present(), before);
    }
}

#[test]
fn only_record_types_that_dns_excludes_conflict() {
    for (there, new, expected) in [
        ("A", "A", true),
        ("AAAA", "A", true),
        ("CNAME", "A", true),
        ("TXT", "CNAME", true),
        ("MX", "A", false),
        ("TXT", "A", false),
    ] {
        assert_eq!(conflicts(there, new), expected, "{there} {new}");
    }
}
