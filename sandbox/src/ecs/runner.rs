//! One task: its image, its environment with secrets resolved, its process, its log, its end.

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
use serde_json::{Value, json};
use std::os::unix::process::ExitStatusExt;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::mpsc,
    task::JoinHandle,
    time::Instant,
};

use super::{
    command_line, definitions, exec,
    fargate::Ecs,
    input::text,
    model::Status,
    preparation,
    rootfs::{self, Root},
    secrets, tools,
};
use crate::{
    alb::Target, api::now, children::entering, credentials::Offer, permissions, place::ACCOUNT, sessions::Inside,
};

/// How many log lines go in one call.
const LOG_BATCH: usize = 500;

/// How long what a task has written last may take into its log once it has ended. A program that it left behind can keep
/// its output open for ever.
const FLUSH: Duration = Duration::from_secs(5);

/// Fargate's default time between SIGTERM and SIGKILL, in seconds.
const STOP_TIMEOUT: u64 = 30;

/// What a task is run with.
struct Work {
    arn: String,
    id: String,
    region: String,
    container: Value,
    definition: Value,
    overrides: Value,
    group: Option<String>,
}

/// What went wrong before the process began: the reason of the task, in ECS's words.
struct Unstarted(String);

/// Runs a task from its image to its end.
pub(super) async fn run(ecs: Arc<Ecs>, arn: String) {
    let Some(work) = work(&ecs, &arn) else { return };
    match begin(&ecs, &work).await {
        Ok(begun) => supervise(&ecs, &work, begun).await,
        Err(Unstarted(reason)) => finish(&ecs, &work.arn, None, Some(reason), "TaskFailedToStart"),
    }
}

fn work(ecs: &Ecs, arn: &str) -> Option<Work> {
    let state = ecs.state();
    let task = state.tasks.get(arn)?;
    let definition = definitions::find(&state, &task.definition)?.document.clone();
    let service =
        task.service.as_ref().and_then(|name| state.services.iter().rev().find(|service| service.name == *name));
    let group =
        service.and_then(|service| service.settings["loadBalancers"][0]["targetGroupArn"].as_str().map(str::to_owned));
    Some(Work {
        arn: arn.to_owned(),
        id: task.id.clone(),
        region: task.arn.split(':').nth(3).unwrap_or_default().to_owned(),
        container: definition["containerDefinitions"][0].clone(),
        definition,
        overrides: task.overrides["containerOverrides"][0].clone(),
        group,
    })
}

/// A task's process.
struct Begun {
    child: Child,
    port: u16,
    /// The end of its log, if it has one.
    delivered: Option<JoinHandle<()>>,
    /// What a session finds in it.
    inside: Inside,
    /// Its files and its credentials, for as long as it runs.
    _root: Root,
    _offer: Option<Offer>,
}

/// A port that is free now.
fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

async fn begin(ecs: &Arc<Ecs>, work: &Work) -> Result<Begun, Unstarted> {
    let roles = ecs.roles().await;
    let role = text(&work.definition, "executionRoleArn");
    let unprepared = ecs.works.place.settings.faults.plan().unprepared;
    if let Some(reason) = preparation::refusal(ecs, &work.arn, role, unprepared) {
        return Err(Unstarted(reason));
    }
    let task_role = Some(text(&work.definition, "taskRoleArn")).filter(|role| !role.is_empty());
    let offer = task_role.map(|role| ecs.works.credentials.offer(role));
    let environment = environment(ecs, work, &roles, role, offer.as_ref()).await?;
    let (config, root) = files(ecs, work, &roles, role).await?;
    let logs = logs(ecs, work, &roles, role).await?;
    let port = free_port().map_err(|error| Unstarted(format!("ResourceInitializationError: {error}")))?;
    let container_port = work.container["portMappings"][0]["containerPort"].as_u64();
    // Where many tasks share one computer, each listens on a port of its own. One that listens on none is told none.
    let variables = variables(&config, &environment, container_port.map(|_| port));
    let mut command = command(work, &config, root.path(), &variables)?;
    let mut child = command.spawn().map_err(|error| Unstarted(format!("CannotStartContainerError: {error}")))?;
    let delivered = logs.map(|(lines, delivered)| {
        child.stdout.take().map(|stdout| tokio::spawn(read_lines(stdout, lines.clone())));
        child.stderr.take().map(|stderr| tokio::spawn(read_lines(stderr, lines)));
        delivered
    });
    let inside = Inside {
        root: root.path().to_owned(),
        environment: variables,
        port,
        container_port: container_port.and_then(|port| u16::try_from(port).ok()),
        no_agent: exec::no_agent(&roles, &work.definition),
    };
    Ok(Begun { child, port, delivered, inside, _root: root, _offer: offer })
}

