//! Health checks: status codes, ports and thresholds.

use serde_json::json;

use super::*;
use crate::alb::{
    health::{Failure, Row, ask},
    snapshot::TargetGroup,
};

/// Returns a target group with this health check port and these status codes.
fn group(port: &str, matcher: &str) -> TargetGroup {
    let group = json!({
        "arn": "group", "path": "/live", "health_port": port, "interval": 5, "timeout": 1, "healthy": 2, "unhealthy": 3,
        "matcher": matcher, "attributes": {},
    });
    serde_json::from_value(group).expect("it is one")
}

/// Starts a program that answers every request for `/live` with this status.
async fn program(status: &'static str) -> SocketAddr {
    target(move |mut stream| async move {
        let asked = head(&mut stream).await;
        let status = if asked.starts_with("GET /live ") { status } else { "418 Teapot" };
        send(&mut stream, &format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")).await;
    })
    .await
}

fn at(address: SocketAddr) -> Target {
    Target { ip: address.ip().to_string(), port: address.port() }
}

fn says(answer: Result<(), Failure>) -> String {
    answer.map_or_else(|(reason, description)| format!("{reason}: {description}"), |()| "passed".to_owned())
}

#[tokio::test]
async fn check_passes_with_the_codes_of_its_group() {
    let table = [
        ("200 OK", "200", "passed"),
        ("204 No Content", "200", "Target.ResponseCodeMismatch: Health checks failed with these codes: [204]"),
        ("204 No Content", "200-299", "passed"),
        ("301 Moved", "200,301", "passed"),
        ("302 Found", "200-299,301", "Target.ResponseCodeMismatch: Health checks failed with these codes: [302]"),
    ];
    for (status, matcher, expected) in table {
        let target = at(program(status).await);
        assert_eq!(says(ask(&group("traffic-port", matcher), &target).await), expected, "{status} {matcher}");
    }
}

#[tokio::test]
async fn check_uses_the_port_of_its_group() {
    let (requests, checks) = (program("500 Broken").await, program("200 OK").await);
    let other = checks.port().to_string();
    assert_eq!(says(ask(&group(&other, "200"), &at(requests)).await), "passed");
    assert!(ask(&group("traffic-port", "200"), &at(requests)).await.is_err());
}

#[tokio::test]
async fn check_without_a_response_gives_a_reason() {
    let silent = target(|stream| async move {
        let _open = stream;
        std::future::pending::<()>().await;
    });
    let answer = ask(&group("traffic-port", "200"), &at(silent.await)).await;
    assert_eq!(says(answer), "Target.Timeout: Request timed out");
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let nobody = at(closed.local_addr().expect("it is bound"));
    drop(closed);
    let answer = ask(&group("traffic-port", "200"), &nobody).await;
    assert_eq!(says(answer), "Target.FailedHealthChecks: Health checks failed");
}

#[test]
fn state_changes_at_the_thresholds_of_the_group() {
    let group = group("traffic-port", "200");
    let bad = || Err(("Target.Timeout", String::new()));
    let unhealthy = || Some(State::Unhealthy("Target.Timeout", String::new()));
    let mut row = Row::default();
    assert_eq!(row.after(bad(), true, &group), None);
    assert_eq!(row.after(Ok(()), true, &group), Some(State::Healthy), "a new one needs one");
    let states: Vec<Option<State>> = (0..3).map(|_| row.after(bad(), false, &group)).collect();
    assert_eq!(states, [None, None, unhealthy()]);
    assert_eq!(row.after(Ok(()), false, &group), None);
    assert_eq!(row.after(Ok(()), false, &group), Some(State::Healthy));
}
