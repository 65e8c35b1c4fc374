//! Draws the DNS records and the certificate of the stack's domains, and finds their hosted zones.

use std::collections::BTreeMap;

use super::facts::Facts;
use crate::{
    kinds::{
        acm::certificate::{self, proven_at, validation},
        route53::dns_record,
    },
    model::{Address, Failure, Graph, HostedZone, Input, Subject},
};

/// Returns the hosted zone of each name in `domains`.
pub(super) fn zones<'a>(domains: &'a [String], facts: &'a Facts) -> Result<BTreeMap<&'a str, &'a HostedZone>, Failure> {
    domains.iter().map(|domain| Ok((domain.as_str(), zone(domain, facts)?))).collect()
}

fn zone<'a>(domain: &str, facts: &'a Facts) -> Result<&'a HostedZone, Failure> {
    match facts.hosted_zones.get(domain).map(Vec::as_slice).unwrap_or_default() {
        [zone] => Ok(zone),
        [] => Err(Failure::about(
            Subject::key("load_balancer.domain"),
            format!("this account has no public hosted zone in Route 53 for {domain} or a parent domain"),
        )
        .hint(
            "create the zone and set its name servers at the registrar of the domain (docs/guides/domains.md), or remove \
             `domain` and use `tls: self-signed` for now",
        )),
        several => {
            let ids: Vec<&str> = several.iter().map(|zone| zone.id.as_str()).collect();
            let name = &several[0].name;
            let message = format!("found {} public hosted zones with the name {name}: {}", ids.len(), ids.join(", "));
            Err(Failure::about(Subject::key("load_balancer.domain"), message)
                .hint(format!("keep the zone with the name servers that `dig NS {name}` shows, and delete the others")))
        }
    }
}

/// Returns the ids of these zones without duplicates, in the order of `domains`.
pub(super) fn ids(domains: &[String], zones: &BTreeMap<&str, &HostedZone>) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for zone in domains.iter().filter_map(|domain| zones.get(domain.as_str())) {
        if !ids.contains(&zone.id) {
            ids.push(zone.id.clone());
        }
    }
    ids
}

/// Draws the certificate for `domains`, which has at least one name, and the records that prove ownership. ACM issues
/// the certificate after it has found the records.
pub(super) fn certificate(
    graph: &mut Graph,
    domains: &[String],
    zones: &BTreeMap<&str, &HostedZone>,
) -> (Address, Vec<Address>) {
    let first = &domains[0];
    let mut ids = ids(domains, zones).into_iter();
    let desired = certificate::Desired {
        zone: ids.next(),
        others: domains[1..].to_vec(),
        other_zones: ids.collect(),
        ..certificate::Desired::self_signed(first.clone())
    };
    let certificate = graph.add(Address::new("certificate", "main"), &desired);
    let mut proofs: Vec<Address> = Vec::new();
    for domain in domains {
        let proof = proof(domain);
        if proofs.contains(&proof) {
            continue;
        }
        let output = |part: &str| Input::output(&certificate, &validation(part, domain, first));
        let desired = dns_record::Desired {
            zone: zones[domain.as_str()].id.clone(),
            name: output("name"),
            target: dns_record::Target::Cname(output("value")),
            proves: Some(Input::output(&certificate, "arn")),
        };
        proofs.push(graph.add(proof, &desired));
    }
    (certificate, proofs)
}

/// The address of the record that proves ownership of `domain`. `*.example.com` and `example.com` share one record.
pub fn proof(domain: &str) -> Address {
    Address::new("dns_record", format!("certificate/{}", proven_at(domain)))
}

/// The address of the alias record from `domain` to the load balancer.
pub fn alias_of(domain: &str) -> Address {
    Address::new("dns_record", domain)
}

