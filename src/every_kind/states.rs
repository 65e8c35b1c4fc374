//! Compares the phases of each kind with the final states of AWS's waiters.
//! <https://docs.aws.amazon.com/boto3/latest/guide/clients.html#waiters>

use std::{path::Path, process::Command};

use serde::Deserialize;
use serde_json::json;

use super::{Faults, Subject};
use crate::{kinds, model::Phase};

/// States that a kind never sees, because lists leave out deleted resources.
const GONE: &[&str] = &["deleted", "terminated"];

/// Kinds that keep waiting in a state that AWS's waiter treats as a failure.
const GOES_ON: &[(&str, &str)] = &[
    // stackctl stops an instance and starts it again to change its type.
    ("instance", "stopping"),
];

/// The final states of a waiter.
#[derive(Deserialize)]
struct Waiter {
    kind: String,
    /// The location of the state in a resource of the kind.
    pointer: String,
    success: Vec<String>,
    failure: Vec<String>,
}

/// Returns the waiters of botocore.
fn waiters() -> Vec<Waiter> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = Command::new(repository.join("scripts/python")).output().expect("it is a script");
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    let python = String::from_utf8(python.stdout).expect("it is a path");
    let said = Command::new(python.trim()).arg(repository.join("tests/codes/states.py")).output().expect("it runs");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    serde_json::from_slice(&said.stdout).expect("it is a list of waiters")
}

#[tokio::test(start_paused = true)]
async fn phases_agree_with_the_waiters_of_aws() {
    let mut faults = Faults::default();
    let (kinds, subjects) = (kinds::registry(), Subject::all());
    let waiters = waiters();
    assert!(!waiters.is_empty(), "botocore has waiters");
    for waiter in waiters {
        let subject = subjects.iter().find(|subject| subject.name == waiter.kind).expect("it is the name of a kind");
        let kind = kinds.iter().find(|kind| kind.name() == waiter.kind).expect("it is the name of a kind");
        let live = subject.live().await.unwrap_or_else(|error| panic!("{}: {error}", waiter.kind));
        let phase = |state: &str| {
            let mut live = live.clone();
            *live.pointer_mut(&waiter.pointer).expect("the kind keeps its state there") = json!(state);
            kind.phase(&live, None).expect("it is the kind's own")
        };
        let mut expect = |state: &str, is_right: fn(&Phase) -> bool| {
            let found = phase(state);
            let tried = if is_right(&found) { Ok(()) } else { Err(format!("the kind makes {found:?} of it")) };
            faults.note(|| format!("{} in state {state}", waiter.kind), tried);
        };
        for state in &waiter.success {
            expect(state, |phase| *phase == Phase::Ready);
        }
        for state in waiter.failure.iter().filter(|state| !GONE.contains(&state.as_str())) {
            if GOES_ON.contains(&(waiter.kind.as_str(), state.as_str())) {
                expect(state, |phase| matches!(phase, Phase::Pending(_)));
            } else {
                expect(state, |phase| matches!(phase, Phase::Failed(_) | Phase::Deleting(_)));
            }
        }
        // A state that AWS may add later is waited for and is not a failure.
        expect("a-state-of-tomorrow", |phase| matches!(phase, Phase::Pending(_)));
    }
}
