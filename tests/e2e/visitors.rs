//! Visitors behind the load balancer: identified by their address, and counted by several tasks at once.

use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

use futures::future::join_all;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::{support::World, until};

/// The number of concurrent clients.
const CLIENTS: u64 = 50;

/// The contents of a page.
#[derive(Debug)]
pub struct Page {
    /// The visits of this visitor.
    pub visits: u64,
    /// The number of visitors.
    pub visitors: u64,
    /// The version that answered.
    pub version: String,
}

impl Page {
    fn read(html: &str) -> Self {
        let text = |id: &str| {
            let (_, rest) = html.split_once(&format!("id=\"{id}\">")).unwrap_or_else(|| panic!("no {id}: {html}"));
            rest.split('<').next().unwrap_or_default().to_owned()
        };
        let number = |id: &str| text(id).parse().expect("it is a number");
        Self { visits: number("visits"), visitors: number("visitors"), version: text("version") }
    }
}

/// A visitor with its own connections and source address. All of 127.0.0.0/8 is this computer.
pub struct Visitor(reqwest::Client);

impl Visitor {
    pub fn from(last: u8) -> Self {
        let client = reqwest::Client::builder()
            .local_address(Some(Ipv4Addr::new(127, 0, 0, last).into()))
            .tls_danger_accept_invalid_certs(true)
            .timeout(Duration::from_secs(30))
            .build();
        Self(client.expect("a client"))
    }

    /// Visits the page with these headers.
    pub async fn visit(&self, url: &str, headers: &[(&'static str, &'static str)]) -> Page {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let answer = self.0.get(format!("{url}/")).headers(headers).send().await.expect("it answers");
        assert_eq!(answer.status(), 200);
        Page::read(&answer.text().await.expect("it is text"))
    }
}

/// Returns the number of tasks that answered requests for the page, according to their logs.
async fn tasks_that_answered(world: &World) -> usize {
    let logs = aws_sdk_cloudwatchlogs::Client::new(&world.sdk().await);
    let found = logs.filter_log_events().log_group_name("/stackctl/demo/default/web").send().await;
    let mut events = found.expect("it answers").events.unwrap_or_default();
    events.retain(|event| event.message().is_some_and(|message| message.contains(r#""path":"/""#)));
    events.sort_by(|one, other| one.log_stream_name().cmp(&other.log_stream_name()));
    events.dedup_by(|one, other| one.log_stream_name() == other.log_stream_name());
    events.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_clients_at_once_on_three_tasks_lose_no_visit() {
    let world = World::start();
    world.edit("    replicas: 2\n", "    replicas: 3\n");
    let url = world.up();

    // All clients at once, for the first time and from one address: one visitor, and each visit has a unique number.
    let clients: Vec<Visitor> = (0..CLIENTS).map(|_| Visitor::from(2)).collect();
    let pages = join_all(clients.iter().map(|client| client.visit(&url, &[]))).await;
    let mut visits: Vec<u64> = pages.iter().map(|page| page.visits).collect();
    visits.sort_unstable();
    assert_eq!(visits, (1..=CLIENTS).collect::<Vec<_>>());
    assert!(pages.iter().all(|page| page.visitors == 1), "{pages:?}");

    // From ten addresses, five clients each: ten more visitors, each with five visits.
    let clients: Vec<(u8, Visitor)> =
        (0..50).map(|client| 10 + client % 10).map(|at| (at, Visitor::from(at))).collect();
    let pages = join_all(clients.iter().map(async |(at, client)| (*at, client.visit(&url, &[]).await))).await;
    let mut by_address: BTreeMap<u8, Vec<u64>> = BTreeMap::new();
    for (at, page) in &pages {
        by_address.entry(*at).or_default().push(page.visits);
    }
    for (at, visits) in &mut by_address {
        visits.sort_unstable();
        assert_eq!(*visits, [1, 2, 3, 4, 5], "127.0.0.{at}");
    }
    assert_eq!(by_address.len(), 10);

    // A client cannot claim another address in a header, neither a new nor a known one.
    let liar = Visitor::from(2);
    let lies: &[&[(&'static str, &'static str)]] = &[
        &[],
        &[("x-forwarded-for", "203.0.113.9")],
        &[("x-forwarded-for", "203.0.113.9, 198.51.100.7")],
        &[("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "198.51.100.7")],
        &[("x-forwarded-for", "127.0.0.10")],
        &[("x-forwarded-for", "2001:db8::9")],
        &[("x-forwarded-for", "203.0.113.9:4711")],
        &[("x-forwarded-for", "nobody")],
        &[("x-forwarded-for", ",")],
        &[("x-real-ip", "203.0.113.9"), ("true-client-ip", "203.0.113.9"), ("forwarded", "for=203.0.113.9")],
    ];
    for (lie, number) in lies.iter().zip(CLIENTS + 1..) {
        let page = liar.visit(&url, lie).await;
        assert_eq!((page.visits, page.visitors), (number, 11), "{lie:?}");
    }
    assert_eq!(Visitor::from(10).visit(&url, &[]).await.visits, 6, "nobody visits in another's name");

    until::so("all three tasks have answered some of them", async || tasks_that_answered(&world).await == 3).await;
}
