//! Tests with a load balancer, one target group, real clients and real targets: the ALB behaviour that frameworks
//! rely on.

mod bodies;
mod connections;
mod health;
mod http2;
mod limits;
mod websockets;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{
    balancing::Balancing,
    listener::Listening,
    snapshot::{Certificate, Snapshot},
    targets::{State, Target},
};
use crate::authority::Authority;

/// A minimal request.
const GET: &str = "GET / HTTP/1.1\r\nhost: example.com\r\n\r\n";

/// The timeout of every step.
const PATIENCE: Duration = Duration::from_secs(20);

/// A load balancer with one listener and one target.
struct Balanced {
    balancing: Arc<Balancing>,
    target: Target,
    address: SocketAddr,
    authority: Authority,
    _open: Listening,
}

/// The options of a load balancer under test.
#[derive(Default)]
struct Choice {
    https: bool,
    attributes: Vec<(&'static str, &'static str)>,
}

impl Balanced {
    /// Starts a load balancer that forwards to `target`.
    async fn to(target: SocketAddr) -> Self {
        Self::with(target, Choice::default()).await
    }

    /// Starts a load balancer with an idle timeout of one second.
    async fn impatient(target: SocketAddr) -> Self {
        Self::with(target, Choice { attributes: vec![("idle_timeout.timeout_seconds", "1")], ..Choice::default() })
            .await
    }

    async fn with(target: SocketAddr, choice: Choice) -> Self {
        // A port that is free now. On a random address, nobody else takes it.
        let [.., a, b] = rand::random::<[u8; 2]>();
        let free = TcpListener::bind((format!("127.1.{a}.{b}"), 0)).await.expect("loopback has addresses");
        let address = free.local_addr().expect("it is bound");
        drop(free);
        let authority = Authority::new("public").expect("it is made");
        let issued = authority.issue(&address.ip().to_string()).expect("it is issued");
        let attributes: serde_json::Map<String, serde_json::Value> =
            choice.attributes.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        let forward = json!({ "priority": null, "conditions": [], "actions": [{ "Type": "forward", "TargetGroupArn": "group" }] });
        let listener = json!({
            "arn": "listener", "port": address.port(), "protocol": if choice.https { "HTTPS" } else { "HTTP" },
            "certificate": { "certificate": issued.certificate, "key": issued.key }, "rules": [forward],
        });
        let snapshot = json!({
            "load_balancers": [{ "arn": "balancer", "address": address.ip().to_string(), "listeners": [listener], "attributes": attributes }],
            "target_groups": [],
        });
        let snapshot: Snapshot = serde_json::from_value(snapshot).expect("it is one");
        let snapshot = snapshot.completed(|_, _| None::<Certificate>);
        let balancing = Arc::new(Balancing::default());
        balancing.take_over(Arc::new(snapshot.clone()));
        let target = Target { ip: target.ip().to_string(), port: target.port() };
        balancing.targets.add("group", &target);
        balancing.targets.set("group", &target, State::Healthy);
        let balancer = &snapshot.load_balancers[0];
        let open = Listening::open(&balancing, &balancer.address, &balancer.listeners[0], balancer.speaks_http2())
            .expect("it opens");
        Self { balancing, target, address, authority, _open: open }
    }

    fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}{path}", self.address)
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("it takes connections")
    }

    /// Deregisters the target with this deregistration delay.
    async fn deregister(&self, delay: Duration) {
        self.balancing.targets.drain("group", &self.target, delay).await;
    }
}

/// Starts a target that runs `serve` for each connection.
async fn target<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

/// Reads a header block up to its empty line. It is empty at the end of the connection.
async fn head(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => read.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(read).expect("a header is text")
}

async fn send(stream: &mut (impl AsyncWriteExt + Unpin), text: &str) {
    stream.write_all(text.as_bytes()).await.expect("the other end reads");
}

/// Answers one request with 200 and this body.
async fn answer(stream: &mut TcpStream, body: &str) {
    send(stream, &format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
}

/// Awaits a result, within the timeout.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it comes to its end")
}

/// Sends a request on a new connection and returns the status line of the response.
async fn status(balanced: &Balanced, request: &str) -> String {
    let mut client = balanced.connect().await;
    send(&mut client, request).await;
    soon(head(&mut client)).await.lines().next().unwrap_or_default().to_owned()
}
