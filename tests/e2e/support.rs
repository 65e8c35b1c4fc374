//! The world of an end-to-end test: a sandbox, a project and the binary.

use std::{
    fs,
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use aws_sdk_ecs::types::{DesiredStatus, Task};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::secrecy::{self, Children};

/// A latency in milliseconds that is long compared to the time that a round of calls and other tests keep this
/// computer busy. With it, calls that start later must have waited for a response.
const FAR_MS: u64 = 4000;

/// The optimization level of the programs in test images; dependencies have their own level. At the release level,
/// the application alone takes 55 s of CPU time instead of 5 s to compile, and each test compiles its own copy.
const OPTIMIZED: (&str, &str) = ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0");

/// Returns the root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A running stackctl process.
pub struct Spawned {
    endpoint: String,
    child: Child,
    children: Children,
}

impl Spawned {
    /// Waits for its end, and asserts that neither its output nor its child processes leaked a secret.
    pub fn wait_with_output(self) -> std::io::Result<Output> {
        let output = self.child.wait_with_output()?;
        secrecy::check_output(&self.endpoint, &output);
        secrecy::check(&self.endpoint, &[("what it has started", self.children.seen())]);
        Ok(output)
    }
}

impl Deref for Spawned {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.child
    }
}

impl DerefMut for Spawned {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.child
    }
}

/// A sandbox with a project. Dropping it deletes both.
pub struct World {
    home: TempDir,
    pub endpoint: String,
    /// Environment variables of stackctl that send some calls to a second emulator.
    pub elsewhere: Vec<(&'static str, String)>,
    pub client: reqwest::Client,
}

impl World {
    /// Starts a sandbox, with the repository's stack.yaml and application as its project.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Like [`World::start`], with these flags of `stackctl sandbox start`.
    pub fn start_with(flags: &[&str]) -> Self {
        let home = tempfile::Builder::new().prefix("stackctl-e2e").tempdir().expect("a temporary folder");
        let project = home.path().join("project");
        fs::create_dir(&project).expect("a folder");
        fs::copy(repository().join("stack.yaml"), project.join("stack.yaml")).expect("the example is there");
        std::os::unix::fs::symlink(repository().join("app"), project.join("app")).expect("a link");
        let client = reqwest::Client::builder()
            .tls_danger_accept_invalid_certs(true)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .build()
            .expect("a client");
        let mut world = Self { home, endpoint: String::new(), elsewhere: Vec::new(), client };
        let started = world.stackctl(&[&["sandbox", "start", "--output", "json"], flags].concat());
        assert!(started.status.success(), "{}", text(&started));
        let about: Value = serde_json::from_slice(&started.stdout).expect("one document");
        about["endpoint"].as_str().expect("it has an endpoint").clone_into(&mut world.endpoint);
        world
    }

    /// Returns the errors in the sandbox's log.
    pub fn sandbox_errors(&self) -> String {
        let log = fs::read_to_string(self.home.path().join("sandbox/sandbox.log")).unwrap_or_default();
        let errors = log.lines().filter(|line| line.contains("ERROR") || line.contains("WARN"));
        errors.collect::<Vec<&str>>().join("\n")
    }

    /// Returns the folder of stack.yaml.
    pub fn project(&self) -> PathBuf {
        self.home.path().join("project")
    }

    /// Replaces `from` in stack.yaml, which must exist.
    pub fn edit(&self, from: &str, to: &str) {
        let file = self.project().join("stack.yaml");
        let before = fs::read_to_string(&file).expect("it is there");
        assert!(before.contains(from), "stack.yaml has no {from:?}");
        fs::write(file, before.replace(from, to)).expect("it can be written");
    }

    /// Makes stack.yaml build a copy of the application, which tests can change. Returns its folder.
    ///
    /// The copy has its own name. With the same name, Cargo and stackctl would confuse it with the repository's
    /// package and compile both alternately.
    pub fn copy_app(&self) -> PathBuf {
        let copy = self.home.path().join("sources");
        fs::create_dir(&copy).expect("a folder");
        for part in ["Cargo.toml", "Cargo.lock", "src", "app", "bench", "limits", "sandbox"] {
            let copied = Command::new("cp").arg("-r").arg(repository().join(part)).arg(&copy).status();
            assert!(copied.expect("cp runs").success());
        }
        for file in ["Cargo.lock", "app/Cargo.toml"] {
            let text = fs::read_to_string(copy.join(file)).expect("it is there");
            assert_eq!(text.matches("name = \"app\"\n").count(), 1, "{file}");
            let renamed = text.replace("name = \"app\"\n", "name = \"app-copy\"\n");
            fs::write(copy.join(file), renamed).expect("it can be written");
        }
        let link = self.project().join("app");
        fs::remove_file(&link).expect("it is a link");
        std::os::unix::fs::symlink(copy.join("app"), link).expect("a link");
        copy.join("app")
    }

