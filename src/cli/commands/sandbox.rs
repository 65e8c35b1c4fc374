//! `stackctl sandbox`: starts and stops the sandbox, a simulated region on this computer. It is a separate program,
//! found next to stackctl or on the PATH. The rest of stackctl only knows its endpoint.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use clap::{Args, Subcommand};
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::{
    cli::{error::Stop, global::Global},
    exit,
    model::{Evidence, Failure, Subject},
    output::Output,
};

/// How long a start may take. The first one creates a virtual environment with about 40 Python packages.
const START: Duration = Duration::from_secs(300);

/// How long a stop may take, including databases and tasks.
const STOP: Duration = Duration::from_secs(60);

/// How often to check the state of the sandbox.
const LOOK: Duration = Duration::from_millis(100);

/// How many lines of the log are shown if it does not start.
const LAST_LINES: usize = 12;

/// Arguments of `stackctl sandbox`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    stackctl sandbox start\n  \
    stackctl sandbox start --latency-ms 50 --throttled 0.3 --lost 0.05 --seed 7\n  \
    STACKCTL_SANDBOX=1 stackctl up\n  \
    stackctl sandbox stop --forget")]
pub(in crate::cli) struct Sandbox {
    /// Folder for the sandbox's state; each folder has one sandbox.
    #[arg(long, global = true, env = "STACKCTL_SANDBOX_DIR", hide_env_values = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Start the sandbox and wait until it is ready.
    Start(Start),
    /// Stop the sandbox and everything that runs in it.
    Stop {
        /// Also delete the folder with its state.
        #[arg(long)]
        forget: bool,
    },
    /// Show whether the sandbox is running, and its endpoint.
    Status,
    /// Stop the sandbox, delete its state and start it again.
    Reset(Start),
    /// Show the log of the sandbox.
    Logs {
        /// Number of lines to show.
        #[arg(short = 'n', long, default_value_t = 50)]
        lines: usize,
    },
}

/// How the sandbox behaves; the defaults are for trying things out.
#[derive(Debug, Args)]
struct Start {
    /// Port of the endpoint; 0 selects a free port.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Latency added to each call, in milliseconds.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Time that databases, load balancers and NAT gateways take, as a fraction of the usual time on AWS.
    #[arg(long)]
    provision_scale: Option<f64>,
    /// Time that health checks and connection draining take, as a fraction of the configured time.
    #[arg(long)]
    rollout_scale: Option<f64>,
    #[command(flatten)]
    faults: Faults,
}

/// Faults to inject, to see how stackctl handles them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Faults")]
struct Faults {
    /// Enforce AWS's request limits: throttle calls that exceed them.
    #[arg(long)]
    limits: bool,
    /// Fraction of calls to throttle (0 to 1).
    #[arg(long, value_name = "SHARE")]
    throttled: Option<f64>,
    /// Fraction of calls that fail with a server error (5xx).
    #[arg(long, value_name = "SHARE")]
    failed: Option<f64>,
    /// Fraction of calls whose connection is reset before they take effect.
    #[arg(long, value_name = "SHARE")]
    reset: Option<f64>,
    /// Fraction of calls whose response is lost after they take effect.
    #[arg(long, value_name = "SHARE")]
    lost: Option<f64>,
    /// Maximum delay, in seconds, before reads show a write.
    #[arg(long, value_name = "SECONDS")]
    lag: Option<f64>,
    /// Seed of the random faults; the same seed repeats the same faults.
    #[arg(long)]
    seed: Option<u64>,
}

/// The file that the sandbox writes when it is ready.
#[derive(Debug, Deserialize, Serialize)]
pub(in crate::cli) struct Running {
    pub(in crate::cli) endpoint: String,
    /// Whether it was started with AWS's request limits.
    #[serde(default)]
    pub(in crate::cli) limits: bool,
    pid: i32,
}

impl Sandbox {
    pub(super) async fn run(&self, _global: &Global, output: &Output) -> Result<u8, Stop> {
        let dir = folder(self.dir.clone())?;
        match &self.command {
            Subcommands::Start(options) => start(&dir, options, output).await,
            Subcommands::Stop { forget: and_forget } => {
                stop(&dir, output).await?;
                if *and_forget {
                    forget(&dir)?;
                }
                Ok(exit::DONE)
            }
            Subcommands::Status => status(&dir, output).await,
            Subcommands::Reset(options) => {
                stop(&dir, output).await?;
                forget(&dir)?;
                start(&dir, options, output).await
            }
            Subcommands::Logs { lines } => {
                for line in last_lines(&dir.join("sandbox.log"), *lines) {
                    output.data(&line);
                }
                Ok(exit::DONE)
            }
        }
    }
}

