//! Asserts that no secret appears in stackctl's output or in the arguments of its child processes, which anybody on
//! the computer can list. (psql gets its password through the environment, which others cannot see.) After each
//! invocation, the sandbox lists every value that was ever secret in it, and all output and arguments are searched
//! for them.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::TcpStream,
    process::Output,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use serde_json::Value;

/// A shorter value is not a password, and would be found in any text.
const SHORTEST: usize = 8;

/// How often to look at child processes.
const LOOK: Duration = Duration::from_millis(25);

/// Returns all values that were ever secret in the sandbox at `endpoint`, or nothing if no sandbox answers.
fn secrets(endpoint: &str) -> BTreeSet<String> {
    let Some(address) = endpoint.strip_prefix("http://") else { return BTreeSet::new() };
    let Ok(mut stream) = TcpStream::connect(address) else { return BTreeSet::new() };
    let asked = format!("GET /_sandbox/secrets HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    if stream.write_all(asked.as_bytes()).is_err() || stream.read_to_string(&mut answer).is_err() {
        return BTreeSet::new();
    }
    let body = answer.split_once("\r\n\r\n").map_or("[]", |(_, body)| body);
    let values: Vec<String> = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
    values.iter().flat_map(|value| parts(value)).filter(|value| value.len() >= SHORTEST).collect()
}

/// Returns a secret and, if it is a document, its secret fields.
fn parts(value: &str) -> Vec<String> {
    let mut parts = vec![value.to_owned()];
    if let Ok(Value::Object(fields)) = serde_json::from_str(value) {
        let said = ["username", "engine", "host", "port", "dbname"];
        let secret = fields.iter().filter(|(key, _)| !said.contains(&key.as_str()));
        parts.extend(secret.filter_map(|(_, value)| value.as_str()).map(str::to_owned));
    }
    parts
}

/// Asserts that `texts` contain no secret of the sandbox at `endpoint`, neither plain nor encoded for JSON or a URL.
pub fn check(endpoint: &str, texts: &[(&str, String)]) {
    for secret in secrets(endpoint) {
        let json = Value::from(secret.as_str()).to_string();
        let url = urlencoding::encode(&secret);
        for (place, text) in texts {
            let found = [secret.as_str(), json.trim_matches('"'), &*url].iter().any(|form| text.contains(form));
            assert!(!found, "a secret of {} characters is in {place}", secret.len());
        }
    }
}

/// Checks the output of an invocation.
pub fn check_output(endpoint: &str, output: &Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    check(endpoint, &[("standard output", text(&output.stdout)), ("standard error", text(&output.stderr))]);
}

/// Records the arguments of a process's children in the background.
pub struct Children {
    ended: Arc<AtomicBool>,
    watching: Option<JoinHandle<BTreeSet<String>>>,
}

impl Children {
    pub fn of(process: u32) -> Self {
        let ended = Arc::<AtomicBool>::default();
        let until = Arc::clone(&ended);
        let watching = std::thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !until.load(Ordering::Relaxed) {
                look(process, &mut seen);
                std::thread::sleep(LOOK);
            }
            seen
        });
        Self { ended, watching: Some(watching) }
    }

    /// Stops and returns all recorded arguments, one process per line.
    pub fn seen(mut self) -> String {
        self.ended.store(true, Ordering::Relaxed);
        let seen = self.watching.take().map(|watching| watching.join().expect("it only reads"));
        seen.into_iter().flatten().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

/// Records the arguments of the process and its children. Each thread may have started some.
fn look(process: u32, seen: &mut BTreeSet<String>) {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let children = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let children: Vec<String> =
        children.flat_map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>()).collect();
    let own = process.to_string();
    for one in children.iter().filter(|one| !one.is_empty()).chain([&own]) {
        if let Ok(text) = fs::read(format!("/proc/{one}/cmdline")) {
            seen.insert(String::from_utf8_lossy(&text).replace('\0', " "));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leaked_secret_in_output_or_arguments_is_found() {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    let world = crate::support::World::start();
    let secret = "n0body may \"say\" this";
    let secrets = aws_sdk_secretsmanager::Client::new(&world.sdk().await);
    secrets.create_secret().name("whose").secret_string(secret).send().await.expect("it is made");
    let is_found = |args: &[&str]| {
        catch_unwind(AssertUnwindSafe(|| tokio::task::block_in_place(|| drop(world.stackctl(args))))).is_err()
    };
    assert!(!is_found(&["validate"]), "there is none in this");
    assert!(is_found(&["validate", "--file", secret]), "it is in the message and among the arguments");
    for said in
        [secret.to_owned(), serde_json::json!({ "why": secret }).to_string(), urlencoding::encode(secret).into_owned()]
    {
        let found = catch_unwind(|| check(&world.endpoint, &[("a text", format!("before {said} after"))]));
        assert!(found.is_err(), "{said}");
    }
    let mut child = world.started(std::process::Command::new("sh").args(["-c", "sleep 1", secret]));
    assert!(child.try_wait().expect("it runs").is_none());
    let handed = catch_unwind(AssertUnwindSafe(|| child.wait_with_output()));
    assert!(handed.is_err(), "it is among the arguments of what runs");
}
