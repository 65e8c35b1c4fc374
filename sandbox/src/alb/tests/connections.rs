//! Connections to targets are pooled, reused, and closed by either end.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Starts a target that answers `kept` requests per connection, and closes a connection without notice after it was
/// idle for `idle`. Also returns its number of connections.
async fn counting(kept: usize, idle: Duration) -> (SocketAddr, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let address = target(move |mut stream| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            for _ in 0..kept {
                if head(&mut stream).await.is_empty() {
                    return;
                }
                answer(&mut stream, "").await;
            }
            tokio::time::sleep(idle).await;
        }
    });
    (address.await, connections)
}

#[tokio::test]
async fn connection_to_a_target_is_reused() {
    let (address, connections) = counting(usize::MAX, Duration::ZERO).await;
    let balanced = Balanced::to(address).await;
    for _ in 0..5 {
        assert_eq!(status(&balanced, GET).await, "HTTP/1.1 200 OK");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1, "clients have connections of their own, and share this one");
}

#[tokio::test]
async fn idle_connection_to_a_target_is_closed_in_time() {
    let (address, connections) = counting(usize::MAX, Duration::ZERO).await;
    let balanced = Balanced::impatient(address).await;
    for _ in 0..2 {
        assert_eq!(status(&balanced, GET).await, "HTTP/1.1 200 OK");
        tokio::time::sleep(Duration::from_millis(1200)).await;
    }
    assert_eq!(connections.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn request_to_a_closing_target_is_a_502() {
    // The target has decided to close the idle connection while the next request is on its way.
    let closing = target(async |mut stream| {
        head(&mut stream).await;
        answer(&mut stream, "").await;
        drop(stream.read_u8().await);
    });
    let balanced = Balanced::to(closing.await).await;
    for _ in 0..3 {
        assert_eq!(status(&balanced, GET).await, "HTTP/1.1 200 OK", "on a connection of its own");
        assert_eq!(status(&balanced, GET).await, "HTTP/1.1 502 Bad Gateway", "on the one that was kept");
    }
}

#[tokio::test]
async fn connection_closed_by_a_target_is_not_reused() {
    let (address, connections) = counting(1, Duration::ZERO).await;
    let balanced = Balanced::to(address).await;
    for _ in 0..5 {
        assert_eq!(status(&balanced, GET).await, "HTTP/1.1 200 OK");
        // Long enough for the load balancer to notice.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(connections.load(Ordering::Relaxed), 5);
}

#[tokio::test]
async fn dropped_request_is_not_sent_again() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let dropping = target(move |mut stream| {
        let nth = counted.fetch_add(1, Ordering::Relaxed);
        async move {
            head(&mut stream).await;
            if nth > 0 {
                answer(&mut stream, "").await;
            }
        }
    });
    let balanced = Balanced::to(dropping.await).await;
    assert_eq!(status(&balanced, GET).await, "HTTP/1.1 502 Bad Gateway");
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn idle_client_connection_closes_with_its_listener() {
    let (address, _) = counting(usize::MAX, Duration::ZERO).await;
    let balanced = Balanced::to(address).await;
    let mut client = balanced.connect().await;
    send(&mut client, GET).await;
    assert!(soon(head(&mut client)).await.starts_with("HTTP/1.1 200 OK"));
    drop(balanced);
    assert_eq!(soon(head(&mut client)).await, "", "nobody answers for a listener that was deleted");
}
