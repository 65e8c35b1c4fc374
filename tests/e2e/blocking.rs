//! `block`: a blocked path is blocked in every spelling that an attacker might try.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::World;

/// The status of a response, and whether the load balancer generated it.
#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    of_balancer: bool,
}

/// Requests exactly this path, which client libraries would normalize.
async fn get(address: &str, path: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers in text");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let of_balancer = answer.to_ascii_lowercase().contains("\r\nserver: awselb/2.0");
    Answer { status: status.unwrap_or_else(|| panic!("{path}: {answer}")), of_balancer }
}

/// Returns spellings of the path of an endpoint called `name`.
fn spellings(name: &str) -> Vec<String> {
    let encoded = |upper: bool| -> String {
        name.bytes().map(|byte| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") }).collect()
    };
    let (first, rest) = name.split_at(1);
    let mut all = vec![
        format!("/{name}"),
        format!("/{}", name.to_uppercase()),
        format!("/{}{rest}", first.to_uppercase()),
        format!("/{name}/"),
        format!("/{name}//"),
        format!("//{name}"),
        format!("///{name}/"),
        format!("/./{name}"),
        format!("/../{name}"),
        format!("/people/../{name}"),
        format!("/people/..//{name}"),
        format!("/%2e/{name}"),
        format!("/x/%2E%2e/{name}"),
        format!("/{name}/."),
        format!("/{name}/x/.."),
        format!("/{name};"),
        format!("/{name};jsessionid=1"),
        format!("/{name}?x=1"),
        format!("/{name}/?x=1"),
        format!("/{}", encoded(true)),
        format!("/{}", encoded(false)),
        format!("//{}/", encoded(false)),
        format!("/{}", name.replace('-', "%2d")),
        format!("/{}", name.replace('-', "%2D").to_uppercase()),
        format!("/%2f{name}"),
        format!("/{name}%2F"),
        format!("/{name}%20"),
        format!("/{name}%00"),
        format!("/{name}%0a"),
    ];
    // Each letter encoded on its own.
    all.extend((0..name.len()).map(|at| format!("/{}%{:02x}{}", &name[..at], name.as_bytes()[at], &name[at + 1..])));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn blocked_paths_are_blocked_in_every_spelling_and_no_others() {
    let world = World::start();
    world.edit("tls: self-signed ", "tls: off ");
    let url = world.up();
    let balancer = format!("{}:80", url.trim_start_matches("http://"));
    let blocked = Answer { status: 404, of_balancer: true };
    for name in ["prepare-for-deploy", "ready-for-deploy"] {
        for path in spellings(name) {
            assert_eq!(get(&balancer, &path).await, blocked, "{path}");
        }
    }
    for path in [
        "/",
        "/version",
        "/status",
        "/prepare-for-deployment",
        "/docs/ready-for-deploy",
        "/palindrom/%61nn%61",
        "/a//b",
    ] {
        assert!(!get(&balancer, path).await.of_balancer, "{path} is the application's to answer");
    }

    // The second line of defence: without the load balancer, the application accepts one spelling only, and nothing
    // was prepared yet.
    let elb = aws_sdk_elasticloadbalancingv2::Client::new(&world.sdk().await);
    let groups = elb.describe_target_groups().send().await.expect("it answers");
    let group = groups.target_groups()[0].target_group_arn().expect("it has one");
    let health = elb.describe_target_health().target_group_arn(group).send().await.expect("it answers");
    let target = health.target_health_descriptions()[0].target().expect("there is one");
    let task = format!("{}:{}", target.id().expect("it has one"), target.port().expect("it has one"));
    for path in spellings("prepare-for-deploy").iter().filter(|path| !path.starts_with("/prepare-for-deploy?")).skip(1)
    {
        assert_eq!(get(&task, path).await.status, 404, "{path}");
    }
    assert_eq!(get(&task, "/status").await.status, 200, "none of them did anything");
    assert_eq!(get(&task, "/prepare-for-deploy").await.status, 200, "there is something to block");
}
