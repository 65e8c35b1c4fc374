//! Connections to targets: kept, used again, and closed by one end or the other.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A target that answers as many requests on a connection as `kept` says, and closes it without a word once it has been
/// idle for so long; and how many connections it has had.
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
async fn connection_to_a_target_is_used_again() {
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
async fn target_that_closes_idle_connections_is_a_502_at_times() {
    let (address, _) = counting(1, Duration::from_millis(4)).await;
    let balanced = Balanced::to(address).await;
    let mut said = Vec::new();
    while !said.contains(&"HTTP/1.1 502 Bad Gateway".to_owned()) {
        assert!(said.len() < 2000, "it never came to a 502");
        said.push(status(&balanced, GET).await);
        // Now and then, the next request comes just when the connection is closed, or just after.
        tokio::time::sleep(Duration::from_micros(rand::random_range(3000..7000))).await;
    }
    assert!(said[..said.len() - 1].iter().all(|status| status == "HTTP/1.1 200 OK"), "{said:?}");
    // What was closed a while ago is not used: the load balancer knows.
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(status(&balanced, GET).await, "HTTP/1.1 200 OK");
    }
}

#[tokio::test]
async fn request_that_a_target_drops_is_sent_once() {
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
