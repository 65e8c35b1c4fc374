//! Tests that several instances count visitors at the same time.

use futures::future::join_all;

use crate::support::{Answer, Instance, Postgres};

/// Sends a visit through a load balancer that received it from `address`. The client sent `forged` in the header.
async fn visit(instance: &Instance, forged: &str, address: &str) -> Answer {
    let header = if forged.is_empty() { address.to_owned() } else { format!("{forged}, {address}") };
    instance.send(instance.request("GET", "/").header("x-forwarded-for", header)).await
}

#[tokio::test]
async fn fifty_concurrent_first_visits_count_as_one_visitor() {
    let postgres = Postgres::start().await;
    let url = postgres.url();
    let environment = [("DATABASE_URL", url.as_str())];
    let (one, two, three) =
        (Instance::ready(&environment).await, Instance::ready(&environment).await, Instance::ready(&environment).await);
    let instances = [&one, &two, &three];
    let pages = join_all((0..50).map(|index| visit(instances[index % 3], "", "203.0.113.7"))).await;
    let mut visits: Vec<u64> = pages.iter().map(|page| page.number("visits")).collect();
    visits.sort_unstable();
    assert_eq!(visits, (1..=50).collect::<Vec<_>>(), "each visit got a number of its own");
    assert!(pages.iter().all(|page| page.number("visitors") == 1));

    let other = visit(&two, "", "203.0.113.8").await;
    assert_eq!((other.number("visits"), other.number("visitors")), (1, 2));
}

#[tokio::test]
async fn forged_address_does_not_count_as_another_visitor() {
    let postgres = Postgres::start().await;
    let url = postgres.url();
    let behind = Instance::ready(&[("DATABASE_URL", &url)]).await;
    for index in 1..=5 {
        let page = visit(&behind, &format!("198.51.100.{index}"), "203.0.113.7").await;
        assert_eq!((page.number("visits"), page.number("visitors")), (index, 1));
    }
    // This instance does not trust the load balancer: only the address of the peer counts.
    let open = Instance::ready(&[("DATABASE_URL", &url), ("TRUSTED_PROXIES", "192.0.2.0/24")]).await;
    for index in 1..=5 {
        let page = visit(&open, "", &format!("198.51.100.{index}")).await;
        assert_eq!((page.number("visits"), page.number("visitors")), (index, 2));
    }
}

#[tokio::test]
async fn json_request_gets_a_greeting_and_is_not_counted() {
    let postgres = Postgres::start().await;
    let url = postgres.url();
    let environment = [("DATABASE_URL", &*url), ("USER_NAME", "Grace <3"), ("USER_URL", "https://grace.example.com")];
    let instance = Instance::ready(&environment).await;
    let greeting = instance.send(instance.request("GET", "/").header("accept", "application/json")).await;
    assert_eq!((greeting.status, greeting.json()), (200, serde_json::json!({ "message": "Hello world!" })));
    let page = instance.get("/").await;
    assert_eq!((page.number("visits"), page.number("visitors")), (1, 1));
    assert!(page.body.contains("Grace &#60;3"), "{}", page.body);
    assert!(page.body.contains("https://grace.example.com"), "{}", page.body);
}
