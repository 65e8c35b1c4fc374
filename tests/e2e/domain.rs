//! A domain: its certificate and validation, its records, and their owners.

use std::net::SocketAddr;

use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, HostedZoneConfig, ResourceRecord, ResourceRecordSet, RrType,
};

use crate::{
    support::{World, text},
    sweep, until,
};

/// A stack with little more than a load balancer, so that nothing has to be built. No task runs, so requests get a
/// 503.
const STACK: &str = "name: demo
region: eu-west-1
network: { nat: none }
load_balancer:
  tls: acm
  domain: DOMAIN
services:
  web: { image: \"example:1\", port: 80, replicas: 0 }
";

/// The state that the domain tests share: a world with [`STACK`], and the zone `example.com`.
struct Dns {
    world: World,
    route53: aws_sdk_route53::Client,
    zone: String,
}

impl Dns {
    async fn start(domain: &str) -> Self {
        let world = World::start();
        let file = world.project().join("stack.yaml");
        std::fs::write(file, STACK.replace("DOMAIN", domain)).expect("it can be written");
        let route53 = aws_sdk_route53::Client::new(&world.sdk().await);
        let zone = zone(&route53, "example.com", false).await;
        Self { world, route53, zone }
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

    async fn sets(&self) -> Vec<ResourceRecordSet> {
        let call = self.route53.list_resource_record_sets().hosted_zone_id(&self.zone).send().await;
        call.expect("it answers").resource_record_sets().to_vec()
    }

    async fn put(&self, kind: RrType, name: &str, value: &str) {
        let record = ResourceRecord::builder().value(value).build().expect("it is whole");
        let set = ResourceRecordSet::builder().name(name).r#type(kind).ttl(60).resource_records(record).build();
        self.change(ChangeAction::Upsert, set.expect("it is whole")).await;
    }

    async fn change(&self, action: ChangeAction, set: ResourceRecordSet) {
        let change = Change::builder().action(action).resource_record_set(set).build().expect("it is whole");
        let batch = ChangeBatch::builder().changes(change).build().expect("it is whole");
        let call = self.route53.change_resource_record_sets().hosted_zone_id(&self.zone).change_batch(batch);
        call.send().await.expect("it is allowed");
    }

    /// Returns the status that a browser gets from `domain`. It trusts the sandbox's authority and resolves the name
    /// in the zone.
    async fn browse(&self, domain: &str) -> u16 {
        let sets = self.sets().await;
        let alias = sets.iter().find(|set| set.name().trim_end_matches('.') == domain && *set.r#type() == RrType::A);
        let target = alias.and_then(ResourceRecordSet::alias_target).expect("there is an alias").dns_name();
        let address: SocketAddr = format!("{}:443", target.trim_end_matches('.')).parse().expect("it is an address");
        let authority = self.world.project().parent().expect("it has one").join("sandbox/authority.pem");
        let authority = std::fs::read(authority).expect("the sandbox lays it out");
        let client = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&authority).expect("it is one")])
            .resolve(domain, address)
            .build()
            .expect("a client");
        let answer = client.get(format!("https://{domain}/")).send().await;
        answer.unwrap_or_else(|error| panic!("the certificate of {domain} is trusted: {error:?}")).status().as_u16()
    }
}

