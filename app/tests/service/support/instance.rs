//! Runs the program as a task does, and provides its responses and its log.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

use super::until;

/// A running instance of the service, killed on drop.
pub struct Instance {
    process: Process,
    url: String,
    http: Client,
}

/// A running program with any command.
pub struct Process {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

/// The response to a request.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The media type.
    pub kind: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// Parses the body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.body))
    }

    /// Returns the text of the element with this ID on the page, as a number.
    pub fn number(&self, id: &str) -> u64 {
        let start = format!("id=\"{id}\">");
        let rest = self.body.split_once(&start).unwrap_or_else(|| panic!("no {id} on the page: {}", self.body)).1;
        let text = rest.split_once('<').expect("an element ends").0;
        text.parse().unwrap_or_else(|_| panic!("{id} is no number: {text}"))
    }

    /// Returns the detail of an error response, after a check of its format.
    pub fn problem(&self) -> String {
        let body = self.json();
        assert_eq!(self.kind, "application/problem+json");
        assert_eq!(body["status"], self.status);
        assert!(body["title"].is_string() && body["type"].is_string(), "{body}");
        body["detail"].as_str().unwrap_or_else(|| panic!("no detail: {body}")).to_owned()
    }
}

/// Starts the program with these arguments and only these environment variables.
pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
    command.args(arguments).env_clear().envs(environment.iter().copied());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it was just built");
    let output = child.stdout.take().expect("it is piped");
    let log = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&log);
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            lines.lock().expect("nobody panics with it").push(line);
        }
    });
    Process { child, log }
}

/// Runs the program to its end. Returns its exit code and its log.
pub async fn run(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut process = start(arguments, environment);
    let status = process.ended().await;
    (status.code(), process.log())
}

impl Process {
    /// Returns the log so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("nobody panics with it").join("\n")
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("process ids are small");
        kill(Pid::from_raw(id), signal).expect("it runs until now");
    }

    /// Returns whether the program is running.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("it is our child").is_none()
    }

    /// Waits until the program has ended and its log is completely read.
    pub async fn ended(&mut self) -> ExitStatus {
        let status = until("the program has ended", async || self.child.try_wait().expect("it is our child")).await;
        // The thread that reads the log holds the other reference until the pipe is closed.
        until("its log is read", async || (Arc::strong_count(&self.log) == 1).then_some(())).await;
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Instance {
    /// Starts an instance that listens, but may not be ready yet.
    pub async fn listening(environment: &[(&str, &str)]) -> Self {
        let mut all = vec![("HOST", "127.0.0.1"), ("PORT", "0"), ("DRAIN_GRACE", "0")];
        all.extend(environment);
        let mut process = start(&["serve"], &all);
        let url = until("the program listens", async || {
            assert!(process.runs(), "{}", process.log());
            let log = process.log();
            let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let listen = lines
                .filter(|line| line["message"] == "serving")
                .find_map(|line| line["listen"].as_str().map(str::to_owned));
            listen.map(|address| format!("http://{address}"))
        })
        .await;
        let http = Client::builder().no_proxy().build().expect("a plain client can be built");
        Self { process, url, http }
    }

    /// Starts an instance with an up-to-date database schema and waits until it is ready.
    pub async fn ready(environment: &[(&str, &str)]) -> Self {
        let (code, log) = run(&["migrate"], environment).await;
        assert_eq!(code, Some(0), "{log}");
        let instance = Self::listening(environment).await;
        until("the instance is ready", async || (instance.get("/status").await.status == 200).then_some(())).await;
        instance
    }

    /// Sends a GET request.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    /// Prepares a request for `send`.
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = method.parse().expect("it is a method");
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// Sends the request and reads the whole response.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.expect("the instance answers");
        let status = response.status().as_u16();
        let kind = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        Answer { status, kind, body: response.text().await.expect("the answer is whole") }
    }

    /// Returns the process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}
