//! Tasks that speak HTTP/2 or gRPC.

use reqwest::{Client, StatusCode, Version};

use crate::{sweep, tiny::Tiny};

/// A program that answers each request with `one` and, in HTTP/2, with gRPC's code 12 (unimplemented). It reads no
/// headers and therefore needs no header decompression.
const PROGRAM: &str = r#"use std::{io::{Read, Write}, net::{TcpListener, TcpStream}};

fn main() {
    if std::env::args().nth(1).as_deref() == Some("prepare") {
        return;
    }
    let listener = TcpListener::bind(format!("0.0.0.0:{}", std::env::var("PORT").unwrap())).unwrap();
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || serve(stream));
    }
}

fn frame(kind: u8, flags: u8, id: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &id, payload].concat()
}

fn serve(mut stream: TcpStream) -> Option<()> {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).ok()?;
    if !preface.starts_with(b"PRI ") {
        let _ = stream.read(&mut [0; 4096]);
        return stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\none").ok();
    }
    stream.write_all(&frame(4, 0, [0; 4], &[])).ok()?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).ok()?;
        let [a, b, c, kind, flags, id @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload).ok()?;
        let answer = match kind {
            4 if flags & 1 == 0 => frame(4, 1, id, &[]),
            6 if flags & 1 == 0 => frame(6, 1, id, &payload),
            0 | 1 if flags & 1 == 1 => {
                let headers = [&[0x88, 0x0f, 0x10, 16][..], b"application/grpc"].concat();
                let trailers = [&[0, 11][..], b"grpc-status", &[2], b"12"].concat();
                [frame(1, 4, id, &headers), frame(0, 0, id, b"one"), frame(1, 5, id, &trailers)].concat()
            }
            _ => Vec::new(),
        };
        stream.write_all(&answer).ok()?;
    }
}
"#;

async fn call(client: &Client, url: &str) -> (Version, StatusCode, String) {
    let call = client.post(format!("{url}/shop.Orders/List")).header("content-type", "application/grpc");
    let answer = call.header("te", "trailers").send().await.expect("it answers");
    (answer.version(), answer.status(), answer.text().await.expect("it is text"))
}

#[tokio::test(flavor = "multi_thread")]
async fn service_switches_to_grpc_and_http2() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.edit("replicas: 2", "replicas: 1");
    world.edit("tls: off", "tls: self-signed");
    std::fs::write(world.project().join("tiny/src/main.rs"), PROGRAM).expect("it can be written");
    let url = world.up();
    assert_eq!(call(&world.client, &url).await.1, 464, "tasks that speak HTTP/1.1 get no calls of gRPC");
    assert_eq!(world.get(&format!("{url}/")).await, (200, "one".to_owned()));

    world.edit("    health: /status\n", "    protocol: grpc\n");
    assert!(world.plan().contains(&"replace target_group.web".to_owned()), "{:?}", world.plan());
    world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    assert_eq!(call(&world.client, &url).await, (Version::HTTP_2, StatusCode::OK, "one".to_owned()));
    assert_eq!(world.get(&format!("{url}/")).await.0, 464, "a call is a POST");
    let old = Client::builder().tls_danger_accept_invalid_certs(true).http1_only().build().expect("a client");
    assert_eq!(call(&old, &url).await.1, 464, "clients have to speak HTTP/2");

    // The expected gRPC codes of the health check are updated in place.
    world.edit("    protocol: grpc\n", "    protocol: grpc\n    health: { codes: 0-12 }\n");
    assert_eq!(world.changes(), ["target_group.web health.matcher"]);
    world.up();
    assert_eq!(world.settled(), Vec::<String>::new());

    world.edit("    protocol: grpc\n    health: { codes: 0-12 }\n", "    protocol: http2\n");
    world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    assert_eq!(world.get(&format!("{url}/")).await, (200, "one".to_owned()));
    world.must(&["destroy", "--confirm", "tiny/default"]);
    assert_eq!(sweep::everything(world).await, Vec::<String>::new());
}
