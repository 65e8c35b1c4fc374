//! `stackctl forward`: forwards a local port to the private database, the cache or a task.

use std::{cell::Cell, fmt, net::Ipv4Addr, str::FromStr};

use clap::Args;
use tokio::{net::TcpListener, sync::mpsc};

use crate::{
    blueprint,
    cli::{
        commands::{
            db::reach::{find, password_command, psql_command},
            exec::enabled,
        },
        error::Stop,
        global::Global,
        project::Project,
        signals::{Asked, Signals},
    },
    kinds::{ecs::service, elasticache::cache, rds::db_instance, secretsmanager::secret},
    model::{Address, Failure, Subject},
    output::Output,
    session::{Forward, Remote, Said, Tasks},
    spec::Stack,
};

/// Arguments of `stackctl forward`.
#[derive(Debug, Args)]
#[command(
    after_help = "Connections go through a running task of a service with `exec: true` in stack.yaml. The port accepts connections \
    from this machine only, until you press Ctrl-C.\n\n\
    Examples:\n  stackctl forward database\n  stackctl forward cache 7000\n  stackctl forward web 8080:3000"
)]
pub(in crate::cli) struct ForwardArgs {
    /// `database`, `cache`, or the name of a service.
    target: String,
    /// Local port, and for a service the port of the task [default: the remote port, or a free port if that is in use].
    #[arg(value_name = "LOCAL_PORT[:PORT]")]
    ports: Option<Ports>,
    /// Service whose task forwards the connection [default: the first service with `exec: true`].
    #[arg(long, value_name = "SERVICE")]
    through: Option<String>,
    /// Task id or the beginning of it [default: any running task].
    #[arg(long, value_name = "ID")]
    task: Option<String>,
}

/// The local port and the port of the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ports {
    here: u16,
    there: Option<u16>,
}

impl FromStr for Ports {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let port = |text: &str| match text.parse::<u16>() {
            Ok(port @ 1..) => Ok(port),
            _ => Err("expected a port from 1 to 65535, or two ports separated by a colon".to_owned()),
        };
        match text.split_once(':') {
            Some((here, there)) => Ok(Self { here: port(here)?, there: Some(port(there)?) }),
            None => Ok(Self { here: port(text)?, there: None }),
        }
    }
}

/// The target of a forwarding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target<'a> {
    Database,
    Cache,
    Service(&'a str),
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database => write!(f, "the database"),
            Self::Cache => write!(f, "the cache"),
            Self::Service(name) => write!(f, "{name}"),
        }
    }
}

