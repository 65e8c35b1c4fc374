//! Bodies are streamed, not buffered.

use std::sync::Mutex;

use tokio::sync::mpsc;

use super::*;

/// More than the buffers of two connections together.
const LARGE: usize = 64 * 1024 * 1024;

#[tokio::test]
async fn server_sent_events_arrive_as_they_are_sent() {
    let (next, events) = mpsc::channel::<&str>(1);
    let events = Arc::new(Mutex::new(Some(events)));
    let streaming = target(move |mut stream| {
        let events = Arc::clone(&events);
        async move {
            head(&mut stream).await;
            let kind = "content-type: text/event-stream\r\ntransfer-encoding: chunked";
            send(&mut stream, &format!("HTTP/1.1 200 OK\r\n{kind}\r\n\r\n")).await;
            let mut events = events.lock().expect("nobody panics while holding this").take().expect("one client asks");
            while let Some(event) = events.recv().await {
                send(&mut stream, &format!("{:x}\r\n{event}\r\n", event.len())).await;
            }
            send(&mut stream, "0\r\n\r\n").await;
        }
    });
    let balanced = Balanced::to(streaming.await).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a plain client can be built");
    let mut answer = soon(client.get(balanced.url("http", "/")).send()).await.expect("it answers");
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    for event in ["data: one\n\n", "data: two\n\n"] {
        next.send(event).await.expect("the target waits for it");
        assert_eq!(soon(answer.chunk()).await.expect("it goes on").expect("it is not the end"), event);
    }
    drop(next);
    assert_eq!(soon(answer.chunk()).await.expect("it ends well"), None);
}

#[tokio::test]
async fn expect_100_continue_is_answered_by_the_load_balancer() {
    let taking = target(async |mut stream| {
        let asked = head(&mut stream).await.to_lowercase();
        assert!(!asked.contains("expect"), "{asked}");
        let mut body = [0; 4];
        stream.read_exact(&mut body).await.expect("it comes");
        answer(&mut stream, std::str::from_utf8(&body).expect("it is text")).await;
    });
    let balanced = Balanced::to(taking.await).await;
    let mut client = balanced.connect().await;
    let expecting = "POST / HTTP/1.1\r\nhost: example.com\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n";
    send(&mut client, expecting).await;
    assert_eq!(soon(head(&mut client)).await, "HTTP/1.1 100 Continue\r\n\r\n");
    send(&mut client, "word").await;
    assert!(soon(head(&mut client)).await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn large_upload_is_streamed_and_not_buffered() {
    let (go_on, may_go_on) = tokio::sync::watch::channel(false);
    let slow = target(move |mut stream| {
        let mut may_go_on = may_go_on.clone();
        async move {
            head(&mut stream).await;
            stream.read_u8().await.expect("the first byte comes before the last is sent");
            may_go_on.wait_for(|go_on| *go_on).await.expect("the test says when");
            let mut rest = (&mut stream).take(LARGE as u64 - 1);
            tokio::io::copy(&mut rest, &mut tokio::io::sink()).await.expect("it comes");
            answer(&mut stream, "all of it").await;
        }
    });
    let balanced = Balanced::to(slow.await).await;
    let mut client = balanced.connect().await;
    send(&mut client, &format!("PUT / HTTP/1.1\r\nhost: example.com\r\ncontent-length: {LARGE}\r\n\r\n")).await;
    let part = vec![0; 1024 * 1024];
    let mut sent = 0;
    // The target does not read, so everything that can be written is in buffers.
    while let Ok(written) = tokio::time::timeout(Duration::from_millis(300), client.write(&part)).await {
        sent += written.expect("it is open");
        assert!(sent < LARGE / 2, "it holds {sent} bytes");
    }
    go_on.send_replace(true);
    while sent < LARGE {
        let left = part.len().min(LARGE - sent);
        sent += soon(client.write(&part[..left])).await.expect("it is open");
    }
    assert!(soon(head(&mut client)).await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn slow_upload_outlives_the_idle_timeout() {
    let taking = target(async |mut stream| {
        head(&mut stream).await;
        stream.read_exact(&mut [0; 6]).await.expect("it comes");
        answer(&mut stream, "all of it").await;
    });
    let balanced = Balanced::impatient(taking.await).await;
    let mut client = balanced.connect().await;
    send(&mut client, "PUT / HTTP/1.1\r\nhost: example.com\r\ncontent-length: 6\r\n\r\n").await;
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        send(&mut client, "x").await;
    }
    assert!(soon(head(&mut client)).await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn silent_client_gets_408_and_silent_target_gives_504() {
    let silent = target(async |mut stream| {
        head(&mut stream).await;
        std::future::pending::<()>().await;
    });
    let balanced = Balanced::impatient(silent.await).await;
    assert_eq!(status(&balanced, GET).await, "HTTP/1.1 504 Gateway Timeout");
    let unfinished = "PUT / HTTP/1.1\r\nhost: example.com\r\ncontent-length: 6\r\n\r\nxx";
    assert_eq!(status(&balanced, unfinished).await, "HTTP/1.1 408 Request Timeout");
}
