//! A sandbox for one test: the real program in a temporary folder. Tests talk to it over real sockets, like an SDK.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The timeout of every step. It includes the first start, which installs moto.
const PATIENCE: Duration = Duration::from_mins(4);

/// A running sandbox. Dropping it stops it.
pub struct Sandbox {
    child: Child,
    dir: TempDir,
    endpoint: String,
    http: Client,
    key: &'static str,
    wrong_on_purpose: bool,
}

/// A call in any protocol.
pub struct Raw {
    /// The service in the scope of the signature.
    pub service: &'static str,
    /// The method.
    pub method: Method,
    /// The path with its parameters.
    pub path: String,
    /// The headers of its protocol.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The body.
    pub body: Vec<u8>,
}

/// The response to a call.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, JSON or XML.
    pub body: String,
}

impl Sandbox {
    /// Starts a sandbox with short durations.
    pub async fn start() -> Self {
        Self::start_with(&["--provision-scale", "0.005"]).await
    }

    /// Starts a sandbox that records its requests in `folder`, apart from those of the test run.
    pub async fn start_recording(folder: &Path) -> Self {
        let folder = folder.to_str().expect("a temporary folder's name is plain");
        let record = [
            ("STACKCTL_SANDBOX_REQUESTS", folder),
            ("NEXTEST_BINARY_ID", "a test"),
            ("NEXTEST_TEST_NAME", "of the record"),
        ];
        Self::start_in(&["--provision-scale", "0.005"], &record).await
    }

    /// Starts a sandbox with these options.
    pub async fn start_with(options: &[&str]) -> Self {
        Self::start_in(options, &[]).await
    }

    /// Starts a sandbox whose moto is a separate process, even if a warm moto exists. If `kept` is given, it is the
    /// cache folder.
    pub async fn start_with_own_moto(kept: Option<&Path>) -> Self {
        let kept = kept.map(|kept| ("XDG_CACHE_HOME", kept.to_str().expect("a temporary folder's name is plain")));
        let environment: Vec<(&str, &str)> = kept.into_iter().chain([("STACKCTL_SANDBOX_MOTO", "")]).collect();
        Self::start_in(&["--provision-scale", "0.005"], &environment).await
    }

    /// Starts a sandbox whose moto forks from the warm one at `socket`.
    pub async fn start_with_warm_moto(socket: &str) -> Self {
        Self::start_in(&["--provision-scale", "0.005"], &[("STACKCTL_SANDBOX_MOTO", socket)]).await
    }

    async fn start_in(options: &[&str], environment: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("there is room for a temporary folder");
        // The unprivileged user of the databases must be able to enter the folder.
        Command::new("chmod").arg("755").arg(dir.path()).status().expect("chmod is there");
        let child = serve(dir.path(), options, environment);
        let http = Client::builder().no_proxy().build().expect("a plain client can be built");
        let mut sandbox = Self { child, dir, endpoint: String::new(), http, key: "sandbox", wrong_on_purpose: false };
        let about = sandbox.dir.path().join("sandbox.json");
        let text = until("the sandbox is ready", async || std::fs::read_to_string(&about).ok()).await;
        let about: Value = serde_json::from_str(&text).expect("what it writes is JSON");
        about["endpoint"].as_str().expect("it says where it is").clone_into(&mut sandbox.endpoint);
        sandbox
    }

    /// Sets the access key for further calls.
    pub fn use_key(&mut self, key: &'static str) {
        self.key = key;
    }

    /// Marks further calls as invalid on purpose, so that they are not checked against AWS's models.
    pub fn ask_wrong_on_purpose(&mut self) {
        self.wrong_on_purpose = true;
    }

    /// Returns its folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Returns its port.
    pub fn port(&self) -> &str {
        self.endpoint.rsplit(':').next().expect("an endpoint ends in its port")
    }

    /// Makes a call in the Query protocol.
    pub async fn query(&self, service: &str, action: &str, params: &[(&str, &str)]) -> Answer {
        let version = match service {
            "ec2" => "2016-11-15",
            "rds" => "2014-10-31",
            "elasticache" => "2015-02-02",
            "iam" => "2010-05-08",
            "sns" => "2010-03-31",
            "sts" => "2011-06-15",
            _ => "2015-12-01",
        };
        let all = [("Action", action), ("Version", version)].into_iter().chain(params.iter().copied());
        let form: Vec<String> =
            all.map(|(key, value)| format!("{}={}", urlencoding::encode(key), urlencoding::encode(value))).collect();
        let request = self.http.post(&self.endpoint).header("content-type", "application/x-www-form-urlencoded");
        answered(self.signed(request, service).body(form.join("&"))).await
    }

    /// Makes a call in the JSON protocol.
    pub async fn json(&self, service: &str, target: &str, body: Value) -> Answer {
        let request = self.http.post(&self.endpoint).header("content-type", "application/x-amz-json-1.1");
        answered(self.signed(request.header("x-amz-target", target), service).body(body.to_string())).await
    }