impl ForwardArgs {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        let target = self.target(&project.stack)?;
        let (name, live) = self.way(&project, target).await?;
        let remote = self.remote(&project, target).await?;
        let listener = listen(self.ports.map(|ports| ports.here), remote.port).await?;
        let port = local_port(&listener)?;
        let (say, said) = mpsc::unbounded_channel();
        let tasks = Tasks::of(&project.cx, &name, &live);
        let forward = Forward::new(&project.cx, tasks, remote, self.task.as_deref());
        let (mut signals, stopped) = (Signals::listen()?, Cell::new(Asked::Interrupted));
        let serving = forward.serve(&listener, say, async { stopped.set(signals.next().await) });
        tokio::pin!(serving);
        let mut tell = Tell { project: &project, output, target, port, said, is_open: false };
        tokio::select! {
            ended = &mut serving => ended?,
            told = tell.all() => told?,
        }
        Ok(stopped.get().code())
    }

    fn target<'a>(&'a self, stack: &Stack) -> Result<Target<'a>, Stop> {
        let target = match self.target.as_str() {
            "database" if stack.database.is_some() => Target::Database,
            "cache" if stack.cache.is_some() => Target::Cache,
            name if stack.services.contains_key(name) => Target::Service(name),
            name => {
                let services = stack.services.keys().map(String::as_str);
                let others = [("database", stack.database.is_some()), ("cache", stack.cache.is_some())];
                let others = others.into_iter().filter(|(_, there)| *there).map(|(name, _)| name);
                let known: Vec<&str> = others.chain(services).collect();
                let message = format!("`{name}` not found in stack.yaml");
                return Err(Stop::usage(message, format!("possible targets: {}", known.join(", "))));
            }
        };
        if !matches!(target, Target::Service(_)) && self.ports.is_some_and(|ports| ports.there.is_some()) {
            return Err(Stop::usage(
                format!("{target} has one port"),
                format!("omit the second port: stackctl forward {} LOCAL_PORT", self.target),
            ));
        }
        Ok(target)
    }

    /// Returns the service whose task forwards the connections.
    async fn way(&self, project: &Project, target: Target<'_>) -> Result<(String, service::Live), Stop> {
        let name = match (target, &self.through) {
            (Target::Service(name), None) => name,
            (Target::Service(own), Some(name)) if own != name => {
                return Err(Stop::usage(format!("a port of {own} is reached through its own tasks"), "omit --through"));
            }
            (_, Some(name)) => name,
            (_, None) => first_way(&project.stack).ok_or_else(|| no_way(&project.stack, target))?,
        };
        enabled(project, "forward", name).await
    }

    async fn remote(&self, project: &Project, target: Target<'_>) -> Result<Remote, Stop> {
        let not_ready = |what: &str| {
            Failure::about(Subject::command("forward"), format!("{what} is not ready"))
                .hint("run `stackctl status` to see its state")
        };
        match target {
            Target::Database => Ok(database(project).await?),
            Target::Cache => {
                let address = Address::new("cache", "main");
                let live: cache::Live = find(project, "forward", &address).await?;
                let port = live.port.and_then(|port| u16::try_from(port).ok());
                let (Some(host), Some(port)) = (live.host, port) else { return Err(not_ready("the cache").into()) };
                Ok(Remote { host: Some(host), port })
            }
            Target::Service(name) => {
                let own = project.stack.services.get(name).and_then(|service| service.port);
                let port = self.ports.and_then(|ports| ports.there).or(own);
                let port = port.ok_or_else(|| {
                    let hint = format!("name the port: stackctl forward {name} LOCAL_PORT:PORT");
                    Stop::usage(format!("{name} has no `port`"), hint)
                })?;
                Ok(Remote { host: None, port })
            }
        }
    }
}

/// Returns the first service that allows sessions.
pub(super) fn first_way(stack: &Stack) -> Option<&str> {
    stack.services.iter().find(|(_, service)| service.exec).map(|(name, _)| name.as_str())
}

/// Returns the host and the port of the database.
pub(super) async fn database(project: &Project) -> Result<Remote, Failure> {
    let address = Address::new("db_instance", "database");
    let live: db_instance::Live = find(project, "forward", &address).await?;
    let port = live.port.and_then(|port| u16::try_from(port).ok()).unwrap_or(blueprint::DATABASE_PORT);
    let host = live.host.ok_or_else(|| {
        Failure::about(Subject::command("forward"), "the database is not ready")
            .hint("run `stackctl status` to see its state")
    })?;
    Ok(Remote { host: Some(host), port })
}

fn no_way(stack: &Stack, target: Target) -> Stop {
    let mut hint =
        "add `exec: true` to a service in stack.yaml and run `stackctl up` (docs/concepts/security.md explains \
     the access this gives)"
            .to_owned();
    if stack.bastion.is_some() && target == Target::Database {
        hint.push_str(". Or connect through the bastion: stackctl db connect");
    }
    Stop::usage(format!("cannot reach {target}: it is private, and no service has `exec: true`"), hint)
}

/// Listens on a local port, for connections from this machine only.
async fn listen(wanted: Option<u16>, usual: u16) -> Result<TcpListener, Stop> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    if let Some(port) = wanted {
        return bind(port).await.map_err(|error| {
            Stop::usage(
                format!("cannot use port {port} of this machine: {error}"),
                "choose another port, or \
             omit it to use a free port",
            )
        });
    }
    let listener = match bind(usual).await {
        Ok(listener) => Ok(listener),
        Err(_) => bind(0).await,
    };
    listener.map_err(|error| Failure::about(Subject::activity("find a free port"), error.to_string()).into())
}

