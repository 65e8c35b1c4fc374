//! A WebSocket, from the upgrade to the end.

use std::sync::Arc;

use futures::{SinkExt, StreamExt};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{sync::oneshot, time::Instant};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{WebSocketStream, accept_async, client_async, tungstenite::Message};

use super::*;

const UPGRADE: &str = "GET /cable HTTP/1.1\r\nhost: example.com\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Starts a target that sends each message back.
async fn echo() -> SocketAddr {
    target(async |stream| {
        let Ok(mut socket) = accept_async(stream).await else { return };
        while let Some(Ok(message)) = socket.next().await {
            if message.is_close() || socket.send(message).await.is_err() {
                return;
            }
        }
    })
    .await
}

async fn open(balanced: &Balanced) -> WebSocketStream<TcpStream> {
    let stream = balanced.connect().await;
    client_async(format!("ws://{}/cable", balanced.address), stream).await.expect("it is upgraded").0
}

/// Sends a word and expects it back.
async fn echoes<S>(socket: &mut WebSocketStream<S>, word: &str)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    socket.send(Message::text(word)).await.expect("it is open");
    let back = soon(socket.next()).await.expect("it is open").expect("it is a message");
    assert_eq!(back, Message::text(word));
}

#[tokio::test]
async fn websocket_carries_messages_both_ways() {
    let balanced = Balanced::to(echo().await).await;
    let mut socket = open(&balanced).await;
    for word in ["one", "two", &"long ".repeat(100_000)] {
        echoes(&mut socket, word).await;
    }
}

#[tokio::test]
async fn websocket_runs_over_https_too() {
    let balanced = Balanced::with(echo().await, Choice { https: true, ..Choice::default() }).await;
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(balanced.authority.certificate().as_bytes()).expect("it is PEM");
    roots.add(root).expect("it is an authority");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = config.expect("there are versions").with_root_certificates(roots).with_no_client_auth();
    // Like a browser, which uses HTTP/2 with the same load balancer otherwise.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::IpAddress(balanced.address.ip().into());
    let stream = TlsConnector::from(Arc::new(config)).connect(name, balanced.connect().await).await;
    let request = format!("wss://{}/cable", balanced.address);
    let (mut socket, _) = client_async(request, stream.expect("it is trusted")).await.expect("it is upgraded");
    echoes(&mut socket, "over TLS").await;
}

#[tokio::test]
async fn refused_upgrade_is_an_ordinary_response() {
    let refusing = target(async |mut stream| {
        let asked = head(&mut stream).await.to_lowercase();
        assert!(asked.contains("connection: upgrade\r\n") && asked.contains("upgrade: websocket\r\n"), "{asked}");
        send(&mut stream, "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
    });
    let balanced = Balanced::to(refusing.await).await;
    assert_eq!(status(&balanced, UPGRADE).await, "HTTP/1.1 403 Forbidden");
}

#[tokio::test]
async fn upgrades_to_other_protocols_are_not_forwarded() {
    let plain = target(async |mut stream| {
        let asked = head(&mut stream).await.to_lowercase();
        assert!(!asked.contains("upgrade"), "{asked}");
        answer(&mut stream, "plain").await;
    });
    let balanced = Balanced::to(plain.await).await;
    assert_eq!(status(&balanced, &UPGRADE.replace("websocket", "h2c")).await, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn quiet_websocket_is_closed_after_the_idle_timeout() {
    let balanced = Balanced::impatient(echo().await).await;
    let mut socket = open(&balanced).await;
    let began = Instant::now();
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        echoes(&mut socket, "still here").await;
    }
    assert!(matches!(soon(socket.next()).await, None | Some(Err(_))));
    assert!(began.elapsed() > Duration::from_millis(2500), "a second after the last word: {:?}", began.elapsed());
}

#[tokio::test]
async fn open_websocket_is_closed_at_the_end_of_the_drain() {
    let balanced = Balanced::to(echo().await).await;
    let mut socket = open(&balanced).await;
    echoes(&mut socket, "before").await;
    let (began, delay) = (Instant::now(), Duration::from_millis(600));
    let drained = async {
        balanced.deregister(delay).await;
        began.elapsed()
    };
    let closed = async {
        while began.elapsed() < delay * 2 / 3 {
            echoes(&mut socket, "during the drain").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(matches!(soon(socket.next()).await, None | Some(Err(_))));
        began.elapsed()
    };
    let (drained, closed) = tokio::join!(drained, closed);
    assert!(drained >= delay && closed >= delay, "{drained:?} {closed:?}");
}

#[tokio::test]
async fn closed_websocket_ends_the_drain_at_once() {
    let balanced = Balanced::to(echo().await).await;
    let mut socket = open(&balanced).await;
    echoes(&mut socket, "before").await;
    let (began, closing) = (Instant::now(), socket.close(None));
    let ((), closed) = tokio::join!(balanced.deregister(PATIENCE), closing);
    closed.expect("it is open until then");
    assert!(began.elapsed() < PATIENCE / 2);
}

#[tokio::test]
async fn request_that_outlasts_the_drain_is_a_502() {
    let (begun, has_begun) = oneshot::channel();
    let begun = Arc::new(std::sync::Mutex::new(Some(begun)));
    let silent = target(move |mut stream| {
        let begun = Arc::clone(&begun);
        async move {
            head(&mut stream).await;
            let begun = begun.lock().expect("nobody panics while holding this").take();
            begun.expect("it is asked once").send(()).expect("the test waits");
            std::future::pending::<()>().await;
        }
    });
    let balanced = Balanced::to(silent.await).await;
    let asked = status(&balanced, GET);
    let drained = async {
        has_begun.await.expect("the target is asked");
        balanced.deregister(Duration::from_millis(200)).await;
    };
    assert_eq!(tokio::join!(asked, drained).0, "HTTP/1.1 502 Bad Gateway");
}
