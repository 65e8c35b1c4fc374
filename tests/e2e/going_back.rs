//! Rolling back a rollout in progress: by another person, or by the person who interrupted it.

use std::io::Write;

use serde_json::json;

use crate::{
    lines::Lines,
    support::text,
    sweep,
    tiny::{Gate, Tiny},
    until,
};

impl Tiny {
    /// Starts the release of a version that says `word`. Its tasks do not serve until the gate opens, and ECS waits
    /// for them.
    async fn release_slowly(&self, word: &str) -> Gate {
        self.0.set(json!({ "rollout_scale": 3.0 })).await;
        self.say_behind_a_gate(word)
    }

    /// Waits until this release is being rolled out.
    async fn until_rolling(&self, release: u64) {
        until::so(&format!("release {release} is being rolled out"), async || {
            let newest = self.releases().swap_remove(0);
            newest["release"] == release && newest["result"] == "in_progress"
        })
        .await;
    }

    /// Lets the new tasks serve.
    async fn open(&self, gate: Gate) {
        drop(gate);
        self.0.set(json!({ "rollout_scale": 0.1 })).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rollout_in_progress_can_be_rolled_back() {
    let tiny = Tiny::start();
    let url = tiny.0.up();

    // The rollout of another run, which holds the lock and waits.
    let gate = tiny.release_slowly("two").await;
    let deploy = tiny.0.spawn(&["deploy"]);
    tiny.until_rolling(2).await;
    let stackctl = env!("CARGO_BIN_EXE_stackctl");
    let (_, mut rollback) = Lines::at_a_terminal(&tiny.0, &format!("exec {stackctl} rollback"));
    rollback.until("ECS is stopping the rollout of release 2 of web");
    tiny.open(gate).await;
    let (code, said) = rollback.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("web runs release 1 again; release 2 was abandoned"), "{said}");
    let deployed = deploy.wait_with_output().expect("it ends");
    let said = text(&deployed);
    assert_eq!(deployed.status.code(), Some(5), "what was stopped by hand is no success: {said}");
    assert!(said.contains("tiny-default-web:2 failed, and tiny-default-web:1 is running again"), "{said}");
    assert_eq!(tiny.0.get(&url).await.1, "one");
    let results: Vec<_> = tiny.releases().iter().map(|release| release["result"].clone()).collect();
    assert_eq!(results, ["rolled_back", "succeeded"]);
    assert_eq!(tiny.0.plan(), [""; 0]);

    // The user's own rollout, with an answer to the question.
    let gate = tiny.release_slowly("three").await;
    let (mut keys, mut person) = Lines::at_a_terminal(&tiny.0, &format!("exec {stackctl} deploy"));
    tiny.until_rolling(3).await;
    keys.write_all(b"\x03").expect("it reads");
    person.until("ECS continues to roll out release 3 of web");
    person.asked("Type \"yes\": ");
    keys.write_all(b"yes\r").expect("it reads");
    person.until("ECS is stopping the rollout of release 3 of web");
    tiny.open(gate).await;
    person.until("web runs release 1 again; release 3 was abandoned");
    let (code, said) = person.end();
    assert_eq!(code, Some(130), "the deployment was interrupted: {said}");
    assert_eq!(tiny.0.get(&url).await.1, "one");

    // Without a terminal, the rollout continues, and stackctl prints how to roll back.
    let gate = tiny.release_slowly("four").await;
    let deploy = Lines::of(tiny.0.spawn(&["deploy"]));
    tiny.until_rolling(4).await;
    deploy.interrupt();
    let (code, said) = deploy.end();
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("`stackctl rollback web` rolls it back"), "{said}");
    tiny.open(gate).await;
    tiny.0.must(&["deploy"]);
    assert_eq!(tiny.0.get(&url).await.1, "four");
    tiny.0.must(&["destroy", "--confirm", "tiny/default"]);
    assert_eq!(sweep::everything(&tiny.0).await, [""; 0]);
}
