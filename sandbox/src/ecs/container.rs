//! One container of a task: its image, its environment with resolved secrets, its process, its health check and its
//! end.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use serde_json::Value;
use std::os::unix::process::ExitStatusExt;
use tokio::{
    process::{Child, Command},
    sync::watch,
};

use super::{
    busybox, command_line, exec,
    fargate::Ecs,
    health,
    input::text,
    log::{self, Log, read_lines},
    rootfs::{self, Root, World},
    secrets, tools, volumes,
    work::{Unstarted, Work, limited},
};
use crate::{
    children::{Files, Mount},
    credentials::Offer,
    emulator, permissions,
    place::ACCOUNT,
    sessions::Inside,
};

/// How long to wait for the remaining log lines after the process has ended. A background process that it started can
/// keep the output open forever.
const FLUSH: Duration = Duration::from_secs(5);

/// Fargate's default time between SIGTERM and SIGKILL, in seconds.
const STOP_TIMEOUT: u64 = 30;

/// A container that is ready to start.
pub(super) struct Prepared {
    command: Command,
    log: Option<Log>,
    /// The view of the container for sessions.
    pub(super) inside: Inside,
    root: Root,
    stop_timeout: u64,
    health: Option<health::Check>,
}

/// An event in the life of a container.
#[derive(Clone, Copy)]
pub(super) enum Event {
    /// The result of its health check changed.
    Health(bool),
    /// All its processes have ended.
    Gone,
    /// It ended with this exit code, and its whole log is delivered.
    Ended(Option<i32>),
}

/// Returns the container port of `definition`.
pub(super) fn port(definition: &Value) -> Option<u16> {
    definition["portMappings"][0]["containerPort"].as_u64().and_then(|port| u16::try_from(port).ok())
}

/// Prepares everything that the container needs.
pub(super) async fn prepare(
    ecs: &Arc<Ecs>,
    work: &Work,
    roles: &Value,
    offer: Option<&Offer>,
) -> Result<Prepared, Unstarted> {
    let role = text(&work.definition, "executionRoleArn");
    let environment = environment(ecs, work, roles, role, offer).await?;
    let (config, root) = files(ecs, work, roles, role).await?;
    let log = log::open(ecs, work, roles, role).await?;
    let container_port = port(&work.container);
    // All tasks share the network of this computer, so each container gets its own port. A container without a port
    // gets no `PORT`.
    let variables = variables(&config, &environment, container_port.map(|_| work.port));
    let line = command_line::of(&config, &work.container, &work.overrides);
    if line.is_empty() {
        return Err(Unstarted("CannotStartContainerError: the image has no command".to_owned()));
    }
    let line: Vec<String> = line.iter().map(|word| here(word, &work.ports)).collect();
    let limits = work.container["ulimits"].as_array().into_iter().flatten();
    let nofile = limits.filter(|limit| limit["name"] == "nofile").find_map(|limit| limit["hardLimit"].as_u64());
    let files = Files { mounts: mounts(&root, work)?, root: root.path().to_owned() };
    known_user(root.path(), text(&work.container, "user"))?;
    let mut command = limited(&files, &line, &variables, nofile);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let check = health::Check::of(&work.container["healthCheck"], &ecs.works.place.settings, |words| {
        words.iter().map(|word| here(word, &work.ports)).collect()
    });
    let inside = Inside {
        files,
        environment: variables,
        port: work.port,
        container_port,
        no_agent: exec::no_agent(roles, &work.definition, &work.container),
    };
    let stop_timeout = work.container["stopTimeout"].as_u64().unwrap_or(STOP_TIMEOUT);
    Ok(Prepared { command, log, inside, root, stop_timeout, health: check })
}

impl Prepared {
    /// Starts the container. `end` signals that it must stop; `tell` receives its events.
    pub(super) fn start(
        mut self,
        end: watch::Receiver<bool>,
        tell: impl Fn(Event) + Clone + Send + 'static,
    ) -> Result<(), Unstarted> {
        let child = self.command.spawn();
        let child = child.map_err(|error| Unstarted(format!("CannotStartContainerError: {error}")))?;
        tokio::spawn(self.run(child, end, tell));
        Ok(())
    }

