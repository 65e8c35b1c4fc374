//! moto: its virtual environment, its process, and the connection to it.

use std::{
    convert::Infallible,
    env,
    fs::{self, File},
    net::TcpListener,
    os::{fd::AsRawFd, unix::process::CommandExt},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes, http::response::Parts};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use nix::fcntl::{FcntlArg, FdFlag, Flock, FlockArg, fcntl};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    process::{Child, Command},
    sync::Mutex,
    time::{Instant, sleep, timeout, timeout_at},
};

use crate::{
    api::{Answer, ApiError, Call},
    cache,
    loopback::Loopback,
    s3,
};

/// The Python program that makes moto stricter, as it is written into the sandbox's folder.
const PROGRAM: &[(&str, &str)] = &[
    ("serve.py", include_str!("../moto/serve.py")),
    ("warm.py", include_str!("../moto/warm.py")),
    ("strict/__init__.py", include_str!("../moto/strict/__init__.py")),
    ("strict/alarms.py", include_str!("../moto/strict/alarms.py")),
    ("strict/balancers.py", include_str!("../moto/strict/balancers.py")),
    ("strict/buckets.py", include_str!("../moto/strict/buckets.py")),
    ("strict/caches.py", include_str!("../moto/strict/caches.py")),
    ("strict/certificates.py", include_str!("../moto/strict/certificates.py")),
    ("strict/databases.py", include_str!("../moto/strict/databases.py")),
    ("strict/door.py", include_str!("../moto/strict/door.py")),
    ("strict/events.py", include_str!("../moto/strict/events.py")),
    ("strict/files.py", include_str!("../moto/strict/files.py")),
    ("strict/hosts.py", include_str!("../moto/strict/hosts.py")),
    ("strict/interfaces.py", include_str!("../moto/strict/interfaces.py")),
    ("strict/network.py", include_str!("../moto/strict/network.py")),
    ("strict/others.py", include_str!("../moto/strict/others.py")),
    ("strict/parameters.py", include_str!("../moto/strict/parameters.py")),
    ("strict/roles.py", include_str!("../moto/strict/roles.py")),
    ("strict/scaling.py", include_str!("../moto/strict/scaling.py")),
    ("strict/schedules.py", include_str!("../moto/strict/schedules.py")),
    ("strict/shortcuts.py", include_str!("../moto/strict/shortcuts.py")),
];
const REQUIREMENTS: &str = include_str!("../moto/requirements.txt");

/// The variable with the socket of a warm moto, which forks for each sandbox. Without it, each sandbox starts its own
/// moto.
const WARM: &str = "STACKCTL_SANDBOX_MOTO";

/// The socket's name in the folder of a warm moto.
const SOCKET: &str = "moto.socket";

/// How long moto may take until its first response.
const START: Duration = Duration::from_mins(1);

/// How long a fork may take to end. It normally ends at once.
const END: Duration = Duration::from_secs(10);

/// Headers of moto's responses that describe its connection or itself, or that the gateway sets.
const OF_A_CONNECTION: [&str; 6] =
    ["connection", "content-type", "date", "server", "transfer-encoding", "x-amzn-requestid"];

/// The process of moto. Dropping this ends the process.
enum Process {
    Own(Child),
    /// A fork of the warm moto, identified by its connection. Each end closes the connection when it ends.
    Fork(UnixStream),
}

impl Process {
    fn has_ended(&mut self) -> Result<bool> {
        match self {
            Self::Own(child) => Ok(child.try_wait()?.is_some()),
            Self::Fork(connection) => Ok(matches!(connection.try_read(&mut [0]), Ok(0))),
        }
    }

    async fn end(&mut self) {
        match self {
            Self::Own(child) => drop(child.kill().await),
            Self::Fork(connection) => {
                drop(connection.shutdown().await);
                drop(timeout(END, connection.read_to_end(&mut Vec::new())).await);
            }
        }
    }
}

/// The ports of moto's process.
#[derive(Deserialize)]
struct Ports {
    calls: u16,
    door: u16,
}

/// The process of moto and the connection to it.
pub(crate) struct Moto {
    process: Mutex<Process>,
    http: Client<HttpConnector, Full<Bytes>>,
    /// Serializes calls: moto keeps its state in plain dictionaries, and one thread may iterate while another one
    /// writes.
    turn: Mutex<()>,
    log: PathBuf,
    port: u16,
    door: u16,
}

