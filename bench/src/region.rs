//! Starts a sandbox for a measurement, runs stackctl on it and records its calls.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::Command,
    time::{Instant, sleep},
};

/// The settings of the sandbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) latency_ms: u64,
    pub(crate) provision_scale: f64,
    pub(crate) rollout_scale: f64,
    /// Whether AWS's request limits apply.
    pub(crate) limits: bool,
}

/// A latency in milliseconds so long that all calls of one round, however many, end at about the same time: it exceeds
/// by seconds the time that this machine needs to process them.
const FAR_MS: u64 = 4000;

/// A sandbox with a folder for a project. Both are removed on drop.
pub(crate) struct Region {
    home: TempDir,
    latency_ms: u64,
    stackctl: PathBuf,
    pub(crate) endpoint: String,
}

/// One call in the log of the sandbox.
#[derive(Debug, Deserialize)]
pub(crate) struct Call {
    pub(crate) service: String,
    pub(crate) operation: String,
    pub(crate) started_ms: f64,
    pub(crate) ended_ms: f64,
    pub(crate) bytes: u64,
    /// The error code, if the call failed.
    code: Option<String>,
}

/// The error codes of throttled calls.
const THROTTLED: [&str; 5] = ["Throttling", "ThrottlingException", "RequestLimitExceeded", "SlowDown", "Throttled"];

impl Call {
    pub(crate) fn is_throttled(&self) -> bool {
        self.code.as_deref().is_some_and(|code| THROTTLED.contains(&code))
    }
}

/// The result of one command.
pub(crate) struct Run {
    pub(crate) wall: Duration,
    /// The lines of standard output, each with the time since the start.
    pub(crate) lines: Vec<(Duration, Value)>,
    pub(crate) calls: Vec<Call>,
    /// The peak memory, in KiB.
    pub(crate) peak_kib: u64,
}

/// Returns the path of stackctl, which is in the same folder as this program.
pub(crate) fn stackctl() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("stackctl");
    ensure!(path.exists(), "{} is not built: run `make bench`", path.display());
    Ok(path)
}

impl Region {
    pub(crate) async fn start(pace: Pace) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("stackctl-bench").tempdir()?;
        std::fs::create_dir(home.path().join("project"))?;
        let mut region = Self { home, latency_ms: pace.latency_ms, stackctl: stackctl()?, endpoint: String::new() };
        let [latency, provision, rollout] =
            [pace.latency_ms.to_string(), pace.provision_scale.to_string(), pace.rollout_scale.to_string()];
        let started = region
            .command(&["sandbox", "start", "--output", "json", "--latency-ms", &latency])
            .args(["--provision-scale", &provision, "--rollout-scale", &rollout])
            .args(pace.limits.then_some("--limits"))
            .output()
            .await?;
        ensure!(started.status.success(), "the sandbox: {}", String::from_utf8_lossy(&started.stderr));
        let about: Value = serde_json::from_slice(&started.stdout)?;
        about["endpoint"].as_str().context("the sandbox has an endpoint")?.clone_into(&mut region.endpoint);
        Ok(region)
    }

    /// The folder of stack.yaml.
    pub(crate) fn project(&self) -> PathBuf {
        self.home.path().join("project")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.stackctl);
        command.args(args).current_dir(self.project()).stdin(Stdio::null());
        command.env("STACKCTL_SANDBOX_DIR", self.home.path().join("sandbox")).env("STACKCTL_SANDBOX", "1");
        for name in ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs stackctl with JSON output. Returns an error if the command fails.
    pub(crate) async fn run(&self, args: &[&str]) -> Result<Run> {
        self.forget_calls().await?;
        let began = Instant::now();
        let mut child = self
            .command(args)
            .args(["--output", "json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("stackctl does not start")?;
        let (mut out, mut err) = (
            BufReader::new(child.stdout.take().expect("it is a pipe")).lines(),
            child.stderr.take().expect("it is a pipe"),
        );
        let reading = tokio::spawn(async move {
            let mut lines = Vec::new();
            while let Some(line) = out.next_line().await? {
                lines.push((began.elapsed(), serde_json::from_str::<Value>(&line)?));
            }
            anyhow::Ok(lines)
        });
        let complaining = tokio::spawn(async move {
            let mut said = String::new();
            err.read_to_string(&mut said).await.map(|_| said)
        });
        let process = child.id().map(|id| PathBuf::from(format!("/proc/{id}/status")));
        let mut peak_kib = 0;
        let status = loop {
            peak_kib = process.as_deref().and_then(high_water).unwrap_or_default().max(peak_kib);
            if let Some(status) = child.try_wait()? {
                break status;
            }
            sleep(Duration::from_millis(5)).await;
        };
        let wall = began.elapsed();
        eprintln!("  stackctl {}: {:.1} s", args.join(" "), wall.as_secs_f64());
        let (lines, said) = (reading.await??, complaining.await??);
        let calls = self.calls().await?;
        if !status.success() {
            let failed =
                lines.iter().filter(|(_, line)| ["failed", "error"].iter().any(|event| line["event"] == *event));
            let failed: Vec<String> = failed.map(|(_, line)| line.to_string()).collect();
            let throttled = calls.iter().filter(|call| call.is_throttled()).count();
            let of_calls = format!("{throttled} of {} calls were throttled", calls.len());
            bail!("stackctl {}: {status}; {of_calls}\n{}\n{said}", args.join(" "), failed.join("\n"));
        }
        Ok(Run { wall, lines, calls, peak_kib })
    }

    /// Like [`Region::run`], with a latency so long that calls overlap unless one waits for the response of another.
    pub(crate) async fn run_far_away(&self, args: &[&str]) -> Result<Run> {
        self.be_away(FAR_MS).await?;
        let run = self.run(args).await;
        self.be_away(self.latency_ms).await?;
        run
    }

    async fn be_away(&self, latency_ms: u64) -> Result<()> {
        let settings = json!({ "latency_ms": latency_ms });
        let url = format!("{}/_sandbox/settings", self.endpoint);
        reqwest::Client::new().patch(url).json(&settings).send().await?.error_for_status()?;
        Ok(())
    }

    pub(crate) async fn calls(&self) -> Result<Vec<Call>> {
        Ok(reqwest::get(format!("{}/_sandbox/calls", self.endpoint)).await?.json().await?)
    }

    pub(crate) async fn forget_calls(&self) -> Result<()> {
        reqwest::Client::new().delete(format!("{}/_sandbox/calls", self.endpoint)).send().await?;
        Ok(())
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        let mut stop = std::process::Command::new(&self.stackctl);
        stop.args(["sandbox", "stop"]).env("STACKCTL_SANDBOX_DIR", self.home.path().join("sandbox"));
        drop(stop.output());
    }
}

/// Returns the peak memory of a running process, in KiB.
fn high_water(status: &Path) -> Option<u64> {
    let status = std::fs::read_to_string(status).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