/// Returns the running sandbox.
pub(in crate::cli) fn must_run() -> Result<Running, Stop> {
    let dir = folder(std::env::var_os("STACKCTL_SANDBOX_DIR").map(PathBuf::from))?;
    match running(&dir)? {
        Some(running) => Ok(running),
        None => Err(Failure::about(Subject::command("sandbox"), "no sandbox is running")
            .hint("start it with `stackctl sandbox start`, or omit --sandbox (STACKCTL_SANDBOX) to use AWS")
            .into()),
    }
}

async fn start(dir: &Path, options: &Start, output: &Output) -> Result<u8, Stop> {
    if let Some(running) = running(dir)? {
        return Ok(shown(&running, "The sandbox is already running", output));
    }
    let program = program()?;
    fs::create_dir_all(dir).map_err(|error| on_disk("make", dir, &error))?;
    let log = dir.join("sandbox.log");
    let to = File::options().create(true).append(true).open(&log).map_err(|error| on_disk("write", &log, &error))?;
    let errors = to.try_clone().map_err(|error| on_disk("write", &log, &error))?;
    let mut command = Command::new(&program);
    command.arg("serve").arg("--dir").arg(dir);
    command.arg("--port").arg(options.port.to_string());
    command.arg("--latency-ms").arg(options.latency_ms.to_string());
    let scales = [("--provision-scale", options.provision_scale), ("--rollout-scale", options.rollout_scale)];
    for (flag, scale) in scales.into_iter().filter_map(|(flag, scale)| Some((flag, scale?))) {
        command.arg(flag).arg(scale.to_string());
    }
    let Faults { limits, throttled, failed, reset, lost, lag, seed } = options.faults;
    command.args(limits.then_some("--limits"));
    let faults =
        [("--throttled", throttled), ("--failed", failed), ("--reset", reset), ("--lost", lost), ("--lag", lag)];
    for (flag, value) in faults.into_iter().filter_map(|(flag, value)| Some((flag, value?))) {
        command.arg(flag).arg(value.to_string());
    }
    if let Some(seed) = seed {
        command.arg("--seed").arg(seed.to_string());
    }
    // A separate process group, so that Ctrl-C in this terminal does not reach the sandbox.
    command.stdin(Stdio::null()).stdout(to).stderr(errors).process_group(0);
    let mut child = command.spawn().map_err(|error| on_disk("run", &program, &error))?;
    output.status("Starting the sandbox. The first start also installs moto, which takes about a minute.");
    let deadline = Instant::now() + START;
    loop {
        if let Some(running) = running(dir)? {
            return Ok(shown(&running, "The sandbox is ready", output));
        }
        let ended = child.try_wait().map_err(|error| on_disk("wait for", &program, &error))?;
        if ended.is_some() || Instant::now() > deadline {
            let why =
                if ended.is_some() { "the sandbox exited immediately" } else { "the sandbox did not become ready" };
            let failure =
                Failure::about(Subject::command("sandbox start"), format!("{why}; last lines of {}:", log.display()));
            let lines = last_lines(&log, LAST_LINES);
            return Err(failure.evidence(Evidence::Output { lines }).into());
        }
        sleep(LOOK).await;
    }
}

async fn stop(dir: &Path, output: &Output) -> Result<(), Stop> {
    let Some(running) = running(dir)? else {
        output.status("No sandbox is running.");
        return Ok(());
    };
    let pid = Pid::from_raw(running.pid);
    if let Err(error) = kill(pid, Signal::SIGTERM) {
        return Err(
            Failure::about(Subject::command("sandbox stop"), format!("cannot stop process {pid}: {error}")).into()
        );
    }
    let deadline = Instant::now() + STOP;
    while is_alive(pid) {
        if Instant::now() > deadline {
            let message = format!("process {pid} is still running after {} s", STOP.as_secs());
            return Err(Failure::about(Subject::command("sandbox stop"), message)
                .hint(format!("stop it with `kill -9 {pid}`"))
                .into());
        }
        sleep(LOOK).await;
    }
    output.status("Stopped the sandbox.");
    Ok(())
}

fn forget(dir: &Path) -> Result<(), Failure> {
    if dir.exists() {
        fs::remove_dir_all(dir).map_err(|error| on_disk("remove", dir, &error))?;
    }
    Ok(())
}