impl Moto {
    /// Starts moto. Creates its virtual environment first if it is missing.
    pub(crate) async fn start(dir: &Path, loopback: &Loopback, scale: f64) -> Result<Self> {
        let subnet = loopback.prefix();
        let (process, Ports { calls: port, door }) = match env::var_os(WARM).filter(|socket| !socket.is_empty()) {
            Some(socket) => fork(Path::new(&socket), dir, &subnet, scale)
                .await
                .with_context(|| format!("the warm moto of {WARM} at {} gives none", Path::new(&socket).display()))?,
            None => spawn(dir, &subnet, scale).await?,
        };
        let http = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(16).build_http();
        let moto =
            Self { process: Mutex::new(process), http, turn: Mutex::default(), log: dir.join("moto.log"), port, door };
        moto.until_ready().await?;
        Ok(moto)
    }

    async fn until_ready(&self) -> Result<()> {
        let deadline = Instant::now() + START;
        loop {
            let up = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok();
            if up && matches!(timeout_at(deadline, self.get("/elbv2")).await, Ok(Ok(_))) {
                return Ok(());
            }
            let ended = self.process.lock().await.has_ended()?;
            if ended || Instant::now() > deadline {
                bail!("moto does not start:\n{}", self.last_of_log(8));
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Returns the last lines of moto's log. The last line of a traceback names the cause.
    fn last_of_log(&self, count: usize) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }

    /// Forwards a call to moto.
    pub(crate) async fn forward(&self, call: &Call) -> Result<Answer, ApiError> {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(format!("http://127.0.0.1:{}{}", self.port, call.path_and_query));
        for (name, value) in &call.headers {
            if name != "host" && name != "content-length" {
                request = request.header(name, value);
            }
        }
        let request = request.body(Full::new(call.body.clone())).map_err(internal)?;
        let (parts, body) = self.send(request).await.map_err(internal)?;
        let status = parts.status.as_u16();
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (content_type, error_type) = (header("content-type").unwrap_or_default(), header("x-amzn-errortype"));
        // The response to HEAD has no body; only its status names the error.
        if status >= 500 || (status >= 400 && content_type.starts_with("text/html") && !body.is_empty()) {
            tracing::warn!(call.service, call.operation, status, cause = self.last_of_log(1), "moto has no answer");
            return Err(ApiError::not_implemented(call));
        }
        let error = (status >= 400).then(|| error_type.unwrap_or_else(|| code_of(&body)));
        // moto does not authenticate callers, so its AuthFailure is about a resource. EC2 uses 400 for that, not 401.
        let status = if error.as_deref() == Some("AuthFailure") { 400 } else { status };
        let mut headers = parts.headers;
        if call.service == s3::SERVICE {
            OF_A_CONNECTION.iter().for_each(|name| drop(headers.remove(*name)));
        } else {
            // Clients of these protocols read everything from the body.
            headers.clear();
        }
        // A HEAD response reports the length of the GET response, so keep its header.
        if call.method != hyper::Method::HEAD {
            headers.remove("content-length");
        }
        Ok(Answer { status, content_type, body, error, headers })
    }

    /// Makes a JSON call on behalf of the sandbox: not logged and not delayed.
    pub(crate) async fn json(
        &self,
        service: &str,
        target: &str,
        region: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential=sandbox/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        let request = Request::post(format!("http://127.0.0.1:{}/", self.port))
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.1")
            .header("authorization", scope)
            .body(Full::new(Bytes::from(body.to_string())))
            .map_err(internal)?;
        let (parts, body) = self.send(request).await.map_err(internal)?;
        let status = parts.status.as_u16();
        let value: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status >= 400 {
            let code = value["__type"].as_str().unwrap_or("InternalError").rsplit('#').next().unwrap_or_default();
            let message = value["message"].as_str().or(value["Message"].as_str()).unwrap_or_default();
            return Err(ApiError { status, code: code.to_owned(), message: message.to_owned() });
        }
        Ok(value)
    }

    /// Sends a GET to the sandbox's own endpoint in moto's process.
    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        let request = Request::get(format!("http://127.0.0.1:{}{path}", self.door)).body(Full::default())?;
        let (_, body) = self.send(request).await?;
        Ok(serde_json::from_slice(&body)?)
    }

    /// Sends a PUT to the sandbox's own endpoint in moto's process.
    pub(crate) async fn put(&self, path: &str, document: &Value) -> Result<()> {
        let body = Full::new(Bytes::from(document.to_string()));
        let request = Request::put(format!("http://127.0.0.1:{}{path}", self.door)).body(body)?;
        self.send(request).await.map(drop)
    }

    /// Sends a request when no other one is in progress. Returns the whole response.
    async fn send(&self, request: Request<Full<Bytes>>) -> Result<(Parts, Bytes)> {
        let _turn = self.turn.lock().await;
        let (parts, body) = self.http.request(request).await?.into_parts();
        Ok((parts, body.collect().await?.to_bytes()))
    }

    pub(crate) async fn shutdown(&self) {
        self.process.lock().await.end().await;
    }
}

/// Starts a separate moto for the sandbox in `dir`.
async fn spawn(dir: &Path, subnet: &str, scale: f64) -> Result<(Process, Ports)> {
    let python = tokio::task::spawn_blocking(environment).await??;
    // The sockets are bound here and inherited: a port that is only chosen could be taken before moto starts.
    let (calls, doors) = (inherited()?, inherited()?);
    let ports = Ports { calls: calls.local_addr()?.port(), door: doors.local_addr()?.port() };
    let program = lay_out(dir)?;
    let log = File::create(dir.join("moto.log"))?;
    // The kernel kills moto if the sandbox is killed.
    let child = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "--"])
        .arg(&python)
        .arg(program)
        .args([calls.as_raw_fd().to_string(), doors.as_raw_fd().to_string()])
        .args([subnet, &scale.to_string()])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .process_group(0)
        .spawn()
        .context("cannot start moto through setpriv: is util-linux installed?")?;
    Ok((Process::Own(child), ports))
}

