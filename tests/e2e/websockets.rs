//! A WebSocket that stays open during a release of its service.

use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::{Client, types::TargetHealthStateEnum};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::{support::text, tiny::Tiny, until};

/// The place in the program for the WebSocket code.
const BEFORE: &str = "\n        let path = ";

/// The program's WebSocket: it sends back what it receives. Masks and frames are omitted, because nothing reads them.
const ECHO: &str = r#"
        if request.to_lowercase().contains("upgrade: websocket") {
            std::thread::spawn(move || {
                let granted = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
                let _ = stream.write_all(granted.as_bytes());
                let mut said = [0; 64];
                while let Ok(length @ 1..) = stream.read(&mut said) {
                    let _ = stream.write_all(&said[..length]);
                }
            });
            continue;
        }
        let path = "#;

/// The deregistration delay in the sandbox, where a rollout takes a tenth of AWS's time.
const DELAY: Duration = Duration::from_secs(4);

/// The timeout of steps that should take no time.
const SOON: Duration = Duration::from_secs(20);

async fn open(url: &str) -> TcpStream {
    let host = url.trim_start_matches("http://");
    let mut socket = TcpStream::connect((host, 80)).await.expect("the load balancer listens");
    let asked = format!("GET /cable HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    socket.write_all(asked.as_bytes()).await.expect("it reads");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(SOON, socket.read_u8()).await.expect("it answers").expect("it is open"));
    }
    let head = String::from_utf8(head).expect("it is text");
    assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{head}");
    socket
}

/// Returns whether a message comes back, which fails once the connection is closed.
async fn echoes(socket: &mut TcpStream) -> bool {
    let mut back = [0; 4];
    socket.write_all(b"word").await.is_ok()
        && timeout(SOON, socket.read_exact(&mut back)).await.expect("it answers or closes").is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn open_websocket_outlives_a_release_until_the_drain_ends() {
    let tiny = Tiny::start();
    tiny.0.edit("stop_timeout: 2", "stop_timeout: 40");
    tiny.0.edit("replicas: 2", "replicas: 1");
    tiny.say_with("one", BEFORE, ECHO);
    let url = tiny.0.up();
    let elb = Client::new(&tiny.0.sdk().await);
    let groups = elb.describe_target_groups().send().await.expect("it answers");
    let group = groups.target_groups()[0].target_group_arn().expect("it has one");
    let mut socket = open(&url).await;
    assert!(echoes(&mut socket).await);

    tiny.say_with("two", BEFORE, ECHO);
    let deploy = tiny.0.spawn(&["deploy"]);
    let draining = async || {
        let health = elb.describe_target_health().target_group_arn(group).send().await.expect("it answers");
        let mut states = health.target_health_descriptions().iter().filter_map(|one| one.target_health()?.state());
        states.any(|state| *state == TargetHealthStateEnum::Draining)
    };
    until::so("the old task drains", draining).await;
    let began = Instant::now();
    while echoes(&mut socket).await {
        assert!(began.elapsed() < SOON, "nobody closes it");
        sleep(Duration::from_millis(50)).await;
    }
    let took = began.elapsed();
    // The test notices the start of the drain a little late.
    assert!(took > DELAY * 3 / 4, "it was closed {took:?} after the drain had begun");

    let deployed = tokio::task::block_in_place(|| deploy.wait_with_output().expect("it ends"));
    assert!(deployed.status.success(), "{}", text(&deployed));
    assert_eq!(tiny.0.get(&format!("{url}/")).await, (200, "two".to_owned()));
    assert!(echoes(&mut open(&url).await).await, "the new one takes WebSockets too");
}
