//! Edits of stack.yaml under traffic: requests that the edit does not concern are not affected at any moment.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tokio::task::JoinHandle;

use crate::{
    support::{World, text},
    tiny::Tiny,
    traffic::Traffic,
};

/// Requests one path again and again, and records every unexpected response.
struct Watch {
    stop: Arc<AtomicBool>,
    asking: JoinHandle<(usize, Vec<String>)>,
}

impl Watch {
    fn start(url: String, expected: (u16, &'static str)) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let asking = tokio::spawn(async move {
            let (client, mut asked, mut wrong) = (reqwest::Client::new(), 0, Vec::new());
            while !stopped.load(Ordering::Relaxed) {
                let answer = client.get(&url).send().await.expect("the load balancer answers");
                let got = (answer.status().as_u16(), answer.text().await.expect("it is text"));
                asked += 1;
                if (got.0, got.1.as_str()) != expected {
                    wrong.push(format!("{url}: {got:?}"));
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            (asked, wrong)
        });
        Self { stop, asking }
    }

    async fn end(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        let (asked, wrong) = self.asking.await.expect("it does not panic");
        assert!(asked > 20, "{asked} requests are few");
        wrong
    }
}

/// Adds a second service. Both answer `/env/WHO` with the name of the service.
fn two_services(world: &World) {
    world.edit(
        "    health: /status\n",
        "    health: /status\n    env: { WHO: web }\n    routes: [/*]\n    block: [/hidden]\n",
    );
    let api = "services:\n  api: { build: tiny, port: 3000, memory: 512, health: /status, stop_timeout: 2, env: { WHO: api }, routes: [/env/*] }\n";
    world.edit("services:\n", api);
}

/// Copies the source to `other`, where it says another word.
fn copy_that_says(world: &World, word: &str) {
    let project = world.project();
    let copied = std::process::Command::new("cp").args(["-r", "tiny/.", "other"]).current_dir(&project).status();
    assert!(copied.expect("cp runs").success());
    let main = project.join("other/src/main.rs");
    let source = std::fs::read_to_string(&main).expect("it is there").replace("\"one\"", &format!("{word:?}"));
    std::fs::write(main, source).expect("it can be written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_service_gets_its_path_once_it_is_healthy() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    let url = world.up();
    let path = format!("{url}/api");
    let served = Watch::start(path.clone(), (200, "one"));
    copy_that_says(world, "broken");
    let api = "services:\n  api: { build: other, port: 3000, memory: 512, health: /status, stop_timeout: 2, routes: [/api] }\n";
    world.edit("services:\n", api);
    world.edit("    release:", "    routes: [/*]\n    release:");
    let said = tokio::task::block_in_place(|| world.ends_with(1, &["up", "--yes"]));
    assert!(said.contains("service.api"), "{said}");
    assert_eq!(served.end().await, Vec::<String>::new(), "web keeps what api cannot serve");
    copy_that_says(world, "two");
    let moving = Watch::start(path.clone(), (200, "one"));
    tokio::task::block_in_place(|| world.must(&["deploy", "--yes"]));
    assert_eq!(world.get(&path).await, (200, "one".to_owned()), "a deployment moves no rule");
    let said = tokio::task::block_in_place(|| world.ends_with(0, &["up", "--yes"]));
    assert!(said.contains("listener_rule.route-api"), "{said}");
    assert_eq!(world.get(&path).await, (200, "two".to_owned()));
    let others = moving.end().await;
    assert!(others.iter().all(|other| other.contains("(200, \"two\")")), "{others:?}");
    assert_eq!(world.plan(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_edit_of_routes_misroutes_or_unblocks_a_request() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    two_services(world);
    let url = world.up();
    let watches = [
        Watch::start(format!("{url}/"), (200, "one")),
        Watch::start(format!("{url}/env/WHO"), (200, "api")),
        Watch::start(format!("{url}/hidden"), (404, "Not found")),
    ];
    world.set(json!({ "latency_ms": 50, "faults": { "throttled": 0.3, "seed": 24 } })).await;
    for (from, to) in [
        ("routes: [/env/*]", "routes: [/first, /env/*]"),
        ("block: [/hidden]", "block: [/aaa, /bbb, /ccc, /hidden]"),
        ("routes: [/first, /env/*]", "routes: [/env/*, /zzz]"),
        ("block: [/aaa, /bbb, /ccc, /hidden]", "block: [/hidden, /other]"),
    ] {
        world.edit(from, to);
        tokio::task::block_in_place(|| world.up());
    }
    world.set(json!({ "latency_ms": 0, "faults": null })).await;
    for watch in watches {
        assert_eq!(watch.end().await, Vec::<String>::new());
    }
    assert_eq!(world.plan(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn renaming_a_service_or_its_port_drops_no_request() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    let url = world.up();
    let traffic = Traffic::start(&format!("{url}/"));
    for (from, to) in [("  web:\n", "  site:\n"), ("port: 3000", "port: 8080")] {
        world.edit(from, to);
        let said = tokio::task::block_in_place(|| world.stackctl(&["up", "--yes"]));
        assert!(said.status.success(), "{}", text(&said));
        assert_eq!(traffic.failures(), Vec::<String>::new(), "{from} → {to}");
    }
    let report = traffic.stop().await;
    assert_eq!(report.failures, Vec::<String>::new(), "of {} requests", report.sent);
    assert_eq!(world.plan(), Vec::<String>::new());
    let said = world.ends_with(1, &["rollback", "site"]);
    assert!(said.contains("listens on port 3000") && said.contains("port: 3000"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_release_keeps_what_the_old_version_needs() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.edit("    health: /status\n", "    health: /status\n    secrets: { KEY: generate }\n");
    let url = world.up();
    // Another source that never becomes healthy, without the secret.
    copy_that_says(world, "broken");
    world.edit("build: tiny", "build: other");
    world.edit("    secrets: { KEY: generate }\n", "");
    let said = world.ends_with(5, &["up", "--yes"]);
    assert!(said.contains("rolled back"), "{said}");
    let left = world.settled();
    for kept in ["delete image.tiny", "delete repository.tiny", "delete secret.web/KEY", "narrow role.web-execution"] {
        assert!(left.iter().any(|step| step == kept), "{kept} is still to be done: {left:?}");
    }
    // ECS can start another task of the old version: the repository, the secret and the role still exist.
    let ecs = aws_sdk_ecs::Client::new(&world.sdk().await);
    let tasks = ecs.list_tasks().cluster("tiny-default-main").service_name("tiny-default-web").send();
    for task in tasks.await.expect("it answers").task_arns() {
        ecs.stop_task().cluster("tiny-default-main").task(task).send().await.expect("it is stopped");
    }
    crate::until::so("another task serves", async || world.get(&format!("{url}/")).await == (200, "one".to_owned()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stack_in_another_region_takes_no_roles() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.up();
    world.edit("region: eu-west-1", "region: eu-central-1");
    world.forget_calls().await;
    let said = world.ends_with(1, &["up", "--yes"]);
    assert!(said.contains("belongs to this stack in eu-west-1") && said.contains("`--env`"), "{said}");
    let said = world.ends_with(1, &["destroy", "--yes"]);
    assert!(said.contains("belongs to this stack in eu-west-1"), "{said}");
    assert_eq!(world.writes().await, Vec::<String>::new());
    world.edit("region: eu-central-1", "region: eu-west-1");
    assert_eq!(world.plan(), Vec::<String>::new());
}
