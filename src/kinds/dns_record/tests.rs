use super::*;

fn desired() -> Desired {
    Desired {
        zone: "Z1".into(),
        name: "rates.example.com".into(),
        target: Target::Alias { name: "Balancer.elb.amazonaws.com.".into(), zone: "ZELB".into() },
        proves: None,
    }
}

fn live() -> Live {
    let content = Content::Alias { zone: "ZELB".into(), name: "balancer.elb.amazonaws.com".into() };
    let id = crate::model::StackId { stack: "rates".into(), environment: "default".into() };
    let ownership = Ownership::new(&id, &Address::new("dns_record", "main"), &content, false);
    Live {
        zone: "Z1".into(),
        name: "rates.example.com".into(),
        kind: "A".into(),
        content: Some(content),
        ownership,
        issuance: None,
    }
}

fn fields(changes: &[Change]) -> Vec<(&str, How)> {
    changes.iter().map(|change| (change.field.as_str(), change.how)).collect()
}

#[test]
fn a_record_as_desired_needs_no_change_whatever_the_case_and_the_last_dot() {
    assert_eq!(DnsRecord::diff(&desired(), &live()), []);
}

#[test]
fn a_record_that_was_turned_elsewhere_or_deleted_is_mended_in_place() {
    let elsewhere = Content::Values { ttl: 60, values: vec!["203.0.113.9".into()] };
    for content in [Some(elsewhere), None] {
        let drifted = Live { content, ..live() };
        assert_eq!(fields(&DnsRecord::diff(&desired(), &drifted)), [("target", How::InPlace)]);
    }
}

#[test]
fn another_name_zone_or_type_is_another_record() {
    let table = [
        (Desired { name: "other.example.com".into(), ..desired() }, "name"),
        (Desired { zone: "Z2".into(), ..desired() }, "zone"),
    ];
    for (desired, field) in table {
        assert_eq!(fields(&DnsRecord::diff(&desired, &live())), [(field, How::Replace)]);
    }
    let cname = Desired { target: Target::Cname("x.acm-validations.aws".into()), ..desired() };
    assert_eq!(fields(&DnsRecord::diff(&cname, &live())), [("type", How::Replace), ("target", How::InPlace)]);
}

#[test]
fn a_record_that_proves_a_domain_is_ready_once_acm_has_seen_it() {
    let with = |status: &str| {
        let issuance = Issuance { status: status.to_owned(), failure: Some("CAA_ERROR".to_owned()), record: None };
        DnsRecord::phase(&Live { issuance: Some(issuance), ..live() }, None)
    };
    assert_eq!(with("PENDING_VALIDATION"), Phase::Pending("DNS validation".to_owned()));
    assert_eq!(with("ISSUED"), Phase::Ready);
    assert!(matches!(with("FAILED"), Phase::Failed(why) if why.contains("CAA_ERROR")));
    assert_eq!(DnsRecord::phase(&live(), None), Phase::Ready, "one that proves nothing is ready at once");
}

#[test]
fn a_record_that_somebody_took_over_is_not_ours_to_delete() {
    let live = live();
    assert!(live.ownership.covers(live.content.as_ref().expect("it has one")));
    let elsewhere = Content::Alias { zone: "ZELB".into(), name: "another.elb.amazonaws.com".into() };
    assert!(!live.ownership.covers(&elsewhere));
}

#[test]
fn only_what_dns_does_not_allow_beside_it_is_in_the_way() {
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