    /// Makes a call in any protocol.
    pub async fn raw(&self, raw: Raw) -> Answer {
        let mut request = self.http.request(raw.method, format!("{}{}", self.endpoint, raw.path));
        for (name, value) in raw.headers {
            request = request.header(name, value);
        }
        let answer = self.signed(request, raw.service).body(raw.body).send().await;
        let answer = answer.expect("the sandbox answers");
        let status = answer.status().as_u16();
        let body = answer.bytes().await.expect("the answer comes to its end");
        Answer { status, body: String::from_utf8_lossy(&body).into_owned() }
    }

    /// Sends a request to the control endpoint and returns its response.
    pub async fn control(&self, method: Method, path: &str, body: Value) -> Value {
        let request = self.http.request(method, format!("{}/_sandbox/{path}", self.endpoint));
        answered(request.body(body.to_string())).await.value()
    }

    /// Sends an unsigned request.
    pub async fn unsigned(&self) -> Answer {
        answered(self.http.post(&self.endpoint).body("Action=DescribeVpcs")).await
    }

    /// Sends it a signal and waits until it ends.
    pub async fn stop(&mut self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("process ids are small");
        kill(Pid::from_raw(id), signal).expect("it runs until now");
        until("the sandbox has ended", async || self.child.try_wait().expect("it is our child")).await;
    }

    /// Returns the processes of this sandbox.
    pub fn processes(&self) -> Vec<String> {
        processes_of(self.dir())
    }

    fn signed(&self, request: RequestBuilder, service: &str) -> RequestBuilder {
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential={}/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0",
            self.key
        );
        let request = request.header("authorization", scope);
        if self.wrong_on_purpose { request.header("x-sandbox-wrong-on-purpose", "yes") } else { request }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Ok(id) = i32::try_from(self.child.id()) {
            // The test may have stopped it already.
            let _gone_already = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
        drop(self.child.wait());
    }
}

impl Answer {
    /// Returns the text of the first element with this name.
    pub fn element(&self, name: &str) -> Option<String> {
        self.elements(name).into_iter().next()
    }

    /// Returns the texts of all elements with this name.
    pub fn elements(&self, name: &str) -> Vec<String> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let parts = self.body.split(&open).skip(1);
        parts.filter_map(|part| part.split_once(&close)).map(|(text, _)| text.to_owned()).collect()
    }

    /// Returns the text of the element with this name, which must exist.
    pub fn id(&self, name: &str) -> String {
        self.element(name).unwrap_or_else(|| panic!("there is no {name} in {}", self.body))
    }

    /// Returns the body as JSON.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("this is no JSON: {}", self.body))
    }

    /// Returns the error code, in either protocol; empty for a success.
    pub fn code(&self) -> String {
        if self.status < 400 {
            return String::new();
        }
        let json = serde_json::from_str::<Value>(&self.body).ok();
        let code = json.and_then(|body| Some(body["__type"].as_str()?.rsplit('#').next()?.to_owned()));
        code.or_else(|| self.element("Code")).unwrap_or_else(|| panic!("an error without a code: {}", self.body))
    }

    /// Asserts that the call succeeded.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(self.status < 400, "{}: {}", self.status, self.body);
        self
    }
}

/// Starts the program. Its log is in the folder.
pub fn serve(dir: &Path, options: &[&str], environment: &[(&str, &str)]) -> Child {
    let log = std::fs::File::create(dir.join("sandbox.log")).expect("the folder can be written to");
    Command::new(env!("CARGO_BIN_EXE_stackctl-sandbox"))
        .args(["serve", "--dir"])
        .arg(dir)
        .args(options)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("an open file can be opened twice"))
        .stderr(log)
        .spawn()
        .expect("the program was just built")
}

/// Waits until `look` returns something.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "it never came to this: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Returns the processes that name `dir` in their arguments.
pub fn processes_of(dir: &Path) -> Vec<String> {
    let dir = dir.to_str().expect("a temporary folder's name is plain");
    let ids = std::fs::read_dir("/proc").expect("/proc is there").flatten();
    let lines = ids.filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok());
    lines.map(|line| line.replace('\0', " ")).filter(|line| line.contains(dir)).collect()
}

/// Creates a VPC with two subnets in two zones, and returns their ids.
pub async fn network(sandbox: &Sandbox) -> (String, Vec<String>) {
    let vpc = sandbox.query("ec2", "CreateVpc", &[("CidrBlock", "10.0.0.0/16")]).await.ok().id("vpcId");
    let mut subnets = Vec::new();
    for (range, zone) in [("10.0.0.0/24", "eu-west-1a"), ("10.0.1.0/24", "eu-west-1b")] {
        let params = [("VpcId", vpc.as_str()), ("CidrBlock", range), ("AvailabilityZone", zone)];
        subnets.push(sandbox.query("ec2", "CreateSubnet", &params).await.ok().id("subnetId"));
    }
    (vpc, subnets)
}

/// Returns an empty call or document.
pub fn nothing() -> Value {
    json!({})
}

async fn answered(request: RequestBuilder) -> Answer {
    let answer = request.send().await.expect("the sandbox answers");
    let status = answer.status().as_u16();
    Answer { status, body: answer.text().await.expect("the answer comes to its end") }
}