/// Asks the warm moto at `socket` to fork for the sandbox in `dir`.
async fn fork(socket: &Path, dir: &Path, subnet: &str, scale: f64) -> Result<(Process, Ports)> {
    let mut connection = UnixStream::connect(socket).await?;
    let asked = json!({ "log": dir.join("moto.log"), "subnet": subnet, "scale": scale });
    connection.write_all(format!("{asked}\n").as_bytes()).await?;
    let mut answer = String::new();
    timeout(START, BufReader::new(&mut connection).read_line(&mut answer)).await??;
    let ports = serde_json::from_str(&answer).context("it has ended")?;
    Ok((Process::Fork(connection), ports))
}

/// Runs a warm moto, which forks for each sandbox that has `STACKCTL_SANDBOX_MOTO` in its environment. The variable
/// names the socket `moto.socket` in `dir`, which exists once moto is ready.
pub(crate) fn keep_warm(dir: &Path) -> Result<Infallible> {
    let python = environment()?;
    let program = lay_out(dir)?;
    let mut command = std::process::Command::new(&python);
    command.arg(program).arg("--warm").arg(dir.join(SOCKET)).env("PYTHONDONTWRITEBYTECODE", "1");
    Err(command.stdin(Stdio::null()).exec()).context("cannot start moto")
}

/// Writes moto's program into the folder of a sandbox and returns its path.
fn lay_out(dir: &Path) -> Result<PathBuf> {
    let program = dir.join("moto");
    fs::create_dir_all(program.join("strict"))?;
    for (name, text) in PROGRAM {
        fs::write(program.join(name), text)?;
    }
    Ok(program.join("serve.py"))
}

fn internal(error: impl std::fmt::Display) -> ApiError {
    ApiError { status: 500, code: "InternalFailure".to_owned(), message: error.to_string() }
}

/// Returns the error code in a JSON or XML body.
fn code_of(body: &Bytes) -> String {
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        return value["__type"].as_str().unwrap_or_default().rsplit('#').next().unwrap_or_default().to_owned();
    }
    let text = String::from_utf8_lossy(body);
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    code.map(|(code, _)| code.to_owned()).unwrap_or_default()
}

/// Binds a socket that the next child process inherits.
fn inherited() -> Result<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    fcntl(&listener, FcntlArg::F_SETFD(FdFlag::empty()))?;
    Ok(listener)
}

/// Returns the Python of the virtual environment that all sandboxes of this user share. Creates it under a lock if it
/// is missing.
fn environment() -> Result<PathBuf> {
    let of = Sha256::digest(REQUIREMENTS).iter().take(6).fold(0, |of, byte| of << 8 | u64::from(*byte));
    let home = cache::folder()?.join(format!("moto-{of:012x}"));
    let python = home.join("env/bin/python");
    let complete = home.join("complete");
    fs::create_dir_all(&home)?;
    let lock = File::create(home.join("lock"))?;
    let _lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, error)| error)?;
    if complete.exists() {
        return Ok(python);
    }
    tracing::info!(home = %home.display(), "installing moto");
    run(std::process::Command::new("python3").args(["-m", "venv", "--clear"]).arg(home.join("env")), "python3-venv")?;
    let requirements = home.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS)?;
    run(
        std::process::Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(&requirements),
        "a way to PyPI",
    )?;
    fs::write(complete, "")?;
    Ok(python)
}

fn run(command: &mut std::process::Command, needs: &str) -> Result<()> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {command:?}: it needs {needs}"))?;
    if !output.status.success() {
        bail!("{command:?} failed; it needs {needs}:\n{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
