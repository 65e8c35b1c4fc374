//! Sticky sessions, by a cookie of the load balancer.

use std::collections::BTreeSet;

use reqwest::{Response, header::SET_COOKIE};

use crate::{support::World, tiny::Tiny};

/// Returns the port of the task that answered, which identifies it in the sandbox, and the cookie.
async fn ask(world: &World, url: &str, cookie: Option<&str>) -> (String, Option<String>) {
    let call = world.client.get(format!("{url}/env/PORT"));
    let call = cookie.iter().fold(call, |call, cookie| call.header("cookie", *cookie));
    let answer: Response = call.send().await.expect("it answers");
    let cookies = answer.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookie = cookies.filter_map(|value| value.split(';').next()).find(|one| one.starts_with("AWSALB="));
    let cookie = cookie.map(str::to_owned);
    (answer.text().await.expect("it is text"), cookie)
}

async fn attributes(world: &World) -> Vec<String> {
    let elb = aws_sdk_elasticloadbalancingv2::Client::new(&world.sdk().await);
    let groups = elb.describe_target_groups().send().await.expect("it answers");
    let arn = groups.target_groups()[0].target_group_arn().expect("it has one");
    let answer = elb.describe_target_group_attributes().target_group_arn(arn).send().await.expect("it answers");
    let sticky = answer.attributes().iter().filter(|one| one.key().is_some_and(|key| key.starts_with("stickiness.")));
    let mut sticky: Vec<String> =
        sticky.map(|one| format!("{}={}", one.key().unwrap_or_default(), one.value().unwrap_or_default())).collect();
    sticky.sort();
    sticky
}

#[tokio::test(flavor = "multi_thread")]
async fn sticky_client_keeps_its_task_and_moves_when_it_ends() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.edit("stop_timeout: 2", "stop_timeout: 2\n    sticky: 1h");
    let url = world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    let on = ["stickiness.enabled=true", "stickiness.lb_cookie.duration_seconds=3600", "stickiness.type=lb_cookie"];
    assert_eq!(attributes(world).await, on);

    // Without the cookie, requests go to any task; with it, to the same one.
    let mut tasks = BTreeSet::new();
    for _ in 0..8 {
        tasks.insert(ask(world, &url, None).await.0);
    }
    assert_eq!(tasks.len(), 2);
    let (task, cookie) = ask(world, &url, None).await;
    let cookie = cookie.expect("it is set");
    for _ in 0..8 {
        assert_eq!(ask(world, &url, Some(&cookie)).await.0, task);
    }

    // After a release the task no longer exists, and the client sticks to another one.
    tiny.say("two");
    world.must(&["deploy"]);
    let (other, cookie) = ask(world, &url, Some(&cookie)).await;
    assert!(!tasks.contains(&other), "{other} is one of the tasks before");
    let cookie = cookie.expect("it is set anew");
    for _ in 0..8 {
        assert_eq!(ask(world, &url, Some(&cookie)).await.0, other);
    }

    // Without the key, requests go to any task again, and no task is replaced.
    world.edit("\n    sticky: 1h", "");
    assert_eq!(world.changes(), ["target_group.web sticky_seconds"]);
    world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    assert_eq!(attributes(world).await[0], "stickiness.enabled=false");
    assert_eq!(ask(world, &url, Some(&cookie)).await.1, None);
    world.must(&["destroy", "--confirm", "tiny/default"]);
}