    /// Returns the command with these arguments, in the project's folder and for this sandbox.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackctl"));
        command.args(args).current_dir(self.project()).stdin(Stdio::null());
        command.env("STACKCTL_SANDBOX_DIR", self.home.path().join("sandbox"));
        command.env("STACKCTL_SANDBOX", "1").env("NO_COLOR", "1").env("CI", "true").env(OPTIMIZED.0, OPTIMIZED.1);
        for name in
            ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"]
        {
            command.env_remove(name);
        }
        if !self.elsewhere.is_empty() {
            command.env_remove("STACKCTL_SANDBOX").envs(self.elsewhere.iter().map(|(name, value)| (name, value)));
        }
        command
    }

    /// Runs stackctl to its end, and asserts that it leaks no secret.
    pub fn stackctl(&self, args: &[&str]) -> Output {
        self.spawn(args).wait_with_output().expect("the binary runs")
    }

    /// Runs stackctl, asserts its exit code, and returns all output.
    pub fn ends_with(&self, code: i32, args: &[&str]) -> String {
        let output = self.stackctl(args);
        assert_eq!(output.status.code(), Some(code), "{}", text(&output));
        text(&output)
    }

    /// Runs stackctl, asserts success, and returns standard output.
    pub fn must(&self, args: &[&str]) -> String {
        let output = self.stackctl(args);
        assert!(output.status.success(), "stackctl {}: {}", args.join(" "), text(&output));
        String::from_utf8(output.stdout).expect("it is text")
    }

    /// Starts stackctl in the background.
    pub fn spawn(&self, args: &[&str]) -> Spawned {
        self.started(&mut self.command(args))
    }

    /// Starts a command of this project, such as a changed [`World::command`].
    pub fn started(&self, command: &mut Command) -> Spawned {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let children = Children::of(child.id());
        Spawned { endpoint: self.endpoint.clone(), child, children }
    }

    /// Runs `up` and returns the URL without a trailing slash.
    pub fn up(&self) -> String {
        let url = self.must(&["up", "--yes"]);
        url.trim().trim_end_matches('/').to_owned()
    }

    /// Returns the actions and addresses of the plan's steps.
    pub fn plan(&self) -> Vec<String> {
        self.plan_of("default")
    }