fn local_port(listener: &TcpListener) -> Result<u16, Failure> {
    let address = listener
        .local_addr()
        .map_err(|error| Failure::about(Subject::activity("find a free port"), error.to_string()))?;
    Ok(address.port())
}

/// Reports the events of a forwarding.
struct Tell<'a> {
    project: &'a Project,
    output: &'a Output,
    target: Target<'a>,
    port: u16,
    said: mpsc::UnboundedReceiver<Said>,
    is_open: bool,
}

impl Tell<'_> {
    async fn all(&mut self) -> Result<(), Stop> {
        while let Some(said) = self.said.recv().await {
            match said {
                Said::Through(task) if self.is_open => self.output.status(&format!(
                    "Now connecting through task \
                 {task}."
                )),
                Said::Through(task) => {
                    self.is_open = true;
                    self.opened(&task).await?;
                }
                Said::NobodyThere => self.warn(&format!("the task cannot connect to {}", self.target)),
                Said::Ended(why) => {
                    let why = if why.is_empty() { "the session has ended" } else { &why };
                    self.warn(&format!("{why}: its connections are closed; the next connection uses another task"));
                }
                Said::NoWay(failure) => self.output.failure(&failure),
            }
        }
        std::future::pending().await
    }

    fn warn(&self, text: &str) {
        if self.output.is_json() {
            self.output.document(&serde_json::json!({ "event": "warning", "message": text }));
        } else {
            self.output.status(text);
        }
    }

    async fn opened(&self, task: &str) -> Result<(), Stop> {
        let address = format!("127.0.0.1:{}", self.port);
        let (command, password) = self.how().await?;
        if self.output.is_json() {
            self.output.document(&serde_json::json!({
                "event": "forwarding", "address": address, "task": task, "command": command, "password": password,
            }));
            return Ok(());
        }
        self.output.data(&address);
        self.output.status(&format!("Forwarding to {} through task {task}. Press Ctrl-C to stop.", self.target));
        self.output.status(&format!("\n    {command}\n"));
        if let Some(password) = password {
            self.output.status(&format!("The password is in this secret:\n\n    {password}\n"));
        }
        Ok(())
    }

    /// Returns the command for the forwarded target, and the one that shows its password.
    async fn how(&self) -> Result<(String, Option<String>), Stop> {
        let (command, password) = match self.target {
            Target::Database => {
                let owner = self.project.stack.database.as_ref().and_then(|database| database.first_owner());
                let (user, password) = match owner {
                    Some(owner) => (owner.name.clone(), blueprint::database_password(&owner.name)),
                    None => blueprint::master(),
                };
                (psql_command(self.port, &user), password)
            }
            Target::Cache => {
                let cache = self.project.stack.cache.as_ref();
                let tls = if cache.is_none_or(|cache| cache.tls_required) { " --tls" } else { "" };
                let command = format!("redis-cli -p {}{tls}", self.port);
                if cache.is_some_and(|cache| !cache.password) {
                    return Ok((command, None));
                }
                (format!("{command} --askpass"), Address::new("secret", "cache-token"))
            }
            Target::Service(_) => return Ok((format!("curl http://127.0.0.1:{}/", self.port), None)),
        };
        let found: secret::Live = find(self.project, "forward", &password).await?;
        Ok((command, Some(password_command(&found.name))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_one_or_two() {
        assert_eq!("5432".parse(), Ok(Ports { here: 5432, there: None }));
        assert_eq!("8080:3000".parse(), Ok(Ports { here: 8080, there: Some(3000) }));
        for wrong in ["", "0", "web", "80:", ":80", "1:2:3", "65536"] {
            assert!(wrong.parse::<Ports>().is_err(), "{wrong}");
        }
    }
}