async fn status(dir: &Path, output: &Output) -> Result<u8, Stop> {
    let Some(running) = running(dir)? else {
        if output.is_json() {
            output.document(&serde_json::json!({ "running": false }));
        } else {
            output.data("No sandbox is running. Start it with `stackctl sandbox start`.");
        }
        return Ok(exit::FAILED);
    };
    let url = format!("{}/_sandbox/status", running.endpoint);
    let asked = async { reqwest::get(&url).await?.error_for_status()?.json::<serde_json::Value>().await };
    let answer = asked.await.map_err(|error| {
        Failure::about(
            Subject::command("sandbox status"),
            format!("process {} is running but does not respond: {error}", running.pid),
        )
        .hint("check `stackctl sandbox logs`, or start again with `stackctl sandbox reset`")
    })?;
    if output.is_json() {
        output.document(&answer);
        return Ok(exit::DONE);
    }
    Ok(shown(&running, "The sandbox is running", output))
}

fn shown(running: &Running, what: &str, output: &Output) -> u8 {
    if output.is_json() {
        output.document(&serde_json::json!({ "running": true, "endpoint": running.endpoint, "pid": running.pid }));
    } else {
        output.data(&format!("{what}: {} (process {})", running.endpoint, running.pid));
        output.status("Add --sandbox to a command, or set STACKCTL_SANDBOX=1, to use it.");
    }
    exit::DONE
}

/// Returns the sandbox in `dir` if its process is alive.
fn running(dir: &Path) -> Result<Option<Running>, Stop> {
    let file = dir.join("sandbox.json");
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(on_disk("read", &file, &error).into()),
    };
    let running: Running = serde_json::from_str(&text).map_err(|error| {
        Failure::about(Subject::file(&file), format!("cannot read it: {error}"))
            .hint("run `stackctl sandbox reset` to start again")
    })?;
    // A computer that crashed leaves the file behind.
    Ok(Some(running).filter(|running| is_alive(Pid::from_raw(running.pid))))
}

/// Returns whether the process runs. A zombie process does not count.
fn is_alive(pid: Pid) -> bool {
    if kill(pid, None) == Err(Errno::ESRCH) {
        return false;
    }
    let state = fs::read_to_string(format!("/proc/{pid}/stat"));
    !state.is_ok_and(|stat| stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')))
}

/// Returns the folder of the sandbox's state: `named`, or the user's state folder. For root, it is the system's folder
/// for service state, because databases run as an unprivileged user who cannot read root's home.
/// <https://refspecs.linuxfoundation.org/FHS_3.0/fhs/ch05s08.html>
fn folder(named: Option<PathBuf>) -> Result<PathBuf, Failure> {
    if let Some(dir) = named {
        return std::path::absolute(&dir).map_err(|error| on_disk("find", &dir, &error));
    }
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let usual = || {
        let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
        if nix::unistd::geteuid().is_root() { Some(PathBuf::from("/var/lib")) } else { home }
    };
    match state.or_else(usual) {
        Some(state) => Ok(state.join("stackctl/sandbox")),
        None => Err(Failure::about(Subject::command("sandbox"), "cannot find a home folder for the sandbox's state")
            .hint("choose a folder with --dir")),
    }
}

/// Returns the path of the sandbox program: from `STACKCTL_SANDBOX_PROGRAM`, next to this program, or on the PATH.
fn program() -> Result<PathBuf, Failure> {
    const NAME: &str = "stackctl-sandbox";
    let named = std::env::var_os("STACKCTL_SANDBOX_PROGRAM").map(PathBuf::from);
    let beside = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join(NAME)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join(NAME));
    let found = named.into_iter().chain(beside).chain(on_path).find(|candidate| candidate.is_file());
    found.ok_or_else(|| {
        Failure::about(
            Subject::command("sandbox"),
            format!("the program {NAME} not found, neither next to stackctl nor on the PATH"),
        )
        .hint("build it with `cargo build -p stackctl-sandbox`, or name it in STACKCTL_SANDBOX_PROGRAM")
    })
}

fn last_lines(file: &Path, count: usize) -> Vec<String> {
    let Ok(log) = File::open(file) else { return Vec::new() };
    let lines: Vec<String> = BufReader::new(log).lines().map_while(Result::ok).collect();
    lines[lines.len().saturating_sub(count)..].to_vec()
}

fn on_disk(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::about(Subject::file(path), format!("cannot {what} it: {error}"))
}
