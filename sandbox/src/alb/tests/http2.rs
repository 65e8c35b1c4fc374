//! HTTP/2 from clients, translated to HTTP/1.1 for targets.

use std::sync::Mutex;

use reqwest::{Client, Version};

use super::*;

/// The requests that a target received.
type Asked = Arc<Mutex<Vec<String>>>;

async fn recording() -> (SocketAddr, Asked) {
    let asked = Asked::default();
    let seen = Arc::clone(&asked);
    let address = target(move |mut stream| {
        let seen = Arc::clone(&seen);
        async move {
            loop {
                let head = head(&mut stream).await;
                if head.is_empty() {
                    return;
                }
                seen.lock().expect("nobody panics while holding this").push(head);
                send(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nkeep-alive: timeout=5\r\n\r\nok").await;
            }
        }
    });
    (address.await, asked)
}

fn client() -> Client {
    Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).build().expect("a plain client can be built")
}

#[tokio::test]
async fn https_clients_speak_http2_and_targets_http1() {
    let (address, asked) = recording().await;
    let balanced = Balanced::with(address, Choice { https: true, ..Choice::default() }).await;
    let request = client().get(balanced.url("https", "/page?n=1")).header("cookie", "a=1").header("cookie", "b=2");
    let answer = request.send().await.expect("it answers");
    assert_eq!((answer.version(), answer.status().as_u16()), (Version::HTTP_2, 200));
    assert!(answer.headers().get("keep-alive").is_none(), "that is of the target's connection");
    assert_eq!(answer.text().await.expect("it comes to its end"), "ok");
    let asked = asked.lock().expect("nobody panics while holding this").concat();
    assert!(asked.starts_with("GET /page?n=1 HTTP/1.1\r\n"), "{asked}");
    for header in [&format!("host: {}", balanced.address), "cookie: a=1; b=2", "x-forwarded-proto: https"] {
        assert!(asked.contains(&format!("\r\n{header}\r\n")), "{header} in {asked}");
    }
}

#[tokio::test]
async fn one_connection_carries_many_requests_at_once() {
    // Each response waits until the last request has arrived.
    let all = Arc::new(tokio::sync::Barrier::new(64));
    let patient = target(move |mut stream| {
        let all = Arc::clone(&all);
        async move {
            head(&mut stream).await;
            all.wait().await;
            answer(&mut stream, "ok").await;
        }
    });
    let balanced = Balanced::with(patient.await, Choice { https: true, ..Choice::default() }).await;
    let client = client();
    let requests = (0..64).map(|_| client.get(balanced.url("https", "/")).send());
    for answer in soon(futures::future::join_all(requests)).await {
        assert_eq!(answer.expect("it answers").version(), Version::HTTP_2);
    }
}

#[tokio::test]
async fn http2_is_not_offered_when_switched_off() {
    let (address, _) = recording().await;
    let attributes = vec![("routing.http2.enabled", "false")];
    let balanced = Balanced::with(address, Choice { https: true, attributes }).await;
    let answer = client().get(balanced.url("https", "/")).send().await.expect("it answers");
    assert_eq!(answer.version(), Version::HTTP_11);
}

#[tokio::test]
async fn too_large_header_closes_the_http2_connection() {
    let (address, asked) = recording().await;
    let balanced = Balanced::with(address, Choice { https: true, ..Choice::default() }).await;
    let request = client().get(balanced.url("https", "/")).header("x-large", "x".repeat(20_000));
    assert!(soon(request.send()).await.is_err(), "there is no answer");
    assert_eq!(asked.lock().expect("nobody panics while holding this").len(), 0);
}
