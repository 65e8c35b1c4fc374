//! The sample DNS records for the tests over all kinds: the record of the load balancer, and validation records.

use aws_sdk_route53::types::RrType;

use super::{Desired, Target};
use crate::{
    aws::{self, model::Cloud},
    kind::Sample,
    kinds::{
        acm::model as acm,
        elb::model as elb,
        route53::model::{self, Route53},
    },
    model::{Address, StackId},
};

const NAME: &str = "shop.example.com";

/// Returns an AWS with Route 53 and the resources that determine the zones and the purpose of a stack's records:
///
/// - the load balancer [`elb::BALANCER`] of the stack, whose tag names `Z1`;
/// - a certificate of the stack for `pay.example.com`, whose tag names `Z2` and which waits for its validation record;
/// - another one for `api.example.com`, whose validation record somebody else created.
pub(super) fn cloud() -> Cloud {
    let id = StackId { stack: "shop".to_owned(), environment: "test".to_owned() };
    let mut tags = aws::tags(&id, &Address::new("load_balancer", "main"));
    tags.push(aws::tag(aws::ZONES, "Z1"));
    let cloud = elb::cloud_with_tags(tags);
    acm::serve(&cloud);
    model::serve(&cloud);
    for (name, domain) in [("main", "pay.example.com"), ("other", "api.example.com")] {
        let mut tags = aws::tags(&id, &Address::new("certificate", name));
        tags.push(aws::tag(aws::ZONES, "Z2"));
        cloud.with(|acm: &mut acm::Acm| acm.give(domain, &tags));
    }
    let (name, value) = acm::validation("api.example.com");
    cloud.with(|dns: &mut Route53| dns.put("Z1", model::values(&name, RrType::Cname, &value)));
    cloud
}

fn alias(name: &str) -> Target {
    Target::Alias { name: name.into(), zone: "Z32O12XQLNTSW2".into() }
}

fn base() -> Desired {
    Desired {
        zone: "Z1".into(),
        name: NAME.into(),
        target: alias("shop-test-given.eu-west-1.elb.amazonaws.com"),
        proves: None,
    }
}

/// Returns the validation record of the certificate number `number`, as the kind `certificate` outputs it.
fn proof(domain: &str, number: u32) -> Desired {
    let (name, value) = acm::validation(domain);
    Desired {
        zone: "Z1".into(),
        name: name.trim_end_matches('.').into(),
        target: Target::Cname(value.trim_end_matches('.').into()),
        proves: Some(acm::arn(number).into()),
    }
}

pub(super) fn sample() -> Sample<Desired> {
    Sample::new(cloud, base())
        .variant(&["name"], Desired { name: "store.example.com".into(), ..base() })
        .variant(&["target"], Desired { target: alias("shop-test-other.eu-west-1.elb.amazonaws.com"), ..base() })
        .variant(&["zone"], Desired { zone: "Z2".into(), ..base() })
        // Somebody else created the same record. It stays when this stack does not need it any more.
        .variant(&["name", "type", "target"], proof("api.example.com", 2))
        .variant(&["name", "type", "target"], proof("pay.example.com", 1))
        .drift_of_variant(&["target"], |cloud| {
            let name = acm::validation("pay.example.com").0;
            cloud.with(|dns: &mut Route53| dns.remove("Z1", &name, &RrType::Cname));
        })
        .drift(&["target"], |cloud| {
            cloud.with(|dns: &mut Route53| dns.remove("Z1", &format!("{NAME}."), &RrType::A));
        })
        .drift(&["target"], |cloud| {
            let elsewhere = model::values(&format!("{NAME}."), RrType::A, "203.0.113.9");
            cloud.with(|dns: &mut Route53| dns.put("Z1", elsewhere));
        })
        .drift(&[], |cloud| cloud.with(Route53::touch))
}
