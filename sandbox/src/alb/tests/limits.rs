//! Headers at and above AWS's limits.

use super::*;

/// Returns a request with a URL of this length and headers of these lengths.
fn request(url: usize, headers: &[usize]) -> String {
    let headers: String =
        headers.iter().enumerate().map(|(n, size)| format!("x-{n:04}: {}\r\n", "x".repeat(size - 10))).collect();
    format!("GET /{} HTTP/1.1\r\nhost: example.com\r\n{headers}\r\n", "x".repeat(url - 1))
}

#[tokio::test]
async fn headers_past_the_limits_are_refused() {
    let taking = target(async |mut stream| {
        head(&mut stream).await;
        answer(&mut stream, "ok").await;
    });
    let balanced = Balanced::to(taking.await).await;
    let kib = 1024;
    for (url, headers, expected) in [
        (15 * kib, vec![], "200 OK"),
        (17 * kib, vec![], "414 URI Too Long"),
        (16 * kib, vec![], "400 Bad Request"),
        (1, vec![16 * kib], "200 OK"),
        (1, vec![16 * kib + 1], "400 Bad Request"),
        (1, vec![15 * kib; 4], "200 OK"),
        (1, vec![15 * kib; 5], "400 Bad Request"),
        (1, vec![100; 600], "200 OK"),
        (1, vec![100; 700], "400 Bad Request"),
    ] {
        let said = status(&balanced, &request(url, &headers)).await;
        assert_eq!(said, format!("HTTP/1.1 {expected}"), "URL {url}, {} headers", headers.len());
    }
}

#[tokio::test]
async fn too_large_header_of_a_target_is_a_502() {
    let boasting = target(async |mut stream| {
        head(&mut stream).await;
        let header = format!("x-large: {}\r\n", "x".repeat(15 * 1024));
        send(&mut stream, &format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{}\r\n", header.repeat(3))).await;
    });
    let balanced = Balanced::to(boasting.await).await;
    assert_eq!(status(&balanced, &request(1, &[])).await, "HTTP/1.1 502 Bad Gateway");
}