pub async fn zone(route53: &aws_sdk_route53::Client, name: &str, private: bool) -> String {
    let call = route53.create_hosted_zone().name(name).caller_reference(format!("{name} {private}"));
    let config = HostedZoneConfig::builder().private_zone(private).build();
    let made = call.hosted_zone_config(config).send().await.expect("it is made");
    made.hosted_zone().expect("it is there").id().trim_start_matches("/hostedzone/").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn domain_is_trusted_can_change_and_leaves_nothing() {
    let dns = Dns::start("rates.example.com").await;
    // Neither a private zone with the name nor a public zone with another name is used.
    zone(&dns.route53, "rates.example.com", true).await;
    zone(&dns.route53, "ates.example.com", false).await;
    dns.put(RrType::Mx, "rates.example.com", "10 mail.example.com").await;
    let world = &dns.world;
    let before = dns.records().await;
    assert_eq!(world.up(), "https://rates.example.com");
    assert_eq!(world.status()["url"], "https://rates.example.com/");
    assert_eq!(world.plan(), Vec::<String>::new());
    assert_eq!(dns.browse("rates.example.com").await, 503);

    // Drift is found and corrected.
    let sets = dns.sets().await;
    let of_ours = |kind: RrType| {
        let ours = sets.iter().find(|set| *set.r#type() == kind && !set.name().starts_with("_stackctl"));
        ours.expect("it is there").clone()
    };
    dns.change(ChangeAction::Delete, of_ours(RrType::A)).await;
    dns.change(ChangeAction::Delete, of_ours(RrType::Cname)).await;
    assert_eq!(
        world.changes(),
        ["dns_record.certificate/rates.example.com target", "dns_record.rates.example.com target"]
    );
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());

    // A new domain gets its certificate first; then the old one and its records are deleted.
    world.edit("rates.example.com", "fares.example.com");
    let plan = world.plan();
    assert!(plan.contains(&"replace certificate.main".to_owned()), "{plan:?}");
    assert_eq!(world.up(), "https://fares.example.com");
    assert_eq!(world.plan(), Vec::<String>::new());
    assert_eq!(dns.browse("fares.example.com").await, 503);
    let records = dns.records().await;
    let left = records.iter().filter(|record| record.contains("rates.") && !before.contains(record));
    assert_eq!(left.collect::<Vec<_>>(), [""; 0]);

    world.must(&["destroy", "--confirm", "demo/default"]);
    assert_eq!(sweep::everything(world).await, Vec::<String>::new());
    assert_eq!(dns.records().await, before, "what was there before is there still");
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_records_are_refused_or_shared_and_never_deleted() {
    let dns = Dns::start("rates.example.com").await;
    let world = &dns.world;
    dns.put(RrType::A, "rates.example.com", "203.0.113.7").await;
    let refused = world.stackctl(&["up", "--yes"]);
    let said = text(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("was not created by stackctl") && said.contains("203.0.113.7"), "{said}");
    let there = dns.sets().await;
    let theirs = there.iter().find(|set| *set.r#type() == RrType::A).expect("it is there still");
    assert_eq!(theirs.resource_records()[0].value(), "203.0.113.7");

    // Once the foreign record is deleted, `up` resumes. If someone takes over the name later, `destroy` leaves it
    // alone.
    dns.change(ChangeAction::Delete, theirs.clone()).await;
    world.up();
    let sets = dns.sets().await;
    let alias = sets.iter().find(|set| *set.r#type() == RrType::A).expect("it is there").clone();
    dns.change(ChangeAction::Delete, alias).await;
    dns.put(RrType::A, "rates.example.com", "203.0.113.8").await;
    world.must(&["destroy", "--confirm", "demo/default"]);
    assert_eq!(dns.records().await, ["A rates.example.com"]);
    assert_eq!(sweep::everything(world).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn existing_validation_record_outlives_the_stack() {
    let dns = Dns::start("rates.example.com").await;
    let world = &dns.world;
    // Another certificate for the same name, for example in another region, has already created the record.
    let acm = aws_sdk_acm::Client::new(&world.sdk().await);
    let asked = acm.request_certificate().domain_name("rates.example.com").send().await.expect("it is taken");
    let arn = asked.certificate_arn().expect("it has one").to_owned();
    let record = until::some("its record is known", async || {
        let answer = acm.describe_certificate().certificate_arn(&arn).send().await.expect("it answers");
        let certificate = answer.certificate().expect("it is there").clone();
        certificate.domain_validation_options().first()?.resource_record().cloned()
    })
    .await;
    dns.put(RrType::Cname, record.name(), record.value()).await;
    world.up();
    world.must(&["destroy", "--confirm", "demo/default"]);
    assert_eq!(dns.records().await, [format!("CNAME {}", record.name().trim_end_matches('.'))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_certificate_is_explained_and_requested_again() {
    let dns = Dns::start("rates.example.com").await;
    let world = &dns.world;
    dns.put(RrType::Caa, "example.com", "0 issue \"letsencrypt.org\"").await;
    let failed = world.stackctl(&["up", "--yes"]);
    let said = text(&failed);
    assert_eq!(failed.status.code(), Some(1), "{said}");
    assert!(said.contains("CAA_ERROR") && said.contains("amazon.com"), "{said}");
    dns.put(RrType::Caa, "example.com", "0 issue \"amazon.com\"").await;
    assert_eq!(world.up(), "https://rates.example.com");
    assert_eq!(world.plan(), Vec::<String>::new());
    assert_eq!(dns.browse("rates.example.com").await, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn domain_without_exactly_one_zone_is_refused_first() {
    let dns = Dns::start("rates.example.org").await;
    let world = &dns.world;
    world.forget_calls().await;
    let none = text(&world.stackctl(&["up", "--yes"]));
    assert!(none.contains("no public hosted zone") && none.contains("rates.example.org"), "{none}");
    zone(&dns.route53, "example.org", false).await;
    let again = dns.route53.create_hosted_zone().name("example.org").caller_reference("again");
    again.send().await.expect("Route 53 takes it");
    let two = text(&world.stackctl(&["plan"]));
    assert!(two.contains("found 2 public hosted zones with the name example.org"), "{two}");
    let calls = world.calls().await;
    let by_stackctl = calls.iter().filter(|call| call["mutating"] == true && call["operation"] != "CreateHostedZone");
    assert_eq!(by_stackctl.count(), 0);
    // What is there can be destroyed all the same.
    world.must(&["destroy", "--confirm", "demo/default"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_certificate_is_used_and_outlives_the_stack() {
    let dns = Dns::start("rates.example.com").await;
    let world = &dns.world;
    let acm = aws_sdk_acm::Client::new(&world.sdk().await);
    let asked = acm.request_certificate().domain_name("rates.example.com").send().await.expect("it is taken");
    let arn = asked.certificate_arn().expect("it has one").to_owned();
    let described = || async {
        let answer = acm.describe_certificate().certificate_arn(&arn).send().await.expect("it answers");
        answer.certificate().expect("it is there").clone()
    };
    let record = until::some("its record is known", async || {
        described().await.domain_validation_options().first()?.resource_record().cloned()
    })
    .await;
    dns.put(RrType::Cname, record.name(), record.value()).await;
    until::so("it is issued", async || described().await.status().is_some_and(|status| status.as_str() == "ISSUED"))
        .await;
    let before = dns.records().await;
    world.edit("tls: acm", &format!("tls: \"{arn}\""));
    assert_eq!(world.up(), "https://rates.example.com");
    assert_eq!(world.plan(), Vec::<String>::new());
    assert_eq!(dns.browse("rates.example.com").await, 503);
    world.must(&["destroy", "--confirm", "demo/default"]);
    assert_eq!(dns.records().await, before);
    assert_eq!(described().await.status().map(aws_sdk_acm::types::CertificateStatus::as_str), Some("ISSUED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn delegation_hint_is_printed_once_before_waiting() {
    let dns = Dns::start("rates.example.com").await;
    let sets = dns.sets().await;
    let own = sets.iter().find(|set| *set.r#type() == RrType::Ns).expect("a zone has them").resource_records();
    let said = |args: &[&str]| {
        let said = text(&dns.world.stackctl(args));
        let all = own.iter().all(|server| said.contains(server.value().trim_end_matches('.')));
        (all && said.contains("dig NS example.com"), said)
    };
    let (told, plan) = said(&["plan"]);
    assert!(told, "{plan}");
    let (told, up) = said(&["up", "--yes"]);
    assert!(told && up.matches("dig NS").count() == 1, "{up}");
    let (told, again) = said(&["up", "--yes"]);
    assert!(!told && again.contains("No changes."), "{again}");
}