    /// Returns the plan once no step waits: ECS may still be replacing tasks that failed a health check.
    pub fn settled(&self) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(180);
        loop {
            let plan = self.plan();
            let waits = plan.iter().any(|step| step.starts_with("wait "));
            if !waits || Instant::now() > deadline {
                return plan;
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Like [`World::plan`], for an environment.
    pub fn plan_of(&self, environment: &str) -> Vec<String> {
        let plan = self.must(&["plan", "--env", environment, "--output", "json"]);
        let plan: Value = serde_json::from_str(&plan).expect("one document");
        let steps = plan["steps"].as_array().expect("it has steps").iter().map(|step| {
            format!("{} {}", step["action"].as_str().unwrap_or_default(), step["address"].as_str().unwrap_or_default())
        });
        steps.collect()
    }

    /// Returns the fields that the plan changes, as `address field`.
    pub fn changes(&self) -> Vec<String> {
        let plan: Value = serde_json::from_str(&self.must(&["plan", "--output", "json"])).expect("one document");
        let steps = plan["steps"].as_array().expect("it has steps").iter();
        steps
            .flat_map(|step| {
                let address = step["address"].as_str().unwrap_or_default().to_owned();
                let fields = step["changes"].as_array().cloned().unwrap_or_default();
                fields
                    .into_iter()
                    .map(move |change| format!("{address} {}", change["field"].as_str().unwrap_or_default()))
            })
            .collect()
    }

    /// Returns the output of `status` as JSON.
    pub fn status(&self) -> Value {
        serde_json::from_str(&self.must(&["status", "--output", "json"])).expect("one document")
    }

    /// Returns the call log of the sandbox.
    pub async fn calls(&self) -> Vec<Value> {
        let answer = self.client.get(format!("{}/_sandbox/calls", self.endpoint)).send().await.expect("it answers");
        answer.json().await.expect("a list")
    }

    /// Returns the mutating operations in the log, except those for the stack's lock.
    pub async fn writes(&self) -> Vec<String> {
        let calls = self.calls().await;
        let writes = calls.iter().filter(|call| call["mutating"] == true && call["service"] != "ssm");
        writes.map(|call| call["operation"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Clears the call log.
    pub async fn forget_calls(&self) {
        let url = format!("{}/_sandbox/calls", self.endpoint);
        self.client.delete(url).send().await.expect("it answers");
    }

    /// Changes settings of the sandbox.
    pub async fn set(&self, settings: Value) {
        let url = format!("{}/_sandbox/settings", self.endpoint);
        self.client.patch(url).json(&settings).send().await.expect("it answers");
    }

    /// Waits until the sandbox holds its responses to `child`. Returns false if `child` ended first.
    pub async fn until_held(&self, child: &mut Child) -> bool {
        let deadline = Instant::now() + Duration::from_secs(300);
        while Instant::now() < deadline && child.try_wait().expect("it is our child").is_none() {
            let url = format!("{}/_sandbox/status", self.endpoint);
            let status: Value =
                self.client.get(url).send().await.expect("it answers").json().await.expect("a document");
            if status["held"] == json!(true) {
                return true;
            }
            sleep(Duration::from_millis(50)).await;
        }
        false
    }

    /// Sends a GET request and returns status and text.
    pub async fn get(&self, url: &str) -> (u16, String) {
        let answer = self.client.get(url).send().await.unwrap_or_else(|error| panic!("{url}: {error}"));
        (answer.status().as_u16(), answer.text().await.expect("it is text"))
    }

    /// Returns whether this operation is in the call log.
    pub async fn has_called(&self, operation: &str) -> bool {
        self.calls().await.iter().any(|call| call["operation"] == operation)
    }

    /// Returns the calls of an `up` without changes, with so much latency that its rounds can be told apart.
    pub async fn idle_up(&self) -> Vec<Value> {
        self.forget_calls().await;
        self.set(json!({ "latency_ms": FAR_MS })).await;
        let again = self.stackctl(&["up", "--yes"]);
        self.set(json!({ "latency_ms": 0 })).await;
        assert!(again.status.success() && text(&again).contains("No changes."), "{}", text(&again));
        self.calls().await
    }

    /// Returns the tasks of a cluster with this desired status.
    pub async fn tasks(&self, cluster: &str, status: DesiredStatus) -> Vec<Task> {
        let ecs = aws_sdk_ecs::Client::new(&self.sdk().await);
        let arns = ecs.list_tasks().cluster(cluster).desired_status(status).send().await;
        let arns = arns.expect("it answers").task_arns.filter(|arns| !arns.is_empty());
        let Some(arns) = arns else { return Vec::new() };
        let answer = ecs.describe_tasks().cluster(cluster).set_tasks(Some(arns)).send().await.expect("it answers");
        answer.tasks.unwrap_or_default()
    }

    /// Returns the release tasks of a cluster, running or stopped.
    pub async fn release_tasks(&self, cluster: &str) -> Vec<Task> {
        let mut tasks = self.tasks(cluster, DesiredStatus::Running).await;
        tasks.extend(self.tasks(cluster, DesiredStatus::Stopped).await);
        tasks.retain(|task| task.started_by().is_some_and(|who| who.starts_with("stackctl-release/")));
        tasks
    }

    /// Returns the sorted tags of a repository's images.
    pub async fn image_tags(&self, repository: &str) -> Vec<String> {
        let ecr = aws_sdk_ecr::Client::new(&self.sdk().await);
        let images = ecr.describe_images().repository_name(repository).send().await.expect("it answers");
        let of_images = images.image_details().iter().flat_map(aws_sdk_ecr::types::ImageDetail::image_tags);
        let mut tags: Vec<String> = of_images.cloned().collect();
        tags.sort_unstable();
        tags
    }

    /// Returns an SDK configuration for this sandbox, to inspect it without stackctl.
    pub async fn sdk(&self) -> aws_config::SdkConfig {
        sdk_at(&self.endpoint).await
    }
}

/// Returns an SDK configuration for an emulator.
pub async fn sdk_at(endpoint: &str) -> aws_config::SdkConfig {
    let keys = aws_sdk_sts::config::Credentials::new("test", "test", None, None, "test");
    aws_config::defaults(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new("eu-west-1"))
        .endpoint_url(endpoint)
        .credentials_provider(keys)
        .load()
        .await
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("what failed in the sandbox:\n{}", self.sandbox_errors());
        }
        drop(self.command(&["sandbox", "stop"]).output());
    }
}

/// Returns the exit code of the stack's own container of `task`. ECS lists GuardDuty's agent first.
pub fn exit_code(task: &Task) -> Option<i32> {
    let is_own = |name: &str| !name.starts_with("aws-guardduty-agent-");
    task.containers().iter().find(|container| container.name().is_some_and(is_own))?.exit_code()
}

/// Returns both outputs, for an assertion message.
pub fn text(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{}\n--- standard output\n{out}\n--- standard error\n{err}", output.status)
}

/// Returns the number of rounds: how often a call started only after a previous response.
pub fn rounds(calls: &[Value]) -> usize {
    let at = |call: &Value, key: &str| call[key].as_f64().expect("a time");
    crate::rounds::rounds(calls.iter().map(|call| (at(call, "started_ms"), at(call, "ended_ms"))))
}