    async fn run(
        self,
        mut child: Child,
        mut end: watch::Receiver<bool>,
        tell: impl Fn(Event) + Clone + Send + 'static,
    ) {
        let delivered = self.log.map(|(lines, delivered)| {
            child.stdout.take().map(|stdout| tokio::spawn(read_lines(stdout, lines.clone())));
            child.stderr.take().map(|stderr| tokio::spawn(read_lines(stderr, lines)));
            delivered
        });
        let checks = self.health.map(|check| {
            let (files, variables, tell) = (self.inside.files.clone(), self.inside.environment.clone(), tell.clone());
            tokio::spawn(check.repeat(files, variables, move |healthy| tell(Event::Health(healthy))))
        });
        let processes = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        let by_itself = tokio::select! {
            ended = child.wait() => Some(ended),
            _ = end.wait_for(|end| *end) => None,
        };
        let status = match by_itself {
            Some(status) => status,
            None => stop(&mut child, self.stop_timeout).await,
        };
        checks.inspect(tokio::task::JoinHandle::abort);
        // When the first process of a container ends, all others end too.
        if let Some(processes) = processes {
            let _ = killpg(processes, Signal::SIGKILL);
        }
        tell(Event::Gone);
        // A container counts as ended only when the log driver has sent the last line, so that the reason is readable
        // by then.
        if let Some(delivered) = delivered {
            let _ = tokio::time::timeout(FLUSH, delivered).await;
        }
        drop(self.root);
        tell(Event::Ended(status.ok().map(exit_code)));
    }
}

/// Sends SIGTERM, and SIGKILL after this many seconds.
async fn stop(child: &mut Child, timeout: u64) -> std::io::Result<ExitStatus> {
    if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()) {
        // A process that has just ended needs no signal.
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
    if let Ok(status) = tokio::time::timeout(Duration::from_secs(timeout), child.wait()).await {
        status
    } else {
        child.kill().await?;
        child.wait().await
    }
}

/// Refuses a user name that the image does not have. A number needs no entry in passwd. In any case, the process runs
/// as the unprivileged user of all tasks.
fn known_user(root: &Path, user: &str) -> Result<(), Unstarted> {
    let name = user.split(':').next().unwrap_or_default();
    if name.is_empty() || name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    let known = std::fs::read_to_string(root.join("etc/passwd")).unwrap_or_default();
    let is_there = known.lines().any(|line| line.split(':').next() == Some(name));
    is_there.then_some(()).ok_or_else(|| {
        Unstarted(format!("CannotStartContainerError: unable to find user {name}: no matching entries in passwd file"))
    })
}

/// Replaces the container ports in `text` with ports of this computer. On Fargate, the containers of a task share a
/// network, in which `localhost:3000` is the container with this port.
fn here(text: &str, ports: &BTreeMap<u16, u16>) -> String {
    let mut text = text.to_owned();
    for host in ["localhost:", "127.0.0.1:"] {
        let mut from = 0;
        while let Some(found) = text[from..].find(host) {
            let begin = from + found + host.len();
            let digits = text[begin..].bytes().take_while(u8::is_ascii_digit).count();
            let port = text[begin..begin + digits].parse().ok().and_then(|port: u16| ports.get(&port));
            if let Some(port) = port {
                text.replace_range(begin..begin + digits, &port.to_string());
            }
            from = begin;
        }
    }
    text
}