/// What the image says of how it is run, and its files.
async fn files(ecs: &Arc<Ecs>, work: &Work, roles: &Value, role: &str) -> Result<(Value, Root), Unstarted> {
    let name = text(&work.container, "image");
    let images = ecs.works.place.dir.join("images");
    let read_only = work.container["readonlyRootFilesystem"] == true;
    let authorities = Arc::clone(&ecs.works.authorities);
    let (config, unpacking) = match ecs.works.ecr.pull(name) {
        Some(Ok(image)) => {
            may_pull(work, name, roles, role)?;
            let config = image.config["config"].clone();
            let unpack = move || Root::of(rootfs::unpack(&images, &image, &authorities)?, read_only);
            (config, tokio::task::spawn_blocking(unpack))
        }
        Some(Err(why)) => return Err(Unstarted(format!("CannotPullContainerError: {why}"))),
        None if tools::is_postgres(name) => {
            let postgres = ecs.works.postgres.programs().to_owned();
            let fill = move |root: &Path| tools::fill(root, &postgres);
            let assemble = move || Root::of(rootfs::assemble(&images, "postgres", &authorities, fill)?, read_only);
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

/// Refuses an image of ECR that the execution role may not pull.
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

/// The process: the image's command in the image's files, as an unprivileged user, gone when the sandbox is.
fn command(
    work: &Work,
    config: &Value,
    root: &Path,
    variables: &BTreeMap<String, String>,
) -> Result<Command, Unstarted> {
    let line = command_line::of(config, &work.container, &work.overrides);
    if line.is_empty() {
        return Err(Unstarted("CannotStartContainerError: the image has no command".to_owned()));
    }
    let [program, arguments @ ..] = &entering(root)[..] else { unreachable!("it begins with a program") };
    let mut command = Command::new(program);
    command.args(arguments).args(&line).env_clear().current_dir("/");
    command.envs(variables);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
    Ok(command)
}

/// A task's variables: those of its image, those that it is given, and where it listens here, if it does.
fn variables(config: &Value, environment: &BTreeMap<String, String>, port: Option<u16>) -> BTreeMap<String, String> {
    let of_image = config["Env"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let of_image = of_image.filter_map(|variable| variable.split_once('='));
    let mut variables: BTreeMap<String, String> =
        of_image.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    variables.extend(environment.clone());
    // setpriv and chroot themselves are looked for on this machine's path.
    let path = std::env::var("PATH").unwrap_or_default();
    variables.extend([("HOST".to_owned(), "127.0.0.1".to_owned()), ("PATH".to_owned(), path)]);
    variables.extend(port.map(|port| ("PORT".to_owned(), port.to_string())));
    variables
}

/// What a task finds of AWS: its region, and where its credentials are. Fargate names a path of an address that this computer
/// does not have; SDKs take a whole URL as well, if it is one of this computer. `AWS_ENDPOINT_URL`, which Fargate does not
/// set, leads them to the sandbox.
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
        environment.insert(text(variable, "name").to_owned(), text(variable, "value").to_owned());
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

/// Where the process's lines go; CloudWatch Logs gets them in batches.
async fn logs(
    ecs: &Arc<Ecs>,
    work: &Work,
    roles: &Value,
    role: &str,
) -> Result<Option<(mpsc::UnboundedSender<String>, JoinHandle<()>)>, Unstarted> {
    let options = &work.container["logConfiguration"]["options"];
    let group = text(options, "awslogs-group").to_owned();
    if group.is_empty() {
        return Ok(None);
    }
    let arn = format!("arn:aws:logs:{}:{}:log-group:{group}:log-stream:", work.region, ACCOUNT);
    if !permissions::allows(roles, role, "logs:PutLogEvents", &arn) {
        let why = format!(
            "failed to validate logger args: AccessDeniedException: {role} is not authorized to perform: logs:PutLogEvents on resource: {arn}"
        );
        return Err(Unstarted(format!("ResourceInitializationError: {why}")));
    }
    let name = text(&work.container, "name");
    let stream = format!("{}/{name}/{}", text(options, "awslogs-stream-prefix"), work.id);
    let body = json!({ "logGroupName": group, "logStreamName": stream });
    let made = ecs.works.moto.json("logs", "Logs_20140328.CreateLogStream", &work.region, &body).await;
    made.map_err(|error| Unstarted(format!("ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: {}: {}", error.code, error.message)))?;
    let (sender, receiver) = mpsc::unbounded_channel();
    let delivered = tokio::spawn(deliver(Arc::clone(ecs), work.region.clone(), group, stream, receiver));
    Ok(Some((sender, delivered)))
}

/// Reads to the end, whatever is written: a pipe that nobody reads any more would end the task.
async fn read_lines(from: impl AsyncRead + Unpin, to: mpsc::UnboundedSender<String>) {
    let (mut reader, mut line) = (BufReader::new(from), Vec::new());
    while let Ok(1..) = reader.read_until(b'\n', &mut line).await {
        drop(to.send(without_end(&line)));
        line.clear();
    }
}

/// The text of a line; what is not UTF-8 is replaced.
fn without_end(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

async fn deliver(ecs: Arc<Ecs>, at: String, group: String, stream: String, mut lines: mpsc::UnboundedReceiver<String>) {
    let mut batch = Vec::new();
    while lines.recv_many(&mut batch, LOG_BATCH).await > 0 {
        let stamp = jiff::Timestamp::now().as_millisecond();
        let events: Vec<Value> = batch
            .drain(..)
            .filter(|line| !line.is_empty())
            .map(|line| json!({ "timestamp": stamp, "message": line }))
            .collect();
        if events.is_empty() {
            continue;
        }
        let body = json!({ "logGroupName": group, "logStreamName": stream, "logEvents": events });
        drop(ecs.works.moto.json("logs", "Logs_20140328.PutLogEvents", &at, &body).await);
        // A chatty task must not make a call a line; one that has ended has no more of them.
        if !lines.is_closed() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// From running to stopped.
async fn supervise(ecs: &Arc<Ecs>, work: &Work, begun: Begun) {
    let Begun { mut child, port, delivered, inside, _root, _offer } = begun;
    let processes = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    let target = Target { ip: "127.0.0.1".to_owned(), port };
    let mut stopping = {
        let mut state = ecs.state();
        let Some(task) = state.tasks.get_mut(&work.arn) else { return };
        task.status = Status::Running;
        task.started = Some(now());
        task.running_since = Some(Instant::now());
        task.inside = Some(inside);
        if let Some(group) = &work.group {
            task.target = Some((group.clone(), target.clone()));
        }
        task.stopping.subscribe()
    };
    if let Some(group) = &work.group {
        ecs.works.alb.register(group, &target);
    }
    ecs.wake();
    let ended = tokio::select! {
        ended = child.wait() => Some(ended),
        _ = stopping.wait_for(|stop| *stop) => None,
    };
    let (status, by_itself) = match ended {
        Some(status) => {
            if let Some(group) = &work.group {
                ecs.works.alb.deregister(group, &target).await;
            }
            (status, true)
        }
        None => (stop(ecs, work, &mut child, &target).await, false),
    };
    // With its first process, a container ends whole.
    if let Some(processes) = processes {
        let _ = killpg(processes, Signal::SIGKILL);
    }
    if let Some(task) = ecs.state().tasks.get(&work.arn) {
        task.gone.send_replace(true);
    }
    // A container has ended when its log driver has sent the last line: whoever sees the task stopped can read why.
    if let Some(delivered) = delivered {
        let _ = tokio::time::timeout(FLUSH, delivered).await;
    }
    let code = status.ok().map(exit_code);
    let reason = by_itself.then(|| "Essential container in task exited".to_owned());
    finish(ecs, &work.arn, code, reason, "EssentialContainerExited");
}

/// Out of the load balancer first, then SIGTERM, then, after the stop timeout, SIGKILL.
async fn stop(ecs: &Arc<Ecs>, work: &Work, child: &mut Child, target: &Target) -> std::io::Result<ExitStatus> {
    if let Some(group) = &work.group {
        set(ecs, &work.arn, Status::Deactivating);
        ecs.works.alb.deregister(group, target).await;
    }
    set(ecs, &work.arn, Status::Stopping);
    if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()) {
        // One that has just ended needs no signal.
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
    let timeout = work.container["stopTimeout"].as_u64().unwrap_or(STOP_TIMEOUT);
    if let Ok(status) = tokio::time::timeout(Duration::from_secs(timeout), child.wait()).await {
        status
    } else {
        child.kill().await?;
        child.wait().await
    }
}

/// 128 and the signal for a process that a signal ended, as a container runtime has it.
fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

fn set(ecs: &Ecs, arn: &str, status: Status) {
    if let Some(task) = ecs.state().tasks.get_mut(arn) {
        task.status = status;
    }
}

fn finish(ecs: &Ecs, arn: &str, code: Option<i32>, reason: Option<String>, stop_code: &'static str) {
    if let Some(task) = ecs.state().tasks.get_mut(arn) {
        task.status = Status::Stopped;
        task.exit_code = code;
        task.stopped = Some(now());
        task.stopped_at = Some(Instant::now());
        task.target = None;
        if let Some(reason) = reason {
            task.stopped_reason.get_or_insert(reason);
            task.stop_code.get_or_insert(stop_code);
        }
    }
    ecs.wake();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_told_no_port() {
        let config = serde_json::json!({ "Env": ["LANG=C"] });
        let given = BTreeMap::from([("LEVEL".to_owned(), "info".to_owned())]);
        let worker = variables(&config, &given, None);
        assert_eq!((worker.get("PORT"), worker["LANG"].as_str(), worker["LEVEL"].as_str()), (None, "C", "info"));
        assert_eq!(variables(&config, &given, Some(4000))["PORT"], "4000");
    }

    #[tokio::test]
    async fn a_line_in_another_encoding_is_read_and_so_is_what_follows() {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        read_lines(&b"caf\xe9\r\n\n next \nlast"[..], sender).await;
        let mut lines = Vec::new();
        receiver.recv_many(&mut lines, 10).await;
        assert_eq!(lines, ["caf\u{fffd}", "", " next ", "last"]);
    }
}
