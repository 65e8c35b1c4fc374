//! Failed runs of a job: retries, and a mail after the last one.

use serde_json::{Value, json};

use crate::{support::World, sweep::everything, tiny::Tiny, until};

const JOBS: &str = "    stop_timeout: 2
    routes: [\"/*\"]
jobs:
  broken: { build: tiny, command: [call, NOBODY], schedule: \"cron(0 3 * * ? *)\", retries: 2 }
  fine: { service: web, command: [prepare], schedule: \"cron(0 3 * * ? *)\", retries: 1 }
alarms: { email: ops@example.com }
";

/// A time scale at which a daily schedule runs about every 8 s.
const FAST: f64 = 1e-4;

/// Returns the runs of the job `name`, newest first.
fn runs(world: &World, name: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(&world.must(&["jobs", "--output", "json"])).expect("a document");
    let jobs = document["jobs"].as_array().expect("a list").clone();
    let job = jobs.into_iter().find(|job| job["name"] == name).expect("it is there");
    job["runs"].as_array().expect("a list").clone()
}

async fn mails(world: &World) -> Vec<Value> {
    let (_, mails) = world.get(&format!("{}/_sandbox/mails", world.endpoint)).await;
    serde_json::from_str(&mails).expect("a list")
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_run_is_retried_and_then_reported() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.edit("    stop_timeout: 2\n", JOBS);
    world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    let config = world.sdk().await;
    let (sns, events) = (aws_sdk_sns::Client::new(&config), aws_sdk_eventbridge::Client::new(&config));
    let topics = sns.list_topics().send().await.expect("it answers");
    let topic = topics.topics()[0].topic_arn().expect("it has one").to_owned();
    sns.confirm_subscription().topic_arn(&topic).token("ops@example.com").send().await.expect("it is confirmed");

    // A failed manual run shows its exit code.
    world.ends_with(101, &["jobs", "run", "broken"]);

    world.set(json!({ "schedule_scale": FAST })).await;
    until::some("both jobs have run on time", async || {
        let on_time = |name: &str, by_hand: usize| runs(world, name).len() > by_hand;
        (on_time("broken", 1) && on_time("fine", 0)).then_some(())
    })
    .await;
    world.set(json!({ "schedule_scale": 1.0 })).await;
    until::some("the last retry has ended, and somebody is told", async || {
        let runs = runs(world, "broken");
        let ended = runs.iter().all(|run| run["ended"].is_string());
        let of = |retry: u32| runs.iter().filter(|run| run["retry"] == retry).count();
        (ended && of(0) - 1 == of(2) && mails(world).await.len() == of(2)).then_some(())
    })
    .await;
    let broken = runs(world, "broken");
    let numbers: Vec<u64> = broken.iter().map(|run| run["retry"].as_u64().expect("a number")).collect();
    assert_eq!((numbers[0], numbers.iter().max()), (2, Some(&2)), "{broken:?}");
    assert!(broken.iter().all(|run| run["exit_code"] == 101), "{broken:?}");
    assert!(runs(world, "fine").iter().all(|run| run["retry"] == 0 && run["exit_code"] == 0));
    let mails = mails(world).await;
    assert_eq!(mails[0]["to"], "ops@example.com");
    let message = mails[0]["message"].as_str().expect("it is text");
    assert!(message.starts_with("A run of a job of tiny/default has failed: retry-2:broken, at 2"), "{message}");
    assert!(world.must(&["jobs"]).contains("exit code 101 (retry 2)"));

    // A plan shows drift, and `up` corrects it.
    let name = "tiny-default-fine-retry-1";
    events.disable_rule().name(name).send().await.expect("it is disabled");
    events.remove_targets().rule(name).ids("main").send().await.expect("it is removed");
    let changes = world.changes();
    assert!(changes.contains(&"event_rule.fine-retry-1 enabled".to_owned()), "{changes:?}");
    assert!(changes.contains(&"event_rule.fine-retry-1 task_definition".to_owned()), "{changes:?}");
    world.up();
    assert_eq!(world.settled(), Vec::<String>::new());

    // Retries use the new revision after a release or a rollback.
    tiny.say("two");
    let deployed = world.ends_with(0, &["deploy"]);
    assert!(
        deployed.contains("~ event_rule.fine-retry-1") && deployed.contains("~ event_rule.broken-retry-2"),
        "{deployed}"
    );
    let back = world.ends_with(0, &["rollback"]);
    assert!(back.contains("~ event_rule.fine-retry-1"), "{back}");

    world.edit(JOBS, "    stop_timeout: 2\n    routes: [\"/*\"]\n");
    world.up();
    let left = everything(world).await;
    assert!(left.iter().all(|one| !one.starts_with("event rule") && !one.contains("events")), "{left:?}");
    world.must(&["destroy", "--confirm", "tiny/default"]);
    assert_eq!(everything(world).await, Vec::<String>::new());
}