/// Returns the run configuration of the image, and its files.
async fn files(ecs: &Arc<Ecs>, work: &Work, roles: &Value, role: &str) -> Result<(Value, Root), Unstarted> {
    let name = text(&work.container, "image");
    let images = ecs.works.place.dir.join("images");
    let read_only = work.container["readonlyRootFilesystem"] == true;
    let world =
        World { authorities: Arc::clone(&ecs.works.authorities), name_server: ecs.works.cloud_map.name_server() };
    let (config, unpacking) = match ecs.works.ecr.pull(name) {
        Some(Ok(image)) => {
            may_pull(work, name, roles, role)?;
            is_for(text(&work.definition["runtimePlatform"], "cpuArchitecture"), &image.config)?;
            let config = image.config["config"].clone();
            let unpack = move || Root::of(rootfs::unpack(&images, &image, &world)?, read_only);
            (config, tokio::task::spawn_blocking(unpack))
        }
        Some(Err(why)) => return Err(Unstarted(format!("CannotPullContainerError: {why}"))),
        None if tools::is_official(name, "busybox") => {
            let assemble = move || Root::of(rootfs::assemble(&images, "busybox", &world, busybox::fill)?, read_only);
            (busybox::config(), tokio::task::spawn_blocking(assemble))
        }
        None if tools::is_official(name, "postgres") => {
            let postgres = ecs.works.postgres.programs().to_owned();
            let fill = move |root: &Path| tools::fill(root, &postgres);
            let assemble = move || Root::of(rootfs::assemble(&images, "postgres", &world, fill)?, read_only);
            (tools::config(), tokio::task::spawn_blocking(assemble))
        }
        None => {
            let why = format!(
                "CannotPullContainerError: {name} is not in the sandbox's registry, and the sandbox pulls nothing from elsewhere"
            );
            return Err(Unstarted(why));
        }
    };
    let root = unpacking.await.map_err(|error| error.to_string());
    let root = root.and_then(|root| root.map_err(|error| format!("{error:#}")));
    Ok((config, root.map_err(|why| Unstarted(format!("CannotPullContainerError: {why}")))?))
}

/// Refuses an image for another CPU architecture than the task's, `wanted`. ECS's default is x86-64.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html>
fn is_for(wanted: &str, config: &Value) -> Result<(), Unstarted> {
    let wanted = if wanted == "ARM64" { emulator::ARM } else { "amd64" };
    if text(config, "architecture") == wanted {
        return Ok(());
    }
    let why = "image Manifest does not contain descriptor matching platform";
    Err(Unstarted(format!("CannotPullContainerError: {why} 'linux/{wanted}'")))
}

/// Returns the mounts of the container: volumes of the task, and folders in memory.
fn mounts(root: &Root, work: &Work) -> Result<Vec<Mount>, Unstarted> {
    let points = work.container["mountPoints"].as_array().into_iter().flatten();
    let mounts = points.map(|point| {
        let name = text(point, "sourceVolume");
        let folder = work.volumes.get(name).ok_or_else(|| Unstarted(format!("there is no volume {name}")))?;
        let target = volumes::place(root.path(), text(point, "containerPath"))?;
        let read_only = point["readOnly"] == true || !folder.writable;
        Ok(Mount { source: folder.path.clone(), target, read_only })
    });
    let folders = work.container["linuxParameters"]["tmpfs"].as_array().into_iter().flatten();
    let folders = folders.map(|one| {
        let path = text(one, "containerPath");
        let folder = work.in_memory.join(text(&work.container, "name")).join(path.trim_start_matches('/'));
        let source = volumes::made(&folder, true)?.path;
        Ok(Mount { source, target: volumes::place(root.path(), path)?, read_only: false })
    });
    mounts.chain(folders).collect()
}

/// Refuses an image in ECR that the execution role may not pull.
fn may_pull(work: &Work, name: &str, roles: &Value, role: &str) -> Result<(), Unstarted> {
    let repository = name.split_once('/').map_or(name, |(_, rest)| rest);
    let repository = repository.rsplit_once(':').map_or(repository, |(repository, _)| repository);
    let arn = format!("arn:aws:ecr:{}:{}:repository/{repository}", work.region, ACCOUNT);
    for (action, resource) in
        [("ecr:GetAuthorizationToken", "*"), ("ecr:BatchGetImage", arn.as_str()), ("ecr:GetDownloadUrlForLayer", &arn)]
    {
        if !permissions::allows(roles, role, action, resource) {
            return Err(Unstarted(format!(
                "CannotPullContainerError: {role} is not authorized to perform: {action} on resource: {resource}"
            )));
        }
    }
    Ok(())
}

