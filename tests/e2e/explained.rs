//! Failed deployments are explained with the likely cause and a hint: the common failures and their texts.

use std::fs;

use crate::tiny::Tiny;

/// Faults to put into the program.
const KILLED: (&str, &str) =
    ("    for mut stream", "    unsafe { kill(std::process::id() as i32, 9) };\n    for mut stream");
const ENDED: (&str, &str) =
    ("    for mut stream", "    println!(\"no work for me\"); std::process::exit(0);\n    for mut stream");
const FAILED: (&str, &str) = ("    for mut stream", "    panic!(\"the colour is missing\");\n    for mut stream");
const REFUSED: (&str, &str) = (
    "    for mut stream",
    "    println!(\"FATAL: password authentication failed for user {:?}\", \"app\"); std::process::exit(1);\n    for mut stream",
);

impl Tiny {
    /// Deploys the changed program, expects a rollback, and returns the output.
    fn fails(&self, (from, to): (&str, &str)) -> String {
        let source = self.0.project().join("tiny/src/main.rs");
        let before = fs::read_to_string(&source).expect("it is there");
        assert!(before.contains(from), "the program has no {from:?}");
        let changed =
            before.replacen(from, to, 1) + "\nunsafe extern \"C\" { fn kill(process: i32, signal: i32) -> i32; }\n";
        fs::write(&source, changed).expect("it can be written");
        let said = self.ends_with(5, &["deploy"]);
        fs::write(&source, before).expect("it can be written");
        said
    }
}

/// Asserts that `said` contains all `words` in this order.
fn has(said: &str, words: &[&str]) {
    let mut rest = said;
    for word in words {
        let Some((_, after)) = rest.split_once(word) else { panic!("no {word:?} after the ones before in: {said}") };
        rest = after;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn crashing_program_is_explained_with_code_log_and_hint() {
    let tiny = Tiny::start();
    tiny.0.edit("replicas: 2", "replicas: 1\n    rollback_after: 1");
    tiny.0.up();
    let back = "service.web: rolled back: tiny-default-web:";
    has(
        &tiny.fails(KILLED),
        &[
            back,
            "task ",
            "container web ended with exit code 137 (killed: out of memory, or it did not stop within stop_timeout)",
            "\"says\":\"one\"",
            "likely cause: The program needs more memory than the task has",
            "next: Raise `memory` in stack.yaml",
        ],
    );
    has(
        &tiny.fails(ENDED),
        &[
            back,
            "Essential container in task exited; container web ended with exit code 0",
            "  | no work for me",
            "likely cause: The program exited with code 0, but a service must keep running.",
            "next: Run it in the foreground.",
        ],
    );
    has(
        &tiny.fails(FAILED),
        &[
            back,
            "container web ended with exit code 101",
            "the colour is missing",
            "likely cause: The program exited with code 101. See its last lines above.",
            "next: Fix the cause, then run `stackctl deploy` again.",
        ],
    );
    let refused = tiny.fails(REFUSED);
    has(
        &refused,
        &[
            back,
            "  | FATAL: password authentication failed for user \"app\"",
            "likely cause: The database rejects the password that the program sends.",
            "next: Connect with DATABASE_URL unchanged.",
        ],
    );
    assert!(!refused.contains("The program exited with"), "one cause is named: {refused}");
    has(
        &tiny.fails(("200 OK", "503 Busy")),
        &[
            back,
            "Task failed ELB health checks in (target-group ",
            "Health checks failed with these codes: [503]",
            "health check: GET /status on port 3000 must return 200. A task is replaced after 3 failures in a row, 5 s apart",
            "likely cause: GET /status returned 503: the program or one of its dependencies is not ready.",
            "next: See the log for the reason.",
        ],
    );
    // The release command of the new version fails, and nothing is rolled out.
    let before = tiny.0.project().join("tiny/src/main.rs");
    let program = fs::read_to_string(&before).expect("it is there");
    fs::write(&before, program.replace("return println!(\"prepared\")", "panic!(\"no such table\")"))
        .expect("it can be");
    has(
        &tiny.ends_with(1, &["deploy"]),
        &[
            "container web ended with exit code 101",
            "no such table",
            "likely cause: The program exited with code 101.",
            "next: ",
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn image_pull_failure_is_reported() {
    let tiny = Tiny::start();
    tiny.0.edit("build: tiny", "image: nowhere:1");
    tiny.0.edit("    release: [prepare]\n", "");
    tiny.0.edit("replicas: 2", "replicas: 1\n    rollback_after: 1");
    // The first rollout has no previous version to roll back to.
    has(
        &tiny.ends_with(1, &["up", "--yes"]),
        &[
            "service.web: the rollout failed: ",
            "CannotPullContainerError: ",
            "likely cause: The image does not exist under this name and tag",
            "next: Check `image` in stack.yaml",
        ],
    );
}
