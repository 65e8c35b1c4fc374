//! The history of releases, and rollbacks to an earlier one.

use serde_json::{Value, json};

use crate::{support::text, sweep, tiny::Tiny};

impl Tiny {
    /// Returns the response of the service, and the version that `status` shows.
    async fn serves(&self, url: &str) -> (String, String) {
        let version = self.0.status()["services"][0]["version"].as_str().unwrap_or_default().to_owned();
        (self.0.get(url).await.1, version)
    }

    pub fn releases(&self) -> Vec<Value> {
        let view: Value = serde_json::from_str(&self.0.must(&["releases", "--output", "json"])).expect("one document");
        view["releases"].as_array().expect("a list").clone()
    }

    /// Returns the number and the result of each release.
    fn results(&self) -> Vec<(u64, String)> {
        let result = |release: &Value| {
            let serves = if release["serves"] == true { ", serves" } else { "" };
            let result = release["result"].as_str().unwrap_or_default();
            (release["release"].as_u64().unwrap_or_default(), format!("{result}{serves}"))
        };
        self.releases().iter().map(result).collect()
    }
}

fn results(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
    expected.iter().map(|(number, result)| (*number, (*result).to_owned())).collect()
}

fn serving(word: &str, version: &str) -> (String, String) {
    (word.to_owned(), version.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn rolled_back_release_returns_only_by_a_deploy() {
    let tiny = Tiny::start();
    let before = tiny.ends_with(1, &["releases"]);
    assert!(before.contains("tiny/default has no services"), "{before}");
    let first = tiny.commit();
    let url = tiny.0.up();
    tiny.say("two");
    let second = tiny.commit();
    tiny.0.must(&["deploy"]);
    assert_eq!(tiny.serves(&url).await, serving("two", "1.0.0+2"));

    // `up` does not start a release again that ECS rolled back.
    tiny.say("broken");
    let broken = tiny.ends_with(5, &["deploy"]);
    assert!(broken.contains("rolled back"), "{broken}");
    assert_eq!(tiny.results(), results(&[(3, "rolled_back"), (2, "succeeded, serves"), (1, "succeeded")]));
    let commits: Vec<Value> = tiny.releases().iter().map(|release| release["commit"].clone()).collect();
    assert_eq!(commits, [format!("{second}-dirty"), second.clone(), first.clone()].map(Value::from));
    let newest = &tiny.releases()[0];
    assert!(newest["by"].as_str().is_some_and(|by| by.contains('@')), "{newest}");
    assert_eq!(newest["principal"], "arn:aws:sts::123456789012:user/moto");
    assert_eq!(tiny.0.plan(), [""; 0]);

    // `up` does not start a release again that was rolled back manually.
    let said = tiny.ends_with(0, &["rollback"]);
    assert!(said.contains("web now runs what was release 1"), "{said}");
    assert_eq!(tiny.serves(&url).await, serving("one", "1.0.0+1"));
    assert_eq!(tiny.results()[..2], results(&[(4, "succeeded, serves"), (3, "rolled_back")]));
    let back = &tiny.releases()[0];
    assert_eq!((&back["rollback_to"], &back["commit"]), (&Value::from(1), &Value::from(first)));
    assert_eq!(tiny.0.plan(), [""; 0]);
    assert!(text(&tiny.0.stackctl(&["up", "--yes"])).contains("No changes."));
    assert!(tiny.ends_with(1, &["rollback"]).contains("no earlier release of web that served"));

    // `deploy` does start it again, and the same source uses the existing image.
    tiny.say("two");
    tiny.commit();
    tiny.0.must(&["deploy"]);
    assert_eq!(tiny.serves(&url).await, serving("two", "1.0.0+2"));
    assert_eq!(tiny.0.plan(), [""; 0]);

    // Another size with the same image is a release from the same commit.
    tiny.0.edit("memory: 512", "memory: 1024");
    tiny.0.up();
    let newest = &tiny.releases()[0];
    assert_eq!((&newest["release"], &newest["version"]), (&Value::from(6), &Value::from("1.0.0+2")));
    let deployed = tiny.releases()[1]["commit"].clone();
    assert_eq!(newest["commit"], deployed);
    tiny.0.must(&["destroy", "--confirm", "tiny/default"]);
    assert_eq!(sweep::everything(&tiny.0).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rollback_to_an_unhealthy_release_is_rolled_back() {
    let tiny = Tiny::start();
    let url = tiny.0.up();
    assert_eq!(tiny.releases()[0]["commit"], Value::Null, "there is no commit yet");
    tiny.say("broken");
    tiny.ends_with(5, &["deploy"]);
    assert_eq!(tiny.0.plan(), [""; 0]);
    let said = tiny.ends_with(5, &["rollback", "--to", "2"]);
    assert!(said.contains("Release 2 never served") && said.contains("rolled back"), "{said}");
    assert_eq!(tiny.serves(&url).await, serving("one", "1.0.0+1"));
    let expected = [(3, "rolled_back"), (2, "rolled_back"), (1, "succeeded, serves")];
    assert_eq!(tiny.results(), results(&expected));
    assert!(tiny.ends_with(0, &["rollback", "--to", "1"]).contains("web already runs release 1"));
    assert!(tiny.ends_with(3, &["rollback", "--to", "9"]).contains("release 9 of web not found"));
    assert!(tiny.ends_with(3, &["rollback", "wbe"]).contains("services: web"));
    let table = tiny.0.must(&["releases", "web", "--limit", "2"]);
    let rows: Vec<&str> = table.lines().collect();
    assert!(rows.len() == 3 && rows[1].ends_with("rolled back by ECS (rollback to 2)"), "{table}");
}

impl Tiny {
    /// Runs a command until it has made `calls` mutating calls, and kills it. The last call may or may not get a
    /// response.
    async fn kill_after(&self, calls: usize, args: &[&str]) {
        self.0.set(json!({ "hold_after": calls, "answer_last": (calls / 2).is_multiple_of(2) })).await;
        let mut child = self.0.spawn(args);
        self.0.until_held(&mut child).await;
        // A command with fewer calls has already ended, which is fine.
        drop(child.kill());
        child.wait().expect("it is gone");
        self.0.set(json!({ "hold_after": null })).await;
        self.0.must(&["unlock", "--yes"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_deploy_or_rollback_is_completed_by_the_next_one() {
    let tiny = Tiny::start();
    let url = tiny.0.up();
    tiny.say("two");
    tiny.0.must(&["deploy"]);
    tiny.0.forget_calls().await;
    tiny.0.must(&["rollback", "--to", "1"]);
    let calls = tiny.0.calls().await.iter().filter(|call| call["mutating"] == true).count();
    assert!(calls >= 4, "a lock, a revision, a rollout, and the lock given back: {calls}");
    for point in 1..=calls {
        // Only one of the two is killed at each point, to keep the test at about a minute.
        if point.is_multiple_of(2) {
            tiny.kill_after(point, &["deploy"]).await;
        }
        tiny.0.must(&["deploy"]);
        assert_eq!(tiny.serves(&url).await, serving("two", "1.0.0+2"), "killed after {point}");
        if !point.is_multiple_of(2) {
            tiny.kill_after(point, &["rollback", "--to", "1"]).await;
        }
        tiny.0.must(&["rollback", "--to", "1"]);
        assert_eq!(tiny.serves(&url).await, serving("one", "1.0.0+1"), "killed after {point}");
        assert_eq!(tiny.0.plan(), [""; 0], "killed after {point}");
    }
    tiny.0.must(&["destroy", "--confirm", "tiny/default"]);
    assert_eq!(sweep::everything(&tiny.0).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ecs_rolls_back_after_the_configured_failures() {
    let tiny = Tiny::start();
    tiny.0.edit("replicas: 2", "replicas: 1\n    rollback_after: 1");
    let url = tiny.0.up();
    assert_eq!(tiny.0.plan(), [""; 0]);
    let failed = async || {
        let ecs = aws_sdk_ecs::Client::new(&tiny.0.sdk().await);
        let call = ecs.list_tasks().cluster("tiny-default-main").desired_status("STOPPED".into()).send();
        let stopped = call.await.expect("it answers").task_arns().to_vec();
        let call = ecs.describe_tasks().cluster("tiny-default-main").set_tasks(Some(stopped)).send().await;
        let tasks = call.expect("it answers").tasks().to_vec();
        let of_second = |task: &&aws_sdk_ecs::types::Task| {
            let is_second = task.task_definition_arn().is_some_and(|arn| arn.ends_with("tiny-default-web:2"));
            // A replacement task that stopped with the rollout has not failed.
            let scaled_in = task.stopped_reason().is_some_and(|why| why.starts_with("Scaling activity"));
            is_second && !scaled_in && task.group() == Some("service:tiny-default-web")
        };
        tasks.iter().filter(of_second).count()
    };
    tiny.say("broken");
    let said = tiny.ends_with(5, &["deploy"]);
    assert!(said.contains("rolled back"), "{said}");
    assert_eq!(failed().await, 1, "the first one was enough");
    assert_eq!(tiny.serves(&url).await, serving("one", "1.0.0+1"));

    // Without the line, ECS's default threshold applies again.
    tiny.0.edit("\n    rollback_after: 1", "");
    assert_eq!(tiny.0.changes(), ["service.web rollback_after"]);
    tiny.0.must(&["up", "--yes"]);
    assert_eq!(tiny.0.plan(), [""; 0]);
}