/// Draws the alias record from `domain` to the load balancer.
pub(super) fn alias(graph: &mut Graph, domain: &str, zone: &HostedZone, balancer: &Address) -> Address {
    graph.add(
        alias_of(domain),
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
        let zones_of = |domain: &String| (domain.clone(), zones.iter().map(zone).collect());
        let facts = Facts {
            zones: vec!["a".into(), "b".into()],
            hosted_zones: stack.load_balancer.iter().flat_map(|one| &one.domains).map(zones_of).collect(),
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
    fn domain_has_an_alias_and_a_proof_before_the_listener() {
        let graph = drawn("tls: acm, domain: rates.example.com", &["Z1"]).expect("it is drawn");
        let certificate = &node(&graph, "certificate.main").desired;
        assert_eq!(certificate, &json!({ "domain": "rates.example.com", "zone": "Z1" }));
        let proof = &node(&graph, "dns_record.certificate/rates.example.com").desired;
        assert_eq!(proof["name"], input("certificate.main", "validation_name"));
        assert_eq!(proof["target"]["cname"], input("certificate.main", "validation_value"));
        let alias = &node(&graph, "dns_record.rates.example.com").desired;
        assert_eq!((&alias["zone"], &alias["name"]), (&json!("Z1"), &json!("rates.example.com")));
        assert_eq!(alias["target"]["alias"]["name"], input("load_balancer.main", "dns_name"));
        assert_eq!(node(&graph, "load_balancer.main").desired["zones"], json!(["Z1"]));
        let listener = node(&graph, "listener.https");
        assert_eq!(listener.desired["certificate"], input("certificate.main", "arn"));
        assert!(listener.needs.contains(&super::proof("rates.example.com")));
        assert!(node(&graph, "dns_record.rates.example.com").needs.contains(&Address::new("listener", "https")));
    }

    #[test]
    fn existing_certificate_has_an_alias_only_with_a_domain() {
        let arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1";
        let graph = drawn(&format!("tls: \"{arn}\""), &[]).expect("it is drawn");
        assert_eq!(node(&graph, "listener.https").desired["certificate"], arn);
        let kinds: Vec<&str> = graph.nodes().map(|node| node.address.kind()).collect();
        assert!(!kinds.contains(&"certificate") && !kinds.contains(&"dns_record"));
        let graph = drawn(&format!("tls: \"{arn}\", domain: rates.example.com"), &["Z1"]).expect("it is drawn");
        assert_eq!(node(&graph, "dns_record.rates.example.com").desired["name"], "rates.example.com");
        assert!(graph.get(&Address::new("certificate", "main")).is_none());
    }

    #[test]
    fn missing_or_ambiguous_zone_is_reported_with_a_hint() {
        let none = drawn("tls: acm, domain: rates.example.com", &[]).expect_err("there is no zone");
        assert!(none.message.contains("no public hosted zone") && none.message.contains("rates.example.com"), "{none}");
        assert!(none.hint.is_some());
        let two = drawn("tls: acm, domain: rates.example.com", &["Z1", "Z2"]).expect_err("there are two");
        assert!(two.message.contains("Z1, Z2"), "{two}");
    }

    #[test]
    fn one_certificate_covers_all_names_and_each_has_records() {
        let names = "[example.com, \"*.example.com\", shop.example.org]";
        let balancer = format!("tls: acm, domains: {names}, redirects: {{ www.example.org: shop.example.org }}");
        let graph = drawn(&balancer, &["Z1"]).expect("it is drawn");
        let all = ["*.example.com", "shop.example.org", "www.example.org"];
        let certificate = &node(&graph, "certificate.main").desired;
        assert_eq!(certificate, &json!({ "domain": "example.com", "zone": "Z1", "others": all }));
        for name in ["example.com", "*.example.com", "shop.example.org", "www.example.org"] {
            let alias = node(&graph, &format!("dns_record.{name}"));
            assert_eq!(alias.desired["name"], name);
            assert!(alias.needs.contains(&Address::new("listener", "https")));
        }
        // A name and its wildcard share one record.
        let proofs = graph.nodes().filter(|node| node.address.name().starts_with("certificate/")).count();
        assert_eq!(proofs, 3);
        let proof = &node(&graph, "dns_record.certificate/www.example.org").desired;
        assert_eq!(proof["name"], input("certificate.main", "validation_name/www.example.org"));
        let rules = graph.nodes().filter(|node| node.address.name().starts_with("redirect-"));
        let rules: Vec<_> = rules.map(|node| (&node.desired["hosts"], &node.desired["action"])).collect();
        assert_eq!(rules, [(&json!(["www.example.org"]), &json!({ "redirect": "shop.example.org" }))]);
    }
}