/// Returns the environment of a container: the variables of its image, those of its definition, and its port if it
/// has one.
fn variables(config: &Value, environment: &BTreeMap<String, String>, port: Option<u16>) -> BTreeMap<String, String> {
    let of_image = config["Env"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let of_image = of_image.filter_map(|variable| variable.split_once('='));
    let mut variables: BTreeMap<String, String> =
        of_image.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    variables.extend(environment.clone());
    // setpriv and chroot must be found on this machine's path.
    let path = std::env::var("PATH").unwrap_or_default();
    variables.extend([("HOST".to_owned(), "127.0.0.1".to_owned()), ("PATH".to_owned(), path)]);
    variables.extend(port.map(|port| ("PORT".to_owned(), port.to_string())));
    variables
}

/// Returns the AWS variables of a task: its region and the address of its credentials. Fargate sets a path relative
/// to an address that this computer does not have, so the sandbox sets a full URL, which SDKs accept for a local
/// address. Fargate does not set `AWS_ENDPOINT_URL`; here it points SDKs to the sandbox.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>
fn of_aws(endpoint: &str, region: &str, offer: Option<&Offer>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::from([
        ("AWS_DEFAULT_REGION".to_owned(), region.to_owned()),
        ("AWS_ENDPOINT_URL".to_owned(), endpoint.to_owned()),
        ("AWS_EXECUTION_ENV".to_owned(), "AWS_ECS_FARGATE".to_owned()),
        ("AWS_REGION".to_owned(), region.to_owned()),
    ]);
    if let Some(offer) = offer {
        found.insert("AWS_CONTAINER_CREDENTIALS_FULL_URI".to_owned(), format!("{endpoint}{}", offer.path()));
    }
    found
}

async fn environment(
    ecs: &Ecs,
    work: &Work,
    roles: &Value,
    role: &str,
    offer: Option<&Offer>,
) -> Result<BTreeMap<String, String>, Unstarted> {
    let mut environment = of_aws(&ecs.works.place.endpoint, &work.region, offer);
    let plain = work.container["environment"].as_array().into_iter().flatten();
    for variable in plain.chain(work.overrides["environment"].as_array().into_iter().flatten()) {
        environment.insert(text(variable, "name").to_owned(), here(text(variable, "value"), &work.ports));
    }
    for secret in work.container["secrets"].as_array().into_iter().flatten() {
        let value = secrets::value(&ecs.works.moto, &work.region, text(secret, "valueFrom"), roles, role).await;
        let value = value.map_err(|why| {
            Unstarted(format!("ResourceInitializationError: unable to pull secrets or registry auth: {why}"))
        })?;
        environment.insert(text(secret, "name").to_owned(), value);
    }
    Ok(environment)
}

/// Returns the exit code as container runtimes report it: 128 plus the signal for a process that a signal ended.
fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn container_without_a_port_gets_no_port_variable() {
        let config = serde_json::json!({ "Env": ["LANG=C"] });
        let given = BTreeMap::from([("LEVEL".to_owned(), "info".to_owned())]);
        let worker = variables(&config, &given, None);
        assert_eq!((worker.get("PORT"), worker["LANG"].as_str(), worker["LEVEL"].as_str()), (None, "C", "info"));
        assert_eq!(variables(&config, &given, Some(4000))["PORT"], "4000");
    }

    #[test]
    fn containers_of_a_task_reach_each_other_on_localhost() {
        let ports = BTreeMap::from([(3000, 41_234), (80, 41_235)]);
        let table = [
            ("http://localhost:3000/status", "http://localhost:41234/status"),
            ("127.0.0.1:80,localhost:80", "127.0.0.1:41235,localhost:41235"),
            ("localhost:8080 localhost: localhost:30000", "localhost:8080 localhost: localhost:30000"),
            ("database:3000", "database:3000"),
        ];
        for (written, meant) in table {
            assert_eq!(here(written, &ports), meant);
        }
    }
}
