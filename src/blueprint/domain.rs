//! The name that the stack is reached by: its hosted zone, the certificate for it, and its records.

use super::facts::Facts;
use crate::{
    kinds::{acm::certificate, route53::dns_record},
    model::{Address, Failure, Graph, HostedZone, Input, Subject},
};

/// The hosted zone of `domain`.
pub(super) fn zone<'a>(domain: &str, facts: &'a Facts) -> Result<&'a HostedZone, Failure> {
    match facts.hosted_zones.as_slice() {
        [zone] => Ok(zone),
        [] => Err(Failure::about(
            Subject::key("load_balancer.domain"),
            format!("this account has no public hosted zone in Route 53 for {domain} or a domain above it"),
        )
        .hint(
            "create the zone and have the domain's registrar name its name servers (docs/domains.md), or leave `domain` \
             out and take `tls: self-signed` for now",
        )),
        several => {
            let ids: Vec<&str> = several.iter().map(|zone| zone.id.as_str()).collect();
            let name = &several[0].name;
            let message = format!("there are {} public hosted zones called {name}: {}", ids.len(), ids.join(", "));
            Err(Failure::about(Subject::key("load_balancer.domain"), message)
                .hint(format!("keep the one whose name servers `dig NS {name}` shows, and delete the others")))
        }
    }
}

/// The certificate for `domain` and the record that proves whose the domain is: Amazon issues the one once it has seen
/// the other.
pub(super) fn certificate(graph: &mut Graph, domain: &str, zone: &HostedZone) -> (Address, Address) {
    let desired = certificate::Desired { domain: domain.to_owned(), zone: Some(zone.id.clone()) };
    let certificate = graph.add(Address::new("certificate", "main"), &desired);
    let proof = graph.add(
        Address::new("dns_record", "certificate"),
        &dns_record::Desired {
            zone: zone.id.clone(),
            name: Input::output(&certificate, "validation_name"),
            target: dns_record::Target::Cname(Input::output(&certificate, "validation_value")),
            proves: Some(Input::output(&certificate, "arn")),
        },
    );
    (certificate, proof)
}

/// The record that leads from `domain` to the load balancer.
pub(super) fn alias(graph: &mut Graph, domain: &str, zone: &HostedZone, balancer: &Address) -> Address {
    graph.add(
        Address::new("dns_record", "main"),
        &dns_record::Desired {
            zone: zone.id.clone(),
            name: domain.into(),
            target: dns_record::Target::Alias {
                name: Input::output(balancer, "dns_name"),
                zone: Input::output(balancer, "zone_id"),
            },
            proves: None,
        },
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{blueprint, model::Graph, spec};

    fn drawn(balancer: &str, zones: &[&str]) -> Result<Graph, Failure> {
        let text = format!(
            "name: demo\nregion: eu-west-1\nload_balancer: {{ {balancer} }}\nservices: {{ web: {{ build: app, port: 80 }} }}\n"
        );
        let stack = spec::parse("stack.yaml", &text, "default", &|_| None).expect("it is valid");
        let zone = |id: &&str| HostedZone { id: (*id).to_owned(), name: "example.com".to_owned() };
        let facts = Facts {
            zones: vec!["a".into(), "b".into()],
            hosted_zones: zones.iter().map(zone).collect(),
            ..Facts::default()
        };
        blueprint::graph(&stack, &facts)
    }

    fn input(of: &str, output: &str) -> serde_json::Value {
        json!({ "$from": of, "output": output })
    }

    fn node<'a>(graph: &'a Graph, address: &str) -> &'a crate::model::Node {
        graph.get(&address.parse().expect("it is an address")).unwrap_or_else(|| panic!("there is no {address}"))
    }

    #[test]
    fn a_domain_has_an_alias_and_a_proof_that_the_listener_awaits() {
        let graph = drawn("tls: acm, domain: rates.example.com", &["Z1"]).expect("it is drawn");
        let certificate = &node(&graph, "certificate.main").desired;
        assert_eq!(certificate, &json!({ "domain": "rates.example.com", "zone": "Z1" }));
        let proof = &node(&graph, "dns_record.certificate").desired;
        assert_eq!(proof["name"], input("certificate.main", "validation_name"));
        assert_eq!(proof["target"]["cname"], input("certificate.main", "validation_value"));
        let alias = &node(&graph, "dns_record.main").desired;
        assert_eq!((&alias["zone"], &alias["name"]), (&json!("Z1"), &json!("rates.example.com")));
        assert_eq!(alias["target"]["alias"]["name"], input("load_balancer.main", "dns_name"));
        assert_eq!(node(&graph, "load_balancer.main").desired["zones"], json!(["Z1"]));
        let listener = node(&graph, "listener.https");
        assert_eq!(listener.desired["certificate"], input("certificate.main", "arn"));
        assert!(listener.needs.contains(&Address::new("dns_record", "certificate")));
        assert!(node(&graph, "dns_record.main").needs.contains(&Address::new("listener", "https")));
    }

    #[test]
    fn an_own_certificate_has_an_alias_only_if_a_domain_is_named() {
        let arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1";
        let graph = drawn(&format!("tls: \"{arn}\""), &[]).expect("it is drawn");
        assert_eq!(node(&graph, "listener.https").desired["certificate"], arn);
        let kinds: Vec<&str> = graph.nodes().map(|node| node.address.kind()).collect();
        assert!(!kinds.contains(&"certificate") && !kinds.contains(&"dns_record"));
        let graph = drawn(&format!("tls: \"{arn}\", domain: rates.example.com"), &["Z1"]).expect("it is drawn");
        assert_eq!(node(&graph, "dns_record.main").desired["name"], "rates.example.com");
        assert!(graph.get(&Address::new("certificate", "main")).is_none());
    }

    #[test]
    fn a_missing_or_ambiguous_zone_is_told_with_the_way_out() {
        let none = drawn("tls: acm, domain: rates.example.com", &[]).expect_err("there is no zone");
        assert!(none.message.contains("no public hosted zone") && none.message.contains("rates.example.com"), "{none}");
        assert!(none.hint.is_some());
        let two = drawn("tls: acm, domain: rates.example.com", &["Z1", "Z2"]).expect_err("there are two");
        assert!(two.message.contains("Z1, Z2"), "{two}");
    }
}
