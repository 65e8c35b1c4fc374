//! Several domains: one certificate for all, records in several zones, redirects, domains of a service, and a new
//! domain without an outage.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use aws_sdk_route53::types::{ResourceRecordSet, RrType};

use crate::{domain::zone, support::World, sweep};

const STACK: &str = "name: demo
region: eu-west-1
network: { nat: none }
load_balancer:
  tls: acm
  domains: [example.com, \"*.example.com\"]
  redirects: { www.example.org: example.com }
services:
  web: { image: \"example:1\", port: 80, replicas: 0, routes: [\"/*\"] }
  api: { image: \"example:1\", port: 80, replicas: 0, domains: [api.example.org], block: [/closed] }
";

/// A client that resolves names in the zones.
#[derive(Clone)]
struct Browser {
    route53: aws_sdk_route53::Client,
    zones: Vec<String>,
    authority: Vec<u8>,
}

impl Browser {
    async fn sets(&self) -> Vec<ResourceRecordSet> {
        let mut sets = Vec::new();
        for zone in &self.zones {
            let call = self.route53.list_resource_record_sets().hosted_zone_id(zone).send().await;
            sets.extend(call.expect("it answers").resource_record_sets().to_vec());
        }
        sets
    }

    /// Returns all records except those that every zone has, as `TYPE name`.
    async fn records(&self) -> Vec<String> {
        let sets = self.sets().await;
        let of_others = sets.iter().filter(|set| !matches!(set.r#type(), RrType::Ns | RrType::Soa));
        let mut records: Vec<String> =
            of_others.map(|set| format!("{} {}", set.r#type(), set.name().trim_end_matches('.'))).collect();
        records.sort();
        records
    }

    /// Returns status and `Location` of a response, for a client that trusts the sandbox's authority.
    async fn browse(&self, domain: &str, path: &str) -> Result<(u16, String), String> {
        let sets = self.sets().await;
        let find = |name: &str| {
            let is_it =
                |set: &&ResourceRecordSet| set.name().trim_end_matches('.') == name && *set.r#type() == RrType::A;
            sets.iter().find(is_it).and_then(ResourceRecordSet::alias_target)
        };
        let above = domain.split_once('.').map_or("", |(_, above)| above);
        let target =
            find(domain).or_else(|| find(&format!("\\052.{above}"))).ok_or(format!("{domain} has no record"))?;
        let address = format!("{}:443", target.dns_name().trim_end_matches('.'));
        let address: SocketAddr = address.parse().map_err(|error| format!("{address}: {error}"))?;
        let client = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&self.authority).expect("it is one")])
            .redirect(reqwest::redirect::Policy::none())
            .resolve(domain, address)
            .build()
            .expect("a client");
        let answer = client.get(format!("https://{domain}{path}")).send().await;
        let answer = answer.map_err(|error| format!("{domain}: {error:?}"))?;
        let location = answer.headers().get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok((answer.status().as_u16(), location.to_owned()))
    }

    async fn status(&self, domain: &str, path: &str) -> u16 {
        self.browse(domain, path).await.unwrap_or_else(|error| panic!("{error}")).0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_domains_share_one_certificate_and_all_answer() {
    let world = World::start();
    std::fs::write(world.project().join("stack.yaml"), STACK).expect("it can be written");
    let route53 = aws_sdk_route53::Client::new(&world.sdk().await);
    let zones = vec![zone(&route53, "example.com", false).await, zone(&route53, "example.org", false).await];
    let authority = world.project().parent().expect("it has one").join("sandbox/authority.pem");
    let authority = std::fs::read(authority).expect("the sandbox lays it out");
    let browser = Browser { route53, zones, authority };

    assert_eq!(world.up(), "https://example.com");
    assert_eq!(world.plan(), Vec::<String>::new());
    for name in ["example.com", "any.example.com"] {
        assert_eq!(browser.status(name, "/closed").await, 503, "{name} is web's");
    }
    assert_eq!(browser.status("api.example.org", "/").await, 503);
    assert_eq!(browser.status("api.example.org", "/closed").await, 404, "it is blocked for api");
    let redirected = browser.browse("www.example.org", "/a/b?c=1").await;
    assert_eq!(redirected, Ok((301, "https://example.com:443/a/b?c=1".to_owned())));
    let acm = aws_sdk_acm::Client::new(&world.sdk().await);
    let certificates = async || acm.list_certificates().send().await.expect("it answers");
    assert_eq!(certificates().await.certificate_summary_list().len(), 1);

    // A further domain replaces the certificate. The existing domains answer all the time.
    world.edit("domains: [api.example.org]", "domains: [api.example.org, v1.example.org]");
    let plan = world.plan();
    let expected = [
        "replace certificate.main",
        "create dns_record.certificate/v1.example.org",
        "create dns_record.v1.example.org",
    ];
    assert!(expected.iter().all(|step| plan.contains(&(*step).to_owned())), "{plan:?}");
    let (over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let visitor = tokio::spawn({
        let (browser, over, asked) = (browser.clone(), Arc::clone(&over), Arc::clone(&asked));
        async move {
            while !over.load(Ordering::Relaxed) {
                for name in ["example.com", "any.example.com", "api.example.org"] {
                    assert_eq!(browser.status(name, "/").await, 503);
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    });
    let (up, world) = tokio::task::spawn_blocking(move || (world.up(), world)).await.expect("it ends");
    assert_eq!(up, "https://example.com");
    over.store(true, Ordering::Relaxed);
    visitor.await.expect("every name answers");
    assert!(asked.load(Ordering::Relaxed) > 0);
    assert_eq!(world.plan(), Vec::<String>::new());
    assert_eq!(browser.status("v1.example.org", "/closed").await, 404);
    assert_eq!(certificates().await.certificate_summary_list().len(), 1);

    // A removed domain loses its records; another order of the rest is not a change.
    world.edit("domains: [api.example.org, v1.example.org]", "domains: [v1.example.org]");
    world.up();
    assert!(browser.records().await.iter().all(|record| !record.contains("api.example.org")));
    world.edit("[example.com, \"*.example.com\"]", "[example.com]");
    world.edit("redirects:", "redirects: { any.example.com: example.com, www.example.org: example.com } #");
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());
    assert_eq!(browser.browse("any.example.com", "/").await.map(|(status, _)| status), Ok(301));

    world.must(&["destroy", "--confirm", "demo/default"]);
    assert_eq!(sweep::everything(&world).await, Vec::<String>::new());
    assert_eq!(browser.records().await, Vec::<String>::new());
}
